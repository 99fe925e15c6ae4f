//! `respond` of a scenario or a step, and `rows` of a scenario.

use super::cursor::Cursor;
use super::scenario::{Reply, RowSource, Rows, Rule};
use crate::diagnostic::{Code, Diagnostic};

/// The rules of a `respond`. One that is wrong, which was said, is left out.
pub(super) fn rules(respond: &Cursor<'_>) -> Vec<Rule> {
    respond.elements().iter().filter_map(rule).collect()
}

fn rule(cursor: &Cursor<'_>) -> Option<Rule> {
    let reply = match cursor.pointer("result") {
        Some(result) => Reply::Result(result),
        None => Reply::Error(cursor.pointer("error")?),
    };
    let times = match cursor.get("times") {
        None => Some(1),
        Some(times) => times.value().as_u64(),
    };
    Some(Rule {
        at: cursor.at().clone(),
        to: cursor.get("to")?.spot()?,
        params: cursor.pointer("params"),
        reply,
        times,
    })
}

/// `rows`. Where it is wrong, which was said, there are none.
pub(super) fn rows(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Option<Rows> {
    let source = match cursor.value().is_array() {
        true => RowSource::Inline(cursor.elements().iter().map(|row| row.at().clone()).collect()),
        false => file(cursor, problems)?,
    };
    Some(Rows { at: cursor.at().clone(), source })
}

fn file(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Option<RowSource> {
    let (file, name) = (cursor.get("file")?.spot()?, cursor.get("name")?.spot()?);
    let separator = cursor.get("separator");
    let of_csv = file.value.to_ascii_lowercase().ends_with(".csv");
    if let Some(separator) = separator.as_ref().filter(|_| !of_csv) {
        let message = format!("`separator` does not go with `{}`: only a CSV file has cells", file.value);
        let problem = Diagnostic::error(Code::Conflict, separator.key_site(), message);
        problems.push(problem.help("leave it out, or name a file that ends in `.csv`"));
    }
    let separator = separator.and_then(|separator| separator.value().as_str()?.chars().next());
    Some(RowSource::File { file, name, separator })
}
