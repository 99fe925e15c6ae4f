//! The official schemas, where they are at hand, and the kinds of messages that they define.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::mcp::shapes::Group;
use crate::mcp::tests::*;

/// Where the official files and the text of the specification differ, and what stands in the file for the
/// comparison: a pointer below the definitions, the value, and why. A part `*` is every member.
fn amended(version: Version) -> Vec<(&'static str, Value, &'static str)> {
    let mut all = vec![(
        "CompleteResult/properties/completion/properties/values/maxItems",
        json!(100),
        "the text allows 100 values in every version",
    )];
    if version >= Version::V2025_06_18 {
        let number = json!(["integer", "number", "string", "boolean"]);
        let place = match version {
            Version::V2025_06_18 => "ElicitResult/properties/content/additionalProperties/type",
            _ => "ElicitResult/properties/content/additionalProperties/anyOf/1/type",
        };
        all.push((place, number, "a number may have a fraction: `number` of schema.ts became `integer`"));
        for name in ["minimum", "maximum", "default"] {
            let place = [
                "NumberSchema/properties/minimum/type",
                "NumberSchema/properties/maximum/type",
                "NumberSchema/properties/default/type",
            ];
            let place = place.into_iter().find(|place| place.contains(name)).unwrap();
            all.push((place, json!("number"), "the same"));
        }
    }
    if version.is_modern() {
        let any = json!(["string", "number", "boolean", "null"]);
        all.push(("JSONValue/anyOf/2/type", any, "the same, and null is a JSON value"));
        all.push((
            "*/properties/resultType",
            json!({"const": "complete"}),
            "the text: an unknown one is invalid",
        ));
        all.push(("Result/properties/resultType", json!({"type": "string"}), "it is that of any result"));
        let asks = json!({"const": "input_required"});
        all.push(("InputRequiredResult/properties/resultType", asks, "the same"));
        let either = json!([{"required": ["inputRequests"]}, {"required": ["requestState"]}]);
        all.push(("InputRequiredResult/anyOf", either, "the text: one of both has to be there"));
    }
    all
}

/// The official schema of a version.
pub(super) struct Official {
    pub(super) version: Version,
    schema: Value,
    key: &'static str,
    compiled: RefCell<BTreeMap<String, Rc<jsonschema::Validator>>>,
}

impl Official {
    /// From the folder that `CALLSHEET_MCP_SCHEMA` names, else from `shared/mcp-schema` in a folder above, which is
    /// no part of the project.
    pub(super) fn find(version: Version) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "where the files are is known from outside only")]
        let named = std::env::var_os("CALLSHEET_MCP_SCHEMA").map(PathBuf::from);
        let above =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|above| above.join("shared/mcp-schema"));
        let path = named
            .into_iter()
            .chain(above)
            .map(|folder| folder.join(version.as_str()).join("schema.json"))
            .find(|path| path.is_file())?;
        let mut schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let key = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
        for (place, value, _) in amended(version) {
            amend(&mut schema[key], place, &value);
        }
        Some(Self { version, schema, key, compiled: RefCell::default() })
    }

    pub(super) fn def(&self, name: &str) -> &Value {
        &self.schema[self.key][name]
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.def(name).is_null()
    }

    pub(super) fn check(&self, name: &str) -> Rc<jsonschema::Validator> {
        let compile = || {
            // Draft 7 ignores what stands beside `$ref`.
            let at = json!([{"$ref": format!("#/{}/{name}", self.key)}]);
            let root =
                json!({"$schema": self.schema["$schema"], self.key: self.schema[self.key], "allOf": at});
            // `byte` is no format of JSON Schema, and no version asks for a format to be judged.
            Rc::new(jsonschema::options().should_validate_formats(false).build(&root).unwrap())
        };
        Rc::clone(self.compiled.borrow_mut().entry(name.to_owned()).or_insert_with(compile))
    }

    /// The definitions that a union names, or the one that stands in its place.
    fn union(&self, name: &str) -> Vec<String> {
        let referred =
            |value: &Value| value["$ref"].as_str().map(|at| at.rsplit('/').next().unwrap().to_owned());
        match &self.def(name)["anyOf"] {
            Value::Array(all) => all.iter().filter_map(referred).collect(),
            _ if self.has(name) => vec![name.to_owned()],
            _ => Vec::new(),
        }
    }

    fn method(&self, name: &str) -> String {
        self.def(name)["properties"]["method"]["const"].as_str().unwrap_or_default().to_owned()
    }
}

