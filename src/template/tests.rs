use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::diagnostic::Code;
use crate::source::Pointer;

fn clock() -> jiff::Timestamp {
    "2026-11-23T05:10:00.123456Z".parse().unwrap()
}

fn facts() -> Facts {
    Facts { seed: 7, now: clock, root: Arc::new(PathBuf::new()), folder: Arc::new(PathBuf::new()) }
}

fn scope(values: Value) -> Scope {
    let mut scope = Scope::new(facts());
    if let Value::Object(values) = values {
        for (name, value) in values {
            scope.set(&name, value);
        }
    }
    scope
}

fn sample() -> Scope {
    scope(json!({
        "customer": "C-1", "n": 5, "big": 9_007_199_254_740_993_u64, "f": 1.5, "yes": true, "none": null,
        "xs": [1, "b", false], "empty": [], "row": {"id": "R1", "a b": {"c": 1}, "3": "three"}, "env": {"SET": "s"},
        "elsewhere": "e", "raw": "r", "other-name": "o", "nested": "{{ customer }}", "ops": {"$exists": true},
    }))
}

fn render(text: &str) -> Value {
    Template::compile(text).unwrap().render(&sample()).unwrap()
}

fn fails(text: &str) -> RenderError {
    Template::compile(text).unwrap().render(&sample()).unwrap_err()
}

