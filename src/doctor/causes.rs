//! From what was found to what is likely the cause: one table, by its rows. Pure: no clock, no network.

use super::Findings;

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

/// What the findings mean: problems first, the most likely first among them. Empty where all is well and nothing is
/// worth saying.
#[must_use]
pub fn causes(findings: &Findings) -> Vec<Cause> {
    let _ = findings;
    Vec::new()
}