fn amend(value: &mut Value, place: &str, by: &Value) {
    let (first, rest) = place.split_once('/').unwrap_or((place, ""));
    match value {
        Value::Object(members) if first == "*" => {
            members.values_mut().for_each(|member| amend(member, rest, by))
        }
        // What an older file does not have stays away.
        Value::Object(members)
            if rest.is_empty() && (members.contains_key(first) || matches!(first, "maxItems" | "anyOf")) =>
        {
            members.insert(first.to_owned(), by.clone());
        }
        Value::Object(_) if rest.is_empty() => {}
        Value::Object(members) => {
            members.get_mut(first).into_iter().for_each(|member| amend(member, rest, by))
        }
        Value::Array(items) => items.get_mut(first.parse::<usize>().unwrap()).into_iter().for_each(|item| {
            amend(item, rest, by);
        }),
        _ => {}
    }
}

/// A kind of message.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) group: Group,
    /// The method, or the code of an error.
    pub(super) name: String,
    /// The official definition.
    pub(super) def: String,
    /// Around it: one definition of the message, and where `def` is in it.
    pub(super) envelope: Option<(&'static str, &'static str)>,
}

pub(super) fn kinds(official: &Official) -> Vec<Kind> {
    let version = official.version;
    let modern = version.is_modern();
    let response =
        if official.has("JSONRPCResultResponse") { "JSONRPCResultResponse" } else { "JSONRPCResponse" };
    let mut all = Vec::new();
    let mut add = |group, name: &str, def: &str, envelope| {
        all.push(Kind { group, name: name.to_owned(), def: def.to_owned(), envelope });
    };
    let answer = |request: &str| {
        let own = request.replace("Request", "Result");
        if official.has(&own) { own } else { "EmptyResult".to_owned() }
    };
    for request in official.union("ClientRequest") {
        let method = official.method(&request);
        add(Group::SentRequests, &method, &request, Some(("JSONRPCRequest", "")));
        add(Group::Results, &method, &answer(&request), Some((response, "result")));
        if method == "tools/call" && official.has("CreateTaskResult") {
            add(Group::Results, &method, "CreateTaskResult", Some((response, "result")));
        }
    }
    if modern {
        add(Group::Results, "input_required", "InputRequiredResult", Some((response, "result")));
    }
    for told in official.union("ServerNotification") {
        add(Group::Notifications, &official.method(&told), &told, Some(("JSONRPCNotification", "")));
    }
    for told in official.union("ClientNotification") {
        add(Group::SentNotifications, &official.method(&told), &told, Some(("JSONRPCNotification", "")));
    }
    for request in official.union(if modern { "InputRequest" } else { "ServerRequest" }) {
        let method = official.method(&request);
        add(Group::Requests, &method, &request, (!modern).then_some(("JSONRPCRequest", "")));
        add(Group::SentResults, &method, &answer(&request), None);
    }
    let errors =
        official.schema[official.key].as_object().unwrap().keys().filter(|name| name.ends_with("Error"));
    for error in errors {
        let code = &official.def(error)["properties"]["error"]["allOf"][1]["properties"]["code"]["const"];
        if code.is_i64() {
            add(Group::Errors, &code.to_string(), error, Some((error_of(official), "")));
        }
    }
    all
}

fn error_of(official: &Official) -> &'static str {
    if official.has("JSONRPCErrorResponse") { "JSONRPCErrorResponse" } else { "JSONRPCError" }
}
