//! Checks that one message alone cannot answer: whether a capability was declared, whether progress grows and
//! belongs to a request under way. Pure but for the table of progress tokens.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Number, Value};

use super::Version;
use crate::exchange::Check;
use crate::matcher::order_of_numbers;

/// The capability that a notification of a server uses, where the server has not declared it.
pub(super) fn undeclared(method: &str, capabilities: &Value) -> Option<&'static str> {
    let name = match method {
        "notifications/tools/list_changed" => "tools.listChanged",
        "notifications/prompts/list_changed" => "prompts.listChanged",
        "notifications/resources/list_changed" => "resources.listChanged",
        "notifications/resources/updated" => "resources.subscribe",
        "notifications/message" => "logging",
        _ => return None,
    };
    (!declares(capabilities, name)).then_some(name)
}

/// The capability that an answer to a request uses, where the server has not declared it.
pub(super) fn unoffered(version: Version, method: &str, capabilities: &Value) -> Option<&'static str> {
    // 2024-11-05 has no capability for it.
    let completes = method == "completion/complete" && version >= Version::V2025_03_26;
    Some("completions").filter(|name| completes && !declares(capabilities, name))
}

/// The capability of the client that a question of the server needs, where it was not declared.
pub(super) fn unanswerable(
    version: Version,
    method: &str,
    params: &Value,
    capabilities: &Value,
) -> Option<&'static str> {
    let lacks = |name: &'static str| (!declares(capabilities, name)).then_some(name);
    match method {
        "roots/list" => lacks("roots"),
        "sampling/createMessage" => lacks("sampling").or_else(|| {
            let tools = params.get("tools").is_some() || params.get("toolChoice").is_some();
            lacks("sampling.tools").filter(|_| tools && version >= Version::V2025_11_25)
        }),
        "elicitation/create" => lacks("elicitation").or_else(|| {
            if version < Version::V2025_11_25 {
                None
            } else if params.get("mode").and_then(Value::as_str) == Some("url") {
                lacks("elicitation.url")
            } else {
                // Without any mode the declaration means forms.
                lacks("elicitation.form").filter(|_| declares(capabilities, "elicitation.url"))
            }
        }),
        _ => None,
    }
}

fn declares(capabilities: &Value, name: &str) -> bool {
    let found = name.split('.').try_fold(capabilities, |value, part| value.get(part));
    !matches!(found, None | Some(Value::Null | Value::Bool(false)))
}

/// The progress tokens that the requests of a session gave.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<String, Token>);

#[derive(Debug)]
struct Token {
    last: Option<Number>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its request waits for its answer.
    Active,
    /// Its request was answered.
    Ended,
    /// Nothing can be said of it: several requests gave it, one was given up, or a task goes on with it.
    Free,
}

impl Tokens {
    /// A request gives a token.
    pub(super) fn give(&mut self, token: &Value) {
        let stage = match self.0.get(&key(token)).map(|token| token.stage) {
            Some(Stage::Active | Stage::Free) => Stage::Free,
            Some(Stage::Ended) | None => Stage::Active,
        };
        self.0.insert(key(token), Token { last: None, stage });
    }

    /// Its request was answered; `goes_on` where progress may still be told.
    pub(super) fn end(&mut self, token: &Value, goes_on: bool) {
        if let Some(token) = self.0.get_mut(&key(token))
            && token.stage == Stage::Active
        {
            token.stage = if goes_on { Stage::Free } else { Stage::Ended };
        }
    }

    /// What is wrong with a progress notification, by its params.
    pub(super) fn told(&mut self, params: &Value) -> Option<(Check, String)> {
        // What is missing or of another type is told by the shape.
        let given = params.get("progressToken").filter(|token| token.is_string() || token.is_number())?;
        let Some(Value::Number(now)) = params.get("progress") else { return None };
        let Some(token) = self.0.get_mut(&key(given)) else {
            return Some((
                Check::Progress,
                format!("progress came with the token `{given}`, which no request gave"),
            ));
        };
        let last = token.last.replace(now.clone());
        match token.stage {
            Stage::Free => None,
            Stage::Ended => Some((
                Check::Order,
                format!("progress of the token `{given}` came after the answer to its request"),
            )),
            Stage::Active => {
                last.filter(|last| order_of_numbers(now, last) != Ordering::Greater).map(|last| {
                    (Check::Progress, format!("progress has to grow, and `{now}` came after `{last}`"))
                })
            }
        }
    }
}

