//! Every diagnostic of the reader, by its text, its place and its way out.

mod fuzz;
mod language;
mod scenario;
mod schema;
mod suite;

use std::path::PathBuf;
use std::sync::Arc;

use super::{Fragment, Scenario, Suite, Unit, read_documents, read_suite};
use crate::diagnostic::Diagnostic;
use crate::source::{Document, SourceFile, yaml};

fn documents(path: &str, text: &str) -> Vec<Arc<Document>> {
    let file = Arc::new(SourceFile::new(path, text));
    yaml::parse(&file).unwrap_or_else(|problems| panic!("{problems:?}")).into_iter().map(Arc::new).collect()
}

fn suite_of(text: &str) -> (Option<Suite>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let document = documents("callsheet.yaml", text).remove(0);
    let suite = read_suite(&document, PathBuf::from("suite"), String::new(), &mut problems);
    (suite, problems)
}

fn units_of(suite: &str, text: &str) -> (Vec<Unit>, Vec<Diagnostic>) {
    let (suite, problems) = suite_of(suite);
    assert!(problems.is_empty(), "{problems:?}");
    let mut problems = Vec::new();
    let units = read_documents(documents("a.yaml", text), &suite.unwrap(), &mut problems);
    (units, problems)
}

fn scenarios_of(suite: &str, text: &str) -> (Vec<Scenario>, Vec<Diagnostic>) {
    let (units, problems) = units_of(suite, text);
    let scenario = |unit| match unit {
        Unit::Scenario(scenario) => Some(*scenario),
        Unit::Fragment(_) => None,
    };
    (units.into_iter().filter_map(scenario).collect(), problems)
}

fn fragments_of(suite: &str, text: &str) -> (Vec<Fragment>, Vec<Diagnostic>) {
    let (units, problems) = units_of(suite, text);
    let fragment = |unit| match unit {
        Unit::Fragment(fragment) => Some(fragment),
        Unit::Scenario(_) => None,
    };
    (units.into_iter().filter_map(fragment).collect(), problems)
}

/// `line:column code [text at the caret] message (label) | further labels | note: … | help: …`.
fn told(problem: &Diagnostic) -> String {
    let mut out = String::new();
    for (index, label) in problem.labels.iter().enumerate() {
        let at = label.site.position();
        let text = label.site.file.slice(label.site.span);
        if index == 0 {
            let (code, message) = (problem.code.as_str(), &problem.message);
            out = format!("{}:{} {code} [{text}] {message}", at.line, at.column);
        } else {
            out.push_str(&format!(" | {}:{} [{text}]", at.line, at.column));
        }
        if !label.text.is_empty() {
            out.push_str(&format!(" ({})", label.text));
        }
    }
    problem.notes.iter().for_each(|note| out.push_str(&format!(" | note: {note}")));
    problem.help.iter().for_each(|help| out.push_str(&format!(" | help: {help}")));
    out
}

#[track_caller]
fn assert_told(problems: &[Diagnostic], expected: &[&str]) {
    let told: Vec<String> = problems.iter().map(told).collect();
    assert_eq!(told, expected, "\n{}", told.join("\n"));
}
