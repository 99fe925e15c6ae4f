//! Refused before anything could be listed: the token, the address, or a right in the folder. UiPath leaves the reason out
//! of a 401, so these are told by what the other questions met, and named together where nothing tells them apart: rows 9
//! to 11, 15, 16, 19.

use super::super::findings::{Findings, TokenLook};
use super::Certainty::{Certain, Likely, Possible};
use super::facts::{self, FolderIs, ServerIs};
use super::offline::NO_PATS;
use super::{Cause, Row};
use crate::nearest::nearest;
use crate::uipath::Mistake;

/// Why a 401 says so little.
const NO_REASON: &str = "from outside these look alike, because UiPath leaves the reason out of a 401";

/// How many folders or servers are told, to choose from.
const TOLD: usize = 5;

/// The roles that let connect.
const ROLES: &str = "`Automation User`, `Automation Developer` or `Folder Administrator`";

impl Findings {
    /// Whether Orchestrator refused the token when it was asked for the folder's key.
    pub(super) fn is_refused_lookup(&self) -> bool {
        self.lack.as_ref().is_some_and(|lack| lack.mistake == Mistake::LookUpRefused)
    }
}

/// How a token is generated that can do everything.
pub(super) fn generate(f: &Findings) -> String {
    let place = match &f.token.place {
        Some(place) => format!(", and put it into {place}"),
        None => ", and put it into `UIPATH_ACCESS_TOKEN` or `UIPATH_PAT`".to_owned(),
    };
    format!(
        "generate one under Preferences > Personal access token, with Orchestrator API Access > OR.Execution and OR.Jobs{place}"
    )
}

pub(super) fn token_refused(f: &Findings) -> Option<Cause> {
    if !f.is_uipath {
        return not_accepted(f);
    }
    if f.is_nowhere() || !(f.token_is_refused() || f.has_token() && f.is_refused_lookup()) {
        return None;
    }
    let asked = f.questions().filter(|probe| probe.is(&[401])).count();
    let what = f.token_is_a();
    let ended = f.token.expires.filter(|day| f.at.to_zoned(jiff::tz::TimeZone::UTC).date() >= *day);
    let (certainty, message) = match (ended, asked) {
        (Some(day), _) => (
            Likely,
            format!(
                "{what} has likely run out: the suite says that it ends on {day}, and it is not accepted any more"
            ),
        ),
        (None, 0) => (
            Possible,
            format!(
                "the server answers 401: either {what} is not good any more, or a part of the address is wrong; {NO_REASON}"
            ),
        ),
        (None, _) => (
            Likely,
            format!(
                "{what} is likely not good any more, or not of this organization: the server and Orchestrator answer 401, and UiPath leaves the reason out of it"
            ),
        ),
    };
    let mut cause = Cause::problem(Row::TokenRefused, certainty, message);
    cause = cause.met([&f.opening, &f.folders, &f.releases, &f.jobs, &f.record]);
    if f.opening.is_none() {
        cause = cause.told(f.lack.iter().map(|lack| lack.message.clone()));
    }
    if facts::yes(&f.version) {
        cause = cause.told(["the host is an Orchestrator's: it tells its version to everybody"]);
    }
    cause = cause.told([format!("the token was read from {}", f.place())]);
    cause = cause.told(f.doubts()).told(f.token.remarks.iter().cloned());
    let host = f.host().unwrap_or_else(|| "the server's host".to_owned());
    let instance = format!(
        "look whether it was made at `{host}`: cloud, staging and an Automation Suite of one's own each have tokens of their own"
    );
    Some(match f.look() {
        Some(TokenLook::App) => cause.next([
            "look at the application under Admin > External applications: is it still there, with application scopes OR.Execution and OR.Jobs?".to_owned(),
            instance,
        ]),
        Some(TokenLook::Jwt(_)) => cause.next(["log in again with `uipath auth`; or use a PAT".to_owned(), instance]),
        _ => cause.next([
            "look under Preferences > Personal access token when it expires, and whether it was regenerated or revoked since: the old text is then worth nothing".to_owned(),
            "ask whether its user is still active: the PATs of a deactivated user stop working".to_owned(),
            instance,
            format!("the quickest test is a new one: {}", generate(f)),
        ]),
    })
}

/// The same for a server that is not UiPath's.
fn not_accepted(f: &Findings) -> Option<Cause> {
    let refused = f.requests().find(|probe| probe.is(&[401, 403])).filter(|_| f.has_token())?;
    let (certainty, message) = match refused.status() {
        Some(403) => (Likely, "the token is likely known, and does not let do this: the answer is 403"),
        _ => (Certain, "the token is not accepted: the answer is 401"),
    };
    let cause = Cause::problem(Row::TokenRefused, certainty, message).told([facts::met(refused)]);
    let cause = cause.told([format!("the token was read from {}", f.place())]);
    let cause = cause.told(f.doubts()).told(f.token.remarks.iter().cloned());
    Some(cause.next([
        "look whether the token has run out, was revoked, or is for another server",
        "look what it has to be allowed to do, with whoever runs the server",
    ]))
}

