//! The shapes against the official schemas, where these are at hand: on messages made from the official
//! definitions, whole and spoiled, both have to say the same.

mod official;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::exchange::Violation;
use crate::mcp::shapes::{Group, names};
use crate::mcp::wire::{Question, answer, asked, envelope, notification, replied, result, sent};
use official::{Kind, Official, kinds};

/// What we say of a message.
fn ours(version: Version, kind: &Kind, message: &Value) -> Vec<Violation> {
    let name = kind.name.as_str();
    let whole = || message.as_object().map(|members| envelope(version, members));
    match kind.group {
        Group::Results => {
            let method = if name == "input_required" { "tools/call" } else { name };
            let question = Question { version, method, tasks: false };
            let members = message.as_object().unwrap();
            [whole().unwrap(), answer(question, members)].concat()
        }
        Group::Errors => {
            let question = Question { version, method: "x/y", tasks: false };
            let members = message.as_object().unwrap();
            [whole().unwrap(), answer(question, members)].concat()
        }
        Group::Notifications => [whole().unwrap(), notification(version, message)].concat(),
        Group::Requests if kind.envelope.is_some() => [whole().unwrap(), asked(version, message)].concat(),
        // A question of a result.
        Group::Requests => {
            let asks = json!({"resultType": "input_required", "inputRequests": {"a": message}});
            result(Question { version, method: "tools/call", tasks: false }, &asks)
        }
        Group::SentRequests | Group::SentNotifications => sent(version, message),
        Group::SentResults => replied(version, name, message),
    }
}

/// What they say of a message.
fn theirs(official: &Official, kind: &Kind, message: &Value) -> bool {
    let Some((envelope, at)) = kind.envelope else { return official.check(&kind.def).is_valid(message) };
    let inner = if at.is_empty() { Some(message) } else { message.get(at) };
    let own = || {
        let either = kind.name == "tools/call" && kind.group == Group::Results;
        let defs =
            ["CallToolResult", "CreateTaskResult"].into_iter().filter(|def| either && official.has(def));
        inner.is_some_and(|inner| {
            std::iter::once(kind.def.as_str()).chain(defs).any(|def| official.check(def).is_valid(inner))
        })
    };
    official.check(envelope).is_valid(message) && own()
}

/// Makes values that a definition allows.
struct Maker<'a> {
    official: &'a Official,
    random: fastrand::Rng,
    /// Every optional member, too.
    full: bool,
}

const DEEPEST: u32 = 9;

