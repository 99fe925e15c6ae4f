//! Listed, and not to be called: rows 13, 14, 17, 18, 27, 28, 31.

use std::time::Duration;

use super::super::findings::{CallFinding, Findings, Probe};
use super::Certainty::{Certain, Likely, Possible};
use super::facts::{self, kind};
use super::{Cause, Row, Weight};
use crate::nearest::nearest;
use crate::uipath::Failure;

/// The time after which serverless jobs are stopped, as far as a failure near it tells.
const LIMIT: std::ops::Range<Duration> = Duration::from_secs(855)..Duration::from_secs(946);

const FOR_ACTIVITIES: &str =
    "use the MCP OAuth flow, `uipath auth` or an external application with user scopes for it";

/// A call that failed, and what is shown of it.
fn evidence(call: &CallFinding) -> String {
    match &call.tool_error {
        Some(text) => format!("`{}` answered with a tool error: {text}", call.tool),
        None => facts::met(&call.probe),
    }
}

/// Whether calls of this server's tools start jobs; not known counts as yes.
fn starts_jobs(f: &Findings) -> bool {
    f.is_kind(&kind::WITH_JOBS).unwrap_or(true)
}

/// Whether a tool is said to be an activity, by the suite or by the management side.
fn is_marked(f: &Findings, tool: &str) -> bool {
    let managed = f.seen().into_iter().flat_map(|seen| &seen.integration_service);
    f.integration_service.iter().chain(managed).any(|marked| marked == tool)
}

pub(super) fn no_jobs_scope(f: &Findings) -> Option<Cause> {
    if !f.is_uipath || !f.has_token() || !f.listed() || f.tools.is_empty() || !starts_jobs(f) {
        return None;
    }
    let denied = f.jobs.as_ref().is_some_and(Probe::is_denied);
    let known = facts::yes(&f.jobs);
    let (weight, certainty) = match (f.failed_call(), &f.call) {
        (Some(call), _) if call.is_denied() && denied => (Weight::Problem, Likely),
        (Some(call), _) if call.is_denied() && !known => (Weight::Problem, Possible),
        (None, None) if denied => (Weight::Warning, Likely),
        _ => return None,
    };
    let token = f.token_is_a();
    let message = match certainty {
        Likely => format!(
            "{token} lists the tools and likely cannot run them: without the scope OR.Jobs no job is started (StartJobs), and each call starts one"
        ),
        _ => {
            format!("{token} may lack the scope OR.Jobs: each call starts a job (StartJobs), which needs it")
        }
    };
    let again = if f.is_app() {
        "give the application the application scope OR.Jobs under Admin > External applications, and write it as `scope` in the suite"
    } else {
        "generate a new PAT under Preferences > Personal access token with Orchestrator API Access > OR.Execution and OR.Jobs, not OR.Jobs.Read alone: the scopes of a PAT cannot be read back"
    };
    let cause = Cause::new(Row::NoJobsScope, weight, certainty, message);
    let cause = cause.told(f.failed_call().map(evidence)).met([&f.jobs]).told(f.doubts());
    Some(cause.next([
        again.to_owned(),
        format!("if it has the scope, the user's role lacks Jobs.View or Jobs.Create in {}: Folders > Manage access", f.folder()),
    ]))
}

pub(super) fn no_jobs_create(f: &Findings) -> Option<Cause> {
    let call = f.failed_call().filter(|call| call.is_denied())?;
    if !f.is_uipath || !f.has_token() || !starts_jobs(f) || f.jobs.as_ref().is_some_and(Probe::is_denied) {
        return None;
    }
    let reads = facts::yes(&f.jobs);
    let again = if f.is_app() {
        "look that the application has OR.Jobs as an application scope, not OR.Jobs.Read alone, and that the suite asks for it in `scope`"
    } else {
        "generate the PAT anew with Orchestrator API Access > OR.Jobs, not OR.Jobs.Read alone"
    };
    let folder = f.folder();
    let (certainty, message) = match reads {
        true => (
            Likely,
            format!(
                "jobs can be read in {folder} and not started: either the token has OR.Jobs.Read and not OR.Jobs, or the user's role lacks Jobs.Create; these look alike from outside"
            ),
        ),
        false => (
            Possible,
            format!("the user's role may lack Jobs.Create or Processes.View in {folder}: a call needs both"),
        ),
    };
    let cause = Cause::problem(Row::NoJobsCreate, certainty, message).told([evidence(call)]).met([&f.jobs]);
    Some(cause.next([
        format!("have an administrator look at the user's role in {folder}: Folders > Manage access; `Automation User` has Jobs.Create"),
        again.to_owned(),
    ]))
}

