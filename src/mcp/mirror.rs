//! Arguments that a tool wants to see in headers too, so that what stands before the server can read them (`x-mcp-header`
//! of 2026-07-28): which they are by the tool's schema, and what is wrong with a tool that says it wrongly. Pure.

use http::HeaderName;
use serde_json::{Map, Value};

/// What a tool says it with.
const KEY: &str = "x-mcp-header";

/// What the names of the headers begin with.
const PREFIX: &str = "mcp-param-";

/// The types whose values can stand in a header.
const TYPES: [&str; 3] = ["string", "integer", "boolean"];

/// Members of a schema whose values are schemas, lists of schemas, or mappings from names to schemas.
const SCHEMAS: &[&str] = &[
    "items",
    "prefixItems",
    "contains",
    "additionalItems",
    "unevaluatedItems",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "contentSchema",
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "anyOf",
    "oneOf",
];
const MAPS: &[&str] = &["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// Headers by name, and what they say.
pub(super) type Mirrored = Vec<(HeaderName, String)>;

/// An argument that a tool wants to see in a header.
struct Argument {
    /// The names of the properties that lead to it.
    path: Vec<String>,
    header: HeaderName,
}

/// What a call of a tool says in headers.
///
/// # Errors
/// Why the tool is not valid, for people.
pub(super) fn mirrored(tool: &Value, arguments: Option<&Value>) -> Result<Mirrored, String> {
    let wanted = wanted(tool)?;
    let value = |argument: &Argument| {
        let found = argument.path.iter().try_fold(arguments?, |value, name| value.get(name))?;
        Some((argument.header.clone(), text(found)?))
    };
    Ok(wanted.iter().filter_map(value).collect())
}

/// Why a tool is not valid, for people: none may be called that says this wrongly.
pub(super) fn fault(tool: &Value) -> Option<String> {
    wanted(tool).err()
}

/// A value as it stands in a header; none for what has no place there.
fn text(value: &Value) -> Option<String> {
    /// Beyond, a double does not tell one whole number from the next.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Number(number) => {
            let number = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT)?;
            // There is no minus before zero.
            Some(format!("{:.0}", number + 0.0))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn wanted(tool: &Value) -> Result<Vec<Argument>, String> {
    let mut found = Vec::new();
    if let Some(schema) = tool.get("inputSchema") {
        walk(schema, &mut Vec::new(), &mut found)?;
    }
    Ok(found)
}

/// Collects below a schema that `properties` alone lead to.
fn walk(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Argument>) -> Result<(), String> {
    let Some(members) = schema.as_object() else { return Ok(()) };
    if let Some(said) = members.get(KEY) {
        let header = header(members, said, path, found)?;
        found.push(Argument { path: path.clone(), header });
    }
    for (key, value) in members {
        if key == "properties" {
            for (name, property) in value.as_object().into_iter().flatten() {
                path.push(name.clone());
                walk(property, path, found)?;
                path.pop();
            }
        } else if let Some(inner) = subschemas(key, value)
            && inner.into_iter().any(hides)
        {
            return Err(format!(
                "`{KEY}` stands below `{key}`{}, where `properties` alone do not lead to",
                place(path)
            ));
        }
    }
    Ok(())
}

/// Whether it stands anywhere in a schema.
fn hides(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return false };
    members.contains_key(KEY)
        || members
            .iter()
            .filter_map(|(key, value)| subschemas(key, value))
            .any(|inner| inner.into_iter().any(hides))
}

/// The schemas in a member of a schema; none where the member holds no schemas, but data.
fn subschemas<'a>(key: &str, value: &'a Value) -> Option<Vec<&'a Value>> {
    match value {
        Value::Object(members) if MAPS.contains(&key) => Some(members.values().collect()),
        Value::Array(schemas) if SCHEMAS.contains(&key) => Some(schemas.iter().collect()),
        schema if SCHEMAS.contains(&key) => Some(vec![schema]),
        _ => None,
    }
}

fn header(
    members: &Map<String, Value>,
    said: &Value,
    path: &[String],
    found: &[Argument],
) -> Result<HeaderName, String> {
    let place = place(path);
    let Some(name) = said.as_str() else {
        return Err(format!("`{KEY}`{place} is no string"));
    };
    if name.is_empty() {
        return Err(format!("`{KEY}`{place} is empty"));
    }
    if path.is_empty() {
        return Err(format!("`{KEY}` stands at the schema itself, not at a property"));
    }
    let header = HeaderName::try_from(format!("{PREFIX}{name}"))
        .map_err(|_| format!("`{KEY}`{place} is {}, which cannot be part of a header's name", short(name)))?;
    if let Some(other) = found.iter().find(|other| other.header == header) {
        return Err(format!("`{KEY}`{place} is {}, as{}", short(name), self::place(&other.path)));
    }
    let types: Vec<&str> = match members.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().map(|kind| kind.as_str().unwrap_or_default()).collect(),
        _ => Vec::new(),
    };
    // Null is a value that is left out.
    let named: Vec<&str> = types.iter().copied().filter(|kind| *kind != "null").collect();
    if named.is_empty() || !named.iter().all(|kind| TYPES.contains(kind)) {
        let kinds = if types.is_empty() { "no type".to_owned() } else { short(&types.join(", ")) };
        return Err(format!("`{KEY}`{place} is at {kinds}: it may be at a string, an integer or a boolean"));
    }
    Ok(header)
}

