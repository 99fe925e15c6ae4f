//! The keys of a scenario file's documents: scenarios and fragments. Those of a step are in `step_keys`.

use super::keys::{Key, Kind, Names, Table};
use super::step_keys::STEP;

/// A scenario.
pub(super) static SCENARIO: Table = Table::new("scenario", "a scenario", &[SCENARIO_KEYS]);

const SCENARIO_KEYS: &[Key] = &[
    Key::must("scenario", Kind::Text, "The title: what holds when every step does."),
    Key::may("description", Kind::Text, "More about it, for people."),
    Key::may(
        "server",
        Kind::Choice,
        "The server of the suite that the steps meet; a template may choose it by `row`. Without it: the suite's \
         `default`, or its only server.",
    ),
    Key::may(
        "as",
        Kind::Choice,
        "The identity that the steps use: one of the server's `identities`, `default` (its own token) or \
         `anonymous` (none); a template may choose it by `row`.",
    ),
    Key::may(
        "protocol",
        Kind::Either(&Kind::Protocol, &Kind::List(&Kind::Protocol)),
        "The protocol version: `auto` (found out, as without the key), a version, or a list of them, each a case \
         of its own.",
    ),
    Key::may("tags", Kind::List(&Kind::Text), "Words to select by with `--tag`."),
    Key::may("skip", Kind::Text, "Why this scenario is not run for now: it is reported as ignored."),
    Key::may(
        "requires",
        Kind::Scope,
        "A condition: a matcher over the names that templates can see. Where it does not hold, the case is reported \
         as ignored.",
    ),
    Key::may("timeout", Kind::Duration, "How long the whole case may take."),
    Key::may(
        "vars",
        Kind::Map(Names::Variables, &Kind::Any),
        "Variables for templates, rendered in order: a later one may use an earlier one.",
    ),
    Key::may(
        "rows",
        Kind::Either(&ROW_LIST, &ROWS_FILE),
        "One case for each row, whose values templates read as `{{ row.KEY }}`: a list of mappings, or \
         `{file, name, separator}`.",
    ),
    Key::may("client", Kind::Table(&CLIENT), "What the client says of itself when it opens a session."),
    Key::may("respond", RESPOND, "Answers to what the server asks: rules, tried in order."),
    Key::may("keep_going", Kind::Flag, "With `true` the steps after a failed one are still run."),
    Key::may("checks", Kind::Table(&CHECKS), "What the implied checks do in this scenario."),
    A_DOCUMENTS_STEPS,
];

const A_DOCUMENTS_STEPS: Key = Key::must("steps", Kind::List(&A_STEP), "What is done, in order.");

static A_STEP: Kind = Kind::Table(&STEP);

/// A fragment.
pub(super) static FRAGMENT: Table = Table::new("fragment", "a fragment", &[FRAGMENT_KEYS]);

const FRAGMENT_KEYS: &[Key] = &[
    Key::must("fragment", Kind::Text, "The title: what scenarios that use it get done."),
    Key::may(
        "inputs",
        Kind::Map(Names::Variables, &Kind::Any),
        "What `use` gives it under `with`, by name: the default, or null where it has to be given.",
    ),
    Key::may(
        "outputs",
        Kind::List(&Kind::Saved),
        "The names, saved by its steps, that whoever uses it finds in `outputs` of the exchange.",
    ),
    A_DOCUMENTS_STEPS,
];

/// A row that stands in the scenario.
pub(super) static ROW: Table = Table {
    others: Some("A value that templates read as `row.KEY`. It is data: braces in it are no template."),
    ..Table::new("row", "a row", &[ROW_KEYS])
};

static A_ROW: Kind = Kind::Table(&ROW);
static ROW_LIST: Kind = Kind::List(&A_ROW);

const ROW_KEYS: &[Key] =
    &[Key::must("name", Kind::Text, "The last part of the case's name. No two rows have the same.")];

/// `rows` of a file.
pub(super) static ROWS: Table = Table::new("rows", "`rows`", &[ROWS_KEYS]);

static ROWS_FILE: Kind = Kind::Table(&ROWS);

const ROWS_KEYS: &[Key] = &[
    Key::must(
        "file",
        Kind::Text,
        "A CSV, JSON or YAML file, relative to this one, inside the suite's folder.",
    ),
    Key::must("name", Kind::Template, "A template that makes the name of a row, such as `{{ row.code }}`."),
    Key::may(
        "separator",
        Kind::Character,
        "What stands between the cells of a CSV file; a comma unless said.",
    ),
];

/// `respond`, the same for scenario and step.
pub(super) const RESPOND: Kind = Kind::List(&A_RULE);

/// One rule of `respond`.
pub(super) static RULE: Table =
    Table { one_of: &["result", "error"], ..Table::new("respond", "a rule of `respond`", &[RULE_KEYS]) };

static A_RULE: Kind = Kind::Table(&RULE);

const RULE_KEYS: &[Key] = &[
    Key::must(
        "to",
        Kind::Word(&["sampling/createMessage", "elicitation/create", "roots/list"]),
        "The method of the server's request.",
    ),
    Key::may("params", Kind::Members, "What has to hold of its params for the rule to be used: a matcher."),
    Key::may(
        "result",
        Kind::Object,
        "The result that the server gets; its templates see the server's request as `request`.",
    ),
    Key::may(
        "error",
        Kind::Object,
        "The error that the server gets in place of a result: `{code, message}`.",
    ),
    Key::may(
        "times",
        Kind::Either(&Kind::Count, &Kind::Word(&["any"])),
        "How often the rule answers: a number, 1 unless said, or `any`.",
    ),
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

const CHECKS_KEYS: &[Key] = &[
    Key::may("wire", LEVEL, "Whether the answer is a valid message of the negotiated version."),
    Key::may("output_schema", LEVEL, "Whether `structured` obeys the tool's `outputSchema`."),
    Key::may("contradiction", LEVEL, "Whether the text and the structured content of a result say the same."),
    Key::may("order", LEVEL, "Whether nothing of a request comes after its result."),
    Key::may("progress", LEVEL, "Whether progress grows, and has a token that was given."),
    Key::may("ids", LEVEL, "Whether an answer has the id of its request."),
    Key::may("capabilities", LEVEL, "Whether only what was declared is used, by both sides."),
    Key::may("echo", LEVEL, "Whether no secret comes back; `warn` unless said."),
];
