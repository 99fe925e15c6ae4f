//! Where a token comes from, and reading it from there.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Secret;
use super::look::{Jwt, damage, is_bare_scheme};
use super::redactor::SHORTEST;

/// How long a token command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a token may be: HTTP servers refuse longer headers.
const LONGEST: usize = 8 * 1024;

/// How many bytes are read: a token, and white space around it.
const MOST_READ: usize = 4 * LONGEST;

/// Where a token comes from. The token itself cannot be written into a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An environment variable, also from `.env`.
    Env(String),
    /// The first of several environment variables that holds anything.
    FirstOf(&'static [&'static str]),
    /// A file; its content without white space at either end.
    File(PathBuf),
    /// The output of a command, without white space at either end.
    Command(Vec<String>),
    /// A token that the runner made itself, for its own sandbox; the text says which.
    Own(Secret, &'static str),
    /// An external application: its keys are exchanged for a token, which lasts an hour or so.
    App(Box<App>),
}

/// An external application of UiPath's, with the keys of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Where its id is.
    pub id: Credential,
    /// Where its secret is.
    pub secret: Credential,
    /// What its token may be used for: `OR.Execution OR.Jobs`.
    pub scope: String,
}

impl Credential {
    /// How messages name it: the environment variable `UIPATH_PAT`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable `{name}`"),
            Self::FirstOf(names) => format!("the environment variable `{}`", names.join("` or `")),
            Self::File(path) => format!("the file `{}`", path.display()),
            Self::Command(argv) => {
                format!("the command `{}`", argv.first().map_or("", String::as_str))
            }
            Self::Own(_, what) => (*what).to_owned(),
            Self::App(app) => {
                format!("the external application whose secret is in {}", app.secret.describe())
            }
        }
    }

    /// The environment variables that hold it, or may.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Self::Env(name) => vec![name],
            Self::FirstOf(names) => names.to_vec(),
            Self::App(app) => app.secret.variables(),
            Self::File(_) | Self::Command(_) | Self::Own(..) => Vec::new(),
        }
    }

    /// The variables that are set to another token than the one that is read, which stands in one before them.
    #[must_use]
    pub fn unused(&self, environment: &Environment) -> Vec<&'static str> {
        let Self::FirstOf(names) = self else { return Vec::new() };
        let value = |name: &str| environment.get(name).map(str::trim).filter(|value| !value.is_empty());
        let mut set = names.iter().filter_map(|name| Some((*name, value(name)?)));
        let Some((_, read)) = set.next() else { return Vec::new() };
        set.filter(|(_, value)| *value != read).map(|(name, _)| name).collect()
    }

    /// Every value that is known to be a secret without reading a file or running a command.
    pub fn known<'a>(&'a self, environment: &'a Environment) -> impl Iterator<Item = Secret> + 'a {
        let own = match self {
            Self::Own(secret, _) => Some(secret.clone()),
            _ => None,
        };
        let values = self.variables().into_iter().filter_map(|name| environment.get(name));
        // A word that stands before every token is none: masked, it would be missing in what is said of it.
        let values = values.map(str::trim).filter(|value| !is_bare_scheme(value));
        values.map(Secret::new).chain(own)
    }

    /// What `session.auth` says of it: by its token, where that is known.
    #[must_use]
    pub fn kind(&self, token: Option<&Secret>) -> &'static str {
        let token = match self {
            Self::Own(own, _) => Some(own),
            Self::App(_) => return "app",
            _ => token,
        };
        match token.and_then(Jwt::read) {
            Some(jwt) if jwt.application => "app",
            Some(_) => "jwt",
            None => "pat",
        }
    }

    /// Reads the token.
    ///
    /// # Errors
    /// Where it is not there, empty, damaged, too short to be masked, or not usable in a header; and for an
    /// application, whose token is nowhere to be read.
    pub async fn read(&self, environment: &Environment) -> Result<Secret, CredentialError> {
        let failed = |reason: String| CredentialError {
            from: self.describe_in(environment),
            reason,
            help: None,
            damaged: false,
        };
        let unset = |reason: &str| CredentialError {
            help: Some("set it in the environment or in `.env`".to_owned()),
            ..failed(reason.to_owned())
        };
        let text = match self {
            Self::Env(name) => environment.get(name).ok_or_else(|| unset("it is not set"))?.to_owned(),
            Self::FirstOf(names) => {
                let mut values = names.iter().filter_map(|name| environment.get(name));
                let value = values.find(|value| !value.trim().is_empty());
                value.ok_or_else(|| unset("neither is set"))?.to_owned()
            }
            Self::File(path) => {
                let file = async { limited(tokio::fs::File::open(path).await?).await };
                // A pipe is opened when somebody writes into it.
                let text = tokio::time::timeout(COMMAND_TIMEOUT, file).await;
                let text = text
                    .map_err(|_| failed(format!("it gave nothing within {} s", COMMAND_TIMEOUT.as_secs())))?
                    .map_err(|error| failed(error.to_string()))?;
                String::from_utf8(text).map_err(|_| failed("it is not text".to_owned()))?
            }
            Self::Command(argv) => run(argv).await.map_err(failed)?,
            Self::Own(secret, _) => return Ok(secret.clone()),
            Self::App(_) => return Err(failed("its token has to be asked for".to_owned())),
        };
        let token = text.trim();
        if let Some((reason, help)) = damage(token) {
            let help = Some(help.to_owned());
            // An empty variable is none, and so is one that a token was to follow in.
            let damaged = !token.is_empty() && !is_bare_scheme(token);
            return Err(CredentialError { help, damaged, ..failed(reason.to_owned()) });
        }
        let reason = if token.len() < SHORTEST {
            format!("it is shorter than {SHORTEST} characters, too short for a token")
        } else if token.len() > LONGEST {
            format!("it is longer than {LONGEST} bytes, too long for a header")
        } else if let Some(bad) = token.chars().find(|c| !c.is_ascii_graphic()) {
            format!("it holds {bad:?}, which cannot stand in an Authorization header")
        } else {
            return Ok(Secret::new(token));
        };
        Err(CredentialError { damaged: true, ..failed(reason) })
    }

    /// The same, with the one variable that holds it where several may.
    #[must_use]
    pub fn describe_in(&self, environment: &Environment) -> String {
        let set = |name: &&&str| environment.get(name).is_some_and(|value| !value.trim().is_empty());
        match self {
            Self::FirstOf(names) => match names.iter().find(set) {
                Some(name) => Self::Env((*name).to_owned()).describe(),
                None => self.describe(),
            },
            _ => self.describe(),
        }
    }
}

