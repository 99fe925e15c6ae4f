//! What several rules ask of the findings. Each is a fact, or what the facts let conclude of the token, the folder and
//! the server; no cause is named here.

use std::time::Duration;

use super::super::findings::{
    Answered, CallFinding, Findings, FolderSeen, Probe, RecordSeen, Reply, TokenLook, TokenState,
};
use crate::nearest::nearest;
use crate::uipath::{Address, Failure, Folder, Refusal, Trouble, did_not_start};

/// What is known of the folder that the address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FolderIs {
    /// It is there, and the user may see something of it.
    There,
    /// It is not there, or not the user's: Orchestrator tells no difference.
    Missing,
    /// Nobody said.
    Unknown,
}

/// What is known of the server that the address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerIs {
    /// The management side knows it.
    There,
    /// The folder is there, and has none of that slug.
    Missing,
    /// The management side was asked, and does not say it to this token.
    Hidden,
    /// Nobody said.
    Unknown,
}

/// A server's type, by UiPath's number.
pub(super) mod kind {
    pub(in super::super) const COMMAND: u64 = 1;
    pub(in super::super) const CODED: u64 = 2;
    pub(in super::super) const SELF_HOSTED: u64 = 3;
    /// Those that the gateway answers for by itself: UiPath, Platform, Swagger.
    pub(in super::super) const WITHOUT_PROCESS: [u64; 3] = [0, 6, 7];
    /// Those whose calls start jobs: UiPath, Command, Coded, ProcessAssistant.
    pub(in super::super) const WITH_JOBS: [u64; 4] = [0, COMMAND, CODED, 5];
}

impl Findings {
    /// Whether a session could be opened.
    pub(super) fn opened(&self) -> bool {
        self.opening.as_ref().is_some_and(Probe::opened)
    }

    /// Whether opening was tried in vain.
    pub(super) fn opening_failed(&self) -> bool {
        self.opening.is_some() && !self.opened()
    }

    /// Whether listing was tried in vain. A list with faults of form is a list.
    pub(super) fn listing_failed(&self) -> bool {
        let faulty = |answered: &Answered| is_success(answered) && !self.tools.is_empty();
        let listing = self.listing.as_ref();
        listing.is_some_and(|probe| !probe.is_good() && !probe.answered().is_some_and(faulty))
    }

    /// The call that was invited, where it failed.
    pub(super) fn failed_call(&self) -> Option<&CallFinding> {
        self.call.as_ref().filter(|call| call.tool_error.is_some() || !call.probe.is_good())
    }

    /// Whether anything that was tried failed.
    pub(super) fn failed(&self) -> bool {
        self.opening_failed() || self.listing_failed() || self.failed_call().is_some()
    }

    /// Whether the session was opened and the tools were listed.
    pub(super) fn listed(&self) -> bool {
        self.opened() && self.listing.is_some() && !self.listing_failed()
    }

    /// Whether a token was there to be sent.
    pub(super) fn has_token(&self) -> bool {
        matches!(self.token.state, TokenState::Read(_))
    }

    pub(super) fn look(&self) -> Option<&TokenLook> {
        match &self.token.state {
            TokenState::Read(look) => Some(look),
            _ => None,
        }
    }

    /// Whether the token is an external application's.
    pub(super) fn is_app(&self) -> bool {
        match self.look() {
            Some(TokenLook::App) => true,
            Some(TokenLook::Jwt(jwt)) => jwt.application,
            _ => false,
        }
    }

    /// Whether the token is one that the Integration Service does not take: a PAT, or an application's.
    pub(super) fn is_no_login(&self) -> bool {
        self.is_app() || self.look().is_some_and(|look| !matches!(look, TokenLook::Jwt(_)))
    }

    /// Why the address cannot be asked, where that is not for want of a token to look up its folder with.
    pub(super) fn lack_of_address(&self) -> Option<&Trouble> {
        let own = match &self.token.state {
            TokenState::Missing(trouble) | TokenState::Damaged(trouble) | TokenState::Refused(trouble, _) => {
                Some(&trouble.message)
            }
            TokenState::None | TokenState::Read(_) => None,
        };
        self.lack.as_ref().filter(|lack| own != Some(&lack.message))
    }

