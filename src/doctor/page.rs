//! What was found and concluded, as people read it: a line for each step, then the causes. Pure: it is written for 80
//! columns, and says with signs and words what it says with colour.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Answered, Cause, Diagnosis, Findings, Probe, Reply, Step, TokenLook, TokenState, Weight};
use crate::diagnostic::Style;
use crate::model::shown_duration;
use crate::uipath::{Fault, Folder, Refusal};

const WIDTH: usize = 80;

/// The column that what a step came to begins at.
const COLUMN: usize = 12;

/// How many tools are named.
const NAMED: usize = 12;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Good,
    Bad,
    Warns,
    Says,
}

struct Line {
    mark: Mark,
    label: &'static str,
    text: String,
}

fn line(mark: Mark, label: &'static str, text: impl Into<String>) -> Line {
    Line { mark, label, text: text.into() }
}

/// Which server is asked, and as whom.
#[must_use]
pub fn head(server: &str, identity: &str, style: Style) -> String {
    format!("{}\n\n", paint(style, "1", &whom(server, identity)))
}

fn whom(server: &str, identity: &str) -> String {
    match identity {
        "default" => format!("the server `{server}`"),
        other => format!("the server `{server}` as `{other}`"),
    }
}

/// A step that is over.
#[must_use]
pub fn step(step: Step, found: &Findings, style: Style) -> String {
    drawn(&lines(step, found), style)
}

/// The causes, as a run tells them; the steps where no cause is known.
#[must_use]
pub fn whole(diagnosis: &Diagnosis, style: Style) -> String {
    let Diagnosis { found, causes: told } = diagnosis;
    let whom = whom(&found.server, &found.identity);
    if diagnosis.is_good() {
        let tools = count(found.tools.len(), "tool");
        let mut text = String::new();
        wrapped(
            &mut text,
            "",
            "  ",
            &format!(
                "{whom} could not be used by some case, and answers well when it is asked without one ({tools}): it was \
                 not ready, or the case wants what it does not have, such as a version"
            ),
        );
        return text;
    }
    let title = format!("why {whom} could not be used");
    let mut text = format!("{}\n", paint(style, "1", &title));
    match told.is_empty() {
        true => text = text + "\n" + &steps(found, style),
        // What was met stands beside what it means.
        false => text.push_str(&causes(told, style)),
    }
    text.push_str("\n`callsheet doctor` shows every step\n");
    text
}

/// What was not asked.
#[must_use]
pub fn not_asked(found: &Findings, style: Style) -> String {
    let mut told: Vec<Line> = Vec::new();
    let mut all = found.not_asked.as_slice();
    // What has one reason is one line.
    while let Some((first, rest)) = all.split_first() {
        let same = rest.iter().take_while(|it| it.why == first.why).count();
        let (others, after) = rest.split_at(same);
        let labels: Vec<&str> = std::iter::once(first).chain(others).map(|it| label(it.step)).collect();
        told.push(line(Mark::Says, "not asked", format!("{}: {}", labels.join(", "), first.why)));
        all = after;
    }
    drawn(&told, style)
}

/// All steps at once.
fn steps(found: &Findings, style: Style) -> String {
    let all: Vec<Line> = Step::ALL.iter().flat_map(|it| lines(*it, found)).collect();
    drawn(&all, style) + &not_asked(found, style)
}

/// The causes, each with how it was told and what to do; none for none.
#[must_use]
pub fn causes(causes: &[Cause], style: Style) -> String {
    let mut text = String::new();
    for Cause { row, weight, message, evidence, next, .. } in causes {
        let (mark, word) = match weight {
            Weight::Problem => (Mark::Bad, "problem"),
            Weight::Warning => (Mark::Warns, "warning"),
            Weight::Note => (Mark::Says, "note"),
        };
        let head = format!("{word}[{}]:", row.code());
        let wide = head.chars().count() + 2;
        let first = format!("{} {} ", sign(mark, style), paint(style, "1", &head));
        text.push('\n');
        filled(&mut text, (&first, wide + 1), "  ", message);
        if !evidence.is_empty() {
            let _ = writeln!(text, "  {}", paint(style, "2", "how this was told"));
            evidence.iter().for_each(|it| wrapped(&mut text, "    - ", "      ", it));
        }
        if !next.is_empty() {
            let _ = writeln!(text, "  {}", paint(style, "2", "next"));
            for (number, it) in (1..).zip(next) {
                wrapped(&mut text, &format!("    {number}. "), "       ", it);
            }
        }
    }
    text
}

