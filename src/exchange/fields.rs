//! The table of which verb fills which field of the exchange.

use super::Verb;

/// One field of the exchange: its name, what it is, and who fills it.
#[derive(Debug)]
pub struct Field {
    /// The key in the document.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub doc: &'static str,
    /// Its known members, where it is an object of a fixed shape.
    pub members: &'static [&'static str],
    fills: fn(Verb, Option<&str>) -> bool,
}

impl Field {
    /// Whether a verb fills it. `method` is that of a `request`, if it is known before the run.
    #[must_use]
    pub fn filled_by(&self, verb: Verb, method: Option<&str>) -> bool {
        (self.fills)(verb, method)
    }

    /// The field of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.name == name)
    }
}

fn sends(verb: Verb, _: Option<&str>) -> bool {
    verb.sends()
}

fn ends(verb: Verb, _: Option<&str>) -> bool {
    verb.sends() || verb == Verb::Await
}

fn answers(verb: Verb, _: Option<&str>) -> bool {
    verb.sends() && verb != Verb::Notify
}

fn lasts(verb: Verb, _: Option<&str>) -> bool {
    verb.sends() || matches!(verb, Verb::Await | Verb::Parallel)
}

fn uses(verb: Verb, _: Option<&str>) -> bool {
    verb == Verb::Use
}

fn is_parallel(verb: Verb, _: Option<&str>) -> bool {
    verb == Verb::Parallel
}

fn is_request_of(verb: Verb, method: Option<&str>, methods: &[&str]) -> bool {
    verb == Verb::Request && method.is_none_or(|method| methods.contains(&method))
}

fn tool_result(verb: Verb, method: Option<&str>) -> bool {
    verb == Verb::Call || is_request_of(verb, method, &["tools/call"])
}

fn has_text(verb: Verb, method: Option<&str>) -> bool {
    matches!(verb, Verb::Call | Verb::Read | Verb::Prompt)
        || is_request_of(verb, method, &["tools/call", "resources/read", "prompts/get"])
}

fn repairs(verb: Verb, _: Option<&str>) -> bool {
    verb.follows() || verb == Verb::Session
}

/// What can be sent again until it holds.
fn repeats(verb: Verb, _: Option<&str>) -> bool {
    verb.follows() || matches!(verb, Verb::Request | Verb::Http)
}

fn lists(verb: Verb, _: Option<&str>) -> bool {
    verb == Verb::List
}

fn finds(verb: Verb, _: Option<&str>) -> bool {
    matches!(verb, Verb::List | Verb::Complete)
}

/// The fields of the exchange, in the order of the document.
pub static FIELDS: &[Field] = &[
    Field {
        name: "outcome",
        doc: "How the sending ended: `answered`, `timed_out`, `closed` or `unreachable`.",
        members: &[],
        fills: ends,
    },
    Field {
        name: "phase",
        doc: "`step`, or `open` where opening the session failed.",
        members: &[],
        fills: ends,
    },
    Field {
        name: "sent",
        doc: "What was sent: `{id, method, params, headers}`, Authorization left out.",
        members: &["id", "method", "params", "headers"],
        fills: sends,
    },
    Field { name: "result", doc: "The JSON-RPC result, raw.", members: &[], fills: answers },
    Field {
        name: "error",
        doc: "The JSON-RPC error, raw: `{code, message, data}`.",
        members: &["code", "message", "data"],
        fills: answers,
    },
    Field { name: "is_error", doc: "`result.isError`, false if absent.", members: &[], fills: tool_result },
    Field { name: "structured", doc: "`result.structuredContent`.", members: &[], fills: tool_result },
    Field {
        name: "task",
        doc: "The task that was made of the call: `{id, status}`, the same in both forms.",
        members: &["id", "status"],
        fills: tool_result,
    },
    Field {
        name: "text",
        doc: "The text blocks joined with a newline; absent if there are none.",
        members: &[],
        fills: has_text,
    },
    Field {
        name: "json",
        doc: "`text` parsed as JSON; absent if it is not JSON.",
        members: &[],
        fills: has_text,
    },
    Field { name: "items", doc: "What was found, on all pages.", members: &[], fills: finds },
    Field { name: "pages", doc: "How many pages were read.", members: &[], fills: lists },
    Field {
        name: "notifications",
        doc: "`[{method, params}]` in order of arrival.",
        members: &["method", "params"],
        fills: ends,
    },
    Field {
        name: "asked",
        doc: "What the server asked and was answered: `[{method, params, result or error}]`.",
        members: &["method", "params", "result", "error"],
        fills: sends,
    },
    Field {
        name: "repairs",
        doc: "What the client did by itself, in order: `reopened`, `resumed`, `refreshed`, `waited`, `renewed`.",
        members: &[],
        fills: repairs,
    },
    Field {
        name: "wire",
        doc: "Violations of the protocol that were found: `[{check, message, pointer, section}]`.",
        members: &["check", "message", "pointer", "section"],
        fills: sends,
    },
    Field {
        name: "http",
        doc: "`{status, headers, body, events}` of the HTTP answer.",
        members: &["status", "headers", "body", "events"],
        fills: sends,
    },
    Field {
        name: "duration",
        doc: "Seconds from handing the request to the HTTP client to the whole answer.",
        members: &[],
        fills: lasts,
    },
    Field { name: "outputs", doc: "The outputs of the fragment, by name.", members: &[], fills: uses },
    Field {
        name: "order",
        doc: "The names of the steps of all branches, in the order in which they ended.",
        members: &[],
        fills: is_parallel,
    },
    Field {
        name: "steps",
        doc: "The exchanges of the named steps of all branches, by name.",
        members: &[],
        fills: is_parallel,
    },
    Field {
        name: "attempts",
        doc: "With `eventually`: how many attempts there were.",
        members: &[],
        fills: repeats,
    },
    Field { name: "protocol", doc: "The negotiated protocol version.", members: &[], fills: ends },
];
