//! Connected, and no tools: rows 12 and 30.

use super::super::findings::Findings;
use super::Certainty::{Likely, Possible};
use super::facts::{self, ServerIs};
use super::{Cause, Row, Weight};
use crate::uipath::Failure;

pub(super) fn no_execution_scope(f: &Findings) -> Option<Cause> {
    if !f.is_uipath || !f.has_token() {
        return None;
    }
    let denied = f.is_without_releases();
    let by_releases = facts::yes(&f.releases);
    let certainty = if f.opened() && f.listing_failed() {
        let listing = f.listing.as_ref()?;
        let answered = listing.answered()?;
        let refused = listing.is(&[401, 403]);
        match listing.failure() {
            _ if by_releases => return None,
            Some(Failure::Listing) => Likely,
            None | Some(Failure::NotAuthorized) if denied && (refused || answered.error.is_some()) => Likely,
            None | Some(Failure::NotAuthorized) if refused => Possible,
            _ => return None,
        }
    } else if f.opening.as_ref().is_some_and(|probe| probe.is(&[401, 403])) && denied {
        // A missing scope may be a 401 as well: UiPath documents it. The address is right, or the record would not be
        // there.
        if f.server_is() != ServerIs::There {
            return None;
        }
        Likely
    } else {
        return None;
    };
    let token = f.token_is_a();
    let may = if certainty == Likely { "likely lacks" } else { "may lack" };
    let message = format!(
        "{token} {may} the scope OR.Execution: the tools are listed with ListReleases, which needs it"
    );
    let cause = Cause::problem(Row::NoExecutionScope, certainty, message);
    let cause = cause.met([&f.opening].into_iter().filter(|_| !f.opened()));
    let cause = cause.met([&f.listing, &f.releases]).told(facts::elsewhere(f)).told(f.doubts());
    let again = if f.is_app() {
        "give the application the application scopes OR.Execution and OR.Jobs under Admin > External applications, and write both as `scope` in the suite"
    } else {
        "generate a new PAT under Preferences > Personal access token with Orchestrator API Access > OR.Execution and OR.Jobs: the scopes of a PAT cannot be read back"
    };
    let folder = f.folder();
    Some(cause.next([
        again.to_owned(),
        format!("if it has the scope, the user's role lacks Processes.View in {folder}, which looks the same: Folders > Manage access"),
    ]))
}

pub(super) fn no_tools(f: &Findings) -> Option<Cause> {
    if !f.listed() || !f.tools.is_empty() {
        return None;
    }
    if !f.is_uipath {
        let message = "the server is reached, and shows no tools";
        let next = "it may have prompts and resources alone, or show tools to others only";
        return Some(Cause::note(Row::NoTools, Possible, message).met([&f.listing]).next([next]));
    }
    let (slug, folder) = (f.slug(), f.folder());
    let add = format!(
        "look at the server `{slug}` on the page MCP Servers: is a tool added to it, and switched on?"
    );
    let role = format!(
        "look whether the user's role in {folder} has Processes.View, and the token OR.Execution: Folders > Manage access"
    );
    let (certainty, message, next) = if f.is_without_releases() {
        let message = format!(
            "the server shows no tools: the user's role in {folder} likely lacks Processes.View, or the token lacks OR.Execution"
        );
        (Likely, message, [role, add])
    } else if facts::yes(&f.releases) {
        (
            Likely,
            format!("the server `{slug}` shows no tools: likely none is added, or all are switched off"),
            [add, role],
        )
    } else {
        let message = format!(
            "the server `{slug}` shows no tools: either none is added or all are switched off, or the user's role lacks Processes.View in {folder}"
        );
        (Possible, message, [add, role])
    };
    let cause = Cause::new(Row::NoTools, Weight::Problem, certainty, message);
    Some(cause.met([&f.listing, &f.releases]).next(next))
}