/// All in one line.
#[must_use]
pub fn verdict(diagnosis: &Diagnosis, style: Style) -> String {
    let Diagnosis { found, causes } = diagnosis;
    let number = |weight| causes.iter().filter(|cause| cause.weight == weight).count();
    let (problems, warnings) = (number(Weight::Problem), number(Weight::Warning));
    let of = |number: usize, what: &str| match number {
        0 => String::new(),
        1 => format!(", 1 {what}"),
        _ => format!(", {number} {what}s"),
    };
    if diagnosis.is_good() {
        let protocol = found.opening.as_ref().and_then(Probe::answered).and_then(|it| it.protocol.as_deref());
        let protocol = protocol.map(|version| format!(", protocol {version}")).unwrap_or_default();
        let tools = count(found.tools.len(), "tool");
        let called = found.call.as_ref().map(|call| format!(", and `{}` answered", call.tool));
        let called = called.unwrap_or_default();
        let text = format!("good: {tools}{protocol}{called}{}", of(warnings, "warning"));
        return format!("\n{} {}\n", sign(Mark::Good, style), paint(style, "1", &text));
    }
    let text = match problems {
        0 => "not good, and why is not known: the steps above are all that was met".to_owned(),
        _ => format!("not good{}{}", of(problems, "problem"), of(warnings, "warning")),
    };
    format!("\n{} {}\n", sign(Mark::Bad, style), paint(style, "1", &text))
}

fn label(step: Step) -> &'static str {
    match step {
        Step::Bare => "no token",
        Step::Elsewhere => "elsewhere",
        step => step.code(),
    }
}

fn lines(step: Step, found: &Findings) -> Vec<Line> {
    match step {
        Step::Address => address(found),
        Step::Token => token(found),
        Step::Elsewhere => {
            let of = |(path, probe): &(String, Probe)| {
                let text = format!("processes of `{path}`: {}", plainly(probe, "may be seen"));
                line(mark(probe), label(step), text)
            };
            found.elsewhere.iter().map(of).collect()
        }
        step => found.probe(step).map(|probe| asked(step, probe, found)).unwrap_or_default(),
    }
}

fn address(found: &Findings) -> Vec<Line> {
    let mut lines = Vec::new();
    match (&found.address, &found.lack) {
        (_, Some(lack)) => lines.push(line(Mark::Bad, "address", &lack.message)),
        (Some(address), None) => {
            let folder = match &address.folder {
                Folder::Key(key) => format!("folder {key}"),
                Folder::Path(path) => format!("folder `{path}`, by its path"),
            };
            let (org, tenant, slug) = (&address.org, &address.tenant, &address.slug);
            let base = &address.base;
            let text = format!("{base}, organization {org}, tenant {tenant}, {folder}, server {slug}");
            lines.push(line(Mark::Good, "address", text));
        }
        (None, None) => lines.push(line(Mark::Good, "address", &found.target)),
    }
    let told = found.lack.as_ref().map(|lack| lack.message.as_str());
    // Of a variable the lack says which one it is, and then the same.
    let is_told = |fault: &&Fault| told.is_some_and(|told| told.ends_with(fault.message.as_str()));
    for fault in found.faults.iter().filter(|fault| !is_told(fault)) {
        let mark = if fault.fatal { Mark::Bad } else { Mark::Warns };
        lines.push(line(mark, "", format!("{}: {}", fault.message, fault.help)));
    }
    for difference in &found.differences {
        let (variable, file) = (&difference.variable, &difference.file);
        let text = format!("`{variable}` of the environment was used; `{file}` sets it otherwise");
        lines.push(line(Mark::Warns, "variables", text));
    }
    if !found.network.is_empty() {
        let names: Vec<String> = found.network.iter().map(|name| format!("`{name}`")).collect();
        lines.push(line(Mark::Says, "network", format!("by {}", names.join(", "))));
    }
    lines
}

fn token(found: &Findings) -> Vec<Line> {
    let token = &found.token;
    let place = token.place.as_deref().unwrap_or_default();
    let first = match &token.state {
        TokenState::None if found.identity == "anonymous" => {
            line(Mark::Says, "token", "none is sent as `anonymous`")
        }
        TokenState::None => line(Mark::Says, "token", "none is sent: the server has no `auth`"),
        TokenState::Missing(trouble) | TokenState::Damaged(trouble) | TokenState::Refused(trouble, _) => {
            line(Mark::Bad, "token", &trouble.message)
        }
        TokenState::Read(look) => {
            let what = match look {
                TokenLook::Pat => "a PAT by its look",
                TokenLook::Jwt(_) => "a JWT, as logins and applications have it",
                TokenLook::App => "one of an external application, fetched for this",
                TokenLook::Opaque => "read",
            };
            let end = token.expires.map(|day| format!(", ends on {day}")).unwrap_or_default();
            line(Mark::Good, "token", format!("{what}, from {place}{end}"))
        }
    };
    let unused = |name: &String| {
        line(Mark::Warns, "", format!("`{name}` is set, too, and to something else: it was not used"))
    };
    let remarks = token.remarks.iter().map(|remark| line(Mark::Warns, "", remark));
    std::iter::once(first).chain(token.unused.iter().map(unused)).chain(remarks).collect()
}

