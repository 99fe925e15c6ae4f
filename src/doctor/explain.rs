//! The questions to the REST side of Orchestrator. They tell apart what looks alike to the protocol: each needs another
//! scope or permission. They are put where something failed, and of them two also where nothing did: a listing does not
//! tell whether calls will work.

use tokio::time::Instant;
use url::Url;

use super::probes::{Examination, is_silent};
use super::{NotAsked, Probe, Reply, Step, asked};
use crate::uipath::{Address, Answer, Folder, RestError};

/// How many other folders are asked.
const FOLDERS: usize = 3;

/// Folders of one answer, and answers.
const PAGE: usize = 100;
const PAGES: usize = 3;

impl Examination<'_, '_> {
    /// Asks what explains what was met.
    pub(super) async fn explain(&mut self) {
        if !self.found.is_uipath || self.rest.is_none() || self.token.is_none() {
            return;
        }
        let opening = self.found.opening.as_ref();
        let status = opening.and_then(Probe::status);
        let every = [Step::Folders, Step::Releases, Step::Jobs, Step::Record];
        if status == Some(429) {
            return self.not_asked(&every, "too many requests were made already");
        }
        if is_silent(self.found.version.as_ref()) {
            return self.not_asked(&every, "the host answers nothing in time");
        }
        if opening.is_some_and(is_elsewhere) {
            return self.not_asked(&every, "what answers is not Orchestrator");
        }
        if opening.is_some_and(|probe| matches!(probe.reply, Reply::Broken { .. })) {
            return self.not_asked(&every, "the server was not reached");
        }
        let lists = self.found.listing.as_ref().is_some_and(Probe::is_good);
        if lists && !self.found.tools.is_empty() {
            self.jobs().await;
            self.record().await;
            let failed = self.found.call.as_ref();
            if failed.is_some_and(|call| call.tool_error.is_some() || !call.probe.is_good()) {
                self.releases().await;
            }
            return;
        }
        self.folders().await;
        self.releases().await;
        self.jobs().await;
        self.record().await;
        if self.found.record.as_ref().is_some_and(|probe| !probe.is_good()) {
            self.servers().await;
        }
        if self.found.releases.as_ref().is_some_and(|probe| !probe.is_good()) {
            self.elsewhere().await;
        }
    }

    fn not_asked(&mut self, steps: &[Step], why: &str) {
        let not = |step: &Step| NotAsked { step: *step, why: why.to_owned() };
        self.found.not_asked.extend(steps.iter().map(not));
    }

    /// The folders of the token's user.
    pub(super) async fn folders(&mut self) {
        for page in 0..PAGES {
            let path = ["orchestrator_", "api", "FoldersNavigation", "GetFoldersForCurrentUser"];
            let query = format!("skip={}&take={PAGE}", page * PAGE);
            let Some((probe, answer)) = self.ask(&path, Some(&query), None).await else { return };
            let folders = answer.as_ref().map(asked::folders).unwrap_or_default();
            let is_full = folders.len() == PAGE;
            self.found.folders_seen.extend(folders);
            let probe = Probe { asked: asked(&path, None), ..probe };
            self.found.folders = Some(probe);
            if !is_full {
                break;
            }
        }
        self.done(Step::Folders);
    }

    async fn releases(&mut self) {
        let key = self.key();
        let path = ["orchestrator_", "odata", "Releases"];
        let Some((probe, _)) = self.ask(&path, Some("$top=1"), key.as_deref()).await else { return };
        self.found.releases = Some(probe);
        self.done(Step::Releases);
    }

    async fn jobs(&mut self) {
        let key = self.key();
        let path = ["orchestrator_", "odata", "Jobs"];
        let Some((probe, _)) = self.ask(&path, Some("$top=1"), key.as_deref()).await else { return };
        self.found.jobs = Some(probe);
        self.done(Step::Jobs);
    }

    async fn record(&mut self) {
        let (key, slug) = (self.key(), self.address().map(|address| address.slug.clone()));
        let Some(slug) = slug else { return };
        let path = ["agenthub_", "api", "servers", &slug];
        let Some((probe, answer)) = self.ask(&path, None, key.as_deref()).await else { return };
        self.found.record_seen = answer.filter(|_| probe.is_good()).and_then(|answer| asked::record(&answer));
        self.found.record = Some(probe);
        self.done(Step::Record);
    }

    async fn servers(&mut self) {
        let key = self.key();
        let path = ["agenthub_", "api", "servers"];
        let Some((probe, answer)) = self.ask(&path, None, key.as_deref()).await else { return };
        self.found.servers_seen = answer.as_ref().map(asked::slugs).unwrap_or_default();
        self.found.servers = Some(probe);
        self.done(Step::Servers);
    }

    async fn elsewhere(&mut self) {
        let own = self.key().unwrap_or_default();
        let others = self.found.folders_seen.iter().filter(|folder| !folder.key.eq_ignore_ascii_case(&own));
        let others: Vec<_> = others.take(FOLDERS).cloned().collect();
        for folder in others {
            let path = ["orchestrator_", "odata", "Releases"];
            let asking = self.ask(&path, Some("$top=1"), Some(&folder.key)).await;
            let Some((probe, _)) = asking else { return };
            self.found.elsewhere.push((folder.path, probe));
        }
        if !self.found.elsewhere.is_empty() {
            self.done(Step::Elsewhere);
        }
    }

    fn address(&self) -> Option<&Address> {
        self.found.address.as_ref()
    }

    fn key(&self) -> Option<String> {
        match &self.address()?.folder {
            Folder::Key(key) => Some(key.clone()),
            Folder::Path(_) => None,
        }
    }

    /// Asks below the tenant, with the token.
    async fn ask(
        &mut self,
        path: &[&str],
        query: Option<&str>,
        folder: Option<&str>,
    ) -> Option<(Probe, Option<Answer>)> {
        let (rest, token) = (self.rest.clone()?, self.token.clone()?);
        let mut url: Url = self.address()?.below(path)?;
        url.set_query(query);
        if self.left().is_zero() {
            return None;
        }
        let headers: Vec<(&'static str, &str)> =
            folder.map(|key| ("x-uipath-folderkey", key)).into_iter().collect();
        let started = Instant::now();
        let answer: Result<Answer, RestError> = self.within(rest.get(&url, Some(&token), &headers)).await;
        let asked = asked(path, query);
        let probe = asked::of_answer(&rest, (&asked, &url), &answer, started.elapsed());
        Some((probe, answer.ok()))
    }
}

/// As people are told it.
fn asked(path: &[&str], query: Option<&str>) -> String {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("GET {}{query}", path.join("/"))
}

/// Whether an answer is that of a page, a proxy or another service.
fn is_elsewhere(probe: &Probe) -> bool {
    probe.answered().is_some_and(|answered| {
        // A refusal may be a page, too.
        answered.status.is_some_and(|status| {
            (300..400).contains(&status) || answered.media_type == "text/html" && status < 300
        })
    })
}