    /// How the token is called in sentences.
    pub(super) fn token_is_a(&self) -> &'static str {
        match self.look() {
            Some(TokenLook::App) => "the application",
            Some(TokenLook::Jwt(_)) => "the login token",
            Some(TokenLook::Pat) => "the PAT",
            Some(TokenLook::Opaque) | None => "the token",
        }
    }

    /// Every question that was put to the REST side with the token.
    pub(super) fn questions(&self) -> impl Iterator<Item = &Probe> {
        let one = [&self.folders, &self.releases, &self.jobs, &self.record, &self.servers];
        one.into_iter().flatten().chain(self.elsewhere.iter().map(|(_, probe)| probe))
    }

    /// What was asked of the MCP server with the token.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Probe> {
        let call = self.call.as_ref().map(|call| &call.probe);
        self.opening.iter().chain(&self.listing).chain(call)
    }

    /// Whether everything below the tenant is answered with 404: nothing is there, and no token was looked at.
    pub(super) fn is_nowhere(&self) -> bool {
        let asked = || self.opening.iter().chain(self.questions()).filter(|probe| probe.answered().is_some());
        let bare = |probe: &Probe| probe.status() == Some(404) && probe.failure().is_none();
        self.questions().any(|probe| probe.answered().is_some()) && asked().all(bare)
    }

    /// Whether an answer shows that the token is good: any but 401 from one who looks at tokens. It need not let do
    /// anything.
    pub(super) fn token_is_good(&self) -> bool {
        // Whoever lets in everybody looks at no token.
        let open_to_all = self.bare.as_ref().is_some_and(Probe::opened);
        let shows = |probe: &Probe| {
            let looked_at = matches!(probe.status(), Some(200..=299 | 400 | 403 | 404 | 409 | 422));
            looked_at && !probe.is_page()
        };
        let let_in = self.opened() && !open_to_all || self.opening.as_ref().is_some_and(|it| it.is(&[403]));
        self.has_token() && !self.is_nowhere() && (let_in || self.questions().any(shows))
    }

    /// Whether the token was refused with 401, and nobody accepts it.
    pub(super) fn token_is_refused(&self) -> bool {
        let asked = || self.requests().chain(self.folders.iter());
        self.has_token() && asked().any(|probe| probe.is(&[401])) && !self.token_is_good()
    }

    pub(super) fn folder_key(&self) -> Option<&str> {
        match &self.address.as_ref()?.folder {
            Folder::Key(key) => Some(key),
            Folder::Path(_) => None,
        }
    }

    /// The folder of the address among those that were seen.
    fn folder_seen(&self) -> Option<&FolderSeen> {
        let by = |seen: &&FolderSeen| match &self.address.as_ref().map(|address| &address.folder) {
            Some(Folder::Key(key)) => seen.key.eq_ignore_ascii_case(key),
            Some(Folder::Path(path)) => seen.path.to_lowercase() == path.to_lowercase(),
            None => false,
        };
        self.folders_seen.iter().find(by)
    }

    /// The folder in sentences: by its path, where that is known.
    pub(super) fn folder(&self) -> String {
        let named = match (self.folder_seen(), self.address.as_ref().map(|address| &address.folder)) {
            (Some(seen), _) => &seen.path,
            (None, Some(Folder::Key(text) | Folder::Path(text))) => text,
            (None, None) => return "the folder".to_owned(),
        };
        format!("the folder `{named}`")
    }

    pub(super) fn folder_is(&self) -> FolderIs {
        let inside = [&self.releases, &self.jobs, &self.record, &self.servers];
        if inside.iter().any(|probe| yes(probe)) || self.folder_seen().is_some() {
            FolderIs::There
        } else if yes(&self.folders) && self.address.is_some()
            || inside.iter().any(|probe| probe.as_ref().is_some_and(Probe::is_of_unknown_folder))
        {
            FolderIs::Missing
        } else {
            FolderIs::Unknown
        }
    }

    pub(super) fn server_is(&self) -> ServerIs {
        let slug = self.address.as_ref().map(|address| address.slug.as_str());
        let is = |probe: &Option<Probe>, statuses: &[u16]| probe.as_ref().is_some_and(|it| it.is(statuses));
        let named = slug.is_some_and(|slug| self.servers_seen.iter().any(|seen| seen == slug));
        if yes(&self.record) || named {
            ServerIs::There
        } else if yes(&self.servers) || is(&self.record, &[404]) && self.folder_is() == FolderIs::There {
            ServerIs::Missing
        } else if is(&self.record, &[401, 403]) || is(&self.servers, &[401, 403]) {
            ServerIs::Hidden
        } else {
            ServerIs::Unknown
        }
    }

    /// The folder whose key differs so little from the address's that it was likely meant.
    pub(super) fn folder_meant(&self) -> Option<&FolderSeen> {
        let keys = self.folders_seen.iter().map(|seen| seen.key.as_str());
        let near = nearest(self.folder_key()?, keys)?;
        self.folders_seen.iter().find(|seen| seen.key == near)
    }

    /// Whether the question for processes was refused in the folder, be it for a scope or for a permission.
    pub(super) fn is_without_releases(&self) -> bool {
        self.releases.as_ref().is_some_and(Probe::is_denied)
    }

    /// The folders in which processes may be seen.
    pub(super) fn good_elsewhere(&self) -> Vec<&str> {
        let good = self.elsewhere.iter().filter(|(_, probe)| probe.is_yes());
        good.map(|(path, _)| path.as_str()).collect()
    }

    pub(super) fn kind(&self) -> Option<u64> {
        self.seen()?.kind
    }

    pub(super) fn seen(&self) -> Option<&RecordSeen> {
        self.record_seen.as_ref()
    }

    /// Whether the server's type is one of these; none where it is not known.
    pub(super) fn is_kind(&self, kinds: &[u64]) -> Option<bool> {
        self.kind().map(|kind| kinds.contains(&kind))
    }

    /// Whether the address is one without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.address.as_ref().map_or(&*self.target, |address| &*address.base).starts_with("http://")
    }

    pub(super) fn slug(&self) -> &str {
        self.address.as_ref().map_or(self.server.as_str(), |address: &Address| &address.slug)
    }

    /// The organization and the tenant in sentences.
    pub(super) fn tenant(&self) -> String {
        self.address.as_ref().map_or_else(
            || "the organization or the tenant".to_owned(),
            |address| format!("the organization `{}` or the tenant `{}`", address.org, address.tenant),
        )
    }

    pub(super) fn host(&self) -> Option<String> {
        let asked = self.address.as_ref().map_or(&self.target, |address| &address.base);
        url::Url::parse(asked).ok()?.host_str().map(str::to_owned)
    }

    /// Variables that are set twice, as something that a wrong value may come from.
    pub(super) fn doubts(&self) -> impl Iterator<Item = String> {
        let differing = self.differences.iter().map(|it| {
            format!(
                "`{}` is set in the environment and differently in `{}`; the environment's was used",
                it.variable, it.file
            )
        });
        let unused = self.token.unused.iter();
        differing.chain(unused.map(|name| format!("`{name}` holds another token, which was not used")))
    }

    /// Where the token is, in sentences.
    pub(super) fn place(&self) -> &str {
        self.token.place.as_deref().unwrap_or("the place of the token")
    }
}

