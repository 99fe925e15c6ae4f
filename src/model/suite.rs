//! A suite as it is written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::scenario::Spot;
use crate::auth::Credential;
use crate::knobs::Knobs;
use crate::source::{Document, Pointer};
use crate::uipath::{Written, is_host};

/// The suite file, or what the command line says in place of one.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The suite's folder.
    pub root: PathBuf,
    /// The folder as it is shown before the paths of its files; empty for the working directory.
    pub shown_root: String,
    /// The document; none where there is no suite file.
    pub document: Option<Arc<Document>>,
    /// `default`: the server of scenarios that name none.
    pub default: Option<Spot<String>>,
    /// `servers`, in order.
    pub servers: Vec<Server>,
    /// `scenarios`: the patterns, relative to the folder.
    pub scenarios: Vec<Spot<String>>,
    /// `sets`: the scenarios that stand apart.
    pub sets: Vec<Set>,
    /// `env`: the variables that templates may read.
    pub env: Vec<Spot<String>>,
    /// `secrets`: the same, and they join the redactor.
    pub secrets: Vec<Spot<String>>,
    /// `vars`, in order.
    pub vars: Vec<Spot<String>>,
    /// `checks`.
    pub checks: Checks,
}

/// Scenarios that are read only where the command line asks for them.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its name, with which those of its cases begin.
    pub name: String,
    /// The patterns, relative to the folder.
    pub patterns: Vec<Spot<String>>,
}

/// One server of the suite.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name.
    pub name: Spot<String>,
    /// How it is reached.
    pub target: Target,
    /// Its own token.
    pub auth: Option<Credential>,
    /// Further identities by name.
    pub identities: Vec<(String, Credential)>,
    /// `expires`: when tokens run out, as far as the suite says.
    pub expires: Vec<Expiry>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// `limits`.
    pub limits: Limits,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `insecure`: plain http to another machine is allowed.
    pub insecure: bool,
    /// `tls`.
    pub tls: Tls,
    /// `socket`: the Unix socket that every connection is made to.
    pub socket: Option<PathBuf>,
    /// `checks`.
    pub checks: Checks,
    /// `integration_service`: the names of tools, with `*` for any characters.
    pub integration_service: Vec<Spot<String>>,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The embedded sandbox; the server's slug in it.
    Sandbox {
        /// `orders` unless said.
        slug: String,
        /// `profile` and `knobs`.
        knobs: Knobs,
    },
    /// An address.
    Url(url::Url),
    /// The address of a UiPath server, as far as the suite says it.
    Uipath(Written),
    /// A command, started for each session; its stdin and stdout are the connection.
    Command(Command),
}

/// When a token runs out: a PAT does not say it itself.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// The identity whose token it is.
    pub identity: String,
    /// The day.
    pub day: Spot<jiff::civil::Date>,
}

/// A server that is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// `command`: the program and its arguments.
    pub argv: Vec<String>,
    /// `env`, in order.
    pub env: Vec<(String, Setting)>,
    /// `cwd`, or the suite's folder.
    pub cwd: PathBuf,
}

/// What a variable of a command is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// This text.
    Plain(String),
    /// A secret, and where it is.
    Secret(Credential),
}

/// `tls`: files in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `ca`: the certificates that are trusted; those of the system unless said.
    pub ca: Option<PathBuf>,
    /// `cert`: the client's own certificate, with those that lead to a trusted one.
    pub cert: Option<PathBuf>,
    /// `key`: its private key; in the file of `cert` unless said.
    pub key: Option<PathBuf>,
}

/// `limits`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Cases at once.
    pub concurrency: Option<usize>,
    /// Requests a second.
    pub rate: Option<f64>,
}

/// `timeouts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Making a connection; 30 s unless said.
    pub connect: Option<Duration>,
    /// Opening a session; 120 s unless said.
    pub start: Option<Duration>,
    /// One step; 60 s unless said.
    pub step: Option<Duration>,
}

impl Timeouts {
    /// How long making a connection may take.
    #[must_use]
    pub fn connect(&self) -> Duration {
        self.connect.unwrap_or(Duration::from_secs(30))
    }

    /// How long opening a session may take: hosted servers start slowly.
    #[must_use]
    pub fn start(&self) -> Duration {
        self.start.unwrap_or(Duration::from_secs(120))
    }

    /// How long a step may take.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.step.unwrap_or(Duration::from_secs(60))
    }
}

/// `checks`: the levels that are set here; what is not set is taken from further out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// `wire`: the answer is a valid message.
    pub wire: Option<Level>,
    /// `output_schema`: `structured` obeys the tool's `outputSchema`.
    pub output_schema: Option<Level>,
    /// `contradiction`: text and structured content say the same.
    pub contradiction: Option<Level>,
    /// `order`: nothing belongs to a request after its result.
    pub order: Option<Level>,
    /// `progress`: it grows, and its token was given.
    pub progress: Option<Level>,
    /// `ids`: answers have the id of their request.
    pub ids: Option<Level>,
    /// `capabilities`: only what was declared is used.
    pub capabilities: Option<Level>,
    /// `echo`: no secret comes back. Warns unless said.
    pub echo: Option<Level>,
}

