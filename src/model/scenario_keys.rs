//! The keys of a scenario file.

use super::keys::{Key, Kind, Names, Table};
use crate::exchange::Verb;

/// A scenario.
pub(super) static SCENARIO: Table = Table::new("scenario", "a scenario", &[SCENARIO_KEYS]);

const SCENARIO_KEYS: &[Key] = &[
    Key::must("scenario", Kind::Text, "The title: what holds when every step does."),
    Key::may("description", Kind::Text, "More about it, for people."),
    Key::may(
        "server",
        Kind::Name,
        "The server of the suite that the steps meet. Without it: the suite's `default`, or its only server.",
    ),
    Key::may(
        "as",
        Kind::Name,
        "The identity that the steps use: one of the server's `identities`, `default` (its own token) or \
         `anonymous` (none).",
    ),
    Key::may(
        "protocol",
        Kind::Either(&Kind::Protocol, &Kind::List(&Kind::Protocol)),
        "The protocol version: `auto` (found out, as without the key), a version, or a list of them, each a case \
         of its own.",
    ),
    Key::may("tags", Kind::List(&Kind::Text), "Words to select by with `--tag`."),
    Key::may("skip", Kind::Text, "Why this scenario is not run for now: it is reported as ignored."),
    Key::may("timeout", Kind::Duration, "How long the whole case may take."),
    Key::may(
        "vars",
        Kind::Map(Names::Variables, &Kind::Any),
        "Variables for templates, rendered in order: a later one may use an earlier one.",
    ),
    Key::may("client", Kind::Table(&CLIENT), "What the client says of itself when it opens a session."),
    Key::may("keep_going", Kind::Flag, "With `true` the steps after a failed one are still run."),
    Key::may("checks", Kind::Table(&CHECKS), "What the implied checks do in this scenario."),
    Key::must("steps", Kind::List(&A_STEP), "What is done, in order."),
    Key::later("rows", "write one scenario for each row, several in one file with `---` between them"),
    Key::later("requires", "use `skip` with the reason, or select by `tags`"),
    Key::later("respond", "leave out what makes the server ask"),
];

/// `client`.
pub(super) static CLIENT: Table = Table::new("client", "`client`", &[CLIENT_KEYS]);

