use serde_json::Map;

use super::*;
use crate::template::tests::any_json;
use crate::template::type_name;
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

/// One scalar of a value made another, and its place; nothing where there is none.
fn spoiled(value: &Value, random: &mut fastrand::Rng) -> Option<(Value, Pointer)> {
    fn scalars(value: &Value, at: &Pointer, found: &mut Vec<Pointer>) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| scalars(item, &at.index(index), found));
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| scalars(member, &at.key(name), found));
            }
            _ => found.push(at.clone()),
        }
    }
    let mut found = Vec::new();
    scalars(value, &Pointer::root(), &mut found);
    let at = random.choice(found)?;
    let mut spoiled = value.clone();
    let scalar = spoiled.pointer_mut(at.as_str()).unwrap();
    *scalar = match &*scalar {
        // The same text in another type, and the nearest number that is another.
        Value::Number(number) if random.bool() => json!(number.to_string()),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), ..) => json!(integer.wrapping_add(1)),
            (_, Some(integer), _) => json!(integer.wrapping_sub(1)),
            (.., float) => json!(float.unwrap().next_up()),
        },
        Value::String(text) => json!(format!("{text}x")),
        Value::Bool(truth) => json!(!truth),
        _ => json!(false),
    };
    Some((spoiled, at))
}

/// For each operator a mapping that some values obey and others do not.
fn examples() -> Vec<(&'static str, Value)> {
    let with = |name: &'static str, operand: Value| (name, json!({name: operand}));
    vec![
        with("$gt", json!(5)),
        with("$gte", json!("2026-01-01")),
        with("$lt", json!(0)),
        with("$lte", json!(-1.5)),
        with("$near", json!([1, 10])),
        with("$matches", json!("[a-m]")),
        with("$contains", json!("a")),
        with("$contains", json!([1, null])),
        with("$starts_with", json!("b")),
        with("$ends_with", json!("c")),
        with("$length", json!(2)),
        with("$length", json!({"$gt": 1})),
        with("$type", json!("number")),
        with("$type", json!("null")),
        with("$format", json!("date")),
        with("$schema", json!({"type": ["object", "string"]})),
        with("$exists", json!(true)),
        with("$all", json!([{"$type": "list"}, {"$length": 1}])),
        with("$any", json!([null, "a", {"$lt": 3}])),
        with("$not", json!(null)),
        with("$not", json!([1])),
        with("$not", json!({"$type": "object"})),
        with("$each", json!({"$type": "number"})),
        with("$unordered", json!([null, {"$type": "string"}])),
        with("$unique", json!(true)),
        with("$unique", json!(false)),
        with("$sorted", json!("asc")),
        with("$exact", json!({"a": 1})),
        with("$json", json!([1])),
        with("$base64", json!("a")),
    ]
}

/// Says nothing of an empty list, either way, unless `$length` stands beside it.
fn is_silent_on_nothing(name: &str) -> bool {
    matches!(name, "$contains" | "$each" | "$unique" | "$sorted")
}

/// All ways to order so many elements.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let with_last = |shorter: Vec<usize>| {
        (0..count).map(move |at| {
            let mut longer = shorter.clone();
            longer.insert(at, count - 1);
            longer
        })
    };
    permutations(count - 1).into_iter().flat_map(with_last).collect()
}

/// What matchers mean, read a second time from the design: slowly, and with no way in common.
mod meaning {
    use serde_json::{Map, Value};

    /// Whether a node is as expected. `exact`: no other keys.
    pub(super) fn holds(expected: &Value, actual: Option<&Value>, exact: bool) -> bool {
        match expected {
            Value::Object(members) if members.keys().any(|name| name.starts_with('$')) => {
                members.iter().all(|(name, operand)| operator(name, operand, actual, exact))
            }
            _ => actual.is_some_and(|actual| plain(expected, actual, exact)),
        }
    }

    fn plain(expected: &Value, actual: &Value, exact: bool) -> bool {
        match (expected, actual) {
            (Value::Array(expected), Value::Array(actual)) => {
                expected.len() == actual.len() && in_order(expected.iter(), actual.iter(), exact)
            }
            (Value::Object(expected), Value::Object(actual)) => {
                expected.iter().all(|(name, member)| holds(member, actual.get(name), exact))
                    && (!exact || actual.keys().all(|name| expected.contains_key(name)))
            }
            // All numbers here are exact as doubles.
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (a, b) => a == b,
        }
    }

