//! A message as it goes out: the JSON-RPC envelope, `_meta`, and the headers of each era.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use serde_json::{Map, Value};

use super::mirror::Mirrored;
use super::tasks::TASKS_EXTENSION;
use super::{Responder, SendOptions, SessionConfig, SessionFacts, Version};
use crate::auth::Secret;
use crate::exchange::{Answer, Sent};
use crate::transport::Outgoing;

pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_INFO: &str = "io.modelcontextprotocol/clientInfo";
pub(super) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(super) const META_LOG: &str = "io.modelcontextprotocol/logLevel";

/// In which part of which lifecycle a message is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage<'a> {
    /// `initialize`: neither version nor session is known.
    Handshake,
    /// After the handshake.
    Legacy(Version, Option<&'a str>),
    /// Metadata with every request.
    Modern(Version),
}

impl<'a> Stage<'a> {
    /// The stage of an open session.
    pub(super) fn of(facts: &'a SessionFacts) -> Self {
        if facts.version.is_modern() {
            Self::Modern(facts.version)
        } else {
            Self::Legacy(facts.version, facts.id.as_deref())
        }
    }
}

/// A message of ours before it has a stage.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The id of a request; none for a notification.
    pub(super) id: Option<u64>,
    pub(super) method: String,
    pub(super) params: Option<Value>,
}

/// What goes out, and how it is shown.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) outgoing: Outgoing,
    pub(super) sent: Sent,
    /// Answers what the server asks on the way; none for that of the session.
    pub(super) responder: Option<Arc<dyn Responder>>,
    /// The session in which a cut stream of the answer is taken up again; none where it is not.
    pub(super) resumes: Option<Arc<SessionFacts>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a Value>,
}

/// The headers of every message of a session: the suite's, and the token.
///
/// # Errors
/// Where a header cannot be sent.
pub(super) fn base_headers(suite: &[(String, String)], token: Option<&Secret>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(suite.len() + 8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    for (name, value) in suite {
        let (name, value) = header(name, value)?;
        headers.insert(name, value);
    }
    headers.extend(authorization(token)?.map(|value| (AUTHORIZATION, value)));
    Ok(headers)
}

fn authorization(token: Option<&Secret>) -> Result<Option<HeaderValue>, String> {
    let Some(token) = token else { return Ok(None) };
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
        .map_err(|_| "the token holds a character that cannot stand in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let known = HeaderName::try_from(name).map_err(|_| format!("`{name}` cannot be the name of a header"))?;
    if known == AUTHORIZATION {
        return Err("`Authorization` is the identity's: give the suite an identity for it".to_owned());
    }
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("the value of the header `{name}` holds a control character"))?;
    Ok((known, value))
}

/// Makes a message ready to send. The routing id is left out where a session has an id of its own.
///
/// # Errors
/// Where a header of the step cannot be sent.
pub(super) fn prepare(
    base: &HeaderMap,
    (config, route): (&SessionConfig, Option<&str>),
    stage: Stage<'_>,
    message: Message,
    options: &SendOptions,
) -> Result<Prepared, String> {
    let Message { id, method, mut params } = message;
    let mut headers = base.clone();
    match stage {
        Stage::Handshake => add_route(&mut headers, route),
        Stage::Legacy(version, session) => add_session(&mut headers, version, session)?,
        Stage::Modern(version) => {
            add_version(&mut headers, version);
            add_route(&mut headers, route);
            if let Some(name) = routing_name(&method, params.as_ref()) {
                headers.insert(NAME, encoded(name));
            }
            headers.insert(METHOD, encoded(&method));
            add_meta(&mut params, version, config);
        }
    }
    override_meta(&mut params, &options.meta);
    override_headers(&mut headers, &options.headers)?;
    let envelope = Envelope { jsonrpc: "2.0", id, method: &method, params: params.as_ref() };
    let body = serde_json::to_vec(&envelope).map_err(|error| error.to_string())?;
    #[cfg(test)]
    super::tests::sends(stage, &body, options);
    let sent = Sent { id, method, params: params.unwrap_or(Value::Null), headers: shown(&headers) };
    let outgoing = Outgoing { method: Method::POST, headers, body: Some(Bytes::from(body)) };
    Ok(Prepared { outgoing, sent, responder: options.responder.clone(), resumes: None })
}

impl Prepared {
    /// Adds what a tool wants to see of its arguments in headers. What the step says of a header stands.
    pub(super) fn mirror(&mut self, mirrored: &Mirrored, by: &[(String, Option<String>)]) {
        for (name, text) in mirrored {
            if !by.iter().any(|(given, _)| given.eq_ignore_ascii_case(name.as_str())) {
                self.outgoing.headers.insert(name.clone(), encoded(text));
            }
        }
        self.sent.headers = shown(&self.outgoing.headers);
    }
}

/// The session's own stream, in the older eras: from the event after `last_id`, where one was seen.
///
/// # Errors
/// Where a header of the step, or the id, cannot be sent.
pub(super) fn prepare_stream(
    base: &HeaderMap,
    version: Version,
    session: Option<&str>,
    last_id: Option<&str>,
    by: &[(String, Option<String>)],
) -> Result<Prepared, String> {
    let mut headers = base.clone();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    add_session(&mut headers, version, session)?;
    if let Some(last) = last_id {
        let value = HeaderValue::from_bytes(last.as_bytes())
            .map_err(|_| "the id of the last event cannot stand in a header".to_owned())?;
        headers.insert(LAST_EVENT_ID, value);
    }
    override_headers(&mut headers, by)?;
    let sent = Sent { id: None, method: "GET".to_owned(), params: Value::Null, headers: shown(&headers) };
    Ok(Prepared {
        outgoing: Outgoing { method: Method::GET, headers, body: None },
        sent,
        responder: None,
        resumes: None,
    })
}

/// The stream of HTTP+SSE, before any session.
pub(super) fn prepare_events(base: &HeaderMap) -> Prepared {
    let mut headers = base.clone();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let sent = Sent { id: None, method: "GET".to_owned(), params: Value::Null, headers: shown(&headers) };
    Prepared {
        outgoing: Outgoing { method: Method::GET, headers, body: None },
        sent,
        responder: None,
        resumes: None,
    }
}

fn add_route(headers: &mut HeaderMap, route: Option<&str>) {
    headers.extend(route.and_then(|id| HeaderValue::from_str(id).ok()).map(|id| (SESSION_ID, id)));
}

fn add_session(headers: &mut HeaderMap, version: Version, session: Option<&str>) -> Result<(), String> {
    add_version(headers, version);
    if let Some(session) = session {
        let value = HeaderValue::from_bytes(session.as_bytes())
            .map_err(|_| "the session id cannot stand in a header".to_owned())?;
        headers.insert(SESSION_ID, value);
    }
    Ok(())
}

fn add_version(headers: &mut HeaderMap, version: Version) {
    if version.has_header() {
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version.as_str()));
    }
}

