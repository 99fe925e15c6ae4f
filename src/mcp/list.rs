//! Lists to their last page, and the tools as the run knows them: without those that are not valid.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

use super::client::Listing;
use super::follow::{Repaired, Way, behind, bytes};
use super::mirror::{self, Mirrored};
use super::request::declared;
use super::session::{Deadline, Inner, Life, unsent};
use super::{Dropped, ListKind, SendOptions, Tools, Version};
use crate::exchange::{Check, Exchange, Outcome, Phase, Repair, Violation};
use crate::model::shown_duration;

impl ListKind {
    /// The method, and the member of the result that holds the items.
    fn method(self) -> (&'static str, &'static str) {
        match self {
            Self::Tools => ("tools/list", "tools"),
            Self::Prompts => ("prompts/list", "prompts"),
            Self::Resources => ("resources/list", "resources"),
            Self::Templates => ("resources/templates/list", "resourceTemplates"),
        }
    }
}

impl Inner {
    /// Every page; and the tools among them that are not valid.
    pub(super) async fn list(
        self: &Arc<Self>,
        kind: ListKind,
        options: &SendOptions,
    ) -> (Exchange, Vec<Dropped>) {
        let (method, member) = kind.method();
        let bounds = self.client.config.bounds;
        let mut deadline = Deadline::after(options.timeout);
        let judged = self.mirrors().filter(|_| kind == ListKind::Tools);
        let empty = || Pages { judged, ..Pages::default() };
        let mut listing = empty();
        let mut reopened = false;
        loop {
            let params = listing.cursor.clone().map(|cursor| {
                let mut params = Map::new();
                params.insert("cursor".to_owned(), cursor.into());
                Value::Object(params)
            });
            let used = self.life();
            let exchange = self.ask(method, params, options, &Way::of(options), deadline).await;
            if !reopened {
                match self.repaired(&used, &exchange, options).await {
                    Repaired::Not => {}
                    Repaired::Failed(opening) => return (*opening, Vec::new()),
                    Repaired::Reopened => {
                        // A cursor belongs to the session that gave it.
                        reopened = true;
                        listing = empty();
                        deadline = Deadline::after(options.timeout);
                        continue;
                    }
                }
            }
            let exchange = listing.take(exchange, member);
            if listing.cursor.is_some() && listing.problem.is_none() {
                if listing.pages >= bounds.pages as u64 {
                    listing.problem = Some(format!("the list has more than {} pages", bounds.pages));
                } else if listing.bytes > bounds.stream {
                    listing.problem = Some("the pages of the list together are too large".to_owned());
                } else {
                    listing.before = Some(exchange);
                    continue;
                }
            }
            let (mut exchange, dropped) = listing.end(exchange);
            if reopened {
                exchange.repairs.insert(0, Repair::Reopened);
            }
            return (exchange, dropped);
        }
    }

    /// The tools, where a call has to know their schemas.
    ///
    /// # Errors
    /// The exchange of a call that waited too long for them.
    pub(super) async fn tools_for_calls(
        self: &Arc<Self>,
        within: Duration,
    ) -> Result<Option<Tools>, Box<Exchange>> {
        if self.mirrors().is_none() {
            return Ok(None);
        }
        match self.tools_within(within).await? {
            Ok(tools) => Ok(Some(tools)),
            Err(reason) => {
                self.note_once(format!(
                    "no argument was mirrored in a header: the tools could not be listed: {reason}"
                ));
                Ok(None)
            }
        }
    }

    /// The tools, or why they cannot be listed.
    ///
    /// # Errors
    /// The exchange of a call that waited too long for them.
    pub(super) async fn tools_within(
        self: &Arc<Self>,
        within: Duration,
    ) -> Result<Result<Tools, String>, Box<Exchange>> {
        timeout(within, self.tools()).await.map_err(|_| {
            let limit = shown_duration(within);
            let cause = format!("a call has to know the tools, and they were not listed within {limit}");
            let mut exchange = unsent(cause, Phase::Step);
            exchange.outcome = Outcome::TimedOut;
            Box::new(exchange)
        })
    }

    /// The tools as this session sees them, listed or not.
    pub(super) fn listing(&self) -> Option<Listing> {
        let facts = self.known()?;
        let declared = declared(facts.version, &self.config);
        Some(self.client.listed_tools(&self.config.identity, facts.version, &declared))
    }

    pub(super) async fn tools(self: &Arc<Self>) -> Result<Tools, String> {
        let life = self.life();
        let identity = self.config.identity.as_str();
        let Some(cell) = self.listing() else { return Err("the session is not open".to_owned()) };
        if matches!(life, Life::Closed(_)) && self.mirrors().is_none() {
            // What a dead session cannot do says nothing about the other cases. The modern era has no sessions.
            return cell.get().cloned().unwrap_or_else(|| Err("the session is closed".to_owned()));
        }
        let listing = || async {
            let options = SendOptions { timeout: self.config.start, ..SendOptions::default() };
            let (exchange, dropped) = self.list(ListKind::Tools, &options).await;
            if self.cancel().is_cancelled() {
                return Err("interrupted".to_owned());
            }
            (self.client.config.listed)(identity, &exchange);
            if self.is_shared() {
                // What came meanwhile and is not about the list is a step's affair.
                let strays = exchange.wire.iter().filter(|violation| violation.check != Check::Wire);
                self.store.find(strays.cloned().collect(), exchange.asked.clone());
            }
            Ok(tools_of(exchange, dropped))
        };
        cell.get_or_try_init(listing).await?.clone()
    }
}

