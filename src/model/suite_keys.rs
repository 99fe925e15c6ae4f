//! The keys of a suite file.

use super::keys::{Key, Kind, Names, Table};
use super::scenario_keys::CHECKS;
use crate::knobs::{KNOBS, PROFILE_NAMES};

/// The suite file.
pub(super) static SUITE: Table = Table::new("suite", "a suite", &[SUITE_KEYS]);

const SUITE_KEYS: &[Key] = &[
    Key::may("default", Kind::Name, "The server of scenarios that name none."),
    Key::must(
        "servers",
        Kind::Map(Names::Servers, &A_SERVER),
        "The servers that scenarios can name. Only here are addresses and credentials said.",
    ),
    Key::may(
        "scenarios",
        Kind::Either(&Kind::Text, &Kind::List(&Kind::Text)),
        "Patterns that find the scenario files, relative to the suite file: `scenarios/**/*.yaml`.",
    ),
    Key::may(
        "sets",
        Kind::Map(Names::Sets, &PATTERNS),
        "Scenarios that stand apart, by the name of the set: they are run only where the command line asks for it.",
    ),
    Key::may(
        "env",
        Kind::List(&Kind::Variable),
        "Environment variables that templates may read as `env.NAME`.",
    ),
    Key::may(
        "secrets",
        Kind::List(&Kind::Variable),
        "Environment variables that templates may read as `env.NAME`, and whose values are never shown.",
    ),
    Key::may(
        "vars",
        Kind::Map(Names::Variables, &Kind::Any),
        "Variables for the templates of every scenario, rendered in order.",
    ),
    Key::may("checks", Kind::Table(&CHECKS), "What the implied checks do."),
];

static PATTERNS: Kind = Kind::Either(&Kind::Text, &Kind::List(&Kind::Text));

/// One of `servers`.
pub(super) static SERVER: Table = Table {
    one_of: &["sandbox", "uipath", "url", "command"],
    ..Table::new("server", "a server", &[SERVER_KEYS])
};

static A_SERVER: Kind = Kind::Table(&SERVER);

const SERVER_KEYS: &[Key] = &[
    Key::may(
        "sandbox",
        Kind::Either(&Kind::Word(PROFILE_NAMES), &SANDBOX_MAPPING),
        "The embedded server, started for the run on a free loopback port.",
    ),
    Key::may(
        "uipath",
        Kind::Either(&Kind::Text, &UIPATH_MAPPING),
        "A UiPath Orchestrator MCP Server: its whole address, or the parts of it. Parts that are left out come from \
         the environment.",
    ),
    Key::may("url", Kind::Text, "The address of a server that speaks Streamable HTTP, or HTTP+SSE."),
    Key::may(
        "command",
        Kind::List(&Kind::Verbatim),
        "The command that starts a server which speaks on its stdin and stdout, as a list of words. Each session \
         starts one of its own.",
    ),
    Key::may(
        "auth",
        Kind::Secret(&AUTH),
        "Where the server's own token comes from. A `uipath` server has that of \
         `UIPATH_ACCESS_TOKEN`, or of `UIPATH_PAT`, unless said otherwise.",
    ),
    Key::may(
        "identities",
        Kind::Map(Names::Identities, &A_CREDENTIAL),
        "Further tokens by name, for `as`. `default` and `anonymous` are always there.",
    ),
    Key::may("limits", Kind::Table(&LIMITS), "How much the server is asked at once."),
    Key::may("timeouts", Kind::Table(&TIMEOUTS), "How long things may take."),
    Key::may("headers", Kind::ServerHeaders, "HTTP headers that every request carries."),
    Key::may("tls", Kind::Table(&TLS), "Whom an https server has to be, and who the client is."),
    Key::may(
        "socket",
        Kind::Text,
        "The Unix socket that the connections to the `url` are made to, relative to the suite file.",
    ),
    Key::may("insecure", Kind::Flag, "With `true` a token may be sent over plain http to another machine."),
    Key::may("checks", Kind::Table(&CHECKS), "What the implied checks do with this server."),
    Key::may(
        "integration_service",
        Kind::List(&Kind::Tool),
        "The tools that are activities of the Integration Service, by name or with `*`: `[send*Message]`. A PAT or an \
         application's token does not suffice for them: `check` warns of it, and a failure says it.",
    ),
    Key::may(
        "env",
        Kind::Map(Names::Environment, &A_SETTING),
        "Of a `command`: environment variables that it gets beside those of callsheet. A secret is named, not \
         written: `{env: NAME}`, `{file: PATH}` or `{command: [..]}`.",
    ),
    Key::may(
        "cwd",
        Kind::Text,
        "Of a `command`: the folder it runs in, relative to the suite file and that folder unless said.",
    ),
];

/// What a variable of a `command` is set to.
static A_SETTING: Kind = Kind::Either(&Kind::Verbatim, &Kind::Table(&PAT));

/// The long form of `sandbox`.
pub(super) static SANDBOX: Table = Table::new("sandbox", "`sandbox`", &[SANDBOX_KEYS]);

static SANDBOX_MAPPING: Kind = Kind::Table(&SANDBOX);

const SANDBOX_KEYS: &[Key] = &[
    Key::must("profile", Kind::Word(PROFILE_NAMES), "What it behaves like."),
    Key::may("slug", Kind::Text, "Which of its servers is meant; `orders` unless said."),
    Key::may(
        "knobs",
        Kind::Table(&KNOB_TABLE),
        "What it does where more than one thing is likely; docs/sandbox.md lists them. Servers with the same knobs \
         are in one sandbox.",
    ),
];