fn error(text: &str) -> TemplateError {
    let errors = Template::compile(text).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn a_whole_expression_keeps_its_type() {
    assert_eq!(render("{{n}}"), json!(5));
    assert_eq!(render("{{ big }}"), json!(9_007_199_254_740_993_u64));
    assert_eq!(render("{{none}}"), Value::Null);
    assert_eq!(render("{{xs}}"), json!([1, "b", false]));
    assert_eq!(render("{{ ops }}"), json!({"$exists": true}));
    assert_eq!(render("{{ (json xs) }}"), json!("[1,\"b\",false]"));
}

#[test]
fn text_is_never_interpreted() {
    assert_eq!(render(r"C:\Invoices\{{ customer }}\x"), json!(r"C:\Invoices\C-1\x"));
    assert_eq!(render(r"\{{n}}"), json!(r"\5"));
    assert_eq!(render("a }} b { c"), json!("a }} b { c"));
    assert_eq!(render("{\"a\":{{n}}}"), json!("{\"a\":5}"));
    assert_eq!(render("<{{customer}}&>\n {{n}} "), json!("<C-1&>\n 5 "));
    assert_eq!(render("{{ \"{{\" }}{{ '}}' }}"), json!("{{}}"));
}

#[test]
fn scalars_in_text_have_their_json_spelling() {
    assert_eq!(render("{{big}}/{{f}}/{{yes}}"), json!("9007199254740993/1.5/true"));
    for (text, what) in [("x{{none}}", "null"), ("x{{xs}}", "a list"), ("x{{row}}", "an object")] {
        let error = fails(text);
        assert_eq!(error.message, format!("{what} has no place in a text"));
        assert!(error.help.unwrap().contains("{{ json x }}"));
    }
}

#[test]
fn what_a_template_yields_is_not_rendered_again() {
    assert_eq!(render("{{nested}}"), json!("{{ customer }}"));
    assert_eq!(render("a {{nested}}"), json!("a {{ customer }}"));
}

#[test]
fn paths_go_through_objects_and_lists() {
    assert_eq!(render("{{row.id}}"), json!("R1"));
    assert_eq!(render("{{ row.[a b].c }}"), json!(1));
    assert_eq!(render("{{row.3}}"), json!("three"));
    assert_eq!(render("{{xs.1}}"), json!("b"));
    assert_eq!(render("{{xs.[0]}}"), json!(1));
    assert_eq!(render("{{elsewhere}}{{raw}}{{other-name}}"), json!("ero"));
}

#[test]
fn what_is_missing_is_an_error_with_its_name() {
    let cases = [
        ("{{ custmer }}", "custmer", "`custmer` has no value here", Some("did you mean `customer`?")),
        ("{{ row.ids }}", "row.ids", "`row` has no member `ids`", Some("did you mean `id`?")),
        ("{{ xs.3 }}", "xs.3", "`xs` is a list of 3, and has no element `3`", None),
        ("{{ xs.01 }}", "xs.01", "`xs` is a list of 3, and has no element `01`", None),
        ("{{ customer.x }}", "customer.x", "`customer` is a string, and has no members", None),
        ("{{ upper row.nope }}", "row.nope", "`row` has no member `nope`", None),
    ];
    for (text, missing, message, help) in cases {
        let error = fails(text);
        assert_eq!(error.missing.as_deref(), Some(missing));
        assert_eq!(error.message, message);
        assert_eq!(error.help.as_deref(), help);
        assert_eq!(text.get(error.at).unwrap(), missing);
    }
    let error = fails("{{ env.UNSET }}");
    assert_eq!(error.missing.as_deref(), Some("env.UNSET"));
    assert_eq!(error.message, "the environment variable UNSET is not set");
}

#[test]
fn default_takes_the_place_of_what_is_missing_and_of_nothing_else() {
    assert_eq!(render("{{ default nope 'x' }}"), json!("x"));
    assert_eq!(render("{{ default (upper row.nope) n }}"), json!(5));
    assert_eq!(render("{{ default (first empty) (default nope 1) }}"), json!(1));
    assert_eq!(render("{{ default (lookup row 'zz') 1 }}"), json!(1));
    assert_eq!(render("{{ default none 'x' }}"), Value::Null);
    assert_eq!(render("{{ default empty 'x' }}"), json!([]));
    assert!(fails("{{ default (upper n) 'x' }}").message.contains("a string is wanted"));
}

#[test]
fn the_names_used_have_their_places() {
    let text = "ä {{ row.id }} {{ default (upper a.[b c]) (lower b) }} {{uuid}}";
    let template = Template::compile(text).unwrap();
    let uses: Vec<_> = template
        .uses()
        .iter()
        .map(|u| (text.get(u.at.clone()).unwrap(), u.name.as_str(), u.optional))
        .collect();
    assert_eq!(uses, [("row.id", "row", false), ("a.[b c]", "a", true), ("b", "b", false)]);
    assert_eq!(template.uses()[1].rest, ["b c"]);
}

#[test]
fn each_helper() {
    let cases = [
        ("{{ json row.id }}", json!("\"R1\"")),
        ("{{ parse '[1, {\"a\": null}]' }}", json!([1, {"a": null}])),
        ("{{ string big }}", json!("9007199254740993")),
        ("{{ string true }}", json!("true")),
        ("{{ number '18446744073709551615' }}", json!(18_446_744_073_709_551_615_u64)),
        ("{{ number '-1.50' }}", json!(-1.5)),
        ("{{ number n }}", json!(5)),
        ("{{ lookup xs 1 }}", json!("b")),
        ("{{ lookup row (lower 'ID') }}", json!("R1")),
        ("{{ first xs }}{{ last xs }}", json!("1false")),
        ("{{ length 'äöü' }}", json!(3)),
        ("{{ length xs }}", json!(3)),
        ("{{ length row }}", json!(3)),
        ("{{ join xs ', ' }}", json!("1, b, false")),
        ("{{ split 'a,b,' ',' }}", json!(["a", "b", ""])),
        ("{{ replace 'a.b.c' '.' '' }}", json!("abc")),
        ("{{ lower 'ÄB' }}{{ upper 'ß' }}", json!("äbSS")),
        ("{{ trim '  x\\n' }}", json!("x")),
        ("{{ base64 'aä' }}", json!("YcOk")),
        ("{{ base64_decode 'YQ' }}{{ base64_decode 'YQ==' }}", json!("aa")),
        ("{{ sha256 'abc' }}", json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
        ("{{ now }}", json!("2026-11-23T05:10:00.123Z")),
        ("{{ now '-1d' }}", json!("2026-11-22T05:10:00.123Z")),
        ("{{ now '+90s' }}", json!("2026-11-23T05:11:30.123Z")),
        ("{{ random_int 3 3 }}", json!(3)),
    ];
    for (text, value) in cases {
        assert_eq!(render(text), value, "{text}");
    }
}

#[test]
fn helpers_refuse_what_does_not_fit() {
    let cases = [
        ("{{ upper n }}", "`upper`: a string is wanted here, and this is a number", "n"),
        (
            "{{ upper (json none) }}{{ trim none }}",
            "`trim`: a string is wanted here, and this is null",
            "none",
        ),
        ("{{ number '+5' }}", "`number`: `+5` is no number", "'+5'"),
        ("{{ number ' 5' }}", "`number`: ` 5` is no number", "' 5'"),
        ("{{ number '007' }}", "`number`: `007` is no number", "'007'"),
        ("{{ number 'inf' }}", "`number`: `inf` is no number", "'inf'"),
        (
            "{{ number '18446744073709551616' }}",
            "`number`: neither 64 bits nor a double holds `18446744073709551616` exactly",
            "'18446744073709551616'",
        ),
        (
            "{{ parse '[1e999]' }}",
            "`parse`: neither 64 bits nor a double holds the number 1e999 exactly",
            "'[1e999]'",
        ),
        ("{{ first empty }}", "`first`: the list is empty", "empty"),
        ("{{ lookup row 'ix' }}", "`lookup`: the object has no member `ix`", "'ix'"),
        ("{{ lookup xs 3 }}", "`lookup`: the list has 3 elements, none of them at 3", "3"),
        ("{{ split 'a' '' }}", "`split`: this is empty, and would be found everywhere", "''"),
        ("{{ base64_decode '/w==' }}", "`base64_decode`: the decoded bytes are not UTF-8 text", "'/w=='"),
        ("{{ random_int 2 1 }}", "`random_int`: 1 is less than 2", "1"),
        ("{{ random_string 5000 }}", "`random_string`: a random text has at most 4096 characters", "5000"),
        ("{{ now '1d' }}", "`now`: `1d` is no offset", "'1d'"),
        ("{{ now '+99999999999999d' }}", "`now`: `+99999999999999d` is no offset", "'+99999999999999d'"),
        ("{{ now '+999999999d' }}", "`now`: `+999999999d` leads out of the calendar", "'+999999999d'"),
        (
            "{{ file '/etc/hostname' }}",
            "`file`: `/etc/hostname` is no path relative to the scenario's folder",
            "'/etc/hostname'",
        ),
    ];
    for (text, message, place) in cases {
        let error = fails(text);
        assert_eq!((error.message.as_str(), text.get(error.at.clone()).unwrap()), (message, place));
    }
}

#[test]
fn random_values_come_from_the_seed() {
    let draw = |seed| {
        let scope = Scope::new(Facts { seed, ..facts() });
        let text = "{{ uuid }} {{ random_string 12 }} {{ random_int -5 5 }} {{ uuid }}";
        Template::compile(text).unwrap().render_text(&scope).unwrap()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let parts: Vec<String> = draw(1).split(' ').map(str::to_owned).collect();
    assert_eq!(uuid::Uuid::parse_str(&parts[0]).unwrap().get_version_num(), 4);
    assert_ne!(parts[0], parts[3]);
    assert_eq!(parts[1].len(), 12);
    assert!((-5..=5).contains(&parts[2].parse::<i64>().unwrap()));
}

#[test]
fn a_file_is_read_inside_the_suite_only() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("suite");
    std::fs::create_dir_all(root.join("scenarios")).unwrap();
    std::fs::write(root.join("data.txt"), "héllo\n").unwrap();
    std::fs::write(root.join("bytes"), b"\xff").unwrap();
    std::fs::write(root.join("large"), vec![b'a'; 1024 * 1024 + 1]).unwrap();
    std::fs::write(folder.path().join("outside.txt"), "no").unwrap();
    let facts = Facts { root: Arc::new(root.clone()), folder: Arc::new(root.join("scenarios")), ..facts() };
    let scope = Scope::new(facts);
    let read = |path: &str| Template::compile(&format!("{{{{ file '{path}' }}}}")).unwrap().render(&scope);
    assert_eq!(read("../data.txt").unwrap(), json!("héllo\n"));
    let cases = [
        ("../../outside.txt", "is outside of the suite's folder"),
        ("../bytes", "is not UTF-8 text"),
        ("../large", "is larger than 1 MiB"),
        ("../../suite", "is no file"),
        ("nope", "cannot be read: entity not found"),
    ];
    for (path, why) in cases {
        assert_eq!(read(path).unwrap_err().message, format!("`file`: `{path}` {why}"));
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("outside.txt"), root.join("link")).unwrap();
        assert!(read("../link").unwrap_err().message.ends_with("is outside of the suite's folder"));
    }
}

#[test]
fn other_parts_of_handlebars_are_refused_with_the_other_way() {
    let cases = [
        ("{{#if x}}", "a block", "`when`"),
        ("{{/if}}", "the end of a block", "`rows`"),
        ("{{> part}}", "a partial", "`use`"),
        ("{{{ x }}}", "a triple brace", "{{ x }}"),
        ("{{& x }}", "an unescaped expression", "{{ x }}"),
        ("{{~ x }}", "a trimmed expression", "trim"),
        ("{{ x ~}}", "a trimmed expression", "trim"),
        ("{{! note }}", "a comment", "`#`"),
        ("{{* deco }}", "a decorator", "`vars`"),
        ("{{^ x }}", "an inverse block", "`when`"),
        ("{{else}}", "`else`", "`when`"),
        ("{{ this }}", "`this`", "row.id"),
        ("{{ this.x }}", "`this`", "row.id"),
        ("{{ ../x }}", "`../`", "one scope"),
        ("{{ @root.x }}", "a word that begins with `@`", "one scope"),
        ("{{ upper x=1 }}", "a named parameter", "order"),
        ("{{ row/id }}", "a path with `/`", "dot"),
        ("{{ x|upper }}", "`|`", "helper first"),
        ("{{ json [1] }}", "a list or object in an expression", "`vars`"),
        ("{{{{raw}}}}", "a raw block", "never interpreted"),
    ];
    for (text, what, way) in cases {
        let error = error(text);
        assert_eq!(error.code, Code::TemplateForm, "{text} {error:?}");
        assert_eq!(error.message, format!("{what} is not used in templates here"));
        assert!(error.help.unwrap().contains(way), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_at_its_place() {
    let cases = [
        ("a {{ x", "`{{` without `}}`", "{{ x"),
        ("{{}}", "an expression without content", ""),
        ("{{ upper (x }}", "`(` without `)`", "("),
        ("{{ upper x) }}", "`)` without `(`", ")"),
        ("{{ upper () }}", "an empty parenthesis", ")"),
        ("{{ ((x)) }}", "a parenthesis directly inside another", "("),
        ("{{ (upper x) y }}", "a parenthesis cannot have parameters", "("),
        ("{{ 'a' x }}", "a text cannot have parameters", "'a'"),
        ("{{ 2024-01-01 }}", "`2024-01-01` is no name", "2024-01-01"),
        ("{{ upper }}", "`upper` has 0 of its parameters", "upper"),
        ("{{ upper x y }}", "`upper` has too many parameters", "upper"),
        ("{{ a. }}", "this expression cannot be read", " a. "),
        ("{{ upper 'a\\x' }}", "this expression cannot be read", " upper 'a\\x' "),
    ];
    for (text, message, place) in cases {
        let error = error(text);
        assert_eq!((error.code, error.message.as_str()), (Code::TemplateSyntax, message), "{text}");
        assert_eq!(text.get(error.at).unwrap(), place, "{text}");
    }
    assert_eq!(error("{{ random_int 1 18446744073709551616 }}").code, Code::InexactNumber);
    let deep = format!("{{{{ {}x{} }}}}", "(upper ".repeat(30), ")".repeat(30));
    assert!(error(&deep).message.contains("more than 20"));
    assert_eq!(error(&format!("{{{{x}}}}{}", "a".repeat(70_000))).code, Code::TooLarge);
    assert!(Template::compile(&"a".repeat(70_000)).is_ok());
}

#[test]
fn an_unknown_helper_is_named() {
    let found = error("{{ uper x }}");
    assert_eq!((found.code, found.message.as_str()), (Code::UnknownHelper, "there is no helper `uper`"));
    assert_eq!(found.help.as_deref(), Some("did you mean `upper`?"));
    assert!(error("{{ eq a b }}").help.unwrap().contains("matchers"));
    assert!(error("{{ zzzzzzzz a }}").help.unwrap().contains("`json`"));
    assert_eq!(error("{{ upper (x.y z) }}").message, "there is no helper `x.y`");
}

#[test]
fn every_problem_of_a_text_is_found() {
    let errors = Template::compile("{{#if x}}{{ uper x }}{{/if}} {{").unwrap_err();
    let codes: Vec<_> = errors.iter().map(|e| e.code).collect();
    use Code::{TemplateForm, TemplateSyntax, UnknownHelper};
    assert_eq!(codes, [TemplateForm, UnknownHelper, TemplateForm, TemplateSyntax]);
}

#[test]
fn names_that_a_variable_may_have() {
    for name in ["customer", "_x", "a-b", "größe", "elsewhere", "thisone", "x1"] {
        assert_eq!(check_name(name), Ok(()), "{name}");
        let scope = scope(json!({name: [1]}));
        assert_eq!(Template::compile(&format!("{{{{ {name} }}}}")).unwrap().render(&scope), Ok(json!([1])));
    }
    for name in [
        "", "1a", "a.b", "a b", "row", "env", "upper", "if", "log", "and", "raw", "else", "this", "$x",
        "true",
    ] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn a_tree_renders_its_strings_and_knows_its_places() {
    let value = json!({"a": ["x", "{{n}}"], "b": {"c": "{{ customer }}!", "d": 1}, "e": [1, 2]});
    let mut problems = Vec::new();
    let tree = Tree::compile(&value, &Pointer::root().key("arguments"), &mut problems);
    assert!(problems.is_empty());
    let places: Vec<_> = tree.templates().iter().map(|(at, _)| at.to_string()).collect();
    assert_eq!(places, ["/arguments/a/1", "/arguments/b/c"]);
    assert_eq!(
        tree.render(&sample()).unwrap(),
        json!({"a": ["x", 5], "b": {"c": "C-1!", "d": 1}, "e": [1, 2]})
    );
    let tree = Tree::compile(&json!({"a": ["{{ nope }}"]}), &Pointer::root(), &mut problems);
    assert_eq!(tree.render(&sample()).unwrap_err().0.as_str(), "/a/0");
    let _ = Tree::compile(&json!({"a": "{{#if}}", "{{n}}": 1}), &Pointer::root(), &mut problems);
    let codes: Vec<_> = problems.iter().map(|(at, e)| (at.as_str(), e.code)).collect();
    assert_eq!(codes, [("/a", Code::TemplateForm), ("/{{n}}", Code::TemplateHere)]);
}

/// Any JSON whose strings are no templates and whose keys are no operators but for the `$`.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    json_of("(\\{?[a-z$} ]){0,5}".boxed(), "[$a-z]{1,4}".boxed())
}

/// Any JSON at all.
fn whatever_json() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![
            any::<String>(),
            "[{}\\[\\]().\\\\'\"$@#!&~ a-z]{0,12}",
            "\\{\\{ ?(v|json|this)\\.?x ?\\}\\}"
        ]
    };
    json_of(text().boxed(), text().boxed())
}

fn json_of(texts: BoxedStrategy<String>, names: BoxedStrategy<String>) -> impl Strategy<Value = Value> {
    let edges =
        [json!(0), json!(-0.0), json!(1.0), json!(5e-324), json!(f64::MAX), json!(9_007_199_254_740_993_u64)];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        prop::sample::select(edges.to_vec()),
        texts.prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn a_whole_expression_returns_the_value_given(value in whatever_json()) {
        // Compared as written: for `Value` 1 and 1.0 differ, but 0.0 and -0.0 do not.
        let text_of = |value: &Value| serde_json::to_string(value).unwrap();
        let mut scope = Scope::new(facts());
        scope.set("v", json!({"x": value, "list": [value], "a b": {"1": value}}));
        let whole = [
            "{{v.x}}", "{{ v.x }}", "{{ (v.x) }}", "{{ v.list.0 }}", "{{ v.[a b].1 }}", "{{ default v.x 1 }}",
            "{{ default v.nope v.x }}", "{{ parse (json v.x) }}", "{{ lookup v 'x' }}", "{{ first v.list }}", "{{ last v.list }}",
        ];
        for text in whole {
            let rendered = Template::compile(text).unwrap().render(&scope).unwrap();
            prop_assert_eq!(&rendered, &value, "{}", text);
            prop_assert_eq!(text_of(&rendered), text_of(&value), "{}", text);
        }
        // Nor does it change where it stands in a tree, or is saved and used again.
        let tree = Tree::compile(&json!({"a": ["{{ v.x }}"]}), &Pointer::root(), &mut Vec::new());
        let rendered = tree.render(&scope).unwrap();
        prop_assert_eq!(text_of(&rendered), text_of(&json!({"a": [value]})));
        scope.set("saved", rendered);
        let again = Template::compile("{{ saved.a.0 }}").unwrap().render(&scope).unwrap();
        prop_assert_eq!(text_of(&again), text_of(&value));
    }

    #[test]
    fn inside_longer_text_a_value_has_its_json_spelling_or_no_place(value in whatever_json()) {
        let mut scope = Scope::new(facts());
        scope.set("v", value.clone());
        let rendered = Template::compile("<{{v}}>").unwrap().render(&scope).ok();
        let expected = match &value {
            Value::String(text) => Some(format!("<{text}>")),
            Value::Number(_) | Value::Bool(_) => Some(format!("<{value}>")),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        prop_assert_eq!(rendered, expected.map(Value::from));
        let rendered = Template::compile("<{{json v}}>").unwrap().render(&scope).unwrap();
        prop_assert_eq!(rendered, Value::from(format!("<{value}>")));
    }

    #[test]
    fn no_text_makes_compile_panic(text in any::<String>()) {
        let _ = Template::compile(&text);
    }

    #[test]
    fn no_expression_makes_compile_or_render_panic(
        words in prop::collection::vec(
            prop_oneof![
                "[\\PC]{0,4}", Just("{{".to_owned()), Just("}}".to_owned()), Just("(".to_owned()), Just(")".to_owned()),
                Just(" ".to_owned()), Just("'".to_owned()), Just("\"".to_owned()), Just("\\".to_owned()),
                Just("upper".to_owned()), Just("x".to_owned()), Just(".".to_owned()), Just("[0]".to_owned()),
                Just("else".to_owned()), Just("5".to_owned()), Just("-1E5".to_owned()), Just("=".to_owned()),
                Just("this".to_owned()), Just("random_int".to_owned()), Just("..".to_owned()), Just("/".to_owned()),
            ],
            0..14,
        ),
        inside in any::<bool>(),
    ) {
        let text = words.concat();
        let text = if inside { format!("{{{{{text}}}}}") } else { text };
        match Template::compile(&text) {
            Ok(template) => { let _ = template.render(&sample()); }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(text.get(error.at).is_some());
                }
            }
        }
    }

    #[test]
    fn text_without_braces_is_itself(text in "[^{]*") {
        prop_assert_eq!(Template::compile(&text).unwrap().render(&sample()).unwrap(), Value::from(text));
    }
}
