//! Words that people know from other tools, or from another level of the format, and the form that exists here.

use serde_json::Value;

use super::keys::Table;
use super::scenario_keys::SCENARIO;
use super::step_keys::{STEP, VERB_KEYS};
use crate::exchange::FIELDS;

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
    ("http", "body", &["json", "data", "content", "payload"]),
    ("listen", "resources", &["uri", "uris", "subscribe"]),
    ("server", "url", &["address", "endpoint", "uri", "base_url", "baseUrl", "serverUrl"]),
    ("server", "command", &["cmd", "exec", "run"]),
    ("server", "cwd", &["dir", "directory", "folder", "workdir", "working_directory"]),
    ("server", "env", &["environment"]),
    ("tls", "ca", &["ca_cert", "ca_file", "cacert", "cafile", "root", "roots"]),
    ("tls", "cert", &["cert_file", "certfile", "certificate", "client_cert", "crt"]),
    ("tls", "key", &["client_key", "key_file", "keyfile", "private_key"]),
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
    ("http", &["headers"], "`headers` belongs to the step, beside `http`"),
    ("http", &["status"], "what is expected stands beside `http`: `expect: {http: {status: …}}`"),
    (
        "http",
        &["path", "uri", "url"],
        "it goes to the server's own address; another address is another server of the suite: `server: NAME`",
    ),
    (
        "server",
        &["args", "arguments", "argv"],
        "they are words of the command, behind the first: `command: [npx, -y, NAME]`",
    ),
    (
        "server",
        &["http", "sse", "stdio", "transport", "type"],
        "what a server speaks follows from `url` (HTTP, which of both is found out) or `command` (stdio)",
    ),
    (
        "tls",
        &["insecure", "rejectUnauthorized", "reject_unauthorized", "skip_verify", "verify"],
        "a certificate is always checked: `ca` names whom to trust",
    ),
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
    let has = |table: &Table| table.keys().any(|key| key.name == word);
    match table.name {
        "scenario" if has(&STEP) => Some(Meant::Other(format!("`{word}` belongs to a step, under `steps`"))),
        "step" if has(&SCENARIO) => {
            Some(Meant::Other(format!("`{word}` belongs to the scenario, beside `steps`")))
        }
        _ => None,
    }
}

/// Whether a member of `arguments` or `params` is a key of the step, indented too far: by its name and by what it
/// holds, since a tool may have an argument of the name.
pub(super) fn is_of_step(name: &str, value: &Value) -> bool {
    let has = |value: &Value, key: &str| value.get(key).is_some();
    let is_step = |value: &Value| VERB_KEYS.iter().any(|verb| has(value, verb.name));
    let list = value.as_array().filter(|list| !list.is_empty());
    let members = value.as_object().filter(|members| !members.is_empty());
    let all_keys = |known: &dyn Fn(&str) -> bool| members.is_some_and(|all| all.keys().all(|key| known(key)));
    let is_save = |value: &Value| match value {
        Value::String(path) => path.starts_with("$.") || path.starts_with("$["),
        other => other.get("path").is_some_and(Value::is_string),
    };
    match name {
        "expect" => all_keys(&|key| key.starts_with('$') || FIELDS.iter().any(|field| field.name == key)),
        "save" => members.is_some_and(|all| all.values().all(is_save)),
        "defer" => is_step(value) || list.is_some_and(|steps| steps.iter().all(is_step)),
        "eventually" => has(value, "within"),
        "known_bug" => has(value, "issue"),
        "respond" => list.is_some_and(|rules| rules.iter().all(|rule| has(rule, "to"))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scenario_keys::{FRAGMENT, ROWS};
    use crate::model::step_keys::{EVENTUALLY, HTTP, KNOWN_BUG, LISTEN, SAVE};
    use crate::model::suite_keys::{SERVER, TLS};

    const TABLES: &[&Table] =
        &[&SCENARIO, &FRAGMENT, &STEP, &ROWS, &EVENTUALLY, &SAVE, &KNOWN_BUG, &HTTP, &LISTEN, &SERVER, &TLS];

    #[test]
    fn every_word_leads_to_a_key_that_is_there_and_is_none_itself() {
        for (of, key, words) in SAME {
            let table = TABLES.iter().find(|table| table.name == *of).unwrap();
            assert!(table.keys().any(|known| known.name == *key), "{of}: {key}");
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

    #[test]
    fn what_an_argument_holds_tells_whether_it_is_a_key_of_the_step() {
        let is = |name, value: Value| is_of_step(name, &value);
        use serde_json::json;
        for (name, value) in [
            ("expect", json!({"json": {"a": 1}, "$.text": "x"})),
            ("save", json!({"a": "$.json.a", "b": {"path": "$.text", "matches": "x(.)"}})),
            ("defer", json!({"call": "x"})),
            ("defer", json!([{"call": "x"}, {"wait": "1s"}])),
            ("eventually", json!({"within": "5s"})),
            ("known_bug", json!({"issue": "X-1"})),
            ("respond", json!([{"to": "roots/list", "result": {}}])),
        ] {
            assert!(is(name, value.clone()), "{name}: {value}");
        }
        for (name, value) in [
            ("expect", json!("100-continue")),
            ("expect", json!({})),
            ("expect", json!({"status": 200, "json": 1})),
            ("save", json!(true)),
            ("save", json!({"a": "b"})),
            ("defer", json!({"until": "tomorrow"})),
            ("defer", json!([])),
            ("respond", json!("yes")),
            ("name", json!("x")),
        ] {
            assert!(!is(name, value.clone()), "{name}: {value}");
        }
    }
}
