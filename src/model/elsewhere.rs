//! Words that people know from other tools, or from another level of the format, and the form that exists here.

use super::keys::Table;
use super::scenario_keys::SCENARIO;
use super::step_keys::STEP;

/// What is meant by a key that a table does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// This key of the same table.
    Key(&'static str),
    /// Something else, and how it is written.
    Other(String),
}

/// The words for one key, by the table that has it.
const SAME: &[(&str, &str, &[&str])] = &[
    ("scenario", "scenario", &["name", "title", "test", "test_case"]),
    ("scenario", "vars", &["variables"]),
    ("scenario", "rows", &["matrix", "examples", "cases", "data", "foreach", "for_each", "parametrize"]),
    ("scenario", "skip", &["disabled", "ignore"]),
    ("step", "call", &["tool", "call_tool"]),
    ("step", "read", &["resource", "uri"]),
    ("step", "use", &["include", "import"]),
    ("step", "wait", &["sleep", "delay", "pause"]),
    ("step", "arguments", &["args", "input", "inputs", "parameters"]),
    ("step", "expect", &["assert", "asserts", "assertions", "should", "response", "validate"]),
    ("step", "save", &["capture", "captures", "extract", "register", "store", "set"]),
    ("step", "when", &["if", "only_if", "condition"]),
    ("step", "name", &["title", "description", "id"]),
    ("step", "eventually", &["retry", "retries", "repeat", "poll", "until"]),
    ("step", "defer", &["teardown", "cleanup", "finally", "after"]),
    ("fragment", "inputs", &["params", "parameters", "arguments", "args", "with"]),
    ("fragment", "outputs", &["output", "returns", "exports"]),
    ("eventually", "within", &["timeout", "for", "max"]),
    ("eventually", "every", &["interval", "delay", "poll"]),
    ("rows", "file", &["csv", "path"]),
    ("rows", "separator", &["delimiter", "sep"]),
    ("save", "path", &["jsonpath", "json_path", "from"]),
    ("save", "matches", &["regex", "pattern"]),
    ("known_bug", "issue", &["bug", "ticket", "url", "reason", "id"]),
];

/// The words for what is written in another place, or in another way.
const OTHER: &[(&str, &[&str], &str)] = &[
    (
        "scenario",
        &["setup", "before", "before_all", "before_each"],
        "write them as the first of `steps`; those that several scenarios share stand in a fragment: `use: FILE`",
    ),
    (
        "scenario",
        &["teardown", "cleanup", "finally", "after", "after_all", "after_each"],
        "write it as `defer` of the step that makes what has to go, or as a step of its own: `- defer: […]`",
    ),
    ("step", &["foreach", "for_each", "loop", "matrix"], "a scenario has `rows`, and is run once for each"),
    (
        "eventually",
        &["attempts", "times", "retries"],
        "attempts are bounded by time: `within: 60s`, with a pause of `every: 2s`",
    ),
    ("eventually", &["until"], "`expect` of the step says what is waited for"),
];

/// What a key means that the table does not have; none where it is no word of elsewhere.
pub(super) fn meant(word: &str, table: &Table) -> Option<Meant> {
    let same = SAME.iter().find(|(of, _, words)| *of == table.name && words.contains(&word));
    if let Some((_, key, _)) = same {
        return Some(Meant::Key(key));
    }
    if let Some((.., way_out)) =
        OTHER.iter().find(|(of, words, _)| *of == table.name && words.contains(&word))
    {
        return Some(Meant::Other((*way_out).to_owned()));
    }
    let has = |table: &Table| table.built().any(|key| key.name == word);
    match table.name {
        "scenario" if has(&STEP) => Some(Meant::Other(format!("`{word}` belongs to a step, under `steps`"))),
        "step" if has(&SCENARIO) => {
            Some(Meant::Other(format!("`{word}` belongs to the scenario, beside `steps`")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scenario_keys::{FRAGMENT, ROWS};
    use crate::model::step_keys::{EVENTUALLY, KNOWN_BUG, SAVE};

    const TABLES: &[&Table] = &[&SCENARIO, &FRAGMENT, &STEP, &ROWS, &EVENTUALLY, &SAVE, &KNOWN_BUG];

    #[test]
    fn every_word_leads_to_a_key_that_is_there_and_is_none_itself() {
        for (of, key, words) in SAME {
            let table = TABLES.iter().find(|table| table.name == *of).unwrap();
            assert!(table.built().any(|known| known.name == *key), "{of}: {key}");
            for word in *words {
                assert!(table.keys().all(|known| known.name != *word), "{of}: {word}");
                assert_eq!(meant(word, table), Some(Meant::Key(key)), "{of}: {word}");
            }
        }
        for (of, words, way_out) in OTHER {
            let table = TABLES.iter().find(|table| table.name == *of).unwrap();
            for word in *words {
                assert!(table.keys().all(|known| known.name != *word), "{of}: {word}");
                assert_eq!(meant(word, table), Some(Meant::Other((*way_out).to_owned())), "{of}: {word}");
            }
        }
    }

    #[test]
    fn a_key_of_another_level_is_told_its_place() {
        let told = |word, table| match meant(word, table) {
            Some(Meant::Other(way_out)) => way_out,
            other => panic!("{other:?}"),
        };
        assert_eq!(told("expect", &SCENARIO), "`expect` belongs to a step, under `steps`");
        assert_eq!(told("vars", &STEP), "`vars` belongs to the scenario, beside `steps`");
        assert_eq!(meant("nonsense", &STEP), None);
    }
}