/// What a check that does not hold does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Fails the step.
    Error,
    /// Is told.
    Warn,
    /// Nothing.
    Ignore,
}

impl Suite {
    /// Every credential of the suite: of its servers, of their identities, and of what its commands are given.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.servers.iter().flat_map(|server| {
            let settings = match &server.target {
                Target::Command(command) => command.env.as_slice(),
                Target::Sandbox { .. } | Target::Url(_) | Target::Uipath(_) => &[],
            };
            let settings = settings.iter().filter_map(|(_, setting)| match setting {
                Setting::Secret(credential) => Some(credential),
                Setting::Plain(_) => None,
            });
            let identities = server.identities.iter().map(|(_, credential)| credential);
            server.auth.iter().chain(identities).chain(settings)
        })
    }

    /// The environment variables that hold the secrets of the suite.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        let secrets = self.secrets.iter().map(|name| name.value.clone());
        self.credentials().flat_map(Credential::variables).map(str::to_owned).chain(secrets).collect()
    }

    /// The server of a name.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name.value == name)
    }

    /// The server that is meant where a step or its scenario names `name`, or where neither names one: the
    /// default, or the only one there is. None where the name is unknown or nothing decides.
    #[must_use]
    pub fn server_for(&self, name: Option<&str>) -> Option<&Server> {
        match (name, &self.default, self.servers.as_slice()) {
            (Some(name), _, _) => self.server(name),
            (None, Some(default), _) => self.server(&default.value),
            (None, None, [only]) => Some(only),
            (None, None, _) => None,
        }
    }
}

impl Server {
    /// A server with nothing said but its name and how it is reached.
    #[must_use]
    pub fn new(name: Spot<String>, target: Target) -> Self {
        Self {
            name,
            target,
            auth: None,
            identities: Vec::new(),
            expires: Vec::new(),
            headers: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            insecure: false,
            tls: Tls::default(),
            socket: None,
            checks: Checks::default(),
            integration_service: Vec::new(),
        }
    }

    /// The place where the suite says that a tool is an activity of the Integration Service, if it does.
    #[must_use]
    pub fn is_activity(&self, tool: &str) -> Option<&Pointer> {
        self.integration_service.iter().find(|pattern| fits(&pattern.value, tool)).map(|pattern| &pattern.at)
    }

    /// The place of its entry in the suite's document.
    #[must_use]
    pub fn at(&self) -> &Pointer {
        &self.name.at
    }

    /// Whether it is one of UiPath's: by how the suite names it, or by the host of its address.
    #[must_use]
    pub fn is_uipath(&self) -> bool {
        match &self.target {
            Target::Uipath(_) => true,
            Target::Url(url) => url.host_str().is_some_and(is_host),
            Target::Sandbox { .. } | Target::Command(_) => false,
        }
    }

    /// Whether it behaves as one of UiPath's: it is one, or the sandbox.
    #[must_use]
    pub fn is_like_uipath(&self) -> bool {
        self.is_uipath() || matches!(self.target, Target::Sandbox { .. })
    }

    /// The names of its identities; `default` and `anonymous` are always among them.
    pub fn identity_names(&self) -> impl Iterator<Item = &str> {
        ["default", "anonymous"].into_iter().chain(self.identities.iter().map(|(name, _)| name.as_str()))
    }

    /// Whether it has an identity of this name.
    #[must_use]
    pub fn has_identity(&self, name: &str) -> bool {
        self.identity_names().any(|known| known == name)
    }

    /// The credential of an identity: its own token for `default`, none for `anonymous`, for a server without
    /// a token, and for a name that it does not have.
    #[must_use]
    pub fn credential(&self, identity: &str) -> Option<&Credential> {
        match identity {
            "default" => self.auth.as_ref(),
            _ => self.identities.iter().find(|(name, _)| name == identity).map(|(_, credential)| credential),
        }
    }
}

/// Whether a pattern, in which `*` stands for any characters or none, is a name.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        // The first place that fits leaves the most for those after it.
        // An empty part is found before the first character.
        let Some((_, after)) = name.split_once(part) else { return false };
        name = after;
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("send", "send", true),
            ("send", "sendMore", false),
            ("send*", "send", true),
            ("send*", "sendMore", true),
            ("send*", "resend", false),
            ("*Message", "sendSlackMessage", true),
            ("*Message", "sendMessages", false),
            ("send*Message", "sendSlackMessage", true),
            ("send*Message", "sendMessage", true),
            ("a*a", "a", false),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "axcxb", false),
            ("*ab*ab*", "xabab", true),
            ("*ab*ab*", "xaba", false),
            ("**", "any", true),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