pub(super) fn app_not_assigned(f: &Findings) -> Option<Cause> {
    if !f.is_uipath {
        return None;
    }
    let folder = f.folder();
    let assign = format!(
        "assign the application to {folder}: Folders > Manage access > Assign; only applications with application scopes can be found there"
    );
    let default = "or give it the scope OR.Default, which goes by no folder".to_owned();
    let call = f.failed_call();
    if let Some(call) = call.filter(|call| call.failure() == Some(Failure::FolderNeeded)) {
        let certainty = if f.is_app() { Certain } else { Likely };
        let whose = if f.is_app() {
            "the external application is"
        } else {
            "the token is likely that of an external application which is"
        };
        let message = format!(
            "{whose} not assigned to {folder}: a call starts a job there, and Orchestrator answers 1101"
        );
        let cause = Cause::problem(Row::AppNotAssigned, certainty, message).told([evidence(call)]);
        return Some(cause.next([assign, default]));
    }
    let at_the_door = f.opening.as_ref().is_some_and(|probe| probe.is(&[403]));
    let denied = call.is_some_and(CallFinding::is_denied) && !f.jobs.as_ref().is_some_and(Probe::is_denied);
    if !f.is_app() || !(at_the_door || denied) {
        return None;
    }
    let certainty = if at_the_door { Likely } else { Possible };
    let may = if at_the_door { "is likely" } else { "may be" };
    let message = format!(
        "the external application {may} not assigned to {folder}, or has no role with MCPServers.View and Jobs.Create there"
    );
    let cause = Cause::problem(Row::AppNotAssigned, certainty, message);
    let cause =
        if at_the_door { cause.met([&f.opening, &f.releases]) } else { cause.told(call.map(evidence)) };
    Some(cause.next([assign, default]))
}

pub(super) fn integration_service(f: &Findings) -> Option<Cause> {
    if !f.is_uipath || !f.is_no_login() {
        return None;
    }
    let token = if f.is_app() { "an application's token" } else { "a PAT" };
    let skip = "or expect the failure in the scenario (`is_error: true`, or `outcome: timed_out`), or leave it out under such a token: `requires: {$.session.auth: jwt}`";
    if let Some(call) = f.failed_call() {
        let (tool, failure) = (&call.tool, call.failure());
        let marked = is_marked(f, tool);
        let silent = call.is_silent();
        let by_text = failure == Some(Failure::Connection);
        let fits =
            silent || matches!(failure, None | Some(Failure::NotAuthorized)) && call.tool_error.is_some();
        let certainty = match (by_text, marked && fits, silent) {
            (true, ..) | (_, true, _) => Likely,
            (false, false, true) => Possible,
            _ => return None,
        };
        let message = match certainty {
            Likely => format!(
                "`{tool}` is likely backed by an Integration Service connection: {token} connects and lists, and such calls fail or time out"
            ),
            _ => format!(
                "`{tool}` may be backed by an Integration Service connection: with {token} such a call fails, or has no answer, as here"
            ),
        };
        let cause = Cause::problem(Row::IntegrationService, certainty, message).told([evidence(call)]);
        let cause = cause.told(marked.then(|| match f.integration_service.contains(tool) {
            true => format!("the suite marks `{tool}` as one"),
            false => format!("the server's record says that `{tool}` is one"),
        }));
        let mark = format!("mark it in the suite, so that `check` knows it: `integration_service: [{tool}]`");
        return Some(cause.next([FOR_ACTIVITIES.to_owned()]).next((!marked).then_some(mark)).next([skip]));
    }
    if !f.listed() || f.call.as_ref().is_some_and(|call| is_marked(f, &call.tool)) {
        return None;
    }
    let known: Vec<String> =
        f.tools.iter().filter(|tool| is_marked(f, tool)).map(|tool| format!("`{tool}`")).collect();
    let (named, are) = match known.as_slice() {
        [] => return None,
        [one] => (one.clone(), "is backed by an Integration Service connection"),
        more => (more.join(", "), "are backed by Integration Service connections"),
    };
    let message = format!("{named} {are}: with {token} calls fail or time out");
    Some(Cause::warning(Row::IntegrationService, Certain, message).next([FOR_ACTIVITIES, skip]))
}