pub(super) fn wrong_tenant(f: &Findings) -> Option<Cause> {
    if !f.is_uipath || !f.has_token() || f.address.is_none() {
        return None;
    }
    let tenant = f.tenant();
    let compare = "compare both with the address of the Orchestrator page in the browser: host, organization, tenant; upper and lower case count";
    let other_host = f.version.as_ref().filter(|probe| probe.answered().is_some() && !probe.is_yes());
    let cause = if f.is_nowhere() {
        let message = format!("{tenant} is likely not there: whatever is asked below is answered with 404");
        Cause::problem(Row::WrongTenant, Likely, message).met([&f.opening, &f.folders])
    } else if f.token_is_refused() {
        let message = format!("{tenant} may not be the token's own: that is answered with 401, too");
        Cause::problem(Row::WrongTenant, Possible, message)
    } else {
        return None;
    };
    let host = other_host
        .map(|probe| format!("the host does not answer as an Orchestrator does: {}", facts::met(probe)));
    Some(cause.told(host).told(f.doubts()).next([compare]))
}

pub(super) fn no_pat_for_user(f: &Findings) -> Option<Cause> {
    let pat = matches!(f.look(), Some(TokenLook::Pat | TokenLook::Opaque));
    if !f.is_uipath || !pat || f.is_nowhere() || !f.token_is_refused() {
        return None;
    }
    let message = "the token may be no PAT at all: only local users who log in interactively have PATs";
    Some(
        Cause::problem(Row::NoPatForUser, Possible, message)
            .next(["look whether the user has the menu Preferences > Personal access token", NO_PATS]),
    )
}

pub(super) fn wrong_segment(f: &Findings) -> Option<Cause> {
    if !f.is_uipath {
        return None;
    }
    // The folder was looked up by its path, and is not there.
    if let Some(lack) = f.lack.as_ref().filter(|it| it.mistake == Mistake::FolderNotSeen) {
        let message =
            format!("{}: either the path is wrong, or the user is not assigned to the folder", lack.message);
        let cause = Cause::problem(Row::WrongSegment, Likely, message).met([&f.folders]).told(f.doubts());
        return Some(cause.next([lack.help.clone()]).next(folders(f)).next([assign(f)]));
    }
    let refused = f.opening.as_ref().is_some_and(|probe| probe.is(&[401, 404]));
    if !refused || f.is_nowhere() {
        return None;
    }
    let what = f.token_is_a();
    let panel = "copy the address anew from the server's details on the page MCP Servers";
    if !f.token_is_good() {
        // Row 9 says so where everything was asked.
        let unasked = f.token_is_refused() && f.questions().next().is_none() || !f.has_token();
        let is_404 = f.opening.as_ref().is_some_and(|probe| probe.is(&[404]));
        let message = "a part of the address may be wrong: UiPath answers that with 401, too";
        let certainty = if is_404 { Likely } else { Possible };
        let message =
            if is_404 { "the address leads nowhere: a part of it is likely wrong" } else { message };
        let cause = Cause::problem(Row::WrongSegment, certainty, message).met([&f.opening]);
        return (unasked && f.has_token() || is_404).then(|| cause.told(f.doubts()).next([panel]));
    }
    let (slug, folder) = (f.slug(), f.folder());
    let (certainty, message, next) = match (f.folder_is(), f.server_is()) {
        (FolderIs::Missing, _) => (
            Likely,
            format!(
                "{what} is good, and {folder} is none that its user sees: either the folder key is wrong, or the user is not assigned to the folder"
            ),
            folders(f),
        ),
        (FolderIs::There, ServerIs::Missing) => {
            let near = nearest(slug, f.servers_seen.iter().map(String::as_str));
            let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let message = format!("{what} is good, and {folder} has no MCP server `{slug}`{meant}");
            (Certain, message, servers(f, near))
        }
        // Whoever cannot see the server's record may lack the right to connect: row 15.
        (FolderIs::There, ServerIs::Hidden) => {
            (Possible, format!("the slug `{slug}` may be wrong: that is answered with 401, too"), Vec::new())
        }
        (FolderIs::There, ServerIs::There) => return None,
        _ => (
            Likely,
            format!(
                "{what} is good, so a part of the address is likely wrong: {}, {folder} or the slug `{slug}`",
                f.tenant()
            ),
            Vec::new(),
        ),
    };
    let mut cause = Cause::problem(Row::WrongSegment, certainty, message);
    cause = match certainty {
        Possible => cause.met([&f.record, &f.servers]),
        _ => cause.met([&f.opening, &f.folders, &f.releases, &f.record, &f.servers]).told(f.doubts()),
    };
    Some(cause.next(next).next([panel]))
}

