//! docs/sandbox.md names all that there is.

use callsheet::knobs::{KNOBS, PROFILES};
use callsheet::sandbox::Fault;
use serde_json::{Value, json};

use crate::peer::{Peer, sandbox};

#[tokio::test]
async fn the_page_names_all_that_there_is() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sandbox.md")).unwrap();
    let row = |name: &str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        row.unwrap_or_else(|| panic!("docs/sandbox.md has no row of `{name}`"))
    };
    let sandbox = sandbox().await;
    let peer = Peer::modern(&sandbox);
    for (list, key, name) in [
        ("tools", "tools", "name"),
        ("prompts", "prompts", "name"),
        ("resources", "resources", "uri"),
        ("resources/templates", "resourceTemplates", "uriTemplate"),
    ] {
        let mut cursor = Value::Null;
        loop {
            let params = if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) };
            let result = peer.request(&format!("{list}/list"), params).await.result();
            for thing in result[key].as_array().unwrap() {
                let row = row(thing[name].as_str().unwrap());
                let arguments = thing["inputSchema"]["properties"].as_object();
                for argument in arguments.into_iter().flatten().map(|(name, _)| name) {
                    assert!(row.contains(&format!("`{argument}`")), "no `{argument}` in {row}");
                }
                for argument in thing["arguments"].as_array().into_iter().flatten() {
                    assert!(row.contains(argument["name"].as_str().unwrap()), "no {argument} in {row}");
                }
            }
            cursor = result["nextCursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
    }
    for fault in Fault::ALL {
        row(fault.as_str());
    }
}

/// The tables of knobs and profiles are made from the one in the code; `SNAPSHOTS=overwrite` writes them.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test says so by its environment")]
fn the_tables_of_knobs_are_those_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sandbox.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut expected = page.clone();
    let mut knobs = "| knob | default | takes | decides | default is |\n|---|---|---|---|---|\n".to_owned();
    for knob in KNOBS {
        let default = if knob.default.is_empty() { "none".to_owned() } else { format!("`{}`", knob.default) };
        let (name, values, doc, basis) = (knob.name, knob.values(), knob.doc, knob.basis.as_str());
        knobs.push_str(&format!("| `{name}` | {default} | {values} | {doc} | {basis} |\n"));
    }
    let mut profiles = "| profile | stands for | sets |\n|---|---|---|\n".to_owned();
    for profile in PROFILES {
        let sets: Vec<_> =
            profile.sets.iter().map(|(knob, value)| format!("`{}={value}`", knob.name)).collect();
        let sets = if sets.is_empty() { "nothing".to_owned() } else { sets.join(", ") };
        profiles.push_str(&format!("| `{}` | {} | {sets} |\n", profile.name, profile.doc));
    }
    for (name, table) in [("knobs", knobs), ("profiles", profiles)] {
        let (before, rest) = expected.split_once(&format!("<!-- {name} -->\n")).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        expected = format!("{before}<!-- {name} -->\n{table}<!-- end -->{after}");
    }
    if std::env::var("SNAPSHOTS").is_ok_and(|how| how == "overwrite") {
        std::fs::write(path, &expected).unwrap();
    } else {
        assert_eq!(page, expected, "run it with SNAPSHOTS=overwrite");
    }
}
