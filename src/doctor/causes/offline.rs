//! What is seen without asking anybody, in the token and in the address: rows 1 to 8, and 34.

use jiff::Span;

use super::super::findings::{Findings, TokenLook, TokenState};
use super::Certainty::{Certain, Likely};
use super::refused::generate;
use super::{Cause, Row, Weight, facts};
use crate::uipath::{Failure, Fault, Mistake};

/// Who has no personal access tokens.
pub(super) const NO_PATS: &str = "robot accounts, directory users and SAML users cannot have a PAT: for them add an \
                                  external application, `auth: {app: {id: {env: …}, secret: {env: …}, scope: OR.Execution OR.Jobs}}`";

/// How long before its end a token is spoken of, in days.
const SOON: i64 = 14;

/// The audience of Orchestrator.
const AUDIENCE: &str = "UiPath.Orchestrator";

pub(super) fn no_token(f: &Findings) -> Option<Cause> {
    let (message, help) = match &f.token.state {
        // An application's token is asked for at an address: where there is none, that is what is wrong.
        TokenState::Missing(trouble) if f.lack_of_address().is_some_and(|lack| lack.help == trouble.help) => {
            return None;
        }
        TokenState::Missing(trouble) => (trouble.message.clone(), Some(trouble.help.clone())),
        // The identity server gave none, and not for the reason of row 20.
        TokenState::Refused(trouble, _) if super::way::machine_credentials(f).is_none() => {
            let cause = Cause::problem(Row::NoToken, Certain, trouble.message.clone());
            return Some(cause.next([trouble.help.clone()]));
        }
        TokenState::None if f.opening.as_ref().is_some_and(|probe| probe.is(&[401])) => {
            let message = format!("the server wants a token, and the identity `{}` sends none", f.identity);
            let help =
                "give the server `auth: {pat: {env: NAME}}`; or expect the 401, where it is to be refused";
            (message, Some(help.to_owned()))
        }
        _ => return None,
    };
    let cause = Cause::problem(Row::NoToken, Certain, message).met([&f.opening]).next(help);
    Some(match f.is_uipath {
        true => cause.next([generate(f), NO_PATS.to_owned()]),
        false => cause,
    })
}

pub(super) fn damaged_token(f: &Findings) -> Option<Cause> {
    match &f.token.state {
        TokenState::Damaged(trouble) => {
            let cause = Cause::problem(Row::DamagedToken, Certain, trouble.message.clone());
            let cause = cause.next([trouble.help.clone()]);
            let again = "a PAT is shown whole only once, when it is generated: without a clean copy, generate a new one under Preferences > Personal access token";
            Some(if f.is_uipath && !trouble.help.contains("only once") { cause.next([again]) } else { cause })
        }
        // What can be said of a token that is no JWT is that it is short.
        TokenState::Read(TokenLook::Pat | TokenLook::Opaque) if f.token_is_refused() => {
            let remark = f.token.remarks.first()?;
            let cause = Cause::problem(Row::DamagedToken, Likely, remark.clone()).met([&f.opening]);
            Some(cause.next([format!("compare {} with what was copied: a PAT is shown whole only once; without a clean copy, generate a new one", f.place())]))
        }
        _ => None,
    }
}

pub(super) fn expired_login(f: &Findings) -> Option<Cause> {
    let Some(TokenLook::Jwt(jwt)) = f.look() else { return None };
    let expires = jwt.expires?;
    let again = match f.is_uipath {
        true => {
            "log in again with `uipath auth`; or use what lasts longer than an hour: a PAT, or an external application"
        }
        false => "get a new one from whoever issues it",
    };
    if expires <= f.at {
        // A server that takes it has another clock, or does not care.
        let works = f.opened() && !f.failed();
        let what = if f.is_uipath { "a login token, not a PAT" } else { "a JWT" };
        let message = format!("the token is {what}, and ran out at {expires}");
        let cause = Cause::problem(Row::ExpiredLogin, Certain, message).met([&f.opening]);
        let from = format!("it was read from {}", f.place());
        return (!works).then(|| cause.told([from]).told(f.doubts()).next([again]));
    }
    let soon = expires.duration_since(f.at).as_secs() < 24 * 3600;
    let message = format!("the token is a JWT and runs out at {expires}: what works now will fail then");
    (soon && !f.failed()).then(|| Cause::warning(Row::ExpiredLogin, Certain, message).next([again]))
}