/// Which property it is, for people.
fn place(path: &[String]) -> String {
    if path.is_empty() { String::new() } else { format!(" of the property {}", short(&path.join("."))) }
}

/// A text of a server, which can be of any length and hold anything.
fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let end = if text.chars().count() > LONGEST { "…" } else { "" };
    let start: String = text.chars().take(LONGEST).collect();
    format!("`{}{end}`", start.escape_debug())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(properties: Value) -> Value {
        json!({"name": "t", "inputSchema": {"type": "object", "properties": properties}})
    }

    fn said(properties: Value, arguments: Value) -> Vec<(String, String)> {
        let mirrored = mirrored(&tool(properties), Some(&arguments)).unwrap();
        mirrored.into_iter().map(|(name, text)| (name.as_str().to_owned(), text)).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn values_stand_in_headers_by_their_type() {
        let properties = json!({
            "region": {"type": "string", KEY: "Region"},
            "empty": {"type": "string", KEY: "Empty"},
            "priority": {"type": "integer", KEY: "Priority"},
            "whole": {"type": "integer", KEY: "Whole"},
            "zero": {"type": "integer", KEY: "Zero"},
            "large": {"type": "integer", KEY: "Large"},
            "debug": {"type": ["boolean", "null"], KEY: "Debug"},
            "nothing": {"type": "string", KEY: "Nothing"},
            "absent": {"type": "string", KEY: "Absent"},
            "query": {"type": "string"},
            "where": {"type": "object", "properties": {"zone": {"type": "string", KEY: "Zone!"}}},
        });
        let arguments = json!({
            "region": " ü ", "empty": "", "priority": -42, "whole": 7.0, "zero": -0.0, "large": u64::MAX, "debug": false, "nothing": null,
            "query": "q", "where": {"zone": "b"},
        });
        let expected = [
            ("mcp-param-region", " ü "),
            ("mcp-param-empty", ""),
            ("mcp-param-priority", "-42"),
            ("mcp-param-whole", "7"),
            ("mcp-param-zero", "0"),
            ("mcp-param-large", "18446744073709551615"),
            ("mcp-param-debug", "false"),
            ("mcp-param-zone!", "b"),
        ];
        assert_eq!(said(properties.clone(), arguments), pairs(&expected));
        assert_eq!(mirrored(&tool(properties.clone()), None).unwrap(), []);
        // What a test sends on purpose, and no header can say.
        let wrong = json!({"region": ["a"], "priority": 1.5, "whole": 1e300, "where": "x"});
        assert_eq!(said(properties, wrong), pairs(&[]));
    }

    #[test]
    fn a_tool_that_says_it_wrongly_is_named_with_the_reason() {
        let text = |name: &str| json!({"type": "string", KEY: name});
        let of = |kind: Value| json!({"v": {"type": kind, KEY: "V"}});
        for (properties, reason) in [
            (json!({"v": text("")}), "`x-mcp-header` of the property `v` is empty"),
            (json!({"v": {"type": "string", KEY: 7}}), "is no string"),
            (json!({"v": text("My Region")}), "is `My Region`, which cannot be part of a header's name"),
            (json!({"v": text("a:b")}), "cannot be part"),
            (json!({"v": text("Région")}), "cannot be part"),
            (json!({"v": text("a\t1")}), "is `a\\t1`, which"),
            (json!({"a": text("F"), "b": text("F")}), "of the property `b` is `F`, as of the property `a`"),
            (
                json!({"a": text("MyField"), "b": {"properties": {"c": text("myfield")}}}),
                "of the property `b.c`",
            ),
            (of(json!("object")), "is at `object`: it may be at"),
            (of(json!("array")), "is at `array`"),
            (of(json!("null")), "is at `null`"),
            (of(json!("number")), "is at `number`"),
            (of(json!(["string", "number"])), "is at `string, number`"),
            (json!({"v": {KEY: "V"}}), "is at no type"),
            (json!({"v": {"type": "array", "items": text("V")}}), "stands below `items` of the property `v`"),
            (json!({"v": {"anyOf": [{"type": "null"}, text("V")]}}), "stands below `anyOf`"),
            (json!({"v": {"not": {"properties": {"w": text("V")}}}}), "stands below `not`"),
        ] {
            let fault = fault(&tool(properties.clone())).unwrap_or_else(|| panic!("{properties}"));
            assert!(fault.contains(reason), "{fault}");
        }
        for schema in [
            json!({"$defs": {"a": text("A")}}),
            json!({"patternProperties": {"a": text("A")}}),
            json!({"if": {"properties": {"a": text("A")}}}),
            text("A"),
        ] {
            assert!(fault(&json!({"inputSchema": schema})).is_some(), "{schema}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_nothing() {
        for schema in [
            json!({"properties": {KEY: {"type": "number"}}}),
            json!({"properties": {"v": {"const": {KEY: ""}, "default": {KEY: ""}, "enum": [{KEY: ""}], "examples": [{KEY: ""}]}}}),
            json!({"$defs": {"v": {"properties": {KEY: true}}}, "properties": true, "items": []}),
            json!(true),
            Value::Null,
        ] {
            assert_eq!(fault(&json!({"inputSchema": schema})), None, "{schema}");
        }
        assert_eq!(fault(&json!({})), None);
    }
}