/// The answer to a request of the server.
pub(super) fn prepare_answer(
    base: &HeaderMap,
    version: Version,
    session: Option<&str>,
    id: &Value,
    answer: &Answer,
) -> Outgoing {
    let mut headers = base.clone();
    add_version(&mut headers, version);
    if let Some(value) = session.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
        headers.insert(SESSION_ID, value);
    }
    let mut body = Map::new();
    body.insert("jsonrpc".to_owned(), "2.0".into());
    body.insert("id".to_owned(), id.clone());
    match &answer.error {
        Some(error) => body.insert("error".to_owned(), error.clone()),
        None => body.insert("result".to_owned(), answer.result.clone().unwrap_or_else(|| Map::new().into())),
    };
    let body = Value::Object(body).to_string();
    Outgoing { method: Method::POST, headers, body: Some(Bytes::from(body)) }
}

/// The end of a session.
pub(super) fn prepare_delete(base: &HeaderMap, version: Version, session: &str) -> Prepared {
    let mut headers = base.clone();
    headers.remove(CONTENT_TYPE);
    headers.remove(ACCEPT);
    add_version(&mut headers, version);
    headers.extend(HeaderValue::from_bytes(session.as_bytes()).ok().map(|value| (SESSION_ID, value)));
    let sent = Sent { id: None, method: "DELETE".to_owned(), params: Value::Null, headers: shown(&headers) };
    Prepared {
        outgoing: Outgoing { method: Method::DELETE, headers, body: None },
        sent,
        responder: None,
        resumes: None,
    }
}

/// One raw HTTP request: the step's headers and the token, nothing else.
///
/// # Errors
/// Where the method or a header cannot be sent.
pub(super) fn prepare_raw(
    token: Option<&Secret>,
    method: &str,
    body: Option<String>,
    options: &SendOptions,
) -> Result<Prepared, String> {
    let verb = Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is no HTTP method"))?;
    let mut headers = HeaderMap::new();
    override_headers(&mut headers, &options.headers)?;
    headers.extend(authorization(token)?.map(|value| (AUTHORIZATION, value)));
    let params = body.clone().map_or(Value::Null, Value::String);
    let sent = Sent { id: None, method: method.to_owned(), params, headers: shown(&headers) };
    let outgoing = Outgoing { method: verb, headers, body: body.map(Bytes::from) };
    Ok(Prepared { outgoing, sent, responder: None, resumes: None })
}