/// `knobs` of `sandbox`.
pub(super) static KNOB_TABLE: Table = Table::new("knobs", "`knobs`", &[KNOB_KEYS]);

const KNOB_KEYS: &[Key] = &knob_keys();

/// A key for each knob, so that there is one table of them.
#[expect(clippy::indexing_slicing, reason = "the index runs to the length, and is looked at by the compiler")]
const fn knob_keys() -> [Key; KNOBS.len()] {
    let mut keys = [const { Key::may("", Kind::Any, "") }; KNOBS.len()];
    let mut at = 0;
    while at < KNOBS.len() {
        keys[at] = Key::may(KNOBS[at].name, Kind::Knob(&KNOBS[at]), KNOBS[at].doc);
        at += 1;
    }
    keys
}

/// `uipath`.
pub(super) static UIPATH: Table =
    Table { may_be_empty: true, beside: Some("slug"), ..Table::new("uipath", "`uipath`", &[UIPATH_KEYS]) };

static UIPATH_MAPPING: Kind = Kind::Table(&UIPATH);

const UIPATH_KEYS: &[Key] = &[
    Key::may("org", Kind::Text, "The organization's name or id; that of `UIPATH_URL` unless said."),
    Key::may("tenant", Kind::Text, "The tenant's name; that of `UIPATH_URL` unless said."),
    Key::may(
        "folderKey",
        Kind::Text,
        "The folder's key, a GUID: it is in the server's address. `UIPATH_FOLDER_KEY` unless said.",
    ),
    Key::may(
        "folderPath",
        Kind::Text,
        "In place of the key: the folder's path, `Shared/Finance`. Orchestrator is asked for its key, once for each \
         run. `UIPATH_FOLDER_PATH` unless said.",
    ),
    Key::may(
        "slug",
        Kind::Text,
        "The last part of the server's address. Without any key, the whole address is `UIPATH_MCP_SERVER_URL`.",
    ),
    Key::may(
        "base",
        Kind::Text,
        "Scheme and host: `https://cloud.uipath.com`, or those of `UIPATH_URL` where that is read, unless said.",
    ),
];

/// `auth`, and each of `identities`.
pub(super) static AUTH: Table =
    Table { one_of: &["pat", "app"], ..Table::new("auth", "a credential", &[AUTH_KEYS]) };

static A_CREDENTIAL: Kind = Kind::Secret(&AUTH);

const AUTH_KEYS: &[Key] = &[
    Key::may("pat", Kind::Secret(&PAT), "A personal access token, sent as `Authorization: Bearer`."),
    Key::may(
        "app",
        Kind::Secret(&APP),
        "An external application of UiPath's: its keys are exchanged for a token, which is renewed before it runs out.",
    ),
    Key::may(
        "expires",
        Kind::Date,
        "The day on which it runs out: a warning from 14 days before, an error after it. A PAT does not say it itself.",
    ),
];

/// `app`: an external application.
pub(super) static APP: Table = Table::new("app", "`app`", &[APP_KEYS]);

const APP_KEYS: &[Key] = &[
    Key::must("id", Kind::Table(&PAT), "Where its id is, as for a `pat`."),
    Key::must("secret", Kind::Secret(&PAT), "Where its secret is, as for a `pat`."),
    Key::must(
        "scope",
        Kind::Text,
        "What the token may be used for, with spaces between: `OR.Execution OR.Jobs` to list tools and to call them.",
    ),
];

/// `pat`: where the token is.
pub(super) static PAT: Table =
    Table { one_of: &["env", "file", "command"], ..Table::new("pat", "the place of a secret", &[PAT_KEYS]) };

const PAT_KEYS: &[Key] = &[
    Key::may("env", Kind::Variable, "The environment variable that holds the token, also from `.env`."),
    Key::may("file", Kind::Text, "The file that holds the token, relative to the suite file."),
    Key::may(
        "command",
        Kind::List(&Kind::Verbatim),
        "The command that prints the token, as a list of words.",
    ),
];

/// `tls`.
pub(super) static TLS: Table = Table::new("tls", "`tls`", &[TLS_KEYS]);

const TLS_KEYS: &[Key] = &[
    Key::may(
        "ca",
        Kind::Text,
        "The file of the certificates that are trusted in place of the system's, in PEM, relative to the suite file.",
    ),
    Key::may(
        "cert",
        Kind::Text,
        "The file of the client's own certificate, in PEM, relative to the suite file.",
    ),
    Key::may("key", Kind::Text, "The file of its private key, in PEM; the file of `cert` unless said."),
];

/// `limits`.
pub(super) static LIMITS: Table = Table::new("limits", "`limits`", &[LIMITS_KEYS]);

const LIMITS_KEYS: &[Key] = &[
    Key::may("concurrency", Kind::Count, "How many cases meet the server at once."),
    Key::may("rate", Kind::Rate, "How many requests are sent in a unit of time."),
];

/// `timeouts`.
pub(super) static TIMEOUTS: Table = Table::new("timeouts", "`timeouts`", &[TIMEOUTS_KEYS]);

const TIMEOUTS_KEYS: &[Key] = &[
    Key::may("connect", Kind::Duration, "Making a connection; `30s` unless said."),
    Key::may("start", Kind::Duration, "Opening a session; `120s` unless said."),
    Key::may("step", Kind::Duration, "One step; `60s` unless said."),
];
