//! From what was found to what is likely the cause: one table, by its rows. Pure: no clock, no network.
//!
//! Each row is a function from the findings to a cause, or to none; [`RULES`] is the list of them. What UiPath documents
//! and what was read is said plainly, all else as likely, or beside what looks alike from outside.

mod calling;
mod facts;
mod hosting;
mod listing;
mod offline;
mod refused;
#[cfg(test)]
mod tests;
mod way;

use super::Findings;
use super::findings::Probe;

/// What is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The row of the table.
    pub row: Row,
    /// How much it matters.
    pub weight: Weight,
    /// How sure it is.
    pub certainty: Certainty,
    /// The cause, in a sentence without a full stop.
    pub message: String,
    /// How it was told: what was met where.
    pub evidence: Vec<String>,
    /// What to do next, the best first.
    pub next: Vec<String>,
}

/// How much a cause matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It is as it should be, and somebody may wonder.
    Note,
    /// It works now, and will not for ever or not for all.
    Warning,
    /// It keeps the server from being used.
    Problem,
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// One of several that look alike from outside.
    Possible,
    /// Inferred from what several probes met.
    Likely,
    /// It was read, or UiPath documents it.
    Certain,
}

macro_rules! rows {
    ($($name:ident = $number:literal, $code:literal, $doc:literal;)*) => {
        /// A row of the table of causes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Row {
            $(#[doc = $doc] $name,)*
        }

        impl Row {
            /// Every row, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its number in the table.
            #[must_use]
            pub fn number(self) -> u8 {
                match self { $(Self::$name => $number),* }
            }

            /// Its name in JSON and in the docs.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }
        }
    };
}

rows! {
    NoToken = 1, "no-token", "There is no token.";
    DamagedToken = 2, "damaged-token", "The token was not copied whole, or something was copied with it.";
    ExpiredLogin = 3, "expired-login", "The token is a JWT that has run out.";
    WrongAudience = 4, "wrong-audience", "The token is a JWT for somebody else.";
    OldPrefix = 5, "old-prefix", "The address has the form of before June 2025.";
    NoFolderKey = 6, "no-folder-key", "The address has no folder key.";
    FolderNotKey = 7, "folder-not-key", "A folder's path or number stands where its key belongs.";
    Placeholder = 8, "placeholder", "Something in the address was not filled in, or does not belong there.";
    TokenRefused = 9, "token-refused", "The token is accepted nowhere.";
    WrongSegment = 10, "wrong-segment", "The token is good, and a part of the address is not.";
    WrongTenant = 11, "wrong-tenant", "The organization or the tenant is not the token's.";
    NoExecutionScope = 12, "no-execution-scope", "The token lacks OR.Execution.";
    NoJobsScope = 13, "no-jobs-scope", "The token lacks OR.Jobs.";
    NoJobsCreate = 14, "no-jobs-create", "Jobs can be read and not started.";
    NoView = 15, "no-view", "The user lacks MCPServers.View in the folder.";
    Intersection = 16, "intersection", "Other folders work with the same token.";
    AppNotAssigned = 17, "app-not-assigned", "The external application is not assigned to the folder.";
    IntegrationService = 18, "integration-service", "The tool is an activity of the Integration Service.";
    NoPatForUser = 19, "no-pat-for-user", "The account is of a kind that has no PATs.";
    MachineCredentials = 20, "machine-credentials", "The application's credentials are a machine's.";
    NotAcceptable = 21, "not-acceptable", "The request did not say which answers it accepts.";
    PostOnly = 22, "post-only", "GET is refused, as it should be.";
    StartFailed = 23, "start-failed", "The server's own process could not start.";
    ColdStart = 24, "cold-start", "The server is started on demand.";
    Disconnected = 25, "disconnected", "A self-hosted server is not running.";
    SessionLost = 26, "session-lost", "The session was lost.";
    JobLimit = 27, "job-limit", "A serverless job was stopped at its limit.";
    NoMachine = 28, "no-machine", "There is no machine for the job.";
    RateLimit = 29, "rate-limit", "Too many requests.";
    NoTools = 30, "no-tools", "The server shows no tools.";
    BadArguments = 31, "bad-arguments", "The arguments are not those of the tool.";
    NotMcp = 32, "not-mcp", "The answer is not of the protocol.";
    Network = 33, "network", "The server cannot be reached.";
    ExpiryUnknown = 34, "expiry-unknown", "The token will end, and nobody will be told.";
}

/// What a row says of the findings, if anything.
type Tell = fn(&Findings) -> Option<Cause>;

/// A row with its function, and the rows that mean nothing any more where it is likely the cause.
struct Rule {
    row: Row,
    tell: Tell,
    hides: &'static [Row],
}

const fn rule(row: Row, tell: Tell, hides: &'static [Row]) -> Rule {
    Rule { row, tell, hides }
}

/// What a token lets do: of no interest where there is no token that could do anything, or nobody who was asked.
const RIGHTS: &[Row] = &[
    Row::TokenRefused,
    Row::WrongSegment,
    Row::WrongTenant,
    Row::NoExecutionScope,
    Row::NoJobsScope,
    Row::NoJobsCreate,
    Row::NoView,
    Row::Intersection,
    Row::AppNotAssigned,
    Row::NoPatForUser,
    Row::ColdStart,
    Row::NoTools,
    Row::NotMcp,
];

