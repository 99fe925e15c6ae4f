//! Why a call likely failed, by what is known of UiPath's servers. What is told is inferred, and worded so.

use std::time::Duration;

use super::connection_code;

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
        self.activity().into_iter().chain(self.job_limit()).collect()
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
    fn a_job_is_stopped_after_fifteen_minutes() {
        for (seconds, expected) in [(854, 0), (855, 1), (900, 1), (931, 1), (946, 0)] {
            let call = FailedCall { auth: "jwt", took: Duration::from_secs(seconds), ..CALL };
            assert_eq!(told(call).len(), expected, "{seconds}");
        }
    }
}
