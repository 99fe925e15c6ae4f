//! A scenario file's documents to [`Scenario`]s.

use std::collections::HashSet;
use std::sync::Arc;

use super::cursor::Cursor;
use super::hide;
use super::names;
use super::read_step::step;
use super::read_suite::{checks, variables};
use super::scenario::{ClientPart, Form, Protocols, Scenario};
use super::scenario_keys::SCENARIO;
use super::shape;
use super::suite::Suite;
use crate::diagnostic::{Code, Diagnostic};
use crate::mcp::Version;
use crate::source::{Document, Pointer};

/// Reads all documents of one scenario file. A scenario with problems is returned where what is left of it can
/// be judged further.
pub fn read_scenarios(
    documents: Vec<Arc<Document>>,
    suite: &Suite,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Scenario> {
    let form = Form { several_documents: documents.len() > 1 };
    let documents = hide::in_scenarios(documents);
    documents.into_iter().filter_map(|document| scenario(document, form, suite, problems)).collect()
}

fn scenario(
    document: Arc<Document>,
    form: Form,
    suite: &Suite,
    problems: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    if document.value().is_null() {
        let site = document.site(&Pointer::root());
        let problem = Diagnostic::error(Code::Empty, site, "the document is empty");
        problems.push(problem.help("write a scenario: `scenario: TITLE` and `steps`, or take the `---` out"));
        return None;
    }
    let fragment = Pointer::root().key("fragment");
    if document.get(&fragment).is_some() {
        let message = "`fragment` is not supported by this version yet";
        let problem = Diagnostic::error(Code::NotYet, document.key_site(&fragment), message);
        problems.push(problem.help("write its steps into the scenarios that use it"));
        return None;
    }
    let meant = shape::check(&document, &SCENARIO, problems);
    let cursor = Cursor::root(&document, &meant);
    let title = cursor.get("scenario").and_then(|title| title.spot());
    let written = cursor.get("steps").map(|steps| steps.elements()).unwrap_or_default();
    let count = written.len();
    let steps: Vec<_> = written.iter().filter_map(|written| step(written, problems)).collect();
    let whole = steps.len() == count;
    let scenario = Scenario {
        form,
        title: title?,
        description: cursor.text("description"),
        server: cursor.get("server").and_then(|server| server.spot()),
        identity: cursor.get("as").and_then(|identity| identity.spot()),
        protocols: protocols(&cursor, problems),
        tags: cursor
            .get("tags")
            .map(|tags| tags.elements())
            .unwrap_or_default()
            .iter()
            .filter_map(|tag| tag.value().as_str().map(str::to_owned))
            .collect(),
        skip: cursor.text("skip"),
        requires: None,
        rows: None,
        respond: Vec::new(),
        timeout: cursor.duration("timeout"),
        vars: variables(&cursor),
        client: client(&cursor),
        keep_going: cursor.flag("keep_going"),
        checks: checks(&cursor),
        steps,
        document: Arc::clone(&document),
    };
    names::check(&scenario, suite, problems);
    // A step that cannot be read may be the one that saves what later steps use: what would be said of them
    // then is noise.
    whole.then_some(scenario)
}

fn client(cursor: &Cursor<'_>) -> ClientPart {
    let Some(client) = cursor.get("client") else { return ClientPart::default() };
    ClientPart {
        capabilities: client.pointer("capabilities"),
        info: client.pointer("info"),
        log: client.text("log"),
    }
}

fn protocols(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Protocols {
    let Some(protocol) = cursor.get("protocol") else { return Protocols::Auto };
    if let Some(text) = protocol.value().as_str() {
        return Version::parse(text).map_or(Protocols::Auto, Protocols::One);
    }
    let mut each = Vec::new();
    let mut seen = HashSet::new();
    for element in protocol.elements() {
        let Some(text) = element.value().as_str() else { continue };
        if !seen.insert(text) {
            let message =
                format!("`{text}` stands twice under `protocol`: its two cases would have one name");
            let problem = Diagnostic::error(Code::EqualNames, element.site(), message);
            problems.push(problem.help("leave one of them out"));
        }
        each.push(Version::parse(text));
    }
    Protocols::Each(each)
}
