//! Why a call likely failed, by what is known of UiPath's servers. What is told is inferred, and worded so.

use std::time::Duration;

use super::{Failure, connection_code};

/// When a job without a machine of its own is stopped.
const JOB_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How near to it a failure is likely that.
const NEAR: Duration = Duration::from_secs(45);

/// A call that failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedCall<'a> {
    /// The tool.
    pub tool: &'a str,
    /// What `session.auth` says of the token.
    pub auth: &'a str,
    /// Whether the suite marks the tool as an activity of the Integration Service.
    pub marked: bool,
    /// What the answer says; empty where none came.
    pub said: &'a str,
    /// Its HTTP status, where it has one.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
}

/// A likely cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What it is, and how that is known.
    pub note: String,
    /// What to do.
    pub help: &'static str,
}

impl FailedCall<'_> {
    /// The likely causes; none where nothing points to one.
    #[must_use]
    pub fn causes(&self) -> Vec<Cause> {
        self.activity().or_else(|| self.job()).into_iter().chain(self.job_limit()).collect()
    }

    /// An activity of the Integration Service: connecting works, calls do not.
    fn activity(&self) -> Option<Cause> {
        let token = match self.auth {
            "pat" => "PATs do",
            "app" => "the tokens of applications, without user scopes, do",
            _ => return None,
        };
        let told = match connection_code(self.said) {
            Some(code) => format!("the answer has the code {code}"),
            None if self.marked => "the suite marks it".to_owned(),
            None => return None,
        };
        Some(Cause {
            note: format!(
                "`{}` is likely backed by an Integration Service connection ({told}): {token} not work for those",
                self.tool
            ),
            help: "use the MCP OAuth flow, `uipath auth` or an external application with user scopes; or expect the \
                   failure, or leave it out under such a token: `requires: {$.session.auth: jwt}`",
        })
    }

    /// The job that a call starts was refused.
    fn job(&self) -> Option<Cause> {
        let token = if self.auth == "app" { "application" } else { "token" };
        let failure = Failure::of(self.said);
        // A 401 may also be of a token that ran out meanwhile.
        let denied = failure == Some(Failure::NotAuthorized) || failure.is_none() && self.status == Some(403);
        let (note, help) = match failure {
            Some(Failure::FolderNeeded) => (
                format!("the {token} is likely not assigned to the folder in which the job starts (1101)"),
                "assign it, under Folders > Manage access, or give an application OR.Default",
            ),
            Some(Failure::NoMachine) => (
                "the folder likely has no machine that could run the job (2818)".to_owned(),
                "give it a machine template and an unattended robot",
            ),
            _ if denied && self.auth != "none" => (
                format!(
                    "the {token} likely lacks the scope OR.Jobs, or the role in the folder Jobs.Create: a call starts a job"
                ),
                "`callsheet doctor` tells which: tools are listed without either",
            ),
            _ => return None,
        };
        Some(Cause { note, help })
    }

    fn job_limit(&self) -> Option<Cause> {
        (self.took.abs_diff(JOB_LIMIT) <= NEAR).then(|| Cause {
            note: "it ended near 15 minutes: likely the limit of serverless jobs".to_owned(),
            help: "let the tool start the work and return, and have a `read` or another tool ask how far it is",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: FailedCall<'_> = FailedCall {
        tool: "send",
        auth: "pat",
        marked: false,
        said: r#"{"code":"CNS1046","message":"not supported"}"#,
        status: Some(200),
        took: Duration::from_secs(1),
    };

    fn told(call: FailedCall<'_>) -> Vec<String> {
        call.causes().into_iter().map(|cause| cause.note).collect()
    }

    #[test]
    fn an_activity_is_known_by_its_mark_or_its_code() {
        let by_code = "`send` is likely backed by an Integration Service connection (the answer has the code CNS1046): \
                       PATs do not work for those";
        assert_eq!(told(CALL), [by_code]);
        let [app] = told(FailedCall { auth: "app", marked: true, said: "", ..CALL }).try_into().unwrap();
        assert!(app.contains("(the suite marks it)") && app.contains("tokens of applications"), "{app}");
        for call in [
            FailedCall { auth: "jwt", marked: true, ..CALL },
            FailedCall { auth: "none", marked: true, ..CALL },
            FailedCall { said: "CNS104, CNS, CNSabcd, CNS10467", ..CALL },
            FailedCall { said: "", ..CALL },
        ] {
            assert_eq!(told(call), Vec::<String>::new(), "{call:?}");
        }
    }

    #[test]
    fn a_job_that_was_refused_is_told_apart() {
        let call = |said, status| FailedCall { said, status: Some(status), ..CALL };
        let text = r#"{"content":[{"type":"text","text":"{\"message\":\"You are not authorized!\",\"errorCode\":0}"}]}"#;
        for (said, status, word) in [
            (text, 200, "OR.Jobs"),
            ("", 403, "OR.Jobs"),
            (r#"{"content":[{"text":"A folder is required for this action."}]}"#, 200, "1101"),
            (r#"{"content":[{"text":"409 #2818"}]}"#, 200, "2818"),
        ] {
            let [note] = told(call(said, status)).try_into().unwrap();
            assert!(note.contains(word), "{note}");
        }
        for (said, status) in [("the invoice is not there", 200), ("", 500), ("", 401)] {
            assert_eq!(told(call(said, status)), Vec::<String>::new(), "{said}");
        }
        assert_eq!(told(FailedCall { auth: "none", ..call("", 403) }), Vec::<String>::new());
    }

    #[test]
    fn a_job_is_stopped_after_fifteen_minutes() {
        for (seconds, expected) in [(854, 0), (855, 1), (900, 1), (931, 1), (946, 0)] {
            let call = FailedCall { auth: "jwt", took: Duration::from_secs(seconds), ..CALL };
            assert_eq!(told(call).len(), expected, "{seconds}");
        }
    }
}
