use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::{Style, render_all};
use crate::source::Pointer;

fn file(text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile::new("scenarios/a.yaml", text))
}

fn one(text: &str) -> Document {
    let mut documents = parse(&file(text)).unwrap_or_else(|e| panic!("{}", render_all(&e, Style::Plain)));
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

/// The places of all nodes.
fn pointers(document: &Document) -> Vec<Pointer> {
    fn add(value: &Value, at: Pointer, found: &mut Vec<Pointer>) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| add(item, at.index(index), found))
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| add(member, at.key(name), found))
            }
            _ => {}
        }
        found.push(at);
    }
    let mut found = Vec::new();
    add(document.value(), Pointer::root(), &mut found);
    found
}

fn value_at<'a>(document: &'a Document, at: &str) -> &'a str {
    let found = document
        .spans
        .get(&pointers(document).into_iter().find(|pointer| pointer.as_str() == at).unwrap())
        .unwrap();
    document.file.slice(found.value)
}

fn key_at<'a>(document: &'a Document, at: &str) -> &'a str {
    let found = document
        .spans
        .get(&pointers(document).into_iter().find(|pointer| pointer.as_str() == at).unwrap())
        .unwrap();
    document.file.slice(found.key.unwrap())
}

fn replaced(text: &str, span: Span, new: &str) -> String {
    format!("{}{new}{}", text.get(..span.start).unwrap(), text.get(span.end..).unwrap())
}

/// What is printed for a file, warnings included.
fn messages(text: &str) -> String {
    match read(&file(text)) {
        Ok(parsed) => render_all(&parsed.warnings, Style::Plain),
        Err(found) => render_all(&found, Style::Plain),
    }
}

#[test]
fn a_scenario_is_read_with_the_place_of_every_node() {
    let document = one(concat!(
        "scenario: An invoice # a comment\n",
        "\"quoted \\\"key\\\"\": 'it''s'\n",
        "é: ü\n",
        "steps:\n",
        "  - call: createInvoice\n",
        "    arguments: {amount: 1250.5, tags: [a, \"b\"]}\n",
        "    text: |-\n",
        "      first\n",
        "      second\n",
        "\n",
        "  - read: invoice://{{ invoice }}/state\n",
        "    none:\n",
    ));
    assert_eq!(
        *document.value(),
        json!({
            "scenario": "An invoice", "quoted \"key\"": "it's", "é": "ü",
            "steps": [
                {"call": "createInvoice", "arguments": {"amount": 1250.5, "tags": ["a", "b"]}, "text": "first\nsecond"},
                {"read": "invoice://{{ invoice }}/state", "none": null},
            ],
        })
    );
    for (at, text) in [
        ("", "scenario: An invoice"),
        ("/scenario", "An invoice"),
        ("/quoted \"key\"", "'it''s'"),
        ("/é", "ü"),
        ("/steps", "- call: createInvoice"),
        ("/steps/0", "call: createInvoice"),
        ("/steps/0/arguments", "{amount: 1250.5, tags: [a, \"b\"]}"),
        ("/steps/0/arguments/amount", "1250.5"),
        ("/steps/0/arguments/tags/1", "\"b\""),
        ("/steps/0/text", "|-\n      first\n      second"),
        ("/steps/1/read", "invoice://{{ invoice }}/state"),
        ("/steps/1/none", ""),
    ] {
        assert_eq!(value_at(&document, at), text, "{at}");
    }
    assert_eq!(key_at(&document, "/quoted \"key\""), "\"quoted \\\"key\\\"\"");
    assert_eq!(key_at(&document, "/steps/0/arguments/tags"), "tags");
    assert_eq!(
        document.site(&Pointer::root().key("steps").index(1).key("none")).to_string(),
        "scenarios/a.yaml:12:10"
    );
}

#[test]
fn documents_marks_and_line_ends() {
    let documents =
        parse(&file("\u{feff}a: é\r\n---\r\nb: \"x\r\n  y\"\r\n...\r\n---\r\nc: |\r\n  l\r\n\r\nd: 1\r\n"))
            .unwrap();
    let values: Vec<_> = documents.iter().map(|d| d.value().clone()).collect();
    assert_eq!(values, [json!({"a": "é"}), json!({"b": "x y"}), json!({"c": "l\n", "d": 1})]);
    assert_eq!(value_at(&documents[0], "/a"), "é");
    assert_eq!(documents[0].site(&Pointer::root().key("a")).to_string(), "scenarios/a.yaml:1:4");
    assert_eq!(value_at(&documents[1], "/b"), "\"x\r\n  y\"");
    assert_eq!(value_at(&documents[2], "/c"), "|\r\n  l");
    assert_eq!(value_at(&documents[2], "/d"), "1");
}