/// A number is the same number however it is written.
fn key(token: &Value) -> String {
    match token.as_f64() {
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => format!("{number:.0}"),
        _ => token.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_capability_counts_where_it_is_declared() {
        let declared =
            json!({"tools": {"listChanged": true}, "logging": {}, "resources": {"subscribe": false}});
        for (method, expected) in [
            ("notifications/tools/list_changed", None),
            ("notifications/message", None),
            ("notifications/resources/updated", Some("resources.subscribe")),
            ("notifications/resources/list_changed", Some("resources.listChanged")),
            ("notifications/prompts/list_changed", Some("prompts.listChanged")),
            ("notifications/progress", None),
            ("notifications/of/mine", None),
        ] {
            assert_eq!(undeclared(method, &declared), expected, "{method}");
        }
        assert_eq!(undeclared("notifications/message", &json!({})), Some("logging"));
        assert_eq!(undeclared("notifications/message", &Value::Null), Some("logging"));
    }

    #[test]
    fn completions_are_declared_since_there_is_a_capability_for_them() {
        let (first, second, newest) = (Version::V2024_11_05, Version::V2025_03_26, Version::V2026_07_28);
        for (version, method, declared, expected) in [
            (first, "completion/complete", json!({}), None),
            (second, "completion/complete", json!({}), Some("completions")),
            (newest, "completion/complete", json!({"completions": {}}), None),
            (newest, "tools/call", json!({}), None),
        ] {
            assert_eq!(unoffered(version, method, &declared), expected, "{version} {method} {declared}");
        }
    }

    #[test]
    fn a_question_needs_what_was_declared() {
        let (old, new) = (Version::V2025_06_18, Version::V2025_11_25);
        let (form, url) = (json!({"message": "m"}), json!({"mode": "url"}));
        let tools = json!({"tools": []});
        for (version, method, params, declared, expected) in [
            (new, "roots/list", &form, json!({}), Some("roots")),
            (new, "roots/list", &form, json!({"roots": {}}), None),
            (new, "sampling/createMessage", &form, json!({}), Some("sampling")),
            (new, "sampling/createMessage", &form, json!({"sampling": {}}), None),
            (new, "sampling/createMessage", &tools, json!({"sampling": {}}), Some("sampling.tools")),
            (old, "sampling/createMessage", &tools, json!({"sampling": {}}), None),
            (new, "sampling/createMessage", &tools, json!({"sampling": {"tools": {}}}), None),
            (new, "elicitation/create", &form, json!({}), Some("elicitation")),
            (new, "elicitation/create", &form, json!({"elicitation": {}}), None),
            (new, "elicitation/create", &form, json!({"elicitation": {"url": {}}}), Some("elicitation.form")),
            (new, "elicitation/create", &url, json!({"elicitation": {}}), Some("elicitation.url")),
            (new, "elicitation/create", &url, json!({"elicitation": {"url": {}}}), None),
            (new, "ping", &form, json!({}), None),
        ] {
            assert_eq!(
                unanswerable(version, method, params, &declared),
                expected,
                "{method} {params} {declared}"
            );
        }
    }

    #[test]
    fn progress_grows_and_belongs_to_a_request() {
        let mut tokens = Tokens::default();
        let told = |tokens: &mut Tokens, token: Value, progress: f64| {
            tokens.told(&json!({"progressToken": token, "progress": progress})).map(|(check, _)| check)
        };
        assert_eq!(told(&mut tokens, json!("a"), 1.0), Some(Check::Progress));
        tokens.give(&json!("a"));
        tokens.give(&json!(7));
        assert_eq!(told(&mut tokens, json!("7"), 1.0), Some(Check::Progress), "a text is no number");
        assert_eq!(told(&mut tokens, json!(7.0), 1.0), None);
        assert_eq!(told(&mut tokens, json!("a"), 1.0), None);
        assert_eq!(told(&mut tokens, json!("a"), 1.5), None);
        assert_eq!(told(&mut tokens, json!("a"), 1.5), Some(Check::Progress));
        assert_eq!(told(&mut tokens, json!("a"), 0.0), Some(Check::Progress));
        tokens.end(&json!("a"), false);
        assert_eq!(told(&mut tokens, json!("a"), 9.0), Some(Check::Order));
        tokens.give(&json!("a"));
        assert_eq!(told(&mut tokens, json!("a"), 0.0), None, "another request");
        tokens.give(&json!("a"));
        assert_eq!(told(&mut tokens, json!("a"), 0.0), None, "two at once: nobody can tell them apart");
        tokens.end(&json!(7), true);
        assert_eq!(told(&mut tokens, json!(7), 0.5), None, "a task goes on");
    }
}