const CLIENT_KEYS: &[Key] = &[
    Key::may("capabilities", Kind::Object, "The client's capabilities, as the server gets them."),
    Key::may("info", Kind::Object, "The client's `clientInfo`, in place of callsheet's own."),
    Key::may(
        "log",
        Kind::Word(&["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]),
        "Asks the server for log messages of this level and above.",
    ),
];

/// `checks`, the same for suite, server, scenario and step.
pub(super) static CHECKS: Table = Table::new("checks", "`checks`", &[CHECKS_KEYS]);

const LEVEL: Kind = Kind::Word(&["error", "warn", "ignore"]);
const CHECK_LATER: &str = "only `wire` and `output_schema` can be set";

const CHECKS_KEYS: &[Key] = &[
    Key::may("wire", LEVEL, "Whether the answer is a valid message of the negotiated version."),
    Key::may("output_schema", LEVEL, "Whether `structured` obeys the tool's `outputSchema`."),
    Key::later("contradiction", CHECK_LATER),
    Key::later("order", CHECK_LATER),
    Key::later("progress", CHECK_LATER),
    Key::later("ids", CHECK_LATER),
    Key::later("capabilities", CHECK_LATER),
    Key::later("echo", CHECK_LATER),
];

/// A step: a verb, its operands, and what every step may have.
pub(super) static STEP: Table = Table::new("step", "a step", &[VERB_KEYS, OPERAND_KEYS, STEP_KEYS]);

static A_STEP: Kind = Kind::Table(&STEP);

/// The verbs.
pub(super) const VERB_KEYS: &[Key] = &[
    Key::may("call", Kind::Template, "Calls a tool (`tools/call`), with `arguments`."),
    Key::may(
        "list",
        Kind::Word(&["tools", "prompts", "resources", "templates"]),
        "Lists what the server offers, every page.",
    ),
    Key::may("read", Kind::Template, "Reads the resource of this URI (`resources/read`)."),
    Key::may("prompt", Kind::Template, "Gets a prompt (`prompts/get`), with `arguments`."),
    Key::may("request", Kind::Template, "Sends one request of this method, with `params` as given."),
    Key::may(
        "session",
        Kind::Word(&["open", "close"]),
        "Opens the session, anew if it is open, or closes it.",
    ),
    Key::may(
        "http",
        Kind::Table(&HTTP),
        "One raw HTTP exchange with the server's endpoint. Needs an `expect`.",
    ),
    Key::may("wait", Kind::Duration, "Waits, where there is nothing to wait for but time."),
    Key::later("complete", "use `request: completion/complete` with `params`"),
    Key::later("notify", "use `http` with the notification as its `body`"),
    Key::later("listen", "look at `notifications` of the step that causes them"),
    Key::later("await", "look at `notifications` of the step that causes them"),
    Key::later("use", "write the steps out"),
    Key::later("parallel", "write the steps one after the other"),
    Key::later("defer", "write the cleanup as last steps, with `keep_going: true`"),
];

/// The operands of verbs.
pub(super) const OPERAND_KEYS: &[Key] = &[
    Key::may("arguments", Kind::Object, "The arguments of a `call` or a `prompt`."),
    Key::may("params", Kind::Any, "The params of a `request`, as given."),
    Key::later("task", "leave it out: the call is made without a task"),
    Key::later("with", "write the steps out"),
];

pub(super) const STEP_KEYS: &[Key] = &[
    Key::may("name", Kind::Text, "What reports call the step."),
    Key::may("server", Kind::Name, "The server that this step meets, in place of the scenario's."),
    Key::may("as", Kind::Name, "The identity that this step uses, in place of the scenario's."),
    Key::may(
        "headers",
        Kind::StepHeaders,
        "HTTP headers for this step. They replace those of the protocol by name; null removes one.",
    ),
    Key::may(
        "meta",
        Kind::Map(Names::Any, &Kind::Any),
        "Members of `params._meta`. They replace those of the protocol by name; null removes one.",
    ),
    Key::may("timeout", Kind::Duration, "How long the answer may take."),
    Key::may("expect", Kind::Expect, "What has to hold of the exchange: a matcher."),
    Key::may(
        "save",
        Kind::Map(Names::Variables, &A_SAVE),
        "Names for parts of the exchange, picked by JSONPath, that later steps read as `{{ name }}`.",
    ),
    Key::may("checks", Kind::Table(&CHECKS), "What the implied checks do in this step."),
    Key::later("when", "write two scenarios"),
    Key::later("eventually", "repeat the step with a `wait` before it"),
    Key::later("respond", "leave out what makes the server ask"),
    Key::later("known_bug", "use `skip` with the reason"),
];

/// The long form of a `save`.
pub(super) static SAVE: Table = Table::new("save", "an entry of `save`", &[SAVE_KEYS]);

static SAVE_MAPPING: Kind = Kind::Table(&SAVE);
static A_SAVE: Kind = Kind::Either(&Kind::Template, &SAVE_MAPPING);

const SAVE_KEYS: &[Key] = &[
    Key::must("path", Kind::Template, "The JSONPath. It has to find exactly one node."),
    Key::may("matches", Kind::Text, "A regular expression; what its group 1 matches is saved."),
    Key::may("secret", Kind::Flag, "With `true` the value is never shown."),
    Key::may("all", Kind::Flag, "With `true` the list of all nodes is saved, however many there are."),
];

/// `http`.
pub(super) static HTTP: Table = Table::new("http", "`http`", &[HTTP_KEYS]);

const HTTP_KEYS: &[Key] = &[
    Key::must("method", Kind::Template, "The HTTP method, such as `POST`."),
    Key::may("body", Kind::Any, "The body: a string as it is, all else as JSON."),
];

/// What a verb does with the keys beside it.
#[derive(Debug)]
pub(super) struct VerbRule {
    pub(super) verb: Verb,
    /// Its operands.
    pub(super) operands: &'static [&'static str],
    /// A key that it needs, and why.
    pub(super) needs: Option<(&'static str, &'static str)>,
    /// Keys of a step that mean nothing with it, and why.
    pub(super) refuses: &'static [&'static str],
    pub(super) reason: &'static str,
}

const fn rule(verb: Verb, operands: &'static [&'static str]) -> VerbRule {
    VerbRule { verb, operands, needs: None, refuses: &[], reason: "" }
}

/// One rule for each verb.
pub(super) static VERB_RULES: &[VerbRule] = &[
    rule(Verb::Call, &["arguments"]),
    rule(Verb::List, &[]),
    rule(Verb::Read, &[]),
    rule(Verb::Prompt, &["arguments"]),
    rule(Verb::Request, &["params"]),
    VerbRule {
        refuses: &["headers", "meta"],
        reason: "a session is opened and closed with what the protocol says",
        ..rule(Verb::Session, &[])
    },
    VerbRule {
        needs: Some(("expect", "nothing is implied by a raw HTTP exchange")),
        refuses: &["meta"],
        reason: "its body is sent as it is",
        ..rule(Verb::Http, &[])
    },
    VerbRule {
        refuses: &["server", "as", "headers", "meta", "timeout", "expect", "save", "checks"],
        reason: "nothing is sent while it waits",
        ..rule(Verb::Wait, &[])
    },
];
