//! What the probes of one server met, for one identity. Data: nothing is concluded here, and every text is masked.

use std::time::Duration;

use jiff::civil::Date;

use crate::auth::Jwt;
use crate::uipath::{Address, Fault, Refusal, Trouble};

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// When it was asked, by the clock of this machine: what ends is compared with it.
    pub at: jiff::Timestamp,
    /// The server's name in the suite.
    pub server: String,
    /// The identity's name.
    pub identity: String,
    /// What was asked, for people: the address, or the words of a command. Empty where there is none.
    pub target: String,
    /// Whether it is a server of UiPath's, or the sandbox.
    pub is_uipath: bool,
    /// The address in its parts, where it is one of UiPath's.
    pub address: Option<Address>,
    /// What is wrong with the address, or was mended.
    pub faults: Vec<Fault>,
    /// Why there is no address to ask.
    pub lack: Option<Trouble>,
    /// The token.
    pub token: TokenFinding,
    /// Variables that the environment and `.env` set differently; the environment's value was used.
    pub differences: Vec<Difference>,
    /// The variables that decide about the way through the network and are set: `HTTPS_PROXY`, `SSL_CERT_FILE`.
    pub network: Vec<String>,
    /// `GET {host}/orchestrator_/api/status/version`, without a token. Servers that are not UiPath's are not asked.
    pub version: Option<Probe>,
    /// The first request of the protocol without a token: 401 is the good answer.
    pub bare: Option<Probe>,
    /// The opening of a session with the token: `server/discover`, else `initialize`.
    pub opening: Option<Probe>,
    /// `tools/list`, every page.
    pub listing: Option<Probe>,
    /// The names of the tools that were listed, sorted.
    pub tools: Vec<String>,
    /// Those of them that the suite marks as activities of the Integration Service.
    pub integration_service: Vec<String>,
    /// `GetFoldersForCurrentUser`.
    pub folders: Option<Probe>,
    /// The folders that it named: all, or as many as were read.
    pub folders_seen: Vec<FolderSeen>,
    /// `GET /odata/Releases?$top=1` in the folder: OR.Execution and Processes.View.
    pub releases: Option<Probe>,
    /// `GET /odata/Jobs?$top=1` in the folder: OR.Jobs or OR.Jobs.Read, and Jobs.View.
    pub jobs: Option<Probe>,
    /// `GET agenthub_/api/servers/{slug}` in the folder.
    pub record: Option<Probe>,
    /// What it said.
    pub record_seen: Option<RecordSeen>,
    /// `GET agenthub_/api/servers` in the folder, asked where the record is not there.
    pub servers: Option<Probe>,
    /// The slugs that it named.
    pub servers_seen: Vec<String>,
    /// `GET /odata/Releases?$top=1` in other folders of the user's, at most three: the folder's path, and the probe.
    pub elsewhere: Vec<(String, Probe)>,
    /// The call that was invited with `--call`.
    pub call: Option<CallFinding>,
    /// What was not asked, and why.
    pub not_asked: Vec<NotAsked>,
}

/// A question, in the order in which they are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The address, as it stands there.
    Address,
    /// The token, as it stands there.
    Token,
    /// What host this is.
    Version,
    /// The first request of the protocol without a token.
    Bare,
    /// The opening of a session.
    Opening,
    /// The tools.
    Listing,
    /// The call that was invited.
    Call,
    /// The user's folders.
    Folders,
    /// The processes of the folder.
    Releases,
    /// The jobs of the folder.
    Jobs,
    /// What the management side says of the server.
    Record,
    /// The servers of the folder.
    Servers,
    /// The processes of other folders.
    Elsewhere,
}

impl Step {
    /// Every step.
    pub const ALL: &'static [Self] = &[
        Self::Address,
        Self::Token,
        Self::Version,
        Self::Bare,
        Self::Opening,
        Self::Listing,
        Self::Call,
        Self::Folders,
        Self::Releases,
        Self::Jobs,
        Self::Record,
        Self::Servers,
        Self::Elsewhere,
    ];

    /// Its name in JSON and in the docs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Token => "token",
            Self::Version => "host",
            Self::Bare => "no-token",
            Self::Opening => "session",
            Self::Listing => "tools",
            Self::Call => "call",
            Self::Folders => "folders",
            Self::Releases => "processes",
            Self::Jobs => "jobs",
            Self::Record => "record",
            Self::Servers => "servers",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// What was not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsked {
    /// The question.
    pub step: Step,
    /// Why not, for people.
    pub why: String,
}

/// The token, as far as it may be told.
#[derive(Clone, Debug, Default)]
pub struct TokenFinding {
    /// Where it comes from, in words: "the variable `UIPATH_PAT`". None where the identity has no credential.
    pub place: Option<String>,
    /// Whether it was there.
    pub state: TokenState,
    /// When it ends, where the suite says so.
    pub expires: Option<Date>,
    /// The variables that hold another token, and were not read, since one before them does.
    pub unused: Vec<String>,
    /// What can be told of it without showing it: too short, another audience, run out.
    pub remarks: Vec<String>,
}

/// Whether there is a token.
#[derive(Clone, Debug, Default)]
pub enum TokenState {
    /// The identity sends none, and is not meant to.
    #[default]
    None,
    /// It is not there: no variable is set, no file is there, a command failed.
    Missing(Trouble),
    /// It is there, and is none: quotes, `Bearer`, cut.
    Damaged(Trouble),
    /// The identity server refused the application: its message, and what it said.
    Refused(Trouble, Option<Refusal>),
    /// It was read.
    Read(TokenLook),
}

