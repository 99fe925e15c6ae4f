//! What a step sends: its session, its operation and options, rendered.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::conditions::reads;
use super::running::Running;
use super::step::{Current, Failed};
use crate::auth::{Credential, Secret};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::{Exchange, Notification, Phase, Repair, Sent, Verb};
use crate::matcher::{Actual, Matcher};
use crate::mcp::{Operation, Responder, SendOptions, Session, SessionConfig, Subscription};
use crate::model::{SessionVerb, Target};
use crate::plan::{Action, Reference};
use crate::servers::{Entry, Lack, Servers};
use crate::source::Pointer;
use crate::template::{Template, Tree, Use, with_article};

impl<'a> Current<'_, 'a> {
    /// Sends what the step says.
    pub(super) async fn send(&mut self) -> Result<Exchange, Failed> {
        let shared = self.running.shared;
        let Some(entry) = shared.servers.get(&self.server) else {
            return Err(self.problem(Code::UnknownName, format!("there is no server `{}`", self.server)));
        };
        let session = self.session(entry).await?;
        self.frame.scope.set("server", shared.servers.scope(&self.server));
        match &self.step.action {
            Action::Session(SessionVerb::Open) => {
                self.turn(entry).await?;
                return self.open(entry, &session).await;
            }
            Action::Session(SessionVerb::Close) => return self.close(entry, &session).await,
            Action::Http { .. } => {}
            _ => {
                self.welcome(entry).await?;
                if let Err(exchange) = self.bounded("the session was opened", session.begin()).await? {
                    return Ok(*exchange);
                }
            }
        }
        self.enter(entry, &session).await?;
        if let Action::Await { method, params } = &self.step.action {
            return self.take(entry, &session, method, params.as_ref()).await;
        }
        if let Action::Listen { tools, prompts, resources } = &self.step.action {
            let uris = resources.iter().map(|(uri, at)| self.text(at, uri)).collect::<Result<_, _>>()?;
            let wanted = Subscription { tools: *tools, prompts: *prompts, resources: uris };
            let mut options = self.options()?;
            self.turn(entry).await?;
            options.timeout = self.frame.clock.left(self.timeout(entry));
            return Ok(session.listen(wanted, options).await);
        }
        if self.rendered.is_none() {
            self.rendered = Some((self.operation()?, self.options()?));
            self.can_be_sent(&session).await?;
        }
        if let Action::Call { .. } = &self.step.action {
            let listing = session.prepare_calls(self.timeout(entry));
            if let Err(exchange) = self.bounded("the tools were listed", listing).await? {
                return Ok(*exchange);
            }
        }
        self.turn(entry).await?;
        let Some((operation, mut options)) = self.rendered.clone() else { return Ok(Exchange::default()) };
        options.timeout = self.frame.clock.left(self.timeout(entry));
        let token = session.token();
        let exchange = session.perform(operation, options).await;
        if self.ran_out(entry, &session, token, &exchange).await? {
            return self.again(entry, &session).await;
        }
        Ok(exchange)
    }

    /// Whether the token of an application was refused in mid-session, and there is another now. The refusal shows that
    /// nothing was done, unless something came before it.
    async fn ran_out(
        &self,
        entry: &Entry,
        session: &Session,
        sent: Option<Secret>,
        exchange: &Exchange,
    ) -> Result<bool, Failed> {
        let Some((_, options)) = &self.rendered else { return Ok(false) };
        let refused = exchange.http.as_ref().is_some_and(|http| http.status == 401)
            && exchange.phase == Phase::Step
            && exchange.answer.result.is_none()
            && (exchange.answer.error.is_none() || self.step.verb.value != Verb::Call)
            && !was_taken(exchange);
        let ours = self.step.verb.value.follows() && options.headers.is_empty() && options.meta.is_empty();
        let Some(token) = sent.filter(|_| refused && ours) else { return Ok(false) };
        let renewed = self.running.shared.servers.renewed(entry, &self.identity, &token);
        let token = self.held("the token was renewed", renewed).await?;
        let is_new = token.is_some();
        token.into_iter().for_each(|token| session.renew(token));
        Ok(is_new)
    }

    /// Sends what was refused with the token that is good.
    async fn again(&mut self, entry: &Entry, session: &Session) -> Result<Exchange, Failed> {
        self.turn(entry).await?;
        let Some((operation, mut options)) = self.rendered.clone() else { return Ok(Exchange::default()) };
        options.timeout = self.frame.clock.left(self.timeout(entry));
        let mut exchange = session.perform(operation, options).await;
        exchange.repairs.insert(0, Repair::Renewed);
        Ok(exchange)
    }

    /// What the step asks for has to exist in the session's version, and on its server.
    async fn can_be_sent(&self, session: &Session) -> Result<(), Failed> {
        let Some((operation, _)) = &self.rendered else { return Ok(()) };
        let (reason, help) = match (operation, self.step.task()) {
            (Operation::Call { tool, .. }, Some(_)) => {
                let reason = self.held("the tools were listed", session.takes_task(tool)).await?;
                (reason, "leave `task` out where the call is no task, or choose with `when` or `requires`")
            }
            (Operation::Complete { context: Some(_), .. }, _) => {
                (session.takes_context(), "leave `context` out, or choose the step with `when`")
            }
            _ => return Ok(()),
        };
        let key = match self.step.task() {
            Some(_) => self.step.at.key("task"),
            None => self.step.verb.at.key("context"),
        };
        let site = self.frame.document.key_site(&key);
        reason.map_err(|reason| Box::new(Diagnostic::error(Code::Implied, site, reason).help(help)))
    }

    /// Takes a notification that came, or waits for one.
    async fn take(
        &self,
        entry: &Entry,
        session: &Session,
        method: &Template,
        params: Option<&Matcher>,
    ) -> Result<Exchange, Failed> {
        let method = self.text(&self.step.verb.at.key("method"), method)?;
        let limit = self.frame.clock.left(self.timeout(entry));
        let scope = &self.frame.scope;
        let mut fits = |notification: &Notification| {
            let actual = Actual { value: &notification.params, inexact: &[] };
            notification.method == method
                && params.is_none_or(|params| params.compare(actual, scope).is_empty())
        };
        Ok(session.take(&mut fits, Instant::now() + limit).await)
    }

    /// Opens a session as a step, which may say how long that may take.
    async fn open(&mut self, entry: &Entry, session: &Session) -> Result<Exchange, Failed> {
        let limit = self.step.timeout.unwrap_or(entry.model.timeouts.start());
        let exchange = session.open(Some(self.frame.clock.left(limit))).await;
        self.enter(entry, session).await?;
        Ok(exchange)
    }

    /// Closes a session as a step.
    async fn close(&self, entry: &Entry, session: &Session) -> Result<Exchange, Failed> {
        let deadline = Instant::now() + self.frame.clock.left(self.timeout(entry));
        let closing = Box::pin(session.close(deadline));
        let exchange = self.held("the session was closed", closing).await?;
        if exchange.protocol.is_none() {
            let message = "there is no session to close: no step before has opened it";
            return Err(self.problem(Code::Implied, message));
        }
        Ok(exchange)
    }

    fn timeout(&self, entry: &Entry) -> Duration {
        self.step.timeout.unwrap_or(entry.model.timeouts.step())
    }

    /// A token that cannot be read, with the place in the suite that says where it is.
    fn credential_problem(&self, entry: &Entry, Lack { message, help, .. }: Lack) -> Failed {
        let mut problem = self.problem(Code::Credential, message).label("this step needs it");
        if let Some(document) = &self.running.shared.plan.suite.document {
            let at = match self.identity.as_str() {
                "default" => entry.model.at().key("auth"),
                other => entry.model.at().key("identities").key(other),
            };
            problem = problem.also(document.site(&at), "it comes from here");
        }
        problem.help.extend(help);
        Box::new(problem)
    }

    /// A server that cannot be reached before anything is sent to it, with its place in the suite.
    fn client_problem(&self, entry: &Entry, Lack { message, help, .. }: Lack) -> Failed {
        let mut problem = *self.problem(Code::OpenFailed, message);
        if let (Target::Uipath(_), Some(document)) =
            (&entry.model.target, &self.running.shared.plan.suite.document)
        {
            let site = document.key_site(&entry.model.at().key("uipath"));
            problem = problem.label("this step needs it").also(site, "its address");
        }
        problem.help.extend(help);
        Box::new(problem)
    }

    /// The session of the step's server and identity, made on first use.
    async fn session(&self, entry: &Entry) -> Result<Arc<Session>, Failed> {
        let running = self.running;
        let servers = &running.shared.servers;
        if let Some(session) = running.session(&self.server, &self.identity) {
            if let Some(Credential::App(_)) = entry.model.credential(&self.identity) {
                let token = servers.next_token(entry, &self.identity);
                let token = self.held("the token was read", token).await?;
                let other = token.filter(|token| session.token().as_ref() != Some(token));
                other.into_iter().for_each(|token| session.renew(token));
            }
            return Ok(session);
        }
        let token = self.held("the token was read", servers.token(entry, &self.identity)).await?;
        let token = token.map_err(|lack| self.credential_problem(entry, lack))?;
        let client = self.held("the client was made", servers.client(entry)).await?;
        let client = client.map_err(|lack| self.client_problem(entry, lack))?;
        let session = client.session(SessionConfig {
            identity: self.identity.clone(),
            token,
            version: running.case.version,
            capabilities: running.client_capabilities.clone(),
            info: running.client_info.clone(),
            log: running.scenario.log.clone(),
            tasks: running.tasks,
            responder: running.rulebook(),
            route: self.route(entry),
            start: entry.model.timeouts.start(),
            cancel: self.frame.clock.stop.child_token(),
        });
        Ok(running.keep(&self.server, &self.identity, session))
    }

    /// The routing id of a session with a server of UiPath's: drawn of the run, as all that is random.
    fn route(&self, entry: &Entry) -> Option<String> {
        let Running { shared, case, .. } = self.running;
        let drawn = [&*shared.config.run_id, &case.name, &self.server, &self.identity].join("\n");
        let bytes: [u8; 32] = Sha256::digest(drawn).into();
        let id = bytes.first_chunk().map(|bytes| uuid::Builder::from_random_bytes(*bytes).into_uuid());
        id.filter(|_| entry.model.is_like_uipath()).map(|id| id.simple().to_string())
    }

    /// Opens the session for a condition that reads it. The exchange is that of an opening that failed.
    pub(super) async fn sees_session(&mut self) -> Result<Option<Box<Exchange>>, Failed> {
        let shared = self.running.shared;
        let Some(entry) = shared.servers.get(&self.server) else { return Ok(None) };
        let session = self.session(entry).await?;
        self.welcome(entry).await?;
        if let Err(exchange) = self.held("the session was opened", session.begin()).await? {
            return Ok(Some(exchange));
        }
        self.show(entry, &session, Some(true)).await?;
        Ok(None)
    }

    /// Puts what the step's templates can see of its server and session into the scope.
    async fn enter(&mut self, entry: &Entry, session: &Session) -> Result<(), Failed> {
        let templates = self.step.templates().into_iter().chain(self.step.expected_templates());
        let saved = self.step.save.iter().flat_map(|save| save.path.templates());
        let read: Vec<&Use> = templates
            .map(|(_, template)| template)
            .chain(saved)
            .flat_map(Template::uses)
            .filter(|used| used.name == "session")
            .collect();
        let reads_tools =
            || read.iter().any(|used| used.rest.first().is_some_and(|member| member == "tools"));
        let bug = self.step.known_bug.as_ref().and_then(|bug| bug.when.as_ref());
        let reads = match bug.is_some_and(|when| reads(when, &["session"])) {
            true => Some(true),
            false => (!read.is_empty()).then(reads_tools),
        };
        self.show(entry, session, reads).await
    }

    /// Puts the protocol into the scope, and the session where it is read: none where it is not, true where its
    /// tools are.
    async fn show(&mut self, entry: &Entry, session: &Session, reads: Option<bool>) -> Result<(), Failed> {
        let Some(facts) = session.facts() else { return Ok(()) };
        self.frame.scope.set("protocol", facts.version.as_str().into());
        let Some(reads_tools) = reads else { return Ok(()) };
        let tools =
            if reads_tools { self.held("the tools were listed", session.tools()).await?.ok() } else { None };
        let auth = Servers::auth(entry, &self.identity);
        let mut seen = json!({"id": facts.id, "capabilities": facts.capabilities, "auth": auth});
        if let Some(tools) = tools {
            let names: Vec<Value> = tools.items.iter().filter_map(|tool| tool.get("name").cloned()).collect();
            if let Some(seen) = seen.as_object_mut() {
                seen.insert("tools".to_owned(), Value::Array(names));
            }
        }
        self.frame.scope.set("session", seen);
        Ok(())
    }

    /// What a text of the step is, which stands at `at`.
    fn text(&self, at: &Pointer, template: &Template) -> Result<String, Failed> {
        let problem = |error| Box::new(self.frame.render_problem(self.frame.document, at, error));
        template.render_text(&self.frame.scope).map_err(problem)
    }

    fn operation(&self) -> Result<Operation, Failed> {
        let text = |template: &Template| self.text(&self.step.verb.at, template);
        Ok(match &self.step.action {
            Action::Call { tool, arguments, task: _ } => {
                Operation::Call { tool: text(tool)?, arguments: self.object(arguments.as_ref())? }
            }
            Action::List(kind) => Operation::List(*kind),
            Action::Read { uri } => Operation::Read { uri: text(uri)? },
            Action::Prompt { name, arguments } => {
                Operation::Prompt { name: text(name)?, arguments: self.object(arguments.as_ref())? }
            }
            Action::Request { method, params } => {
                Operation::Request { method: text(method)?, params: self.value(params.as_ref())? }
            }
            Action::Http { method, body } => Operation::Http {
                method: text(method)?,
                body: self.value(body.as_ref())?.map(|body| match body {
                    Value::String(text) => text,
                    other => other.to_string(),
                }),
            },
            Action::Complete { reference, argument, value, context } => {
                let at = &self.step.verb.at;
                let reference = match reference {
                    Reference::Prompt(name, at) => {
                        json!({"type": "ref/prompt", "name": self.text(at, name)?})
                    }
                    Reference::Resource(uri, at) => {
                        json!({"type": "ref/resource", "uri": self.text(at, uri)?})
                    }
                };
                Operation::Complete {
                    reference,
                    argument: self.text(&at.key("argument"), argument)?,
                    value: self.text(&at.key("value"), value)?,
                    context: self.value(context.as_ref())?,
                }
            }
            Action::Notify { method, params } => {
                Operation::Notify { method: text(method)?, params: self.value(params.as_ref())? }
            }
            Action::Listen { .. }
            | Action::Await { .. }
            | Action::Use { .. }
            | Action::Parallel(_)
            | Action::Defer(_)
            | Action::Session(_)
            | Action::Wait(_) => {
                return Err(self.problem(Code::Verb, "this verb sends nothing by itself"));
            }
        })
    }

    fn value(&self, tree: Option<&Tree>) -> Result<Option<Value>, Failed> {
        tree.map(|tree| self.frame.rendered(tree)).transpose()
    }

    /// The arguments: an object, or a template that has to yield one.
    fn object(&self, tree: Option<&Tree>) -> Result<Option<Value>, Failed> {
        match self.value(tree)? {
            Some(other) if !other.is_object() => {
                let what = with_article(&other);
                let message = format!("the arguments are an object, and their template gives {what}");
                Err(self.problem(Code::RenderFailed, message))
            }
            found => Ok(found),
        }
    }

    fn options(&self) -> Result<SendOptions, Failed> {
        let members = |value: Option<Value>| match value {
            Some(Value::Object(members)) => members.into_iter().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let headers = members(self.value(self.step.headers.as_ref())?);
        let meta = members(self.value(self.step.meta.as_ref())?);
        let header = |(name, value)| match value {
            Value::Null => Ok((name, None)),
            Value::String(text) => Ok((name, Some(text))),
            Value::Bool(_) | Value::Number(_) => Ok((name, Some(value.to_string()))),
            Value::Array(_) | Value::Object(_) => {
                let what = with_article(&value);
                let message = format!("the header `{name}` is a text, and its template gives {what}");
                let problem = self.problem(Code::RenderFailed, message);
                Err(Box::new(problem.help("write `{{ json x }}` for its JSON text")))
            }
        };
        Ok(SendOptions {
            headers: headers.into_iter().map(header).collect::<Result<_, Failed>>()?,
            meta: meta
                .into_iter()
                .map(|(name, value)| (name, Some(value).filter(|value| !value.is_null())))
                .collect(),
            timeout: Duration::ZERO,
            responder: self.rules.clone().map(|rules| rules as Arc<dyn Responder>),
            task: self.step.task(),
        })
    }
}

/// Whether a server has taken a request whose last answer this is: it told or asked something before, it asked for input
/// that was sent, or it made a task of it.
fn was_taken(exchange: &Exchange) -> bool {
    let is_continued = |sent: &Sent| {
        ["inputResponses", "requestState"].into_iter().any(|member| sent.params.get(member).is_some())
    };
    exchange.followed.is_some()
        || !exchange.notifications.is_empty()
        || !exchange.asked.is_empty()
        || exchange.sent.as_ref().is_some_and(is_continued)
}