impl Maker<'_> {
    fn message(&mut self, kind: &Kind) -> Value {
        let def = json!({"$ref": format!("#/x/{}", kind.def)});
        for _ in 0..50 {
            let made = self.value(&def, 0);
            let made = match kind.envelope {
                None => made,
                Some((_, "")) => self.enveloped(kind, made),
                Some((_, at)) => json!({"jsonrpc": "2.0", "id": 7, at: made}),
            };
            if theirs(self.official, kind, &made) {
                return made;
            }
        }
        panic!("{} {kind:?}: no valid message can be made", self.official.version)
    }

    fn enveloped(&mut self, kind: &Kind, mut message: Value) -> Value {
        message["jsonrpc"] = "2.0".into();
        match kind.group {
            Group::Notifications | Group::SentNotifications => {}
            _ => message["id"] = self.one_of(&[json!(7), json!("a")]),
        }
        // The first versions say it of every message, and not of each kind.
        if self.official.version < Version::V2025_11_25 && kind.group != Group::Errors && self.wants() {
            let asks = matches!(kind.group, Group::Requests | Group::SentRequests);
            let meta = if asks { json!({"progressToken": "t", "a": 1}) } else { json!({"a": 1}) };
            message["params"]["_meta"] = meta;
        }
        message
    }

    fn wants(&mut self) -> bool {
        self.full || self.random.bool()
    }

    fn one_of(&mut self, values: &[Value]) -> Value {
        values[self.random.usize(..values.len())].clone()
    }

    fn value(&mut self, schema: &Value, depth: u32) -> Value {
        if let Some(at) = schema["$ref"].as_str() {
            let name = at.rsplit('/').next().unwrap();
            return self.value(&self.official.def(name).clone(), depth + 1);
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.one_of(values);
        }
        if let Some(all) = schema["allOf"].as_array() {
            let mut members = serde_json::Map::new();
            for part in all {
                members.extend(self.value(part, depth).as_object().cloned().unwrap_or_default());
            }
            return members.into();
        }
        if let Some(any) = schema["anyOf"].as_array().filter(|_| schema.get("properties").is_none()) {
            // The last ones lead less deep.
            let from = if depth > DEEPEST { any.len() - 1 } else { 0 };
            let chosen = self.random.usize(from..any.len());
            return self.value(&any[chosen], depth + 1);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => self.one_of(kinds),
            kind => kind.clone(),
        };
        match kind.as_str() {
            Some("object") => self.object(schema, depth),
            Some("array") => self.array(schema, depth),
            Some("string") => self.one_of(&[json!("x"), json!(""), json!("a:b"), json!("ä\"\n")]),
            Some("boolean") => self.random.bool().into(),
            Some("null") => Value::Null,
            Some("integer") => {
                let all =
                    [json!(0), json!(1), json!(7), json!(2.0), json!(9_007_199_254_740_993_u64), json!(-1)];
                let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
                let fits: Vec<Value> =
                    all.into_iter().filter(|n| n.as_f64().unwrap() >= least as f64).collect();
                self.one_of(&fits)
            }
            Some("number") => {
                let bound = schema.get("maximum").is_some();
                let all: &[Value] = if bound {
                    &[json!(0), json!(0.5), json!(1)]
                } else {
                    &[json!(0.25), json!(-3), json!(1e30)]
                };
                self.one_of(all)
            }
            _ => self.one_of(&[json!(null), json!(1.5), json!("x"), json!([null]), json!({"a": {"b": [1]}})]),
        }
    }

    fn object(&mut self, schema: &Value, depth: u32) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut members = serde_json::Map::new();
        for (name, of) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&name.as_str()) || (depth <= DEEPEST && self.wants()) {
                members.insert(name.clone(), self.value(of, depth + 1));
            }
        }
        match &schema["additionalProperties"] {
            Value::Object(of) if !of.is_empty() => {
                let count =
                    if depth > DEEPEST { 0 } else { self.random.usize(0..3) + usize::from(self.full) };
                for index in 0..count {
                    members.insert(format!("k{index}"), self.value(&Value::Object(of.clone()), depth + 1));
                }
            }
            _ if self.random.u8(..8) == 0 => {
                members.insert("extra".to_owned(), json!([{"a": null}]));
            }
            _ => {}
        }
        members.into()
    }

    fn array(&mut self, schema: &Value, depth: u32) -> Value {
        let count = if depth > DEEPEST { 0 } else { self.random.usize(0..3) + usize::from(self.full) };
        (0..count).map(|_| self.value(&schema["items"], depth + 1)).collect()
    }

    /// The same value, changed in one place, if it has it: spoiled or not, nobody knows.
    fn spoiled(&mut self, value: &Value, place: &str) -> Value {
        let mut spoiled = value.clone();
        let Some(at) = spoiled.pointer_mut(place) else { return spoiled };
        *at = match (&*at, self.random.u8(..4)) {
            (Value::Object(members), 0 | 1) if !members.is_empty() => {
                let mut members = members.clone();
                let name = members.keys().nth(self.random.usize(..members.len())).unwrap().clone();
                members.shift_remove(&name);
                members.into()
            }
            (Value::Object(members), 2) => {
                let mut members = members.clone();
                let odd = self.odd();
                members.insert("unknown".to_owned(), odd);
                members.into()
            }
            (Value::Array(items), 0) => items.iter().chain(items.iter().next()).cloned().collect(),
            (Value::Array(items), 1) => items.iter().cloned().chain(std::iter::once(self.odd())).collect(),
            (Value::Number(number), 0 | 1) => {
                let number = number.as_f64().unwrap_or_default();
                self.one_of(&[
                    json!(number + 0.5),
                    json!(-5),
                    json!(number + 1000.0),
                    json!(number.to_string()),
                ])
            }
            (Value::String(text), 0 | 1) => json!(format!("{text}?")),
            _ => self.odd(),
        };
        spoiled
    }

    fn odd(&mut self) -> Value {
        let all = [
            json!(null),
            json!(-7),
            json!(1.5),
            json!("text"),
            json!([]),
            json!({}),
            json!(true),
            json!(["y"]),
            json!({"z": 1}),
            json!([{}]),
            json!([7]),
        ];
        self.one_of(&all)
    }
}

fn all_places(value: &Value, at: String, places: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.replace('~', "~0").replace('/', "~1"), member))
            .collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    for (name, member) in below {
        all_places(member, format!("{at}/{name}"), places);
    }
    places.push(at);
}

/// Every value with one member or item less.
fn smaller(value: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    all_places(value, String::new(), &mut places);
    let less = |place: &String| {
        let (parent, name) = place.rsplit_once('/')?;
        let name = name.replace("~1", "/").replace("~0", "~");
        let mut less = value.clone();
        match less.pointer_mut(parent)? {
            Value::Object(members) => drop(members.shift_remove(&name)),
            Value::Array(items) => drop(items.remove(name.parse().ok()?)),
            _ => {}
        }
        Some(less)
    };
    // The largest parts first.
    places.iter().rev().filter_map(less).collect()
}

/// Whether both can be asked: some is judged elsewhere, or cannot be said in a schema.
fn is_comparable(kind: &Kind, message: &Value, whole: &Value) -> bool {
    let Some(members) = message.as_object() else { return kind.envelope.is_none() };
    let same = |name: &str| members.get(name) == whole.get(name);
    match kind.group {
        // Whose answer it is, by its id, is judged against the request. That an error of HTTP has the id null, or
        // none, is common, and what the official files say of it is known to be wrong.
        Group::Results => same("id") && members.contains_key("result"),
        Group::Errors => same("id") && message.pointer("/error/code") == whole.pointer("/error/code"),
        // By its method its shape is found.
        Group::Notifications | Group::SentNotifications => same("method") && !members.contains_key("id"),
        Group::Requests if kind.envelope.is_none() => same("method"),
        Group::Requests | Group::SentRequests => same("method") && members.contains_key("id"),
        Group::SentResults => true,
    }
}