pub(super) fn job_limit(f: &Findings) -> Option<Cause> {
    let call = f.failed_call().filter(|_| f.is_uipath)?;
    let stopped = match call.failure() {
        None => LIMIT.contains(&call.probe.took),
        Some(failure) => failure == Failure::Stopped,
    };
    if !stopped {
        return None;
    }
    let message = format!(
        "the job behind `{}` was likely stopped at the limit of serverless jobs, 15 minutes",
        call.tool
    );
    let cause = Cause::problem(Row::JobLimit, Likely, message);
    let cause = cause.told([evidence(call), format!("the call took {}", facts::shown(call.probe.took))]);
    Some(cause.next([
        "let the tool start the work and return, and have a `read` or another tool ask how far it is",
        "or run it on a machine of one's own, which has no such limit",
    ]))
}

pub(super) fn no_machine(f: &Findings) -> Option<Cause> {
    if !f.is_uipath {
        return None;
    }
    let folder = f.folder();
    let next = [
        format!(
            "have an administrator give {folder} a machine template with an unattended or serverless runtime, and an unattended robot: Folders > Machines"
        ),
        "look at the job in Orchestrator > Jobs: a pending one says there what it waits for".to_owned(),
    ];
    let call = f.failed_call();
    let said = call.filter(|call| call.failure() == Some(Failure::NoMachine)).map(evidence);
    let before = || f.requests().find(|probe| probe.failure() == Some(Failure::NoMachine)).map(facts::met);
    if let Some(said) = said.or_else(before) {
        let message = format!("{folder} has no machine that the job can run on");
        return Some(Cause::problem(Row::NoMachine, Certain, message).told([said]).next(next));
    }
    let call = call.filter(|call| call.is_silent() && starts_jobs(f))?;
    let message = format!(
        "the job may wait for a machine: without one in {folder} it stays pending, and the call has no answer"
    );
    Some(Cause::problem(Row::NoMachine, Possible, message).told([evidence(call)]).next(next))
}

pub(super) fn bad_arguments(f: &Findings) -> Option<Cause> {
    let call = f.call.as_ref()?;
    let failed = f.failed_call().is_some();
    if failed && f.listed() && !f.tools.is_empty() && !f.tools.contains(&call.tool) {
        let near = nearest(&call.tool, f.tools.iter().map(String::as_str));
        let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = format!("the server lists no tool `{}`{meant}", call.tool);
        let cause = Cause::problem(Row::BadArguments, Certain, message).told([evidence(call)]);
        let next = "names of tools are as the list has them: upper and lower case count, and the first letter of a process is made a small one";
        let other = "take a name from the list: upper and lower case count";
        return Some(cause.next([if f.is_uipath { next } else { other }]));
    }
    let wrong: Vec<String> = call
        .unknown_arguments
        .iter()
        .map(|(name, near)| match near {
            Some(near) => format!("`{name}` is no argument of `{}`; did you mean `{near}`?", call.tool),
            None => format!("`{name}` is no argument of `{}`", call.tool),
        })
        .chain(call.missing_arguments.iter().map(|name| format!("`{name}` is required and was not given")))
        .collect();
    let refused =
        call.probe.answered().and_then(|it| it.error.as_ref()).is_some_and(|(code, _)| *code == -32602);
    let (weight, certainty, message) = match wrong.as_slice() {
        [] if refused => (
            Weight::Problem,
            Likely,
            format!("the arguments are likely not those of `{}`, or there is no such tool", call.tool),
        ),
        [] => return None,
        [one] => (if failed { Weight::Problem } else { Weight::Warning }, Certain, one.clone()),
        [one, ..] => (
            if failed { Weight::Problem } else { Weight::Warning },
            Certain,
            format!("{one}; and {} more", wrong.len() - 1),
        ),
    };
    let cause = Cause::new(Row::BadArguments, weight, certainty, message);
    let cause = cause.told(wrong.into_iter().skip(1)).told(failed.then(|| evidence(call)));
    Some(cause.next([format!("compare them with the input schema of `{}` as it is now: a step `list: tools` with `--trace` shows it, and a process that was published anew may have others than before", call.tool)]))
}
