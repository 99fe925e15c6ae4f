//! A scenario file's documents to [`Scenario`]s and [`Fragment`]s.

use std::collections::HashSet;
use std::sync::Arc;

use super::cursor::{Cursor, first_key_site};
use super::elsewhere;
use super::hide;
use super::keys::Table;
use super::names;
use super::read_rules::{rows, rules};
use super::read_step::Reader;
use super::read_suite::{checks, spots, variables};
use super::scenario::{ClientPart, Form, Fragment, Input, Protocols, Scenario, Spot, Unit};
use super::scenario_keys::{FRAGMENT, SCENARIO};
use super::shape;
use super::suite::Suite;
use crate::diagnostic::{Code, Diagnostic};
use crate::mcp::Version;
use crate::nearest::nearest;
use crate::source::{Document, Pointer};

/// Reads all documents of one scenario file. One with problems is returned where what is left of it can be judged
/// further.
pub fn read_documents(
    documents: Vec<Arc<Document>>,
    suite: &Suite,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Unit> {
    let form = Form { several_documents: documents.len() > 1 };
    let documents = hide::in_scenarios(documents);
    let before = problems.len();
    let units = documents.iter().filter_map(|document| unit(document, form, suite, problems)).collect();
    hide::in_problems_of_scenarios(&documents, problems.get_mut(before..).unwrap_or_default());
    units
}

fn unit(document: &Arc<Document>, form: Form, suite: &Suite, problems: &mut Vec<Diagnostic>) -> Option<Unit> {
    if document.value().is_null() {
        let site = document.site(&Pointer::root());
        let problem = Diagnostic::error(Code::Empty, site, "the document is empty");
        problems.push(problem.help("write a scenario: `scenario: TITLE` and `steps`, or take the `---` out"));
        return None;
    }
    let (table, told) = table_of(document, problems)?;
    let meant = shape::check(document, table, told, problems);
    let cursor = Cursor::root(document, &meant);
    let mut reader = Reader::new(problems);
    let steps = reader.document(&cursor);
    let whole = reader.whole;
    let unit = if table.name == FRAGMENT.name {
        let fragment = Fragment {
            title: cursor.get("fragment").and_then(|title| title.spot())?,
            inputs: inputs(&cursor),
            outputs: outputs(&cursor, problems),
            steps,
            document: Arc::clone(document),
        };
        names::in_fragment(&fragment, suite, problems);
        Unit::Fragment(fragment)
    } else {
        let scenario = Scenario {
            form,
            title: cursor.get("scenario").and_then(|title| title.spot())?,
            description: cursor.text("description"),
            server: cursor.get("server").and_then(|server| server.spot()),
            identity: cursor.get("as").and_then(|identity| identity.spot()),
            protocols: protocols(&cursor, problems),
            tags: spots(&cursor, "tags").into_iter().map(|tag| tag.value).collect(),
            skip: cursor.text("skip"),
            requires: cursor.pointer("requires"),
            rows: cursor.get("rows").and_then(|all| rows(&all, problems)),
            respond: cursor.get("respond").map(|all| rules(&all)).unwrap_or_default(),
            timeout: cursor.duration("timeout"),
            vars: variables(&cursor),
            client: client(&cursor),
            keep_going: cursor.flag("keep_going"),
            checks: checks(&cursor),
            steps,
            document: Arc::clone(document),
        };
        names::in_scenario(&scenario, suite, problems);
        Unit::Scenario(Box::new(scenario))
    };
    // A step that cannot be read may be the one that saves what later steps use: what would be said of them
    // then is noise.
    whole.then_some(unit)
}

/// What a document is, by which of the keys `scenario` and `fragment` it has; and that key, where it was told that
/// it has neither.
fn table_of(
    document: &Document,
    problems: &mut Vec<Diagnostic>,
) -> Option<(&'static Table, Option<&'static str>)> {
    let Some(object) = document.value().as_object() else { return Some((&SCENARIO, None)) };
    let root = Pointer::root();
    match (object.contains_key("scenario"), object.contains_key("fragment")) {
        (true, true) => {
            let mut sites = ["scenario", "fragment"].map(|key| document.key_site(&root.key(key)));
            sites.sort_by_key(|site| site.span);
            let [first, second] = sites;
            let message = "a document is a scenario or a fragment, this one has both keys";
            let problem = Diagnostic::error(Code::Conflict, second, message).also(first, "the other one");
            problems.push(problem.help("leave one of them out, or put `---` between two documents"));
            return None;
        }
        (true, false) => return Some((&SCENARIO, None)),
        (false, true) => return Some((&FRAGMENT, None)),
        (false, false) => {}
    }
    let known = |key: &&String| SCENARIO.keys().chain(FRAGMENT.keys()).all(|known| known.name != **key);
    for key in object.keys().filter(known) {
        if elsewhere::meant(key, &SCENARIO) == Some(elsewhere::Meant::Key("scenario")) {
            return Some((&SCENARIO, None));
        }
        match nearest(key, ["scenario", "fragment"]) {
            Some("scenario") => return Some((&SCENARIO, None)),
            Some(_) => return Some((&FRAGMENT, None)),
            None => {}
        }
    }
    let site = first_key_site(document, &root);
    let message = "this document is neither a scenario nor a fragment: it has no title";
    let problem = Diagnostic::error(Code::MissingKey, site, message).help("add `scenario: TITLE`");
    problems.push(problem.help("or `fragment: TITLE`, where other scenarios `use` its steps"));
    if !object.is_empty() && object.keys().all(|key| known(&key)) {
        // It is a file of something else.
        return None;
    }
    match ["inputs", "outputs"].iter().any(|key| object.contains_key(*key)) {
        true => Some((&FRAGMENT, Some("fragment"))),
        false => Some((&SCENARIO, Some("scenario"))),
    }
}

fn inputs(cursor: &Cursor<'_>) -> Vec<Input> {
    let entries = cursor.get("inputs").map(|inputs| inputs.entries()).unwrap_or_default();
    entries
        .into_iter()
        .map(|(name, default)| Input {
            required: default.value().is_null(),
            name: Spot { value: name.to_owned(), at: default.at().clone() },
        })
        .collect()
}

fn outputs(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Vec<Spot<String>> {
    let outputs = spots(cursor, "outputs");
    let mut seen = HashSet::new();
    for output in &outputs {
        if !seen.insert(output.value.as_str()) {
            let message = format!("`{}` stands twice under `outputs`", output.value);
            let problem = Diagnostic::error(Code::BadValue, cursor.document().site(&output.at), message);
            problems.push(problem.help("leave one of them out"));
        }
    }
    outputs
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
