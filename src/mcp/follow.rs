//! What a step asks for, done to its end: every page, every question on the way, and one lost session. Nothing
//! else is ever sent twice.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::receive::Want;
use super::request::{Message, Stage, prepare_raw};
use super::session::{Deadline, Inner, Life, unsent};
use super::{ListKind, Operation, SendOptions, SessionFacts, Tools};
use crate::exchange::{Check, Exchange, Outcome, Phase, Repair, Violation};

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
    pub(super) async fn perform(self: &Arc<Self>, operation: Operation, options: SendOptions) -> Exchange {
        let (method, params) = match operation {
            Operation::Call { tool, arguments } => ("tools/call", named("name", tool, arguments)),
            Operation::Prompt { name, arguments } => ("prompts/get", named("name", name, arguments)),
            Operation::Read { uri } => ("resources/read", named("uri", uri, None)),
            Operation::Complete { reference, argument, value, context } => {
                ("completion/complete", completion(reference, argument, value, context))
            }
            Operation::Notify { method, params } => {
                let message = Message { id: None, method, params };
                return self.once(message, &options, Deadline::after(options.timeout)).await;
            }
            Operation::List(kind) => return self.list(kind, &options).await,
            Operation::Request { method, params } => {
                let deadline = Deadline::after(options.timeout);
                return self.once(self.request(method, params), &options, deadline).await;
            }
            Operation::Http { method, body } => return self.raw(&method, body, &options).await,
        };
        let deadline = Deadline::after(options.timeout);
        let used = self.life();
        let exchange = self.once(self.request(method, Some(params.clone())), &options, deadline).await;
        let mut exchange = match self.repaired(&used, &exchange, &options).await {
            Repaired::Not => self.supplied(exchange, method, params, &options, deadline).await,
            Repaired::Failed(opening) => return *opening,
            Repaired::Reopened => {
                let deadline = Deadline::after(options.timeout);
                let again = self.request(method, Some(params.clone()));
                let exchange = self.once(again, &options, deadline).await;
                let mut exchange = self.supplied(exchange, method, params, &options, deadline).await;
                exchange.repairs.push(Repair::Reopened);
                exchange
            }
        };
        if method == "completion/complete" {
            take_completion(&mut exchange);
        }
        exchange
    }

    /// Sends one request or notification in the open session.
    pub(super) async fn once(
        self: &Arc<Self>,
        message: Message,
        options: &SendOptions,
        deadline: Deadline,
    ) -> Exchange {
        let (Life::Open(facts) | Life::Closed(facts)) = self.life() else {
            return unsent("the session is not open".to_owned(), Phase::Step);
        };
        let version = facts.version;
        let stage = Stage::of(&facts);
        let want = match message.id {
            Some(id) => Want::Answer { id, version, check: true },
            None => Want::Receipt,
        };
        let mut exchange = match self.prepare(stage, message, options) {
            Ok(prepared) => self.send(prepared, want, deadline).await,
            Err(reason) => unsent(reason, Phase::Step),
        };
        exchange.protocol = Some(version.as_str().to_owned());
        exchange
    }

    async fn raw(self: &Arc<Self>, method: &str, body: Option<String>, options: &SendOptions) -> Exchange {
        let deadline = Deadline::after(options.timeout);
        if self.is_program() {
            return unsent(
                "`http` needs a server at an address, and this one is a command".to_owned(),
                Phase::Step,
            );
        }
        let mut exchange = match prepare_raw(self.config.token.as_ref(), method, body, options) {
            Ok(prepared) => self.send(prepared, Want::Raw, deadline).await,
            Err(reason) => unsent(reason, Phase::Step),
        };
        if let Life::Open(facts) | Life::Closed(facts) = self.life() {
            exchange.protocol = Some(facts.version.as_str().to_owned());
        }
        exchange
    }

    /// Opens a lost session again, if that is what the answer says and the step leaves it to us.
    async fn repaired(self: &Arc<Self>, used: &Life, exchange: &Exchange, options: &SendOptions) -> Repaired {
        let Life::Open(facts) = used else { return Repaired::Not };
        if !options.headers.is_empty() || !options.meta.is_empty() || !is_lost(facts, exchange) {
            return Repaired::Not;
        }
        match self.reopen(facts).await {
            Ok(()) => Repaired::Reopened,
            Err(mut opening) => {
                let cause = opening.cause.take().unwrap_or_default();
                opening.cause = Some(format!("the session was lost and could not be opened again: {cause}"));
                Repaired::Failed(opening)
            }
        }
    }

    async fn list(self: &Arc<Self>, kind: ListKind, options: &SendOptions) -> Exchange {
        let (method, member) = kind.method();
        let bounds = self.client.config.bounds;
        let mut deadline = Deadline::after(options.timeout);
        let mut listing = Listing::default();
        let mut reopened = false;
        loop {
            let params = listing.cursor.clone().map(|cursor| {
                let mut params = Map::new();
                params.insert("cursor".to_owned(), cursor.into());
                Value::Object(params)
            });
            let used = self.life();
            let exchange = self.once(self.request(method, params), options, deadline).await;
            if !reopened {
                match self.repaired(&used, &exchange, options).await {
                    Repaired::Not => {}
                    Repaired::Failed(opening) => return *opening,
                    Repaired::Reopened => {
                        // A cursor belongs to the session that gave it.
                        reopened = true;
                        listing = Listing::default();
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
            let mut exchange = listing.end(exchange);
            if reopened {
                exchange.repairs.push(Repair::Reopened);
            }
            return exchange;
        }
    }

    pub(super) async fn tools(self: &Arc<Self>) -> Result<Tools, String> {
        let life = self.life();
        let (Life::Open(facts) | Life::Closed(facts)) = &life else {
            return Err("the session is not open".to_owned());
        };
        let identity = self.config.identity.as_str();
        let cell = self.client.listed_tools(identity, facts.version, &self.config.capabilities);
        if matches!(life, Life::Closed(_)) {
            // What a dead session cannot do says nothing about the other cases.
            return cell.get().cloned().unwrap_or_else(|| Err("the session is closed".to_owned()));
        }
        let listing = || async {
            let options = SendOptions { timeout: self.config.start, ..SendOptions::default() };
            let exchange = self.list(ListKind::Tools, &options).await;
            if self.cancel().is_cancelled() {
                return Err("interrupted".to_owned());
            }
            (self.client.config.listed)(identity, &exchange);
            if self.is_shared() {
                // What came meanwhile and is not about the list is a step's affair.
                let strays = exchange.wire.iter().filter(|violation| violation.check != Check::Wire);
                self.store.find(strays.cloned().collect(), exchange.asked.clone());
            }
            Ok(tools_of(exchange))
        };
        cell.get_or_try_init(listing).await?.clone()
    }
}

fn tools_of(mut exchange: Exchange) -> Result<Tools, String> {
    let problem = match (&exchange.cause, &exchange.answer.error, &exchange.answer.result) {
        (Some(cause), _, _) => Some(cause.clone()),
        (None, None, Some(_)) => None,
        (None, _, _) => {
            Some(format!("the server answered `tools/list` with {}", super::opening::refusal(&exchange)))
        }
    };
    match problem {
        Some(problem) => Err(problem),
        None => Ok(Tools { items: Arc::new(exchange.items.take().unwrap_or_default()) }),
    }
}

/// What became of a session that may be lost.
enum Repaired {
    /// It is not lost, or it is the step's own affair.
    Not,
    Reopened,
    Failed(Box<Exchange>),
}

/// A list, page by page.
#[derive(Default)]
struct Listing {
    items: Vec<Value>,
    pages: u64,
    cursor: Option<String>,
    seen: std::collections::HashSet<String>,
    inexact: Vec<String>,
    bytes: usize,
    /// What the pages before brought beside their items.
    before: Option<Exchange>,
    problem: Option<String>,
}

impl Listing {
    fn take(&mut self, exchange: Exchange, member: &str) -> Exchange {
        self.cursor = None;
        let exchange = match self.before.take() {
            Some(before) => behind(before, exchange),
            None => exchange,
        };
        let Some(result) = &exchange.answer.result else { return exchange };
        self.pages += 1;
        let from = format!("/result/{member}/");
        for at in exchange.inexact.iter().filter_map(|at| at.strip_prefix(&from)) {
            let (index, rest) =
                at.split_once('/').map_or((at, String::new()), |(i, rest)| (i, format!("/{rest}")));
            if let Ok(index) = index.parse::<usize>() {
                self.inexact.push(format!("/items/{}{rest}", self.items.len() + index));
            }
        }
        if let Some(items) = result.get(member).and_then(Value::as_array) {
            self.items.extend(items.iter().cloned());
        }
        self.bytes += bytes(&exchange);
        if let Some(cursor) = result.get("nextCursor").and_then(Value::as_str) {
            if !self.seen.insert(cursor.to_owned()) {
                self.problem = Some(format!("page {} has a cursor that came before: {cursor:?}", self.pages));
            }
            self.cursor = Some(cursor.to_owned());
        }
        exchange
    }

    fn end(self, mut exchange: Exchange) -> Exchange {
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
        exchange
    }
}

/// An exchange with what an earlier one of the same step brought put before it: everything but the answer.
pub(super) fn behind(earlier: Exchange, mut exchange: Exchange) -> Exchange {
    let shift = earlier.notifications.len();
    if shift > 0 {
        for at in &mut exchange.inexact {
            let moved = at.strip_prefix("/notifications/").and_then(|rest| {
                let (index, rest) = rest.split_once('/')?;
                Some(format!("/notifications/{}/{rest}", index.parse::<usize>().ok()? + shift))
            });
            if let Some(moved) = moved {
                *at = moved;
            }
        }
        let told = earlier.inexact.into_iter().filter(|at| at.starts_with("/notifications/"));
        exchange.inexact.extend(told);
    }
    exchange.duration += earlier.duration;
    exchange.notifications.splice(0..0, earlier.notifications);
    exchange.asked.splice(0..0, earlier.asked);
    exchange.wire.splice(0..0, earlier.wire);
    exchange.echo = earlier.echo.or(exchange.echo);
    exchange
}

/// How many bytes of an answer are held.
pub(super) fn bytes(exchange: &Exchange) -> usize {
    exchange.http.as_ref().map_or(0, |http| {
        let events = http.events.iter().filter_map(|event| event.data.as_ref());
        http.body.iter().chain(events).map(String::len).sum()
    })
}

fn completion(reference: Value, argument: String, value: String, context: Option<Value>) -> Value {
    let mut params = Map::new();
    params.insert("ref".to_owned(), reference);
    params.insert("argument".to_owned(), json!({"name": argument, "value": value}));
    params.extend(context.map(|context| ("context".to_owned(), json!({"arguments": context}))));
    Value::Object(params)
}

/// The values of a completion are what was found.
fn take_completion(exchange: &mut Exchange) {
    const VALUES: &str = "/completion/values";
    let found = exchange.answer.result.as_ref().and_then(|result| result.pointer(VALUES)?.as_array());
    exchange.items = found.cloned();
    let from = format!("/result{VALUES}/");
    let items: Vec<String> = exchange
        .inexact
        .iter()
        .filter_map(|at| at.strip_prefix(&from).map(|rest| format!("/items/{rest}")))
        .collect();
    exchange.inexact.extend(items);
}

fn named(key: &str, name: String, arguments: Option<Value>) -> Value {
    let mut params = Map::new();
    params.insert(key.to_owned(), name.into());
    params.extend(arguments.map(|arguments| ("arguments".to_owned(), arguments)));
    Value::Object(params)
}

/// Whether an answer proves that the server does not know the session, and so that it did nothing.
fn is_lost(facts: &SessionFacts, exchange: &Exchange) -> bool {
    // What was told or asked before the answer shows that the request was taken.
    let taken = !exchange.notifications.is_empty() || !exchange.asked.is_empty();
    if facts.version.is_modern() || facts.id.is_none() || exchange.outcome != Outcome::Answered || taken {
        return false;
    }
    if exchange.answer.result.is_none() && exchange.http.as_ref().is_some_and(|http| http.status == 404) {
        return true;
    }
    let Some(error) = &exchange.answer.error else { return false };
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    match error.get("code").and_then(Value::as_i64) {
        Some(-32600 | 32600) => {
            message.contains("Session not found") || message.contains("Session terminated")
        }
        Some(-32000) => message.contains("No valid session ID"),
        _ => false,
    }
}
