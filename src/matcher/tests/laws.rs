use serde_json::Map;

use super::*;
use crate::template::tests::any_json;
use proptest::prelude::*;

/// A value as one writes it in a file to expect it: literal `$` keys doubled, nothing that cannot fail.
fn written(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(written).collect(),
        Value::Object(members) if members.is_empty() => json!({"$exact": {}}),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| {
                    let name = if name.starts_with('$') { format!("${name}") } else { name.clone() };
                    (name, written(member))
                })
                .collect(),
        ),
        scalar => scalar.clone(),
    }
}

fn subset(value: &Value, keep: &mut impl FnMut() -> bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| subset(item, keep)).collect(),
        Value::Object(members) => {
            let mut kept: Map<String, Value> = Map::new();
            for (name, member) in members {
                if keep() || kept.is_empty() {
                    kept.insert(name.clone(), subset(member, keep));
                }
            }
            Value::Object(kept)
        }
        scalar => scalar.clone(),
    }
}

fn is_scalar_or_list(value: &Value) -> bool {
    !value.is_object()
}

proptest! {
    #[test]
    fn a_value_matches_itself(value in any_json()) {
        let ok = holds(written(&value), value.clone());
        prop_assert!(ok);
        let ok = compare_in(json!({"x": "{{v}}"}), json!({"x": value.clone()}), &scope(json!({"v": value}))).is_empty();
        prop_assert!(ok);
    }

    #[test]
    fn a_subset_matches(value in any_json(), seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        // An empty object of the subset would mean exactly empty, and is one in the value too.
        let part = subset(&value, &mut || random.bool());
        let ok = holds(written(&part), value);
        prop_assert!(ok);
    }

    #[test]
    fn unordered_is_equality_with_some_permutation(items in prop::collection::vec(any_json(), 0..6), seed in any::<u64>()) {
        let mut shuffled = items.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let ok = holds(json!({"$unordered": written(&Value::from(items.clone()))}), shuffled.clone().into());
        prop_assert!(ok);
        shuffled.push(json!("one more"));
        let ok = !holds(json!({"$unordered": written(&Value::from(items))}), shuffled.into());
        prop_assert!(ok);
    }

    #[test]
    fn not_inverts_on_a_node_that_is_there(a in any_json(), b in any_json()) {
        prop_assume!(is_scalar_or_list(&a));
        prop_assert_ne!(holds(written(&a), b.clone()), holds(json!({"$not": written(&a)}), b.clone()));
        for matcher in [json!({"$type": "number"}), json!({"$gt": 5}), json!({"$length": 2}), json!({"$any": [written(&a), 1]})] {
            prop_assert_ne!(holds(matcher.clone(), b.clone()), holds(json!({"$not": matcher}), b.clone()));
        }
    }

    #[test]
    fn an_absent_node_fails(value in any_json()) {
        let written = written(&value);
        let ok = !holds(json!({"a": written}), json!({}));
        prop_assert!(ok);
        if is_scalar_or_list(&value) {
            let ok = !holds(json!({"a": {"$not": written}}), json!({}));
            prop_assert!(ok);
        }
        let ok = !holds(json!({"a": {"$any": [written]}}), json!({"b": value}));
        prop_assert!(ok);
    }

    #[test]
    fn nothing_makes_compile_or_compare_panic(expected in any_matcher(), actual in any_json()) {
        for root in [Root::Value, CALL] {
            let mut problems = Vec::new();
            let matcher = Matcher::compile(&document(&expected), &Pointer::root(), root, &mut problems);
            prop_assert_eq!(matcher.is_none(), !problems.is_empty());
            if let Some(matcher) = matcher {
                for mismatch in matcher.compare(Actual { value: &actual, inexact: &["/a".to_owned()] }, &scope(json!({}))) {
                    let _ = mismatch.explain(&document(&expected));
                }
            }
        }
    }

    #[test]
    fn no_text_makes_a_path_panic(
        words in prop::collection::vec(
            prop_oneof![
                Just("$"), Just(".a"), Just("["), Just("]"), Just("'"), Just("\""), Just("*"), Just(".."), Just("?@.b"),
                Just("=="), Just("{{x}}"), Just("\\"), Just("1"), Just(":"), Just(","), Just("("), Just(")"), Just("ä"), Just("!"),
            ],
            0..12,
        ),
        actual in any_json(),
    ) {
        let text = format!("${}", words.concat());
        match Path::compile(&text) {
            Ok(path) => {
                if let Ok(found) = path.query(&actual, &scope(json!({"x": "y"}))) {
                    prop_assert!(!path.is_singular() || found.len() <= 1);
                }
            }
            Err((_, at)) => prop_assert!(at <= text.len()),
        }
    }
}

/// Any JSON with operators strewn in.
fn any_matcher() -> impl Strategy<Value = Value> {
    any_json().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            (prop::sample::select(OPERATOR_NAMES), inner.clone())
                .prop_map(|(name, operand)| json!({name: operand})),
            (prop::sample::select(OPERATOR_NAMES), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(name, operand)| json!({name: operand})),
            (prop::sample::select(&["json", "a", "$.a", "$..a", "$$x", "duration", "http"][..]), inner)
                .prop_map(|(name, operand)| json!({name: operand})),
        ]
    })
}