/// A token that could not be read. Its text never holds the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be read from {from}: {reason}")]
pub struct CredentialError {
    /// Where it was to come from.
    pub from: String,
    /// What is wrong.
    pub reason: String,
    /// The way out, where there is one to tell.
    pub help: Option<String>,
    /// Whether something is there, and is no whole token.
    pub damaged: bool,
}

async fn run(argv: &[String]) -> Result<String, String> {
    let (program, arguments) = argv.split_first().ok_or("the command is empty")?;
    let ended = async {
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            // What it prints there may hold the token.
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        // The pipe closes here: who prints on and on is ended by that.
        let printed = match child.stdout.take() {
            Some(out) => limited(out).await?,
            None => Vec::new(),
        };
        Ok::<_, std::io::Error>((printed, child.wait().await?))
    };
    let (printed, status) = tokio::time::timeout(COMMAND_TIMEOUT, ended)
        .await
        .map_err(|_| format!("it did not end within {} s", COMMAND_TIMEOUT.as_secs()))?
        .map_err(|error| error.to_string())?;
    if printed.len() <= MOST_READ && !status.success() {
        return Err(format!("it ended with {status}"));
    }
    String::from_utf8(printed).map_err(|_| "it printed something that is not text".to_owned())
}

/// Reads to the end, or a little further than a token can be long.
async fn limited(from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let most = u64::try_from(MOST_READ + 1).unwrap_or(u64::MAX);
    from.take(most).read_to_end(&mut read).await?;
    Ok(read)
}

/// The variables of the process and of `.env`, as `cli/` read them once. The process wins.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: HashMap<String, String>,
    /// The names that only the file has.
    of_file: HashSet<String>,
    /// The names that the file sets otherwise.
    differing: BTreeSet<String>,
    file: String,
}

impl Environment {
    /// From pairs; a later pair loses to an earlier one of the same name.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut variables = HashMap::new();
        for (name, value) in pairs {
            variables.entry(name).or_insert(value);
        }
        Self { variables, ..Self::default() }
    }

    /// The variables of the process, and those of a file that is shown as `file`. The process wins.
    #[must_use]
    pub fn with_file(
        process: impl IntoIterator<Item = (String, String)>,
        entries: impl IntoIterator<Item = (String, String)>,
        file: &str,
    ) -> Self {
        let mut whole = Self { file: file.to_owned(), ..Self::new(process) };
        let own = whole.variables.clone();
        for (name, value) in entries {
            match own.get(&name) {
                Some(known) if known.trim() == value.trim() => {}
                Some(_) => {
                    whole.differing.insert(name);
                }
                None => {
                    whole.of_file.insert(name.clone());
                    whole.variables.entry(name).or_insert(value);
                }
            }
        }
        whole
    }

    /// The names of the variables that the file sets otherwise than the process, and the file.
    pub fn differing(&self) -> impl Iterator<Item = (&str, &str)> {
        self.differing.iter().map(|name| (name.as_str(), self.file.as_str()))
    }

    /// The value of a variable that the process itself has: libraries see no other.
    #[must_use]
    pub fn of_process(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|_| !self.of_file.contains(name))
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}
