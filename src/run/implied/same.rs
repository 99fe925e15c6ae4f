//! Whether two values say the same, where one was written as text by a serializer of its own.

use serde_json::Value;

use crate::matcher::order_of_numbers;

/// Where the text of a result, parsed, and its structured content differ; none where they say the same. FastMCP
/// wraps what is no object as `{"result": …}`, and writes the text of a list of one as its element.
pub(super) fn contradicts(text: &Value, structured: &Value) -> Option<String> {
    let at = difference(text, structured)?;
    let wrapped = structured.as_object().filter(|members| members.len() == 1);
    if let Some(inner) = wrapped.and_then(|members| members.get("result")) {
        let only = inner.as_array().filter(|items| items.len() == 1).and_then(|items| items.first());
        if [Some(inner), only].into_iter().flatten().any(|inner| difference(text, inner).is_none()) {
            return None;
        }
    }
    Some(at)
}

/// The first place where two values differ. A member that is null is one that is not there: serializers leave it
/// out in the one and not in the other.
fn difference(a: &Value, b: &Value) -> Option<String> {
    let below = |key: &str, a: Option<&Value>, b: Option<&Value>| {
        let (a, b) = (a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null));
        difference(a, b).map(|at| format!("/{}{at}", key.replace('~', "~0").replace('/', "~1")))
    };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = b.iter().filter(|(key, _)| !a.contains_key(*key));
            a.iter()
                .find_map(|(key, value)| below(key, Some(value), b.get(key)))
                .or_else(|| missing.into_iter().find_map(|(key, value)| below(key, None, Some(value))))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| below(&index.to_string(), Some(a), Some(b))),
        (Value::Number(a), Value::Number(b)) if order_of_numbers(a, b).is_eq() => None,
        (a, b) => (a != b).then(String::new),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_the_same_does_not_contradict() {
        for (text, structured) in [
            (json!({"a": 1, "b": [1.0]}), json!({"b": [1], "a": 1.0})),
            (json!({"a": 1}), json!({"a": 1, "b": null})),
            (json!({"a": {"b": null}}), json!({"a": {}})),
            (json!([1, 2]), json!({"result": [1, 2]})),
            (json!({"a": 1}), json!({"result": [{"a": 1}]})),
            (json!({"result": [1]}), json!({"result": [1]})),
            (json!([]), json!([])),
        ] {
            assert_eq!(contradicts(&text, &structured), None, "{text} {structured}");
        }
        for (text, structured, at) in [
            (json!({"a": {"b/c": 1}}), json!({"a": {"b/c": 2}}), "/a/b~1c"),
            (json!({"a": 1}), json!({"a": "1"}), "/a"),
            (json!({"a": 9007199254740993_u64}), json!({"a": 9007199254740992.0}), "/a"),
            (json!({"a": 1}), json!({"a": 1, "b": false}), "/b"),
            (json!({"a": [1, 2]}), json!({"a": [1]}), "/a"),
            (json!([1, 2]), json!({"result": [1, 3]}), ""),
            (json!([1]), json!({"result": [1], "total": 1}), ""),
        ] {
            assert_eq!(contradicts(&text, &structured).as_deref(), Some(at), "{text} {structured}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z/~]{0,3}".prop_map(Value::from),
            any::<f64>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec(("[a-c/~]{0,2}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_difference_is_where_the_values_differ(a in values(), b in values()) {
            prop_assert_eq!(difference(&a, &a), None);
            let (there, back) = (difference(&a, &b), difference(&b, &a));
            prop_assert_eq!(there.is_some(), back.is_some());
            if let Some(at) = there {
                prop_assert_ne!(a.pointer(&at), b.pointer(&at));
            }
        }
    }
}