struct Compared<'a> {
    official: &'a Official,
    valid: usize,
    invalid: usize,
    /// By definition.
    wrong: BTreeMap<String, String>,
}

impl Compared<'_> {
    fn differ(&self, kind: &Kind, message: &Value) -> bool {
        ours(self.official.version, kind, message).is_empty() != theirs(self.official, kind, message)
    }

    fn compare(&mut self, kind: &Kind, message: &Value, whole: &Value) {
        if !is_comparable(kind, message, whole) {
            return;
        }
        if theirs(self.official, kind, message) {
            self.valid += 1
        } else {
            self.invalid += 1
        }
        // One of a kind is enough to mend.
        if self.wrong.contains_key(&kind.def) || !self.differ(kind, message) {
            return;
        }
        let mut least = message.clone();
        while let Some(less) = smaller(&least)
            .into_iter()
            .find(|less| is_comparable(kind, less, whole) && self.differ(kind, less))
        {
            least = less;
        }
        let said: Vec<String> = ours(self.official.version, kind, &least)
            .iter()
            .map(|wrong| format!("{} {}", wrong.pointer, wrong.message))
            .collect();
        let (version, name, def) = (self.official.version, &kind.name, &kind.def);
        let told = format!(
            "{version} {name} ({def}): {least}\n    we say {said:?}, and the official schema the opposite"
        );
        self.wrong.insert(kind.def.clone(), told);
    }
}

/// The official schema of a version; none, and it is said, where it is not at hand.
fn official(version: Version) -> Option<Official> {
    let found = Official::find(version);
    if found.is_none() {
        // Said where it can be seen: without the file nothing is compared.
        let text = b"ignored: neither CALLSHEET_MCP_SCHEMA nor a folder above leads to shared/mcp-schema\n";
        std::io::Write::write_all(&mut std::io::stderr(), text).unwrap();
    }
    found
}

fn agrees(version: Version) {
    let Some(official) = official(version) else { return };
    let mut compared = Compared { official: &official, valid: 0, invalid: 0, wrong: BTreeMap::new() };
    let mut maker = Maker { official: &official, random: fastrand::Rng::with_seed(20_261_123), full: false };
    for kind in kinds(&official) {
        for round in 0..16 {
            maker.full = round < 4;
            let whole = maker.message(&kind);
            compared.compare(&kind, &whole, &whole);
            let mut places = Vec::new();
            all_places(&whole, String::new(), &mut places);
            maker.random.shuffle(&mut places);
            for place in places.iter().cycle().take(if maker.full { 2 * places.len().min(150) } else { 20 }) {
                let mut spoiled = maker.spoiled(&whole, place);
                // What is wrong in two places may be right in the eyes of another alternative.
                if maker.random.u8(..4) == 0 {
                    let other = &places[maker.random.usize(..places.len())];
                    spoiled = maker.spoiled(&spoiled, other);
                }
                compared.compare(&kind, &spoiled, &whole);
            }
        }
    }
    let wrong: Vec<String> = compared.wrong.into_values().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (valid, invalid) = (compared.valid, compared.invalid);
    assert!(valid > 4000 && invalid > 4000, "{version}: {valid} valid, {invalid} not");
}

#[test]
fn our_shapes_of_2024_11_05_agree_with_the_official_ones() {
    agrees(Version::V2024_11_05);
}

#[test]
fn our_shapes_of_2025_03_26_agree_with_the_official_ones() {
    agrees(Version::V2025_03_26);
}

#[test]
fn our_shapes_of_2025_06_18_agree_with_the_official_ones() {
    agrees(Version::V2025_06_18);
}

#[test]
fn our_shapes_of_2025_11_25_agree_with_the_official_ones() {
    agrees(Version::V2025_11_25);
}

#[test]
fn our_shapes_of_2026_07_28_agree_with_the_official_ones() {
    agrees(Version::V2026_07_28);
}

#[test]
fn every_version_has_exactly_its_messages() {
    for official in Version::ALL.iter().filter_map(|version| official(*version)) {
        let kinds = kinds(&official);
        for group in [
            Group::Results,
            Group::Notifications,
            Group::Requests,
            Group::Errors,
            Group::SentRequests,
            Group::SentNotifications,
            Group::SentResults,
        ] {
            let mut theirs: BTreeSet<String> =
                kinds.iter().filter(|kind| kind.group == group).map(|kind| kind.name.clone()).collect();
            // It has nothing beside its code and message.
            theirs.remove("-32020");
            assert_eq!(names(official.version, group), theirs, "{} {group:?}", official.version);
        }
    }
}
