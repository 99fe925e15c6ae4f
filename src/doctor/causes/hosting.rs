//! The server behind the gateway: whether it starts, is connected, and keeps its sessions: rows 23 to 26.

use std::time::Duration;

use super::super::findings::{Findings, Probe, Reply};
use super::Certainty::{Certain, Likely, Possible};
use super::facts::kind::{CODED, COMMAND, SELF_HOSTED, WITHOUT_PROCESS};
use super::{Cause, Row, Weight};
use crate::uipath::{Failure, did_not_start};

/// An opening that takes longer was likely a cold start.
const SLOW: Duration = Duration::from_secs(5);

pub(super) fn start_failed(f: &Findings) -> Option<Cause> {
    if !f.is_uipath {
        return None;
    }
    let version = f.opening.as_ref()?.answered()?.protocol.as_deref().filter(|it| did_not_start(it))?;
    let message = "the server's own process could not start: its package, its command or its environment variables are the usual reasons";
    let cause = Cause::problem(Row::StartFailed, Certain, message);
    let cause = cause.told([format!("the answer looks good, and names `{version}` as its version")]);
    Some(match f.kind() {
        Some(SELF_HOSTED) => cause.next(["look at what `uipath run` printed on the server's machine"]),
        _ => cause.next([
            "look at the log of its job: Orchestrator > MCP Servers > the server > Jobs tab",
            "start it on your own machine with the same variables: `uipath run`",
        ]),
    })
}

pub(super) fn disconnected(f: &Findings) -> Option<Cause> {
    let (seen, slug) = (f.seen(), f.slug());
    if !f.is_uipath {
        return None;
    }
    if seen.is_some_and(|seen| seen.is_active == Some(false)) {
        let failed = f.opening_failed() || f.listing_failed();
        let message = format!("the server `{slug}` is switched off");
        let (weight, certainty) = if failed { (Weight::Problem, Likely) } else { (Weight::Warning, Certain) };
        let cause = Cause::new(Row::Disconnected, weight, certainty, message).met([&f.opening, &f.record]);
        return Some(cause.next(["switch it on, on the page MCP Servers of Orchestrator"]));
    }
    let failing = f.opening.iter().chain(&f.listing).find(|probe| {
        !probe.is_good()
            && (probe.is(&[502, 503, 504]) || probe.failure() == Some(Failure::Relay) || is_silent(probe))
    });
    let offline = seen.is_some_and(|seen| seen.status == Some(0));
    let relay = failing.is_some_and(|probe| probe.failure() == Some(Failure::Relay) || probe.is(&[503]));
    let certainty = match (failing.is_some(), f.kind(), offline) {
        (true, Some(SELF_HOSTED), true) => Certain,
        (true, Some(SELF_HOSTED), false) => Likely,
        (true, None, true) => Likely,
        (true, None, false) if relay => Possible,
        (true, Some(kind), _) if relay && !WITHOUT_PROCESS.contains(&kind) => Possible,
        _ => return None,
    };
    let run = format!("start it on its machine: `uipath run {slug}`, and leave it running");
    let message = match (certainty, f.kind()) {
        (Certain, _) => {
            format!("the self-hosted server `{slug}` is not connected: its process is not running")
        }
        (_, Some(SELF_HOSTED)) => {
            format!("the process of the self-hosted server `{slug}` is likely not running")
        }
        (Likely, _) => format!(
            "the server `{slug}` is likely not connected: if it is self-hosted, its process is not running"
        ),
        (_, Some(_)) => format!("the gateway may not reach the process of `{slug}`"),
        (_, None) => format!(
            "the gateway may not reach the process of `{slug}`: if it is self-hosted, it is not running"
        ),
    };
    let cause = Cause::problem(Row::Disconnected, certainty, message).met([&f.opening, &f.listing]);
    let cause = cause.told(offline.then(|| "its record says: status 0, disconnected".to_owned()));
    let hosted = "look at its status on the page MCP Servers; of a Coded or Command server, at the Jobs tab"
        .to_owned();
    Some(match f.kind() {
        Some(SELF_HOSTED) => cause.next([run]),
        None => cause.next([hosted, run]),
        Some(_) => cause.next([hosted]),
    })
}

fn is_silent(probe: &Probe) -> bool {
    matches!(probe.reply, Reply::Silent)
}

pub(super) fn cold_start(f: &Findings) -> Option<Cause> {
    let cold = f.is_kind(&[CODED, COMMAND]);
    if !f.is_uipath || cold == Some(false) {
        return None;
    }
    let what = match f.kind() {
        Some(CODED) => "a Coded server",
        Some(COMMAND) => "a Command server",
        _ => "a Coded or Command server",
    };
    let wait = "give it time: `timeouts: {start: 120s}` of the server in the suite";
    let late =
        f.opening.iter().chain(&f.listing).find(|probe| probe.is(&[408, 503, 504]) || is_silent(probe));
    if let Some(late) = late {
        let certainty = if cold == Some(true) { Likely } else { Possible };
        let message = match certainty {
            Likely => format!("the server was likely still starting: {what} starts a job on first use"),
            _ => format!(
                "the server may have been starting: {what} starts a job on first use, which takes some ten seconds"
            ),
        };
        let cause = Cause::problem(Row::ColdStart, certainty, message).told([super::facts::met(late)]);
        return Some(cause.next([
            "run `callsheet doctor` again: a server that was starting answers now",
            wait,
            "if it never answers: Orchestrator > MCP Servers > the server > Jobs tab",
        ]));
    }
    let opening = f.opening.as_ref().filter(|probe| probe.took >= SLOW && f.opened() && !f.failed())?;
    let took = super::facts::shown(opening.took);
    let certainty = if cold == Some(true) { Likely } else { Possible };
    let message = format!("opening took {took}, likely a cold start: {what} starts a job on first use");
    Some(Cause::note(Row::ColdStart, certainty, message).next([wait]))
}

pub(super) fn session_lost(f: &Findings) -> Option<Cause> {
    let says = |probe: &&Probe| {
        let error = probe.answered().and_then(|answered| answered.error.as_ref());
        let message = error.map(|(_, message)| message.to_lowercase()).unwrap_or_default();
        let lost = ["not found", "terminated", "no valid session"].iter().any(|end| message.contains(end));
        message.contains("session") && lost || error.is_none() && probe.is(&[404])
    };
    let call = f.call.as_ref().map(|call| &call.probe);
    let after = || f.listing.iter().chain(call).filter(|probe| !probe.is_good());
    if let Some(lost) = after().find(says).filter(|_| f.opened()) {
        let message = "the session was lost right after it was opened: likely another instance answers than the one that knows it, or the server restarts";
        let cause = Cause::problem(Row::SessionLost, Likely, message).told([super::facts::met(lost)]);
        return Some(cause.next([
            "run it again; callsheet opens a lost session anew once by itself",
            if f.is_uipath { "if it stays: the Jobs tab of the server on the page MCP Servers shows whether its job ends" } else { "if it stays: look whether the server restarts, or runs more than once without sharing its sessions" },
        ]));
    }
    let reopened = |probe: &Probe| probe.answered().is_some_and(|it| it.repairs.contains(&"reopened"));
    let reopened = f.listing.iter().chain(call).find(|probe| reopened(probe)).filter(|_| !f.failed())?;
    let message = "the session was lost once, and opened anew";
    Some(
        Cause::note(Row::SessionLost, Certain, message)
            .told([super::facts::met(reopened)])
            .next(["nothing, if it happens seldom: a server that was idle or restarted does so"]),
    )
}