#[test]
fn repeated_values_stand_at_their_alias() {
    let document = one(
        "base: &b {x: 1, y: [2]}\ncopy: *b\nmerged:\n  <<: *b\n  x: 3\n  z: 4\nmany: {<<: [{p: 1}, {p: 2, q: 3}]}\n",
    );
    assert_eq!(
        *document.value(),
        json!({
            "base": {"x": 1, "y": [2]}, "copy": {"x": 1, "y": [2]},
            "merged": {"y": [2], "x": 3, "z": 4}, "many": {"p": 1, "q": 3},
        })
    );
    assert_eq!(value_at(&document, "/copy"), "*b");
    assert_eq!(value_at(&document, "/copy/y/0"), "*b");
    assert_eq!(key_at(&document, "/copy/y"), "*b");
    assert_eq!(value_at(&document, "/merged/y/0"), "*b");
    assert_eq!(value_at(&document, "/merged/x"), "3");
    assert_eq!(value_at(&document, "/many/q"), "3");
    assert_eq!(*one("&k a: *k\n").value(), json!({"a": "a"}));
}

#[test]
fn keys_are_text() {
    assert_eq!(
        *one("1: a\ntrue: b\n~: c\n\"<<\": d\n1.10: e\n").value(),
        json!({"1": "a", "true": "b", "~": "c", "<<": "d", "1.10": "e"})
    );
}

#[test]
fn big_numbers_survive() {
    let text = "[9007199254740993, 18446744073709551615, -9223372036854775808, 31.245270191439438, 961581.4008402061]";
    assert_eq!(one(text).value().to_string(), text.replace(", ", ","));
}

#[test]
fn tags_of_yaml() {
    assert_eq!(
        *one("a: !!str 12\nb: !!int 3\nc: ! 4\nd: !!map {}\ne: !!null\nf: !!float 1\n").value(),
        json!({"a": "12", "b": 3, "c": "4", "d": {}, "e": null, "f": 1})
    );
}

#[test]
fn growth_is_bounded() {
    let code = |text: &str| parse(&file(text)).unwrap_err().iter().map(|d| d.code).collect::<Vec<_>>();
    assert_eq!(code(&"a".repeat(MAX_SIZE + 1)), [Code::TooLarge]);
    assert_eq!(code(&format!("{}{}", "[".repeat(65), "]".repeat(65))), [Code::TooLarge]);
    assert_eq!(code(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))), [Code::TooLarge]);
    one(&format!("{}{}", "[".repeat(64), "]".repeat(64)));
    assert_eq!(code(&format!("[{}]", "1,".repeat(100_001))), [Code::TooLarge]);
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in [("b", "*a"), ("c", "*b"), ("d", "*c"), ("e", "*d"), ("f", "*e"), ("g", "*f")] {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", [of; 10].join(", ")));
    }
    assert_eq!(code(&bomb), [Code::TooLarge]);
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(50));
    assert_eq!(code(&text), [Code::TooLarge]);
    // Each level is a copy of all that are in it.
    let nested = (0..60).fold("1,".repeat(20_000), |inner, n| format!("&a{n} [{inner}]"));
    assert_eq!(code(&nested), [Code::TooLarge]);
}