/// The tools of a listing.
///
/// # Errors
/// Why there are none, for people.
fn tools_of(mut exchange: Exchange, dropped: Vec<Dropped>) -> Result<Tools, String> {
    let problem = match (&exchange.cause, &exchange.answer.error, &exchange.answer.result) {
        (Some(cause), _, _) => Some(cause.clone()),
        (None, None, Some(_)) => None,
        (None, _, _) => {
            Some(format!("the server answered `tools/list` with {}", super::opening::refusal(&exchange)))
        }
    };
    match problem {
        Some(problem) => Err(problem),
        None => Ok(Tools {
            items: Arc::new(exchange.items.take().unwrap_or_default()),
            dropped: Arc::new(dropped),
        }),
    }
}

impl Tools {
    /// What a call says in headers.
    ///
    /// # Errors
    /// Where its tool is not valid.
    pub(super) fn mirrored(&self, params: &Value) -> Result<Mirrored, String> {
        let name = params.get("name");
        if let Some(dropped) = self.dropped.iter().find(|dropped| name == Some(&dropped.name)) {
            return Err(dropped.told());
        }
        let named = |tool: &&Value| name.is_some() && tool.get("name") == name;
        self.items
            .iter()
            .find(named)
            .map_or(Ok(Mirrored::new()), |tool| mirror::mirrored(tool, params.get("arguments")))
    }
}

impl Dropped {
    fn told(&self) -> String {
        format!("the tool {} is not valid and may not be called: {}", self.name, self.reason)
    }
}

/// A list, page by page.
#[derive(Default)]
struct Pages {
    items: Vec<Value>,
    pages: u64,
    cursor: Option<String>,
    seen: std::collections::HashSet<String>,
    inexact: Vec<String>,
    bytes: usize,
    /// What the pages before brought beside their items.
    before: Option<Exchange>,
    problem: Option<String>,
    /// The version whose rules say which tools are dropped.
    judged: Option<Version>,
    dropped: Vec<Dropped>,
}

impl Pages {
    fn take(&mut self, exchange: Exchange, member: &str) -> Exchange {
        self.cursor = None;
        let mut exchange = match self.before.take() {
            Some(before) => behind(before, exchange),
            None => exchange,
        };
        let Some(result) = &exchange.answer.result else { return exchange };
        self.pages += 1;
        let mut found = Vec::new();
        let from = format!("/result/{member}/");
        let mut places = Vec::new();
        for (index, item) in result.get(member).and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(violation) = self.drops(index, item) {
                found.push(violation);
                places.push(None);
            } else {
                places.push(Some(self.items.len()));
                self.items.push(item.clone());
            }
        }
        for at in exchange.inexact.iter().filter_map(|at| at.strip_prefix(&from)) {
            let (index, rest) =
                at.split_once('/').map_or((at, String::new()), |(i, rest)| (i, format!("/{rest}")));
            let place = index.parse::<usize>().ok().and_then(|index| places.get(index).copied().flatten());
            if let Some(place) = place {
                self.inexact.push(format!("/items/{place}{rest}"));
            }
        }
        self.bytes += bytes(&exchange);
        if let Some(cursor) = result.get("nextCursor").and_then(Value::as_str) {
            if !self.seen.insert(cursor.to_owned()) {
                self.problem = Some(format!("page {} has a cursor that came before: {cursor:?}", self.pages));
            }
            self.cursor = Some(cursor.to_owned());
        }
        exchange.wire.extend(found);
        exchange
    }

    /// What is wrong with a tool that is dropped.
    fn drops(&mut self, index: usize, tool: &Value) -> Option<Violation> {
        let version = self.judged?;
        let reason = mirror::fault(tool)?;
        let dropped = Dropped { name: tool.get("name").cloned().unwrap_or_default(), reason };
        let message = dropped.told();
        self.dropped.push(dropped);
        Some(Violation {
            check: Check::Wire,
            message,
            pointer: format!("/result/tools/{index}/inputSchema"),
            section: format!("{version} server/tools"),
        })
    }

    fn end(self, mut exchange: Exchange) -> (Exchange, Vec<Dropped>) {
        exchange.inexact.extend(self.inexact);
        if self.pages > 0 {
            exchange.items = Some(self.items);
            exchange.pages = Some(self.pages);
        }
        if let Some(problem) = self.problem {
            let version = exchange.protocol.as_deref().unwrap_or_default();
            exchange.wire.push(Violation {
                check: Check::Wire,
                message: problem.clone(),
                pointer: "/result/nextCursor".to_owned(),
                section: format!("{version} server/utilities/pagination"),
            });
            exchange.cause = Some(problem);
        }
        (exchange, self.dropped)
    }
}
