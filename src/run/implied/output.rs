//! The output schemas of tools, and what is wrong by them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;

use super::SHOWN;

/// How far a pattern of a server's schema may backtrack.
const BACKTRACKS: usize = 100_000;

/// How long a check by an output schema may take. A server can write one that takes forever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tool's output schema, compiled when it is first needed.
pub(in crate::run) struct Output {
    schema: Value,
    compiled: OnceLock<Result<Validator, String>>,
    /// Whether a check took longer than [`PATIENCE`]: it is not begun again.
    slow: AtomicBool,
}

impl Output {
    /// What is wrong with the structured content of a result. It is found out on a thread of its own: schema and
    /// content are the server's, and no deadline ends a computation.
    pub(in crate::run) async fn wrong(self: Arc<Self>, structured: Option<&Value>) -> Vec<String> {
        let too_slow =
            || vec![format!("the check by the output schema takes longer than {} s", PATIENCE.as_secs())];
        let Some(structured) = structured.cloned() else {
            return vec![
                "there is no structuredContent, though the tool declares an outputSchema".to_owned(),
            ];
        };
        if self.slow.load(Ordering::Relaxed) {
            return too_slow();
        }
        let output = Arc::clone(&self);
        let check = tokio::task::spawn_blocking(move || output.errors(&structured));
        match tokio::time::timeout(PATIENCE, check).await {
            Ok(found) => found.unwrap_or_else(|_| vec!["the check by the output schema failed".to_owned()]),
            Err(_) => {
                self.slow.store(true, Ordering::Relaxed);
                too_slow()
            }
        }
    }

    fn errors(&self, value: &Value) -> Vec<String> {
        let compile = || {
            jsonschema::options()
                // Patterns of a schema may look around; how long that may take is bounded.
                .with_pattern_options(jsonschema::PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS))
                .build(&self.schema)
                .map_err(|error| error.to_string())
        };
        match self.compiled.get_or_init(compile) {
            Err(error) => vec![format!("the schema itself is not valid: {error}")],
            Ok(validator) => validator
                .iter_errors(value)
                .take(SHOWN + 1)
                .map(|error| {
                    let at = error.instance_path().to_string();
                    if at.is_empty() { error.to_string() } else { format!("{error} at {at}") }
                })
                .collect(),
        }
    }
}

/// The output schemas of a run.
#[derive(Default)]
pub(in crate::run) struct Outputs(Mutex<HashMap<String, Known>>);

/// The schema of a tool, and the listing that has it.
type Known = (Arc<Vec<Value>>, Option<Arc<Output>>);

impl Outputs {
    /// The schema of a tool by a listing of the tools; `key` names server, identity, version and tool.
    pub(in crate::run) fn of(&self, key: String, tool: &str, tools: &Arc<Vec<Value>>) -> Option<Arc<Output>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((listing, output)) = known.get(&key)
            && Arc::ptr_eq(listing, tools)
        {
            return output.clone();
        }
        let named = |item: &&Value| item.get("name").and_then(Value::as_str) == Some(tool);
        let schema = tools.iter().find(named).and_then(|tool| tool.get("outputSchema")).cloned();
        let output = |schema| Output { schema, compiled: OnceLock::new(), slow: AtomicBool::new(false) };
        let output = schema.map(output).map(Arc::new);
        known.insert(key, (Arc::clone(tools), output.clone()));
        output
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(schema: Value) -> Arc<Output> {
        let tools = Arc::new(vec![json!({"name": "tool", "outputSchema": schema})]);
        Outputs::default().of("server tool".to_owned(), "tool", &tools).unwrap()
    }

    #[test]
    fn a_listing_that_was_made_again_has_other_schemas() {
        let outputs = Outputs::default();
        let of = |tools: &Arc<Vec<Value>>| outputs.of("server tool".to_owned(), "tool", tools);
        let none = Arc::new(vec![json!({"name": "tool"})]);
        let one = Arc::new(vec![json!({"name": "other"}), json!({"name": "tool", "outputSchema": true})]);
        assert!(of(&none).is_none());
        assert!(Arc::ptr_eq(&of(&one).unwrap(), &of(&one).unwrap()));
        assert!(of(&none).is_none());
    }

    async fn wrong(schema: Value) -> Vec<String> {
        output(schema).wrong(Some(&json!({"a": "b"}))).await
    }

    #[tokio::test]
    async fn a_schema_that_refers_to_itself_ends() {
        assert!(wrong(json!({"$ref": "#"})).await.is_empty());
        let there = json!({"$ref": "#/$defs/b"});
        let back = json!({"$ref": "#/$defs/a"});
        assert!(wrong(json!({"$ref": "#/$defs/a", "$defs": {"a": there, "b": back}})).await.is_empty());
    }

    #[tokio::test]
    async fn a_schema_makes_nobody_fetch_or_compute_without_end() {
        for (schema, reason) in [
            (json!({"$ref": "http://127.0.0.1:1/x.json"}), "is not present in a registry"),
            (json!({"$ref": "file:///etc/passwd"}), "is not present in a registry"),
            (json!({"$schema": "http://127.0.0.1:1/x.json"}), "Unknown meta-schema"),
            (json!({"properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}}), "is not a \"regex\""),
        ] {
            let wrong = wrong(schema).await;
            assert!(wrong[0].starts_with("the schema itself is not valid: "), "{wrong:?}");
            assert!(wrong[0].contains(reason), "{wrong:?}");
        }
    }

    #[test]
    fn a_check_without_end_holds_nobody() {
        // Each level doubles the work.
        let level = |n: usize| {
            let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
            (format!("a{n}"), json!({"anyOf": [next, next]}))
        };
        let mut defs: serde_json::Map<String, Value> = (0..60).map(level).collect();
        defs.insert("a60".to_owned(), json!({"type": "string"}));
        let schema = json!({"$ref": "#/$defs/a0", "$defs": defs});
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let output = output(schema);
        for _ in 0..2 {
            let wrong = runtime.block_on(Arc::clone(&output).wrong(Some(&json!({}))));
            assert_eq!(wrong, ["the check by the output schema takes longer than 5 s"]);
        }
        runtime.shutdown_background();
    }
}
