//! docs/sandbox.md names all that there is.

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
