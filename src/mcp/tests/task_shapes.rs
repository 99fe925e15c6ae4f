//! The shapes of the extension for tasks.

use super::wire::{Question, notification, result};
use super::*;

#[test]
fn the_states_of_a_task_are_judged() {
    let of = |method: &'static str, more: Value| -> Vec<String> {
        let mut value = json!({"resultType": "complete"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = result(Question { version: Version::V2026_07_28, method, tasks: true }, &value);
        found.into_iter().map(|violation| format!("{} {}", violation.pointer, violation.section)).collect()
    };
    let state = |status: &str, more: Value| {
        let mut state =
            json!({"taskId": "t", "status": status, "createdAt": "c", "lastUpdatedAt": "u", "ttlMs": 5});
        state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        state
    };
    let asks = json!({"inputRequests": {"a": {"method": "roots/list"}}});
    let error = json!({"error": {"code": -1, "message": "m"}});
    for good in [
        state("working", json!({"pollIntervalMs": 1, "statusMessage": "m"})),
        state("input_required", asks),
        state("completed", json!({"result": {}})),
        state("failed", error.clone()),
        state("cancelled", json!({})),
    ] {
        assert_eq!(of("tasks/get", good), [""; 0]);
    }
    for (bad, at) in [
        (state("done", json!({})), "/result/status"),
        (state("completed", error), "/result"),
        (state("failed", json!({"error": {"code": "x", "message": "m"}})), "/result/error/code"),
        (state("input_required", json!({})), "/result"),
        (
            state("input_required", json!({"inputRequests": {"a": {"method": "ping"}}})),
            "/result/inputRequests/a/method",
        ),
        (state("working", json!({"ttlMs": "long"})), "/result/ttlMs"),
    ] {
        let found = of("tasks/get", bad.clone());
        assert_eq!(found.first().map(|found| found.split(' ').next().unwrap()), Some(at), "{bad} {found:?}");
    }
    assert_eq!(of("tasks/get", json!({"taskId": "t"})), ["/result 2026-07-28 extensions/tasks"; 4]);
    assert_eq!(of("tasks/update", json!({})), [""; 0]);
    assert_eq!(of("tasks/cancel", json!({"status": "cancelled"})).len(), 1);
    let told = json!({"method": "notifications/tasks", "params": state("working", json!({}))});
    assert_eq!(notification(Version::V2026_07_28, &told), []);
    let told = json!({"method": "notifications/tasks", "params": state("completed", json!({}))});
    assert_eq!(notification(Version::V2026_07_28, &told).len(), 1);
}
