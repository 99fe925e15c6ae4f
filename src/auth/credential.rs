//! Where a token comes from, and reading it from there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Secret;
use super::redactor::SHORTEST;

/// How long a token command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a token may be: HTTP servers refuse longer headers.
const LONGEST: usize = 8 * 1024;

/// How many bytes are read: a token, and white space around it.
const MOST_READ: usize = 4 * LONGEST;

/// Where a personal access token comes from. The token itself cannot be written into a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An environment variable, also from `.env`.
    Env(String),
    /// A file; its content without white space at either end.
    File(PathBuf),
    /// The output of a command, without white space at either end.
    Command(Vec<String>),
    /// A token that the runner made itself, for its own sandbox; the text says which.
    Own(Secret, &'static str),
}

impl Credential {
    /// How messages name it: the environment variable `UIPATH_PAT`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable `{name}`"),
            Self::File(path) => format!("the file `{}`", path.display()),
            Self::Command(argv) => {
                format!("the command `{}`", argv.first().map_or("", String::as_str))
            }
            Self::Own(_, what) => (*what).to_owned(),
        }
    }

    /// The environment variable that holds it, if one does.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Env(name) => Some(name),
            Self::File(_) | Self::Command(_) | Self::Own(..) => None,
        }
    }

    /// Reads the token.
    ///
    /// # Errors
    /// Where it is not there, empty, too short to be masked, or not usable in a header.
    pub async fn read(&self, environment: &Environment) -> Result<Secret, CredentialError> {
        let failed = |reason: String| CredentialError { from: self.describe(), reason };
        let text = match self {
            Self::Env(name) => {
                environment.get(name).ok_or_else(|| failed("it is not set".to_owned()))?.to_owned()
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
        };
        let token = text.trim();
        let reason = if token.is_empty() {
            "it is empty".to_owned()
        } else if token.len() < SHORTEST {
            format!("it is shorter than {SHORTEST} characters, too short for a token")
        } else if token.len() > LONGEST {
            format!("it is longer than {LONGEST} bytes, too long for a header")
        } else if let Some(bad) = token.chars().find(|c| !c.is_ascii_graphic()) {
            format!("it holds {bad:?}, which cannot stand in an Authorization header")
        } else {
            return Ok(Secret::new(token));
        };
        Err(failed(reason))
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
}

impl Environment {
    /// From pairs; a later pair loses to an earlier one of the same name.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut variables = HashMap::new();
        for (name, value) in pairs {
            variables.entry(name).or_insert(value);
        }
        Self { variables }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}