    fn in_order<'a>(
        expected: impl Iterator<Item = &'a Value>,
        actual: impl Iterator<Item = &'a Value>,
        exact: bool,
    ) -> bool {
        expected.zip(actual).all(|(expected, actual)| holds(expected, Some(actual), exact))
    }

    fn operator(name: &str, operand: &Value, actual: Option<&Value>, exact: bool) -> bool {
        let branches = || operand.as_array().unwrap().iter();
        match (name, actual) {
            ("$exists", _) => operand == actual.is_some(),
            ("$any", _) => branches().any(|branch| holds(branch, actual, exact)),
            ("$all", _) => branches().all(|branch| holds(branch, actual, exact)),
            (_, None) => false,
            ("$not", Some(_)) => !holds(operand, actual, exact),
            ("$exact", Some(actual)) => plain(operand, actual, true),
            ("$gt", Some(actual)) => actual.as_f64().is_some_and(|number| number > operand.as_f64().unwrap()),
            ("$length", Some(actual)) => {
                let length = match actual {
                    Value::Array(items) => items.len(),
                    Value::Object(members) => Map::len(members),
                    Value::String(text) => text.chars().count(),
                    _ => return false,
                };
                operand.as_u64() == u64::try_from(length).ok()
            }
            ("$unordered", Some(Value::Array(items))) => {
                let expected: Vec<&Value> = branches().collect();
                expected.len() == items.len()
                    && super::permutations(items.len())
                        .into_iter()
                        .any(|order| in_order(order.iter().map(|at| expected[*at]), items.iter(), exact))
            }
            ("$unordered", Some(_)) => false,
            _ => panic!("{name} has no meaning here"),
        }
    }
}

/// Values of few letters, so that they often meet.
fn small_json() -> impl Strategy<Value = Value> {
    small_scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn small_scalar() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(1),
        json!(1.0),
        json!(2),
        json!("1"),
        json!("a"),
    ])
}

/// Matchers of few letters.
fn small_matcher() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => small_scalar(),
        1 => any::<bool>().prop_map(|there| json!({"$exists": there})),
        1 => Just(json!({"$gt": 1})),
        1 => (0..3).prop_map(|length| json!({"$length": length})),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            list.clone().prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner.clone(), 1..3).prop_map(|members| json!(members)),
            list.clone().prop_map(|branches| json!({"$any": branches})),
            list.clone().prop_map(|branches| json!({"$all": branches})),
            list.prop_map(|elements| json!({"$unordered": elements})),
            inner.clone().prop_map(|operand| json!({"$not": operand})),
            inner.prop_map(|operand| json!({"$exact": operand})),
        ]
    })
}

#[test]
fn every_operator_has_an_example() {
    let mut names: Vec<&str> = examples().into_iter().map(|(name, _)| name).collect();
    names.dedup();
    // What a snapshot holds for stands in a file; its tests are beside it.
    names.push("$snapshot");
    assert_eq!(names, OPERATOR_NAMES);
}

/// `$exists: false` is not among the examples: it is the one thing that holds.
#[test]
fn an_absent_node_fails_every_operator() {
    let lists =
        [json!([]), json!([1]), json!({"a": 1}), json!({"a": {"$exists": false}}), json!({"$exact": []})];
    for matcher in examples().into_iter().map(|(_, matcher)| matcher).chain(lists) {
        let mut forms = vec![
            matcher.clone(),
            json!({"$any": [matcher, 1]}),
            json!({"$all": [matcher]}),
            json!({"$any": [{"$all": [matcher, {"$exists": false}]}]}),
        ];
        // `$not` is refused where it would mean the absence, and where it would hide a key.
        let negated = json!({"$not": matcher});
        if problems(&negated, Root::Value).is_empty() {
            forms.push(json!({"$any": [negated]}));
            forms.push(json!({"$not": negated}));
            forms.push(negated);
        }
        for form in forms {
            for (key, actual) in [("a", json!({"b": 1})), ("$.a", json!({})), ("$.a[0]", json!({"a": []}))] {
                assert!(!holds(json!({key: form}), actual.clone()), "{key}: {form} on {actual}");
            }
        }
    }
}

/// Each expected element fits what another one needs: who takes the first that fits ends with nothing for the
/// last, in whatever order the two lists are walked.
#[test]
fn where_greed_fails() {
    let any = json!({"$type": "number"});
    let elements = [json!({"$any": [1, 2]}), json!({"$any": [2, 3]}), any, json!({"$any": [1]})];
    for order in permutations(4) {
        for places in permutations(4) {
            let expected: Vec<&Value> = order.iter().map(|at| &elements[*at]).collect();
            let actual: Vec<usize> = places.iter().map(|at| at + 1).collect();
            assert!(holds(json!({"$unordered": expected}), json!(actual)), "{expected:?} {actual:?}");
            assert!(holds(json!({"$contains": expected}), json!(actual)), "{expected:?} {actual:?}");
            assert!(!holds(json!({"$unordered": [1, {"$gt": 3}, {"$gt": 2}, {"$gt": 3}]}), json!(actual)));
        }
    }
}

