//! From what came back to what was found: an exchange of the protocol, or an answer of the REST side, as a probe.
//! Nothing is judged here but in which way a connection failed.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::{Answered, Break, FolderSeen, Probe, RecordSeen, Reply};
use crate::exchange::{Exchange, Outcome, Repair};
use crate::uipath::{Answer, Refusal, Rest, RestError};

/// How much of an error's message is kept.
const SHOWN: usize = 300;

/// Statuses that stand for the types of servers, in the words of whoever writes no numbers.
const KINDS: [&str; 8] =
    ["UiPath", "Command", "Coded", "SelfHosted", "Remote", "ProcessAssistant", "Platform", "Swagger"];

/// The probe that an exchange is. `holds` says whether it came to what it was for: a session, a list.
pub(super) fn of_exchange(exchange: &Exchange, at: Option<&Url>, holds: bool, took: Duration) -> Probe {
    let asked = exchange.sent.as_ref().map(|sent| match at {
        // What is no message of ours is named by its method of HTTP.
        Some(_) if sent.method.chars().any(|c| c.is_ascii_lowercase()) => format!("POST {}", sent.method),
        _ => sent.method.clone(),
    });
    let cause = exchange.cause.clone();
    let reply = match exchange.outcome {
        Outcome::TimedOut => Reply::Silent,
        Outcome::Unreachable | Outcome::Closed => {
            let reason = cause.unwrap_or_else(|| "the connection ended".to_owned());
            let how = match (exchange.outcome, at) {
                (Outcome::Unreachable, None) => Break::Start,
                (_, None) => Break::Other,
                _ => way(&reason),
            };
            Reply::Broken { how, reason: told(how, &reason) }
        }
        Outcome::Answered => Reply::Answered(Box::new(answered(exchange, at, holds))),
    };
    Probe { asked: asked.unwrap_or_else(|| "nothing".to_owned()), reply, took }
}

fn answered(exchange: &Exchange, at: Option<&Url>, holds: bool) -> Answered {
    let http = exchange.http.as_ref();
    let header = |name: &str| {
        let found = http?.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let status = http.map(|http| http.status);
    let media = header("content-type").unwrap_or_default();
    let media_type = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = http.and_then(|http| crate::json::parse(http.body.as_ref()?.as_bytes()).ok());
    let body = body.map(|parsed| parsed.value);
    let error = exchange.answer.error.as_ref();
    let result = exchange.answer.result.as_ref();
    let refusal = status.filter(|status| *status >= 400).map(|status| {
        let mut refusal = Refusal::read(status, body.as_ref().filter(|_| error.is_none()));
        // It may be an error of JSON-RPC, too.
        refusal.message = refusal.message.or_else(|| error?.get("message")?.as_str().map(short));
        refusal
    });
    let mut wire: Vec<String> = exchange.wire.iter().map(|violation| violation.message.clone()).collect();
    let oddities = if holds { std::mem::take(&mut wire) } else { Vec::new() };
    let is_refused = status.is_some_and(|status| !(200..300).contains(&status));
    if is_refused && error.is_none() {
        // Who refuses need not speak the protocol.
        wire.clear();
    }
    let said = is_refused || error.is_some();
    if !holds && !said && wire.is_empty() {
        let why = exchange.cause.as_deref().unwrap_or("the answer is none of the protocol");
        wire.push(first_line(why));
    }
    Answered {
        status,
        media_type,
        location: header("location").and_then(|to| place(at, to)),
        trace_id: refusal
            .as_ref()
            .and_then(|refusal| refusal.trace_id.clone())
            .or_else(|| trace_id(error?.get("data")?))
            .or_else(|| trace_id(&crate::json::parse(exchange.text()?.as_bytes()).ok()?.value)),
        refusal,
        error: error.map(|error| {
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
            (error.get("code").and_then(Value::as_i64).unwrap_or_default(), short(message))
        }),
        retry_after: header("retry-after")
            .and_then(|text| crate::exchange::retry_after(text, header("date"))),
        protocol: exchange
            .protocol
            .clone()
            .or_else(|| result?.get("protocolVersion")?.as_str().map(str::to_owned)),
        wire,
        repairs: exchange.repairs.iter().copied().map(Repair::as_str).collect(),
        oddities,
        ..Answered::default()
    }
}

/// The probe that a question to the REST side is.
pub(super) fn of_answer(
    rest: &Rest,
    (asked, at): (&str, &Url),
    answer: &Result<Answer, RestError>,
    took: Duration,
) -> Probe {
    let reply = match answer {
        Err(RestError::TimedOut(_)) => Reply::Silent,
        Err(error) => {
            let reason = error.to_string();
            let how = way(&reason);
            Reply::Broken { how, reason: told(how, &reason) }
        }
        Ok(answer) => {
            let refusal = rest.refusal(answer);
            Reply::Answered(Box::new(Answered {
                status: Some(answer.status),
                media_type: answer.media_type.clone(),
                location: answer.location.as_deref().and_then(|to| place(Some(at), to)),
                trace_id: refusal.as_ref().and_then(|refusal| refusal.trace_id.clone()),
                refusal,
                retry_after: answer.retry_after,
                ..Answered::default()
            }))
        }
    };
    Probe { asked: asked.to_owned(), reply, took }
}

/// What `api/status/version` says, put into its probe.
pub(super) fn version(probe: &mut Probe, answer: &Answer) {
    let text = |name: &str| answer.json.as_ref()?.get(name)?.as_str().map(short);
    if let Reply::Answered(answered) = &mut probe.reply {
        (answered.deployment, answered.release) = (text("deployment"), text("version"));
    }
}

/// In which way a connection failed: by the words of [`crate::transport`], which keeps only them.
fn way(reason: &str) -> Break {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["cannot be resolved"]) {
        Break::Name
    } else if has(&["tunnel", "proxy"]) {
        Break::Proxy
    } else if has(&["certificate", "TLS", "tls", "handshake"]) {
        Break::Tls
    } else if has(&["connection refused"]) {
        Break::Refused
    } else {
        Break::Other
    }
}