/// Each trap: a name for its golden file, and a file that falls into it.
const TRAPS: &[(&str, &str)] = &[
    (
        "unquoted_braces",
        "a: {{ x }}\nb: {{ base }}/path # why\nc: {{ default x \"y\" }}\nd: [1, {{ q }}, {{ r }}/s]\ne: {f: {{ lookup a \"b,c\" }}}\n{{ k }}: 1\n",
    ),
    (
        "split_scalar",
        "a: {b: /x/{{ id }}/y, c: x{y}}\nd: [^INV-\\d{4}$]\ne: [A-Z]+\\d\nf: {id}/state\ng: [0-9]{4} # years\nread: invoice://{id}/state\n",
    ),
    (
        "split_path",
        "a: {$.items[0].id: 1, b: 2}\nc: {$.items[*].name: x, d: {$.e[?@.f == 1]['g h']: y}}\ni: [$.j[*], k]\nl: {[*]: 1}\n",
    ),
    (
        "cut_by_comment",
        "scenario: Ticket #12\ncount: 1 # one\nlist: [a #b\n  , c]\nlong: a\n  b #c\ncolour: #ff0000\nitems:\n  - #1\n",
    ),
    ("cut_in_the_middle", "a: b # c\n  d\n"),
    (
        "respelt_number",
        "phone: +491701234567\nhex: 0x1F\noctal: 0o17\nexponent: 1e3\ntext: 0755\nprice: 1.10\n",
    ),
    ("inexact_number", "a: 123456789012345678901234567890\nb: 0.10000000000000000555\nc: .inf\nd: 1e400\n"),
    ("unknown_tag", "a: !secret x\nb: !!int z\nc: !important\nd: !a!b c\n"),
    ("duplicate_key", "a: 1\nb: {c: 1, c: 2}\na: 3\n"),
    ("yaml_tab", "a:\n  b:\n\tc: 1\n\td: 2\n"),
    ("yaml_tab_block", "a: |\n\tb\n"),
    ("empty_document", "---\n---\na: 1\n---\n"),
    ("empty_file", "# nothing but a comment\n"),
    ("second_colon", "scenario: Invoice: created\nwhy: it is so: yes\n"),
    ("continued", "a:\n  b: 1\n   c: 2\n"),
    ("bad_escape", "a: \"^INV-\\d+$\"\nb: \"it's \\d\"\nc: \"\\\\x \\d\"\nd: \"\\ud800\"\n"),
    ("reserved", "a: @x\nb: `x`\nc: %x\nd: |x\ne: ,x\n"),
    ("unknown_alias", "scenarios: **/*.yaml\nb: *nope\n"),
    ("unclosed", "a: [b, c\n---\nd: \"e\n---\nf: {{ x }}\n"),
    ("brackets", "a: ]\n---\nb: {c]\n---\nd: [e: {f g: h}\n"),
    ("quotes", "a: 'it's'\n---\nb: \"c\" d\n"),
    ("indentation", "a:\n  - x\n b: 1\n---\n- a\nb: 1\n---\na: - b\n---\na: x\nb\n"),
    ("keys", "? [a]\n: b\n: c\n? {d: e}\n: f\n"),
    ("merge", "<<: 1\na: &x [*x]\n"),
    (
        "too_deep",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
    ),
];

#[test]
fn every_trap_says_what_is_meant() {
    for (name, text) in TRAPS {
        insta::assert_snapshot!(*name, messages(text));
    }
}

#[test]
fn a_fix_mends_what_it_is_for() {
    for (name, text) in TRAPS {
        let found = match read(&file(text)) {
            Ok(parsed) => parsed.warnings,
            Err(found) => found,
        };
        for diagnostic in &found {
            let Some(fix) = &diagnostic.fix else { continue };
            let mended = replaced(text, fix.site.span, &fix.text);
            let left = match read(&file(&mended)) {
                Ok(parsed) => parsed.warnings,
                Err(found) => found,
            };
            let line = |d: &Diagnostic| d.site().unwrap().position().line;
            assert!(
                !left.iter().any(|d| d.code == diagnostic.code && line(d) == line(diagnostic))
                    || left.len() < found.len(),
                "{name}: {mended}"
            );
        }
    }
}

#[test]
fn warnings_refuse_nothing() {
    let parsed = read(&file("phone: +49170\n")).unwrap();
    assert_eq!(*parsed.documents[0].value(), json!({"phone": 49170}));
    assert_eq!(parsed.warnings.len(), 1);
    assert!(!parsed.warnings[0].is_error());
}

#[test]
fn a_comment_after_a_value_is_left_in_peace() {
    for text in [
        "a: b # c\n",
        "a: b  #\n",
        "a: \"b\" #c\n",
        "a: b#c\n",
        "a: #c\n  b\n",
        "#a\nb: c\n",
        "a: b ##\n",
        "a: b #- - -\n",
        "a: # none\nb: #c\n  d: e\n",
    ] {
        assert!(parse(&file(text)).is_ok(), "{text}");
    }
}

/// Nothing panics, and every place lies in the text and cuts no character.
fn is_sound(text: &str) -> Result<(), TestCaseError> {
    let file = file(text);
    let inside = |span: Span| span.start <= span.end && text.get(span.start..span.end).is_some();
    let found = match read(&file) {
        Ok(parsed) => {
            prop_assert!(!parsed.documents.is_empty());
            for document in &parsed.documents {
                let all = pointers(document);
                prop_assert_eq!(document.spans.values().count(), all.len());
                let lean = document.lean();
                prop_assert_eq!(lean.value(), document.value());
                for at in &all {
                    let node = document.spans.get(at).unwrap();
                    prop_assert!(inside(node.value), "{at}");
                    prop_assert!(node.key.is_none_or(inside), "{at}");
                    prop_assert!(document.get(at).is_some(), "{at}");
                    says_itself(document, at)?;
                }
            }
            prop_assert!(!parsed.warnings.iter().any(Diagnostic::is_error));
            parsed.warnings
        }
        Err(found) => {
            prop_assert!(found.iter().any(Diagnostic::is_error));
            found
        }
    };
    for diagnostic in &found {
        let sites =
            diagnostic.labels.iter().map(|label| &label.site).chain(diagnostic.fix.as_ref().map(|f| &f.site));
        for site in sites {
            prop_assert!(inside(site.span), "{:?}", diagnostic);
        }
    }
    prop_assert!(found.is_empty() || !render_all(&found, Style::Plain).is_empty());
    Ok(())
}

