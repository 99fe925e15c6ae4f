//! What a step asks for, done to its end: every page, every question on the way, one lost session, one tool whose
//! headers the server wants otherwise. Nothing else is ever sent twice.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::client::Listing;
use super::mirror::Mirrored;
use super::receive::Want;
use super::request::{Message, Stage, prepare_raw};
use super::session::{Deadline, Inner, Life, unsent};
use super::{Operation, SendOptions, SessionFacts, TaskMode, Version};
use crate::exchange::{Exchange, Outcome, Phase, Repair};

/// A request whose headers do not say what its body does, or not all that the tool's schema wants: it was not done.
const HEADER_MISMATCH: i64 = -32020;

/// How a request goes out and is followed. Unless said, it is not.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// Whether a stream that is cut is taken up again.
    resumes: bool,
    /// What the tool wants to see of its arguments in headers.
    mirrored: Mirrored,
    /// The listing of tools that says so.
    listing: Option<Listing>,
}

impl Way {
    /// That of a step: one that shapes its message by itself is not followed.
    pub(super) fn of(options: &SendOptions) -> Self {
        Self { resumes: options.is_plain(), ..Self::default() }
    }
}

impl SendOptions {
    /// Whether the protocol alone says what is sent.
    fn is_plain(&self) -> bool {
        self.headers.is_empty() && self.meta.is_empty()
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
            Operation::List(kind) => return self.list(kind, &options).await.0,
            Operation::Request { method, params } => {
                let deadline = Deadline::after(options.timeout);
                return self.once(self.request(method, params), &options, deadline).await;
            }
            Operation::Http { method, body } => return self.raw(&method, body, &options).await,
        };
        let params = if method == "tools/call" { self.as_task(params, &options) } else { params };
        let mut way = match self.way(method, &params, &options).await {
            Ok(way) => way,
            Err(exchange) => return *exchange,
        };
        let mut deadline = Deadline::after(options.timeout);
        let used = self.life();
        let mut exchange = self.ask(method, Some(params.clone()), &options, &way, deadline).await;
        let mut repairs = Vec::new();
        match self.repaired(&used, &exchange, &options).await {
            Repaired::Not => {}
            Repaired::Failed(opening) => return *opening,
            Repaired::Reopened => repairs.push(Repair::Reopened),
        }
        if let Some(fresh) = self.refreshed(&exchange, method, &params, &options, &way).await {
            way = fresh;
            repairs.push(Repair::Refreshed);
        }
        if !repairs.is_empty() {
            deadline = Deadline::after(options.timeout);
            exchange = self.ask(method, Some(params.clone()), &options, &way, deadline).await;
        }
        exchange = self.supplied(exchange, method, params, &options, (&way, deadline)).await;
        exchange.repairs.splice(0..0, repairs);
        if method == "completion/complete" {
            take_completion(&mut exchange);
        }
        match options.task {
            Some(TaskMode::Follow) if method == "tools/call" => {
                self.to_the_end(exchange, &options, deadline).await
            }
            _ => exchange,
        }
    }

    /// Sends one request or notification in the open session, and follows nothing.
    pub(super) async fn once(
        self: &Arc<Self>,
        message: Message,
        options: &SendOptions,
        deadline: Deadline,
    ) -> Exchange {
        self.deliver(message, options, &Way::default(), deadline).await
    }

    /// Sends a request that is followed. Where the server asks to wait it is waited, but for a call: it may start
    /// something.
    pub(super) async fn ask(
        self: &Arc<Self>,
        method: &str,
        params: Option<Value>,
        options: &SendOptions,
        way: &Way,
        deadline: Deadline,
    ) -> Exchange {
        let ask = || Box::pin(self.deliver(self.request(method, params.clone()), options, way, deadline));
        if method == "tools/call" || !options.is_plain() {
            return ask().await;
        }
        self.patiently(deadline, ask).await
    }

    /// Sends one request or notification in the open session.
    pub(super) async fn deliver(
        self: &Arc<Self>,
        message: Message,
        options: &SendOptions,
        way: &Way,
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
            Ok(mut prepared) => {
                if !way.mirrored.is_empty() {
                    prepared.mirror(&way.mirrored, &options.headers);
                }
                prepared.resumes = way.resumes.then(|| Arc::clone(&facts));
                self.send(prepared, want, deadline).await
            }
            Err(reason) => unsent(reason, Phase::Step),
        };
        exchange.protocol = Some(version.as_str().to_owned());
        exchange
    }

    /// How a step's request goes out.
    ///
    /// # Errors
    /// Where the tool is not valid, since such a tool may not be called; or where it took too long to know.
    async fn way(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        options: &SendOptions,
    ) -> Result<Way, Box<Exchange>> {
        let mut way = Way::of(options);
        if method == "tools/call" {
            way.listing = self.listing();
            if let Some(tools) = self.tools_for_calls(options.timeout).await? {
                let unsent = |reason| Box::new(unsent(reason, Phase::Step));
                way.mirrored = tools.mirrored(params).map_err(unsent)?;
            }
        }
        Ok(way)
    }

    /// The version, where arguments are mirrored in headers.
    pub(super) fn mirrors(&self) -> Option<Version> {
        if self.is_program() {
            return None;
        }
        self.known().map(|facts| facts.version).filter(|version| version.is_modern())
    }

    /// How a request goes out again that the server refused for its headers, by what it says of its tools now.
    async fn refreshed(
        self: &Arc<Self>,
        exchange: &Exchange,
        method: &str,
        params: &Value,
        options: &SendOptions,
        used: &Way,
    ) -> Option<Way> {
        let code = exchange.answer.error.as_ref()?.get("code")?.as_i64();
        // Where no argument is mirrored the code is the server's own; and what was told before shows that the call was
        // taken.
        let mismatched =
            self.mirrors().is_some() && code == Some(HEADER_MISMATCH) && exchange.notifications.is_empty();
        if method != "tools/call" || !mismatched || !options.is_plain() {
            return None;
        }
        self.client.forget_tools(used.listing.as_ref()?);
        let listed = self.tools_within(options.timeout).await;
        let listed = listed.unwrap_or_else(|exchange| Err(exchange.cause.unwrap_or_default()));
        match listed.and_then(|tools| tools.mirrored(params)) {
            Ok(mirrored) => Some(Way { mirrored, ..used.clone() }),
            Err(reason) => {
                self.note(format!("after a header mismatch: {reason}"));
                None
            }
        }
    }

    async fn raw(self: &Arc<Self>, method: &str, body: Option<String>, options: &SendOptions) -> Exchange {
        let deadline = Deadline::after(options.timeout);
        if self.is_program() {
            return unsent(
                "`http` needs a server at an address, and this one is a command".to_owned(),
                Phase::Step,
            );
        }
        let mut exchange = match prepare_raw(self.who().token.as_ref(), method, body, options) {
            Ok(prepared) => self.send(prepared, Want::Raw, deadline).await,
            Err(reason) => unsent(reason, Phase::Step),
        };
        if let Life::Open(facts) | Life::Closed(facts) = self.life() {
            exchange.protocol = Some(facts.version.as_str().to_owned());
        }
        exchange
    }

    /// Opens a lost session again, if that is what the answer says and the step leaves it to us.
    pub(super) async fn repaired(
        self: &Arc<Self>,
        used: &Life,
        exchange: &Exchange,
        options: &SendOptions,
    ) -> Repaired {
        let Life::Open(facts) = used else { return Repaired::Not };
        if !options.is_plain() || !is_lost(facts, exchange) {
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
}

/// What became of a session that may be lost.
pub(super) enum Repaired {
    /// It is not lost, or it is the step's own affair.
    Not,
    Reopened,
    Failed(Box<Exchange>),
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
    let repairs = earlier.repairs.into_iter().filter(|repair| !exchange.repairs.contains(repair));
    let repairs: Vec<Repair> = repairs.collect();
    exchange.repairs.splice(0..0, repairs);
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