impl Probe {
    /// Whether the status is one of these.
    pub(super) fn is(&self, statuses: &[u16]) -> bool {
        self.status().is_some_and(|status| statuses.contains(&status))
    }

    /// Whether a question of the REST side was answered as it was meant to be.
    pub(super) fn is_yes(&self) -> bool {
        self.is_good() && !self.is_page()
    }

    /// Whether a session was opened by it. Small faults of form do not keep one from talking.
    pub(super) fn opened(&self) -> bool {
        self.answered().is_some_and(|answered| {
            let version = answered.protocol.as_deref();
            is_success(answered)
                && !version.is_some_and(did_not_start)
                && (answered.wire.is_empty() || version.is_some_and(is_version))
        })
    }

    /// Whether it is a page for people.
    pub(super) fn is_page(&self) -> bool {
        self.answered().is_some_and(|answered| answered.media_type.contains("html"))
    }

    /// What the answer's code or words say went wrong.
    pub(super) fn failure(&self) -> Option<Failure> {
        let answered = self.answered()?;
        let of_refusal = |refusal: &Refusal| {
            let code = refusal.code.as_deref().and_then(Failure::of_code);
            code.or_else(|| Failure::of(refusal.message.as_deref()?))
        };
        let of_error = |(_, message): &(i64, String)| Failure::of(message);
        answered.refusal.as_ref().and_then(of_refusal).or_else(|| answered.error.as_ref().and_then(of_error))
    }