/// The reason without what each system says in other words.
fn told(how: Break, reason: &str) -> String {
    const NAME: &str = "cannot be resolved";
    match reason.split_once(NAME) {
        Some((before, _)) if how == Break::Name => format!("{before}{NAME}"),
        _ => first_line(reason),
    }
}

/// Host and path of where a redirect leads.
fn place(at: Option<&Url>, to: &str) -> Option<String> {
    let url = at?.join(to).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(short(&format!("{}{port}{}", url.host_str()?, url.path())))
}

fn trace_id(value: &Value) -> Option<String> {
    Refusal::read(0, Some(value)).trace_id
}

/// The folders of an answer to `GetFoldersForCurrentUser`.
pub(super) fn folders(answer: &Answer) -> Vec<FolderSeen> {
    let items = answer.json.as_ref().and_then(|body| body.get("PageItems")?.as_array());
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(short);
    let folder = |item: &Value| {
        let path = text(item, "FullyQualifiedName").or_else(|| text(item, "DisplayName"))?;
        Some(FolderSeen { key: text(item, "Key")?, path })
    };
    items.into_iter().flatten().filter_map(folder).collect()
}

/// The slugs of an answer of `agenthub_/api/servers`.
pub(super) fn slugs(answer: &Answer) -> Vec<String> {
    let body = answer.json.as_ref();
    let listed = |name: &str| body?.get(name)?.as_array();
    let items = body.and_then(Value::as_array).or_else(|| listed("value")).or_else(|| listed("items"));
    items.into_iter().flatten().filter_map(|item| Some(short(item.get("slug")?.as_str()?))).collect()
}

/// What an answer of `agenthub_/api/servers/{slug}` says of the server.
pub(super) fn record(answer: &Answer) -> Option<RecordSeen> {
    let body = answer.json.as_ref().filter(|body| body.is_object())?;
    let number = |name: &str, words: &[&str]| {
        let value = body.get(name)?;
        let by_word = || words.iter().position(|word| value.as_str() == Some(word))?.try_into().ok();
        value.as_u64().or_else(by_word)
    };
    let activity = |tool: &Value| {
        let of = |name: &str| tool.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let kinds = [of("type"), of("processType")];
        kinds.iter().any(|kind| ["integration", "activity", "connector"].iter().any(|it| kind.contains(it)))
    };
    let tools = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let name = |tool: &Value| Some(short(tool.get("mcpName").or_else(|| tool.get("name"))?.as_str()?));
    Some(RecordSeen {
        kind: number("type", &KINDS),
        status: number("status", &["Disconnected", "Connected"]),
        is_active: body.get("isActive").and_then(Value::as_bool),
        integration_service: tools.filter(|tool| activity(tool)).filter_map(name).collect(),
    })
}

fn first_line(text: &str) -> String {
    short(text.lines().next().unwrap_or_default())
}

/// What a server wrote, as it is kept.
pub(super) fn short(text: &str) -> String {
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::HttpAnswer;

    #[test]
    fn when_to_come_back_is_read_as_a_run_reads_it() {
        let header = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        for (value, seconds) in [("7", 7), ("Sun, 06 Nov 1994 08:51:07 GMT", 90)] {
            let headers = [("retry-after", value), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
            let headers = headers.map(header).to_vec();
            let http = HttpAnswer { status: 429, headers, ..HttpAnswer::default() };
            let mut exchange = Exchange::default();
            exchange.http = Some(http);
            let found = answered(&exchange, None, false).retry_after;
            assert_eq!(found, Some(Duration::from_secs(seconds)), "{value}");
        }
    }
}