/// What a token looks like. A hint, never a proof.
#[derive(Clone, Debug)]
pub enum TokenLook {
    /// It begins with `rt_`, as PATs do.
    Pat,
    /// A JWT: of somebody who logged in, or of an application.
    Jwt(Jwt),
    /// The token of an external application, which was fetched for this.
    App,
    /// Anything else.
    Opaque,
}

/// A variable that is set twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub variable: String,
    /// The file that says it differently, as it is shown.
    pub file: String,
}

/// One question and what came of it.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What was asked, for people: `POST tools/list`, `GET /odata/Jobs?$top=1`.
    pub asked: String,
    /// What came.
    pub reply: Reply,
    /// How long it took.
    pub took: Duration,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An answer, whatever it says.
    Answered(Box<Answered>),
    /// None in time.
    Silent,
    /// No connection, or it ended too early.
    Broken {
        /// In which way.
        how: Break,
        /// For people.
        reason: String,
    },
}

/// In which way a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The host has no address.
    Name,
    /// Nobody listens there.
    Refused,
    /// The certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// The proxy refused.
    Proxy,
    /// A command could not be started.
    Start,
    /// Anything else: it was closed, it was too large.
    Other,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// The HTTP status; none on stdio.
    pub status: Option<u16>,
    /// The media type without parameters, in lower case; empty where there is none.
    pub media_type: String,
    /// Where a redirect leads: host and path only.
    pub location: Option<String>,
    /// What was refused, in whichever of its forms UiPath writes it.
    pub refusal: Option<Refusal>,
    /// The code and message of a JSON-RPC error.
    pub error: Option<(i64, String)>,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// Of an opening: the version that was negotiated, or the word in its place.
    pub protocol: Option<String>,
    /// What is wrong with it as a message of the protocol.
    pub wire: Vec<String>,
    /// What the client did by itself: `reopened`, `waited`.
    pub repairs: Vec<&'static str>,
    /// Of `api/status/version`: what it says of the deployment.
    pub deployment: Option<String>,
    /// Of the same: the version of Orchestrator.
    pub release: Option<String>,
    /// Of an opening: the server's name and version, as it says them.
    pub server: Option<String>,
    /// `traceId`, wherever in the answer: UiPath's support asks for it.
    pub trace_id: Option<String>,
    /// What the protocol does not allow, and what did no harm.
    pub oddities: Vec<String>,
}

/// A folder of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSeen {
    /// Its key.
    pub key: String,
    /// Its path.
    pub path: String,
}

/// What the management side says of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSeen {
    /// Its type, by its number: 0 UiPath, 1 Command, 2 Coded, 3 SelfHosted, 4 Remote, 5 ProcessAssistant, 6 Platform,
    /// 7 Swagger.
    pub kind: Option<u64>,
    /// 0 disconnected, 1 connected.
    pub status: Option<u64>,
    /// Whether it is switched on.
    pub is_active: Option<bool>,
    /// The tools that it says are activities of the Integration Service.
    pub integration_service: Vec<String>,
}

/// A call that was invited.
#[derive(Clone, Debug)]
pub struct CallFinding {
    /// The tool.
    pub tool: String,
    /// What came.
    pub probe: Probe,
    /// The text of a tool error.
    pub tool_error: Option<String>,
    /// Arguments that the tool's input schema does not take, each with the nearest that it takes.
    pub unknown_arguments: Vec<(String, Option<String>)>,
    /// Arguments that it requires and that were not given.
    pub missing_arguments: Vec<String>,
}

impl Findings {
    /// The probe of a step, where it is one.
    #[must_use]
    pub fn probe(&self, step: Step) -> Option<&Probe> {
        match step {
            Step::Address | Step::Token => None,
            Step::Version => self.version.as_ref(),
            Step::Bare => self.bare.as_ref(),
            Step::Opening => self.opening.as_ref(),
            Step::Listing => self.listing.as_ref(),
            Step::Call => self.call.as_ref().map(|call| &call.probe),
            Step::Folders => self.folders.as_ref(),
            Step::Releases => self.releases.as_ref(),
            Step::Jobs => self.jobs.as_ref(),
            Step::Record => self.record.as_ref(),
            Step::Servers => self.servers.as_ref(),
            Step::Elsewhere => self.elsewhere.last().map(|(_, probe)| probe),
        }
    }

    /// Whether the server can be used, as far as it was asked: a session was opened, its tools were listed, and the
    /// call that was invited came back well.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let good = |probe: &Option<Probe>| probe.as_ref().is_some_and(Probe::is_good);
        let called = |call: &CallFinding| call.probe.is_good() && call.tool_error.is_none();
        self.lack.is_none()
            && good(&self.opening)
            && good(&self.listing)
            && self.call.as_ref().is_none_or(called)
    }
}

impl Probe {
    /// The answer, where one came.
    #[must_use]
    pub fn answered(&self) -> Option<&Answered> {
        match &self.reply {
            Reply::Answered(answered) => Some(answered),
            Reply::Silent | Reply::Broken { .. } => None,
        }
    }

    /// The HTTP status, where one came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answered()?.status
    }

    /// Whether it was answered as it was meant to be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.answered().is_some_and(|answered| {
            answered.status.is_none_or(|status| (200..300).contains(&status))
                && answered.error.is_none()
                && answered.wire.is_empty()
        })
    }
}