/// The text at a scalar's place, read alone, is the scalar again.
fn says_itself(document: &Document, at: &Pointer) -> Result<(), TestCaseError> {
    let (Some(value), Some(node)) = (document.get(at), document.spans.get(at)) else { return Ok(()) };
    let text = document.file.slice(node.value);
    // An alias is no text of its own, a tag stands outside of the text, and nobody ends lines with `\r` alone.
    if document.file.text().replace("\r\n", "").contains('\r') {
        return Ok(());
    }
    let alone = !text.starts_with(['*', '|', '>'])
        && !text.contains(['\n', '\r'])
        && !document.file.text().contains('!');
    if value.is_object() || value.is_array() || !alone {
        return Ok(());
    }
    let again = parse(&file(&format!("k: {text}\n")));
    let again = again.map(|documents| documents[0].value()["k"].clone());
    let again = again.ok();
    prop_assert_eq!(again.as_ref(), Some(value), "{:?} at {}", text, at);
    Ok(())
}

const SAMPLE: &str = "# c\nscenario: Ticket 12 # c\ntags: [smoke, \"a b\", 'c']\nvars: {x: 1, é: \"ü\\n\"}\nsteps:\n  - call: t\n    arguments: &a\n      in_x: \"{{ x }}\"\n      n: -1.5\n  - use: *a\n    <<: *a\n    text: |\n      l1\n\n      l2\n    fold: >-\n     f\n---\nb: !!str 1\n? c\n: d\n";

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |f| serde_json::Number::from_f64(f).map(Value::Number)),
        "[ -~é\u{1F600}\n]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[ -~é]{0,8}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value in block style, its scalars as JSON.
fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                text.push_str(&format!("\n{pad}{}:", Value::from(name.as_str())));
                block(member, indent + 2, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.push_str(&format!("\n{pad}-"));
                block(item, indent + 2, text);
            }
        }
        other => text.push_str(&format!(" {other}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        is_sound(&text)?;
    }

    #[test]
    fn yaml_like_text_is_read_or_refused(text in "[a-c01.+é\u{feff} \t\r\n:#{}\\[\\],&*!|>'\"%@`?<~\\\\-]{0,40}") {
        is_sound(&text)?;
    }

    #[test]
    fn lines_of_yaml_are_read_or_refused(
        lines in prop::collection::vec("( {0,6})(- |\\? )?([ab]|\"q\"|\\{\\{ x \\}\\})?(:)?( )?(&a |\\*a|!!str )?([a-d1]|\\[a, b\\]|\\{a: b\\}|\\{\\{ x \\}\\}|x\\{y\\}|\\||>-|\\*a|'s'|\"é\"| #c|\\[|\\{|---)?", 0..8)
    ) {
        is_sound(&lines.join("\n"))?;
    }

    #[test]
    fn a_mangled_file_is_read_or_refused(at in 0..SAMPLE.len(), cut in 0..8_usize, put in "[a1 \n\t:#{}\\[\\],&*!|>'\"-]{0,3}") {
        let start = (0..=at).rev().find(|at| SAMPLE.is_char_boundary(*at)).unwrap();
        let end = (at + cut..).find(|end| *end >= SAMPLE.len() || SAMPLE.is_char_boundary(*end)).unwrap().min(SAMPLE.len());
        is_sound(&replaced(SAMPLE, Span::new(start, end), &put))?;
    }

    #[test]
    fn json_is_read_as_itself(value in json_value()) {
        let mut indented = String::new();
        block(&value, 0, &mut indented);
        for text in [value.to_string(), format!("{value:#}"), indented] {
            let documents = parse(&file(&text)).map_err(|e| TestCaseError::fail(render_all(&e, Style::Plain)))?;
            prop_assert_eq!(documents[0].value(), &value, "{}", text);
            is_sound(&text)?;
        }
    }
}