    /// Whether a right is missing: 401 or 403, and not for the folder's sake.
    pub(super) fn is_denied(&self) -> bool {
        self.is(&[401, 403]) && !self.is_of_unknown_folder()
    }

    /// Whether it says that there is no such folder, or none of the user's.
    pub(super) fn is_of_unknown_folder(&self) -> bool {
        self.failure() == Some(Failure::FolderUnknown)
    }
}

impl CallFinding {
    /// What its tool error, its error or its refusal says went wrong.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.tool_error.as_deref().and_then(Failure::of).or_else(|| self.probe.failure())
    }

    /// Whether it was refused for want of a right.
    pub(super) fn is_denied(&self) -> bool {
        match self.failure() {
            Some(failure) => failure == Failure::NotAuthorized,
            None => self.probe.is(&[401, 403]),
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        matches!(self.probe.reply, Reply::Silent) || self.probe.is(&[408, 504])
    }
}

/// Whether a question was asked and answered well.
pub(super) fn yes(probe: &Option<Probe>) -> bool {
    probe.as_ref().is_some_and(Probe::is_yes)
}

/// What was met in other folders, in a line for each.
pub(super) fn elsewhere(f: &Findings) -> impl Iterator<Item = String> {
    f.elsewhere.iter().map(|(path, probe)| format!("in `{path}`: {}", met(probe)))
}

/// What a probe met, in a line.
pub(super) fn met(probe: &Probe) -> String {
    met_by(&[probe])
}

/// What probes met, in a line for each thing that was met.
pub(super) fn met_all<'a>(probes: impl IntoIterator<Item = &'a Probe>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&Probe>)> = Vec::new();
    for probe in probes {
        let what = came(probe);
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, group)) => group.push(probe),
            None => groups.push((what, vec![probe])),
        }
    }
    groups.iter().map(|(_, group)| met_by(group)).collect()
}

/// What several probes met, which is the same. Of the ids by which UiPath's support finds them the first is told.
fn met_by(probes: &[&Probe]) -> String {
    let what = probes.first().map(|probe| came(probe)).unwrap_or_default();
    // What was never sent has no name.
    let asked: Vec<&str> = probes
        .iter()
        .map(|probe| probe.asked.as_str())
        .filter(|asked| !asked.is_empty() && *asked != "nothing")
        .collect();
    let trace = probes.iter().find_map(|probe| {
        let answered = probe.answered()?;
        answered.trace_id.as_ref().or_else(|| answered.refusal.as_ref()?.trace_id.as_ref())
    });
    let trace = trace.map(|id| format!(" (traceId {id})")).unwrap_or_default();
    let what = what.trim_end_matches('.');
    if asked.is_empty() { format!("{what}{trace}") } else { format!("{}: {what}{trace}", asked.join(", ")) }
}

/// What came of a probe.
fn came(probe: &Probe) -> String {
    match &probe.reply {
        Reply::Silent => format!("no answer in {}", shown(probe.took)),
        Reply::Broken { reason, .. } => reason.clone(),
        Reply::Answered(answered) => said(answered),
    }
}

fn said(answered: &Answered) -> String {
    let mut words = Vec::new();
    match (&answered.refusal, answered.status) {
        (Some(refusal), _) => words.push(Refusal { trace_id: None, ..refusal.clone() }.to_string()),
        (None, Some(status)) => words.push(format!("HTTP {status}")),
        (None, None) => {}
    }
    let told = answered.refusal.as_ref().and_then(|refusal| refusal.message.as_deref());
    if let Some((code, message)) = &answered.error {
        let again = !message.is_empty() && told.is_some_and(|told| told.contains(message.as_str()));
        words.extend((!again).then(|| format!("error {code}: {message}")));
    } else if let Some(location) = &answered.location {
        words.push(format!("a redirect to {location}"));
    } else if answered.media_type.contains("html") {
        words.push("a page in HTML".to_owned());
    } else {
        words.extend(answered.wire.first().cloned());
    }
    if words.is_empty() { "answered".to_owned() } else { words.join(", ") }
}

/// A duration as people say it.
pub(super) fn shown(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn is_success(answered: &Answered) -> bool {
    answered.status.is_none_or(|status| (200..300).contains(&status)) && answered.error.is_none()
}

/// Whether it has the form of a version: a date.
fn is_version(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