proptest! {
    #[test]
    fn a_value_compared_as_data_matches_itself_and_nothing_else(value in any_json(), seed in any::<u64>()) {
        let scope = scope(json!({"v": value.clone()}));
        let as_data = |actual: &Value| {
            ["{{v}}", "{{ parse (json v) }}"].map(|text| {
                let expected = json!({"x": text, "y": [{"$any": [text]}, {"$exact": {"z": text}}]});
                let actual = json!({"x": actual, "y": [actual, {"z": actual}]});
                compare_in(expected, actual, &scope).is_empty()
            })
        };
        prop_assert_eq!(as_data(&value), [true, true]);
        prop_assert!(holds(written(&value), value.clone()));
        let ok = holds(json!({"$exact": {"x": written(&value)}}), json!({"x": value}));
        prop_assert!(ok);
        if let Some((spoiled, _)) = spoiled(&value, &mut fastrand::Rng::with_seed(seed)) {
            prop_assert_eq!(as_data(&spoiled), [false, false], "{}", spoiled);
            prop_assert!(!holds(written(&value), spoiled));
        }
        // Data is whole: no key and no element more.
        let more = match value {
            Value::Object(mut members) => {
                members.insert("one more".to_owned(), Value::Null);
                Value::Object(members)
            }
            other => json!([other]),
        };
        prop_assert_eq!(as_data(&more), [false, false]);
    }

    #[test]
    fn a_subset_matches_until_one_of_its_scalars_is_another(value in any_json(), seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        // An empty object of the subset would mean exactly empty, and is one in the value too.
        let part = subset(&value, &mut || random.bool());
        prop_assert!(holds(written(&part), value.clone()));
        if let Some((spoiled, at)) = spoiled(&part, &mut random) {
            let (expected, found) = (spoiled.pointer(at.as_str()).unwrap(), part.pointer(at.as_str()).unwrap());
            let document = document(&written(&spoiled));
            let told = compare(document.value().clone(), value);
            prop_assert_eq!(told.len(), 1, "{:?}", told);
            // The caret covers the scalar, and beside it stand both with their types.
            let diagnostic = told[0].explain(&document);
            let label = &diagnostic.labels[0];
            let under = document.file.slice(label.site.span);
            prop_assert_eq!(under, expected.as_str().map_or_else(|| expected.to_string(), str::to_owned));
            let typed = |value: &Value| if value.is_null() { "null".to_owned() } else { format!("{} {value}", type_name(value)) };
            prop_assert_eq!(&label.text, &format!("expected {}, found {}", typed(expected), typed(found)));
        }
    }

    #[test]
    fn unordered_is_equality_with_some_permutation(items in prop::collection::vec(any_json(), 0..6), seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut shuffled = items.clone();
        random.shuffle(&mut shuffled);
        let expected = json!({"$unordered": written(&Value::from(items))});
        prop_assert!(holds(expected.clone(), shuffled.clone().into()));
        let more = [shuffled.as_slice(), &[json!("one more")]].concat();
        prop_assert!(!holds(expected, more.into()));
    }

    #[test]
    fn unordered_holds_where_and_only_where_some_permutation_does(
        elements in prop::collection::vec(small_matcher(), 1..5),
        items in prop::collection::vec(small_json(), 1..5),
    ) {
        let expected = json!({"$unordered": elements});
        prop_assume!(problems(&expected, Root::Value).is_empty());
        let some = elements.len() == items.len() && permutations(items.len()).into_iter().any(|order| {
            let ordered: Vec<&Value> = order.iter().map(|at| &elements[*at]).collect();
            holds(json!(ordered), json!(items))
        });
        prop_assert_eq!(holds(expected, json!(items)), some);
    }

    #[test]
    fn not_inverts_on_a_node_that_is_there(a in any_json(), b in any_json(), small in small_json()) {
        for actual in [b, small] {
            if !a.is_object() {
                prop_assert_ne!(holds(written(&a), actual.clone()), holds(json!({"$not": written(&a)}), actual.clone()));
            }
            for (name, matcher) in examples() {
                let negated = json!({"$not": matcher});
                if name == "$exists" || actual == json!([]) && is_silent_on_nothing(name) {
                    continue;
                }
                let both = [holds(matcher, actual.clone()), holds(negated.clone(), actual.clone())];
                prop_assert_ne!(both[0], both[1], "{} on {}", negated, actual);
                let twice = json!({"$not": negated});
                if actual != json!([]) {
                    prop_assert_eq!(holds(twice.clone(), actual.clone()), both[0], "{} on {}", twice, actual);
                }
            }
        }
    }

    #[test]
    fn an_absent_node_fails(value in any_json()) {
        let written = written(&value);
        let mut forms = vec![written.clone(), json!({"$any": [written]}), json!({"$all": [written]})];
        if !value.is_object() {
            forms.push(json!({"$not": written}));
            forms.push(json!({"$any": [{"$not": written}, 1]}));
        }
        for form in forms {
            prop_assert!(!holds(json!({"a": form}), json!({"b": value})), "{}", form);
            prop_assert!(!holds(json!({"$.a": form}), json!({"b": value})), "{}", form);
            prop_assert!(holds(json!({"a": {"$any": [form, {"$exists": false}]}}), json!({"b": value})), "{}", form);
        }
    }

    #[test]
    fn a_second_reading_of_the_design_agrees(expected in small_matcher(), actual in small_json()) {
        let expected = json!({"a": expected});
        prop_assume!(problems(&expected, Root::Value).is_empty());
        for actual in [json!({"a": actual}), json!({"b": actual})] {
            let meant = meaning::holds(&expected, Some(&actual), false);
            prop_assert_eq!(holds(expected.clone(), actual.clone()), meant, "{} on {}", expected, actual);
        }
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
