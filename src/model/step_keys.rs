//! The keys of a step.

use super::keys::{Key, Kind, Names, Table};
use super::scenario_keys::{CHECKS, RESPOND};

/// A step: a verb, its operands, and what every step may have.
pub(super) static STEP: Table = Table::new("step", "a step", &[VERB_KEYS, OPERAND_KEYS, STEP_KEYS]);

static A_STEP: Kind = Kind::Table(&STEP);

/// Steps in order.
static STEPS: Kind = Kind::List(&A_STEP);

/// A step, or several in order.
static ONE_OR_MORE: Kind = Kind::Either(&A_STEP, &STEPS);

/// The verbs.
pub(super) static VERB_KEYS: &[Key] = &[
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
    Key::may(
        "complete",
        Kind::Table(&COMPLETE),
        "Asks what the value of an argument could be (`completion/complete`).",
    ),
    Key::may(
        "notify",
        Kind::Template,
        "Sends one notification of this method, with `params` as given. Any 2xx is good.",
    ),
    Key::may(
        "listen",
        Kind::Table(&LISTEN),
        "Subscribes in the background, in place of what was listened to before; `{}` ends it.",
    ),
    Key::may(
        "await",
        Kind::Table(&AWAIT),
        "Takes the oldest notification of the session that matches and that no `await` took before.",
    ),
    Key::may(
        "use",
        Kind::Text,
        "Runs the steps of a fragment, with its inputs in `with`: its file, relative to this one, and `#slug` of \
         its title where the file has several fragments.",
    ),
    Key::may(
        "parallel",
        Kind::List(&ONE_OR_MORE),
        "Runs branches side by side, each a step or a list of steps. All end before it fails.",
    ),
    Key::may(
        "defer",
        Kind::Either(&A_STEP, &STEPS),
        "Cleanup: a step or a list of steps for the end of the case, last first, whatever happens. Beside another \
         verb it counts once that had a good result.",
    ),
];

/// The operands of verbs.
pub(super) static OPERAND_KEYS: &[Key] = &[
    Key::may("arguments", Kind::Object, "The arguments of a `call` or a `prompt`."),
    Key::may("params", Kind::Any, "The params of a `request` or a `notify`, as given."),
    Key::may(
        "with",
        Kind::Map(Names::Variables, &Kind::Any),
        "The inputs of the fragment of a `use`, by name.",
    ),
    Key::may(
        "task",
        Kind::Word(&["follow", "start"]),
        "Makes a task of a `call`: `follow` goes to its end, `start` returns once it exists.",
    ),
];

pub(super) static STEP_KEYS: &[Key] = &[
    Key::may("name", Kind::Text, "What reports call the step."),
    Key::may(
        "server",
        Kind::Choice,
        "The server that this step meets, in place of the scenario's; a template may choose it by `row`.",
    ),
    Key::may(
        "as",
        Kind::Choice,
        "The identity that this step uses, in place of the scenario's; a template may choose it by `row`.",
    ),
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
    Key::may(
        "timeout",
        Kind::Duration,
        "How long the answer may take; with `eventually`, that of one attempt.",
    ),
    Key::may(
        "when",
        Kind::Scope,
        "A condition: a matcher over the names that templates can see. Where it does not hold, the step is left out.",
    ),
    Key::may("eventually", Kind::Table(&EVENTUALLY), "Sends the same request again until `expect` holds."),
    Key::may("expect", Kind::Expect, "What has to hold of the exchange: a matcher."),
    Key::may(
        "save",
        Kind::Map(Names::Variables, &A_SAVE),
        "Names for parts of the exchange, picked by JSONPath, that later steps read as `{{ name }}`.",
    ),
    Key::may(
        "respond",
        RESPOND,
        "Answers to what the server asks during this step, tried before the scenario's.",
    ),
    Key::may(
        "known_bug",
        Kind::Table(&KNOWN_BUG),
        "What this step expects does not hold, and that is known: it is tolerated, and told once it holds.",
    ),
    Key::may("checks", Kind::Table(&CHECKS), "What the implied checks do in this step."),
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

/// `complete`.
pub(super) static COMPLETE: Table =
    Table { one_of: &["prompt", "resource"], ..Table::new("complete", "`complete`", &[COMPLETE_KEYS]) };

const COMPLETE_KEYS: &[Key] = &[
    Key::may("prompt", Kind::Template, "The prompt whose argument is completed."),
    Key::may(
        "resource",
        Kind::Template,
        "The URI template whose argument is completed, such as `file:///{path}`.",
    ),
    Key::must("argument", Kind::Template, "The argument's name."),
    Key::must("value", Kind::Typed, "What is typed of its value; may be empty."),
    Key::may("context", Kind::Object, "The arguments that are known already, by name."),
];

/// `listen`.
pub(super) static LISTEN: Table =
    Table { may_be_empty: true, ..Table::new("listen", "`listen`", &[LISTEN_KEYS]) };

const LISTEN_KEYS: &[Key] = &[
    Key::may("tools", Kind::Flag, "With `true`: changes of the list of tools."),
    Key::may("prompts", Kind::Flag, "With `true`: changes of the list of prompts."),
    Key::may("resources", Kind::List(&Kind::Template), "Changes of the resources of these URIs."),
];

/// `await`.
pub(super) static AWAIT: Table = Table::new("await", "`await`", &[AWAIT_KEYS]);

const AWAIT_KEYS: &[Key] = &[
    Key::must("method", Kind::Template, "The notification's method."),
    Key::may("params", Kind::Members, "What has to hold of its params: a matcher."),
];

/// `eventually`.
pub(super) static EVENTUALLY: Table = Table::new("eventually", "`eventually`", &[EVENTUALLY_KEYS]);

const EVENTUALLY_KEYS: &[Key] = &[
    Key::must("within", Kind::Duration, "How long attempts are begun."),
    Key::may("every", Kind::Duration, "The pause before the next attempt; `1s` unless said."),
    Key::may("backoff", Kind::Factor, "What the pause is multiplied by after each attempt."),
    Key::may(
        "abort",
        Kind::Expect,
        "A matcher over the exchange: where it holds, there are no more attempts, and the step fails.",
    ),
];

/// `known_bug`.
pub(super) static KNOWN_BUG: Table = Table::new("known_bug", "`known_bug`", &[KNOWN_BUG_KEYS]);

const KNOWN_BUG_KEYS: &[Key] = &[
    Key::must(
        "issue",
        Kind::Either(&Kind::Text, &Kind::Count),
        "What the bug is called: an address or a number.",
    ),
    Key::may("until", Kind::Date, "The last day on which it is tolerated, in UTC."),
    Key::may(
        "when",
        Kind::Scope,
        "Which rows or versions have it: a matcher over the names that templates can see.",
    ),
];