/// Of equal weight and certainty the one that stands first is named first.
const RULES: &[Rule] = &[
    rule(Row::NoToken, offline::no_token, RIGHTS),
    rule(Row::DamagedToken, offline::damaged_token, RIGHTS),
    rule(Row::MachineCredentials, way::machine_credentials, RIGHTS),
    rule(Row::ExpiredLogin, offline::expired_login, RIGHTS),
    rule(Row::WrongAudience, offline::wrong_audience, RIGHTS),
    rule(Row::OldPrefix, offline::old_prefix, RIGHTS),
    rule(Row::NoFolderKey, offline::no_folder_key, RIGHTS),
    rule(Row::FolderNotKey, offline::folder_not_key, RIGHTS),
    rule(Row::Placeholder, offline::placeholder, RIGHTS),
    rule(Row::Network, way::network, RIGHTS),
    rule(Row::NotMcp, way::not_mcp, RIGHTS),
    rule(Row::RateLimit, way::rate_limit, RIGHTS),
    rule(Row::NotAcceptable, way::not_acceptable, RIGHTS),
    rule(
        Row::TokenRefused,
        refused::token_refused,
        &[
            Row::NoExecutionScope,
            Row::NoJobsScope,
            Row::NoJobsCreate,
            Row::NoView,
            Row::Intersection,
            Row::AppNotAssigned,
        ],
    ),
    rule(Row::WrongTenant, refused::wrong_tenant, &[]),
    rule(Row::NoPatForUser, refused::no_pat_for_user, &[]),
    rule(Row::StartFailed, hosting::start_failed, &[Row::ColdStart, Row::NotMcp, Row::NoTools]),
    rule(
        Row::Disconnected,
        hosting::disconnected,
        &[Row::ColdStart, Row::NoExecutionScope, Row::NoView, Row::WrongSegment],
    ),
    rule(Row::NoMachine, calling::no_machine, &[Row::ColdStart, Row::NoJobsScope, Row::NoJobsCreate]),
    rule(Row::ColdStart, hosting::cold_start, &[]),
    rule(
        Row::SessionLost,
        hosting::session_lost,
        &[Row::NoExecutionScope, Row::NoJobsScope, Row::NoJobsCreate],
    ),
    rule(Row::AppNotAssigned, calling::app_not_assigned, &[Row::NoView, Row::NoJobsScope, Row::NoJobsCreate]),
    rule(Row::NoView, refused::no_view, &[]),
    rule(Row::WrongSegment, refused::wrong_segment, &[]),
    rule(Row::Intersection, refused::intersection, &[Row::NoExecutionScope]),
    rule(Row::NoExecutionScope, listing::no_execution_scope, &[]),
    rule(
        Row::IntegrationService,
        calling::integration_service,
        &[Row::NoJobsScope, Row::NoJobsCreate, Row::NoMachine],
    ),
    rule(Row::NoJobsScope, calling::no_jobs_scope, &[]),
    rule(Row::NoJobsCreate, calling::no_jobs_create, &[]),
    rule(Row::BadArguments, calling::bad_arguments, &[]),
    rule(Row::JobLimit, calling::job_limit, &[Row::IntegrationService, Row::NoMachine]),
    rule(Row::NoTools, listing::no_tools, &[]),
    rule(Row::PostOnly, way::post_only, &[]),
    rule(Row::ExpiryUnknown, offline::expiry_unknown, &[]),
];

/// What the findings mean: problems first, the most likely first among them. Empty where all is well and nothing is
/// worth saying.
#[must_use]
pub fn causes(findings: &Findings) -> Vec<Cause> {
    let told: Vec<(&Rule, Cause)> =
        RULES.iter().filter_map(|rule| Some((rule, (rule.tell)(findings)?))).collect();
    let hidden: Vec<Row> = told
        .iter()
        .filter(|(_, cause)| cause.weight == Weight::Problem && cause.certainty > Certainty::Possible)
        .flat_map(|(rule, _)| rule.hides.iter().copied().filter(|row| *row != rule.row))
        .collect();
    let kept = told.into_iter().filter(|(rule, _)| !hidden.contains(&rule.row));
    let mut causes: Vec<Cause> = kept.map(|(_, cause)| cause).collect();
    if causes.iter().all(|cause| cause.weight != Weight::Problem) {
        causes.extend(way::unexplained(findings));
    }
    causes.sort_by_key(|cause| std::cmp::Reverse((cause.weight, cause.certainty)));
    causes
}

impl Cause {
    fn new(row: Row, weight: Weight, certainty: Certainty, message: impl Into<String>) -> Self {
        let message = without_stop(message.into());
        Self { row, weight, certainty, message, evidence: Vec::new(), next: Vec::new() }
    }

    fn problem(row: Row, certainty: Certainty, message: impl Into<String>) -> Self {
        Self::new(row, Weight::Problem, certainty, message)
    }

    fn warning(row: Row, certainty: Certainty, message: impl Into<String>) -> Self {
        Self::new(row, Weight::Warning, certainty, message)
    }

    fn note(row: Row, certainty: Certainty, message: impl Into<String>) -> Self {
        Self::new(row, Weight::Note, certainty, message)
    }

    /// What it was told by, in words.
    fn told(mut self, evidence: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.evidence.extend(evidence.into_iter().map(|text| without_stop(text.into())));
        self
    }

    /// The probes that it was told by.
    fn met<'a>(self, probes: impl IntoIterator<Item = &'a Option<Probe>>) -> Self {
        self.told(facts::met_all(probes.into_iter().flatten()))
    }

    fn next(mut self, steps: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.next.extend(steps.into_iter().map(|text| without_stop(text.into())));
        self
    }
}

/// What a server says ends with a full stop, what is said here does not.
fn without_stop(text: String) -> String {
    text.trim_end().trim_end_matches('.').to_owned()
}
