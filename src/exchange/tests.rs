//! The document of an exchange.

use super::*;

fn call(result: Value) -> Exchange {
    Exchange {
        sent: Some(Sent { id: Some(7), method: "tools/call".into(), params: json!({}), headers: Vec::new() }),
        answer: Answer { result: Some(result), error: None },
        ..Exchange::default()
    }
}

#[test]
fn text_blocks_are_joined_and_parsed() {
    let exchange = call(json!({"content": [
        {"type": "text", "text": "{\"a\":"}, {"type": "image", "data": ""}, {"type": "text", "text": "1}"}]}));
    assert_eq!(exchange.document()["text"], "{\"a\":\n1}");
    assert_eq!(exchange.document()["json"], json!({"a": 1}));
    assert_eq!(exchange.document()["is_error"], false);
}

#[test]
fn what_is_absent_is_not_in_the_document() {
    let exchange = call(json!({"content": []}));
    for name in ["text", "json", "structured", "error", "http", "items"] {
        assert!(exchange.document().get(name).is_none(), "{name}");
    }
}

#[test]
fn an_inexact_number_in_the_text_is_known_by_its_place() {
    let text = "{\"n\": 123456789012345678901234567890}";
    let exchange = call(json!({"content": [{"type": "text", "text": text}]}));
    assert_eq!(exchange.document()["json"]["n"], "123456789012345678901234567890");
    assert_eq!(exchange.view().inexact, ["/json/n"]);
    let part = exchange.part(&["json"]);
    assert_eq!((part.value.as_object().unwrap().len(), part.inexact), (1, vec!["/json/n".to_owned()]));
}

#[test]
fn every_field_of_the_table_is_one_that_some_verb_fills() {
    for field in FIELDS {
        assert!(Verb::ALL.iter().any(|verb| field.filled_by(*verb, None)), "{}", field.name);
    }
}

#[test]
fn a_step_with_steps_in_it_fills_what_the_table_says() {
    let branches = Inner::Branches { order: vec!["a".into()], steps: Map::new() };
    for (verb, inner) in [(Verb::Use, Inner::Outputs(Map::new())), (Verb::Parallel, branches)] {
        let exchange = Exchange { inner: Some(inner), ..Exchange::default() };
        let filled = FIELDS.iter().filter(|field| field.filled_by(verb, None)).map(|field| field.name);
        let mut there: Vec<&str> =
            exchange.document().as_object().unwrap().keys().map(String::as_str).collect();
        let mut filled: Vec<&str> = filled.collect();
        there.sort_unstable();
        filled.sort_unstable();
        assert_eq!(there, filled);
    }
}

#[test]
fn a_header_that_came_twice_is_joined() {
    let value = headers_value(&[("A".into(), "1".into()), ("a".into(), "2".into())]);
    assert_eq!(value, json!({"a": "1, 2"}));
}