pub(super) fn wrong_audience(f: &Findings) -> Option<Cause> {
    let Some(TokenLook::Jwt(jwt)) = f.look().filter(|_| f.is_uipath && !f.token_is_good()) else {
        return None;
    };
    let host = f.host();
    let elsewhere = jwt.issuer.as_ref().zip(host.as_ref()).filter(|(issuer, host)| issuer != host);
    let message = if !jwt.audience.is_empty() && !jwt.audience.iter().any(|one| one.contains(AUDIENCE)) {
        let audience = jwt.audience.join("`, `");
        format!("the token was issued for `{audience}`, and Orchestrator takes those for `{AUDIENCE}`")
    } else if let Some((issuer, host)) = elsewhere {
        format!(
            "the token was issued by `{issuer}`, and the server is at `{host}`: it is likely that of another instance"
        )
    } else {
        return None;
    };
    let there = host.map_or_else(|| "there".to_owned(), |host| format!("at `{host}`"));
    let cause = Cause::problem(Row::WrongAudience, Likely, message).met([&f.opening]).told(f.doubts());
    Some(cause.next([
        format!("use a token that was made {there}: a PAT from Preferences > Personal access token, or `uipath auth` for the same instance"),
        "or correct the host of the address, if the token is the right one".to_owned(),
    ]))
}

/// The mistakes in the address that are of a kind, as a cause.
fn mistaken(f: &Findings, row: Row, mistakes: &[Mistake]) -> Option<Cause> {
    if let Some(trouble) = f.lack_of_address().filter(|trouble| mistakes.contains(&trouble.mistake)) {
        let cause = Cause::problem(row, Certain, trouble.message.clone());
        return Some(cause.told(f.doubts()).next([trouble.help.clone()]));
    }
    let is = |fault: &&Fault| mistakes.contains(&fault.mistake);
    let mut faults = f.faults.iter().filter(is);
    let first = faults.clone().find(|fault| fault.fatal).or_else(|| faults.next())?;
    let weight = if first.fatal { Weight::Problem } else { Weight::Warning };
    let mut cause = Cause::new(row, weight, Certain, first.message.clone()).next([first.help.clone()]);
    for fault in f.faults.iter().filter(|fault| is(fault) && *fault != first) {
        cause = cause.told([fault.message.clone()]).next([fault.help.clone()]);
    }
    Some(cause)
}

pub(super) fn old_prefix(f: &Findings) -> Option<Cause> {
    mistaken(f, Row::OldPrefix, &[Mistake::OldForm])
}

pub(super) fn no_folder_key(f: &Findings) -> Option<Cause> {
    let said = f.requests().find(|probe| probe.failure() == Some(Failure::NoFolderKey));
    let by_answer = || {
        let message = "the address has no folder key between `mcp/` and the slug";
        let cause = Cause::problem(Row::NoFolderKey, Certain, message).told(said.map(facts::met));
        cause.next(["copy the address from the server's details on the page MCP Servers: its parts are org, tenant, `agenthub_`, `mcp`, folderKey, slug"])
    };
    mistaken(f, Row::NoFolderKey, &[Mistake::NoFolderKey]).or_else(|| said.map(|_| by_answer()))
}

pub(super) fn folder_not_key(f: &Findings) -> Option<Cause> {
    // A 401 to the question for the key is row 9.
    let cause = mistaken(f, Row::FolderNotKey, &[Mistake::FolderNotKey, Mistake::NotLookedUp])?;
    let where_it_is =
        "the browser's network tab shows it, too: as `Key`, in the answer to GetFoldersForCurrentUser";
    Some(cause.met([&f.folders]).next([where_it_is]))
}

pub(super) fn placeholder(f: &Findings) -> Option<Cause> {
    mistaken(f, Row::Placeholder, &[Mistake::Other])
}

pub(super) fn expiry_unknown(f: &Findings) -> Option<Cause> {
    let Some(TokenLook::Pat | TokenLook::Opaque) = f.look() else { return None };
    if f.failed() || !f.opened() || f.is_uipath && f.tools.is_empty() {
        return None;
    }
    let Some(ends) = f.token.expires else {
        let message = "when the PAT runs out cannot be read from it: at most a year after it was generated, unless an administrator allows more";
        let next = "write the day beside it, and `check`, `test` and `doctor` warn 14 days before: `auth: {pat: {env: …}, expires: 2027-05-01}`";
        let is_pat = f.is_uipath && matches!(f.look(), Some(TokenLook::Pat));
        return is_pat.then(|| Cause::note(Row::ExpiryUnknown, Certain, message).next([next]));
    };
    let today = f.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let last = today.checked_add(Span::new().days(SOON)).unwrap_or(today);
    let message = match ends {
        ends if ends < today => format!("the token works, though the suite says that it ran out on {ends}"),
        ends if ends <= last => format!("the token runs out on {ends}, as the suite says"),
        _ => return None,
    };
    let cause = Cause::warning(Row::ExpiryUnknown, Certain, message);
    Some(cause.next([
        "generate a new one before, put it in the place of the old one, and correct `expires` in the suite",
    ]))
}