fn asked(step: Step, probe: &Probe, found: &Findings) -> Vec<Line> {
    let answered = probe.answered();
    let text = match (step, answered) {
        (Step::Version, Some(it)) if it.release.is_some() || it.deployment.is_some() => {
            let words = [Some("Orchestrator"), it.release.as_deref()];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            let kind = it.deployment.as_ref().map(|kind| format!(", deployment `{kind}`"));
            format!("{}{}", words.join(" "), kind.unwrap_or_default())
        }
        (Step::Version, Some(it)) if probe.is_good() => {
            format!("{}, and not what an Orchestrator says", said(it))
        }
        (Step::Bare, Some(it)) if it.status == Some(401) => {
            "HTTP 401: a token is wanted, as it should be".to_owned()
        }
        (Step::Bare, Some(_)) if probe.is_good() => "a session is opened without a token, too".to_owned(),
        (Step::Opening, Some(it)) if probe.is_good() => {
            let protocol = it.protocol.as_deref().unwrap_or("?");
            let server = it.server.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
            format!("opened, protocol {protocol}{server}")
        }
        (Step::Listing, Some(_)) if probe.is_good() => tools(found),
        (Step::Call, Some(_)) => call(probe, found),
        (Step::Folders, Some(_)) if probe.is_good() => match found.folders_seen.as_slice() {
            [] => "none is the user's".to_owned(),
            seen => {
                let names: Vec<&str> = seen.iter().map(|folder| folder.path.as_str()).collect();
                format!("{}: {}", count(seen.len(), "folder"), some(&names))
            }
        },
        (Step::Record, Some(_)) if probe.is_good() => record(found),
        (Step::Servers, Some(_)) if probe.is_good() => {
            let names: Vec<&str> = found.servers_seen.iter().map(String::as_str).collect();
            format!("{} in the folder: {}", count(names.len(), "server"), some(&names))
        }
        _ => plainly(probe, "may be seen"),
    };
    let mark = match step {
        Step::Bare if answered.is_some_and(|it| it.status == Some(401)) => Mark::Good,
        Step::Call if found.call.as_ref().is_some_and(|call| call.tool_error.is_some()) => Mark::Bad,
        // What is only asked to tell things apart is no failure of its own.
        Step::Bare | Step::Version if answered.is_some() => match probe.is_good() {
            true if step == Step::Version && answered.is_some_and(|it| it.release.is_none()) => Mark::Says,
            true => Mark::Good,
            false => Mark::Says,
        },
        Step::Version | Step::Bare | Step::Opening | Step::Listing | Step::Call => match probe.is_good() {
            true => Mark::Good,
            false => Mark::Bad,
        },
        _ => mark(probe),
    };
    let took = match &probe.reply {
        // The text says it.
        Reply::Silent => String::new(),
        _ if probe.took < Duration::from_secs(1) => String::new(),
        _ => format!(" ({})", shown_duration(probe.took)),
    };
    let mut lines = vec![line(mark, label(step), format!("{text}{took}"))];
    let Some(it) = answered else { return lines };
    if !it.repairs.is_empty() {
        lines.push(line(
            Mark::Warns,
            "",
            format!("what the client did by itself: {}", it.repairs.join(", ")),
        ));
    }
    lines.extend(it.oddities.iter().map(|odd| line(Mark::Warns, "", odd.as_str())));
    lines.extend(it.trace_id.iter().map(|id| line(Mark::Says, "", format!("traceId {id}"))));
    lines
}

fn tools(found: &Findings) -> String {
    let names: Vec<&str> = found.tools.iter().map(String::as_str).collect();
    match names.len() {
        0 => "the list is empty".to_owned(),
        number => format!("{}: {}", count(number, "tool"), some(&names)),
    }
}

fn call(probe: &Probe, found: &Findings) -> String {
    let Some(call) = &found.call else { return String::new() };
    let tool = &call.tool;
    match &call.tool_error {
        Some(text) => format!("`{tool}` answered with a tool error: {text}"),
        None if probe.is_good() => format!("`{tool}` answered"),
        None => format!("`{tool}`: {}", plainly(probe, "")),
    }
}