/// The headers as they are sent, the token left out.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut shown = pairs(headers);
    if !headers.contains_key(ACCEPT) {
        // The HTTP library cannot leave it out: it says the same as a request without it.
        shown.push((ACCEPT.as_str().to_owned(), "*/*".to_owned()));
    }
    shown
}

/// Headers as text, without `Authorization`; bytes that are no UTF-8 are replaced.
pub(super) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| **name != AUTHORIZATION)
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

fn override_headers(headers: &mut HeaderMap, by: &[(String, Option<String>)]) -> Result<(), String> {
    for (name, value) in by {
        let (name, value) = (name, value.as_deref());
        let (known, text) = header(name, value.unwrap_or_default())?;
        if value.is_some() {
            headers.insert(known, text);
        } else {
            headers.remove(known);
        }
    }
    Ok(())
}

fn add_meta(params: &mut Option<Value>, version: Version, config: &SessionConfig) {
    let Some(meta) = meta_of(params) else { return };
    let ours = [
        (META_VERSION, Some(Value::from(version.as_str()))),
        (META_INFO, Some(config.info.clone())),
        (META_CAPABILITIES, Some(declared(version, config))),
        (META_LOG, config.log.clone().map(Value::from)),
    ];
    for (name, value) in ours {
        if let Some(value) = value {
            meta.entry(name).or_insert(value);
        }
    }
}

fn override_meta(params: &mut Option<Value>, by: &[(String, Option<Value>)]) {
    if by.is_empty() {
        return;
    }
    let Some(meta) = meta_of(params) else { return };
    for (name, value) in by {
        match value {
            Some(value) => meta.insert(name.clone(), value.clone()),
            None => meta.shift_remove(name),
        };
    }
    if meta.is_empty()
        && let Some(Value::Object(params)) = params
    {
        params.shift_remove("_meta");
    }
}

/// The `_meta` object of the params, made where there is none; none where the params are no object, which a
/// `request` may send on purpose.
fn meta_of(params: &mut Option<Value>) -> Option<&mut Map<String, Value>> {
    let params = params.get_or_insert_with(|| Map::new().into()).as_object_mut()?;
    params.entry("_meta").or_insert_with(|| Map::new().into()).as_object_mut()
}

/// The client's capabilities as the scenario says them.
pub(super) fn capabilities(config: &SessionConfig) -> Value {
    match &config.capabilities {
        Value::Null => Map::new().into(),
        value => value.clone(),
    }
}

/// The client's capabilities as they are declared in a version: the modern era has extensions.
pub(super) fn declared(version: Version, config: &SessionConfig) -> Value {
    let mut declared = capabilities(config);
    if config.tasks
        && version.is_modern()
        && let Some(declared) = declared.as_object_mut()
        && let Some(all) = declared.entry("extensions").or_insert_with(|| Map::new().into()).as_object_mut()
    {
        all.entry(TASKS_EXTENSION).or_insert_with(|| Map::new().into());
    }
    declared
}

/// What `Mcp-Name` mirrors.
fn routing_name<'a>(method: &str, params: Option<&'a Value>) -> Option<&'a str> {
    let key = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
        _ => return None,
    };
    params?.get(key)?.as_str()
}

/// A header value of 2026-07-28: as it is, or in base64 between the marks where it could not stand in a header.
fn encoded(text: &str) -> HeaderValue {
    let marked = text.starts_with("=?base64?") && text.ends_with("?=");
    let plain = !marked && text.trim() == text && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let value = if plain {
        HeaderValue::try_from(text)
    } else {
        HeaderValue::try_from(format!("=?base64?{}?=", STANDARD.encode(text)))
    };
    value.unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_cannot_stand_in_a_header_are_encoded() {
        for (text, expected) in [
            ("get_weather", "get_weather"),
            ("a b", "a b"),
            ("", ""),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="),
        ] {
            assert_eq!(encoded(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(text in any::<String>()) {
            let value = encoded(&text);
            let value = value.to_str().unwrap();
            let inner = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
            let decoded = match inner {
                Some(inner) => String::from_utf8(STANDARD.decode(inner).unwrap()).unwrap(),
                None => value.to_owned(),
            };
            prop_assert_eq!(decoded, text);
        }
    }
}