/// The folders that there are, to choose from; the likely one first.
fn folders(f: &Findings) -> Vec<String> {
    if let Some(seen) = f.folder_meant() {
        return vec![format!("did you mean `{}`, the key of `{}`?", seen.key, seen.path)];
    }
    match f.folders_seen.as_slice() {
        [] if facts::yes(&f.folders) => {
            vec!["the user sees no folder at all: somebody has to assign it to one".to_owned()]
        }
        [] => Vec::new(),
        all => {
            let named = all.iter().take(TOLD).map(|seen| format!("`{}` is `{}`", seen.path, seen.key));
            let more =
                if all.len() > TOLD { format!(", and {} more", all.len() - TOLD) } else { String::new() };
            vec![format!(
                "use the key of one that the user sees: {}{more}",
                named.collect::<Vec<_>>().join(", ")
            )]
        }
    }
}

fn servers(f: &Findings, near: Option<&str>) -> Vec<String> {
    match (near, f.servers_seen.as_slice()) {
        (Some(near), _) => vec![format!("write the slug as it is there: `{near}`")],
        (None, []) => Vec::new(),
        (None, all) => {
            let named: Vec<String> = all.iter().take(TOLD).map(|slug| format!("`{slug}`")).collect();
            let more =
                if all.len() > TOLD { format!(" and {} more", all.len() - TOLD) } else { String::new() };
            vec![format!("its servers are {}{more}", named.join(", "))]
        }
    }
}

/// How one comes to a role.
fn assign(f: &Findings) -> String {
    format!(
        "have an administrator of {} give the user a role there: Folders > Manage access > Assign, {ROLES}",
        f.folder()
    )
}

pub(super) fn no_view(f: &Findings) -> Option<Cause> {
    if !f.is_uipath || f.is_app() || !f.has_token() {
        return None;
    }
    let opening = f.opening.as_ref()?;
    let known = f.server_is() == ServerIs::There;
    let certainty = match opening.status() {
        // Whoever may see the record has the permission: row 12, if anything.
        Some(403) if known && f.is_without_releases() => return None,
        Some(403) if known => Possible,
        Some(403) => Likely,
        Some(401) if !f.token_is_good() => return None,
        // A key that is nearly another one's is misspelt.
        Some(401 | 404) if f.folder_is() == FolderIs::Missing && f.folder_meant().is_some() => return None,
        Some(401 | 404) if f.folder_is() == FolderIs::Missing => Possible,
        Some(401) => match f.server_is() {
            ServerIs::Missing => return None,
            ServerIs::Hidden if f.folder_is() == FolderIs::There => Likely,
            ServerIs::There if f.is_without_releases() => return None,
            _ => Possible,
        },
        _ => return None,
    };
    let folder = f.folder();
    let message = match certainty {
        Likely => {
            format!("the user likely has no role with MCPServers.View in {folder}: that is needed to connect")
        }
        _ => format!("the user may have no role with MCPServers.View in {folder}: that is needed to connect"),
    };
    let cause = Cause::problem(Row::NoView, certainty, message);
    // As the second of two that look alike it need not repeat what the first was told by.
    let cause = match certainty {
        Likely => cause.met([&f.opening, &f.folders, &f.releases, &f.record]),
        _ => cause.met([&f.opening]),
    };
    let unseen = f.folder_is() == FolderIs::Missing && facts::yes(&f.folders);
    let cause = cause.told(unseen.then(|| format!("{folder} is not among the folders that the user sees")));
    Some(cause.next([assign(f), "a scope of the token does not help here: both are needed, the scope and the permission in the folder".to_owned()]))
}

pub(super) fn intersection(f: &Findings) -> Option<Cause> {
    let elsewhere = f.good_elsewhere();
    let here = f.releases.as_ref().filter(|probe| probe.is(&[400, 401, 403, 404]))?;
    let failed = f.opening_failed() || f.listing_failed() || f.listed() && f.tools.is_empty();
    let looked_at = f.opening.as_ref().is_none_or(|probe| f.opened() || probe.is(&[401, 403, 404]));
    // Row 10: the key may be wrong, and then nobody has a right in that folder.
    let astray = f.folder_is() == FolderIs::Missing && !f.opening.as_ref().is_some_and(|it| it.is(&[403]));
    if elsewhere.is_empty() || astray || !f.is_uipath || !failed || !looked_at {
        return None;
    }
    let folder = f.folder();
    let named = elsewhere.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the same token works in {named} and not in {folder}: its scopes are likely right, and the user's permissions here are not"
    );
    let jobs = facts::yes(&f.jobs);
    let scopes = if jobs { "OR.Execution, OR.Jobs or OR.Jobs.Read" } else { "OR.Execution" };
    let seen: Vec<&str> =
        [(f.opened() || facts::yes(&f.record)).then_some("MCPServers.View"), jobs.then_some("Jobs.View")]
            .into_iter()
            .flatten()
            .collect();
    let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    let cause = Cause::problem(Row::Intersection, Likely, message).told([
        format!("scopes seen to work: {scopes}"),
        format!("permissions seen to work in {folder}: {seen}"),
        facts::met(here),
    ]);
    let cause = cause.told(facts::elsewhere(f));
    Some(
        cause.next([
            assign(f),
            "what a token lets do is what its scopes and the user's permissions in the folder both let do"
                .to_owned(),
        ]),
    )
}