fn record(found: &Findings) -> String {
    const KINDS: [&str; 8] =
        ["UiPath", "Command", "Coded", "Self-hosted", "Remote", "Process Assistant", "Platform", "Swagger"];
    let Some(record) = &found.record_seen else { return "there is one".to_owned() };
    let kind = record.kind.and_then(|kind| KINDS.get(usize::try_from(kind).ok()?));
    let mut words = vec![kind.map_or_else(|| "a server".to_owned(), |kind| format!("type {kind}"))];
    words.extend(
        record.status.map(|status| if status == 1 { "connected" } else { "disconnected" }.to_owned()),
    );
    words.extend(record.is_active.filter(|is| !is).map(|_| "switched off".to_owned()));
    if !record.integration_service.is_empty() {
        let names: Vec<&str> = record.integration_service.iter().map(String::as_str).collect();
        words.push(format!("activities of the Integration Service: {}", some(&names)));
    }
    words.join(", ")
}

fn mark(probe: &Probe) -> Mark {
    if probe.is_good() { Mark::Good } else { Mark::Warns }
}

/// What came, in a few words.
fn plainly(probe: &Probe, good: &str) -> String {
    match &probe.reply {
        Reply::Silent => format!("no answer within {}", shown_duration(probe.took)),
        Reply::Broken { reason, .. } => reason.clone(),
        Reply::Answered(_) if probe.is_good() => good.to_owned(),
        Reply::Answered(it) => said(it),
    }
}

fn said(it: &Answered) -> String {
    let mut words = Vec::new();
    if let Some(Refusal { status, message, code, .. }) = &it.refusal {
        let own = message.as_deref().filter(|_| it.error.is_none());
        let parts: Vec<&str> = [code.as_deref(), own].into_iter().flatten().collect();
        let colon = if parts.is_empty() { "" } else { ", " };
        words.push(format!("HTTP {status}{colon}{}", parts.join(": ")));
    } else if let Some(status) = it.status {
        words.push(format!("HTTP {status}"));
    }
    words.extend(it.error.as_ref().map(|(code, message)| format!("error {code}: {message}")));
    words.extend(it.location.as_ref().map(|to| format!("a redirect to {to}")));
    if it.error.is_none() && it.refusal.is_none() && !it.media_type.is_empty() {
        words.push(it.media_type.clone());
    }
    words.extend(it.wire.iter().cloned());
    words.extend(it.retry_after.map(|wait| format!("asks to wait {}", shown_duration(wait))));
    words.join("; ")
}

fn some(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn drawn(lines: &[Line], style: Style) -> String {
    let mut text = String::new();
    for Line { mark, label, text: said } in lines {
        let (sign, signed) = match label.is_empty() && *mark == Mark::Says {
            true => (" ".to_owned(), " ".to_owned()),
            false => (sign(*mark, style), sign(*mark, Style::Plain)),
        };
        let first = format!("{sign} {label:<width$}", width = COLUMN - 2);
        let hidden = first.chars().count() - sign.chars().count() + signed.chars().count();
        let rest = " ".repeat(COLUMN);
        filled(&mut text, (&first, hidden), &rest, said);
    }
    text
}

fn sign(mark: Mark, style: Style) -> String {
    match mark {
        Mark::Good => paint(style, "32", "✓"),
        Mark::Bad => paint(style, "1;31", "✗"),
        Mark::Warns => paint(style, "33", "!"),
        Mark::Says => paint(style, "2", "·"),
    }
}

fn paint(style: Style, sgr: &str, text: &str) -> String {
    match style {
        Style::Plain => text.to_owned(),
        Style::Colour => format!("\u{1b}[{sgr}m{text}\u{1b}[0m"),
    }
}

fn wrapped(out: &mut String, first: &str, rest: &str, said: &str) {
    filled(out, (first, first.chars().count()), rest, said);
}

/// Breaks a text into lines. A word that is longer than a line stays whole: addresses are copied.
fn filled(out: &mut String, (first, wide): (&str, usize), rest: &str, said: &str) {
    let clean: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (mut at, mut is_start) = (wide, true);
    out.push_str(first);
    for word in clean.split_whitespace() {
        let long = word.chars().count();
        if !is_start && at + 1 + long > WIDTH {
            out.push('\n');
            out.push_str(rest);
            (at, is_start) = (rest.chars().count(), true);
        }
        if !is_start {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        (at, is_start) = (at + long, false);
    }
    out.push('\n');
}
