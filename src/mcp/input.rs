//! Questions of the modern era: an answer that asks for input is followed by the same request with what the
//! responder says, until the answer asks no more.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::conduct::unanswerable;
use super::follow::{Way, behind, bytes};
use super::request::META_CAPABILITIES;
use super::session::{Deadline, Inner};
use super::wire::MAY_ASK;
use super::{SendOptions, Version};
use crate::exchange::{Asked, Check, Exchange, Violation};

/// How often one request may be answered with questions.
const ROUNDS: u32 = 16;

/// What a request is sent again with.
#[derive(Default)]
struct Supplied {
    responses: Option<Map<String, Value>>,
    state: Option<Value>,
}

impl Inner {
    /// Answers the questions of an answer, and those of the answers that follow.
    pub(super) async fn supplied(
        self: &Arc<Self>,
        mut exchange: Exchange,
        method: &str,
        params: Value,
        options: &SendOptions,
        (way, deadline): (&Way, Deadline),
    ) -> Exchange {
        let modern = self.known().filter(|facts| facts.version.is_modern()).map(|facts| facts.version);
        let Some(version) = modern.filter(|_| MAY_ASK.contains(&method)) else { return exchange };
        let mut held = 0;
        for _ in 0..ROUNDS {
            if !exchange.wants_input() {
                return exchange;
            }
            held += bytes(&exchange);
            let supplied = match self.supply(version, &mut exchange, options) {
                Ok(supplied) if held <= self.client.config.bounds.stream => supplied,
                Ok(_) => {
                    exchange.cause = Some("the questions of the server together are too large".to_owned());
                    return exchange;
                }
                Err(cause) => {
                    exchange.cause = cause;
                    return exchange;
                }
            };
            let message = self.request(method, Some(supplied.with(&params)));
            let answer = self.deliver(message, options, way, deadline).await;
            exchange = behind(exchange, answer);
        }
        if exchange.wants_input() {
            exchange.cause = Some(format!("the server asked for input more than {ROUNDS} times"));
        }
        exchange
    }

    /// Asks the responder all that an answer asks.
    ///
    /// # Errors
    /// Why the request cannot be sent again; none where nothing in the scenario answers.
    fn supply(
        &self,
        version: Version,
        exchange: &mut Exchange,
        options: &SendOptions,
    ) -> Result<Supplied, Option<String>> {
        let result = exchange.answer.result.as_ref();
        let member = |name: &str| result.and_then(|result| result.get(name)).cloned();
        let (requests, state) = (member("inputRequests"), member("requestState"));
        let requests = match requests {
            Some(Value::Object(requests)) => Some(requests),
            None if state.is_some() => None,
            _ => return Err(Some("the server asks for input, and does not say for what".to_owned())),
        };
        let responses = match &requests {
            Some(requests) => Some(self.responses(version, requests, exchange, options)?),
            None => None,
        };
        Ok(Supplied { responses, state })
    }

    /// Asks the responder these questions, of the request that was sent last.
    ///
    /// # Errors
    /// Why they are not answered; none where nothing in the scenario answers.
    pub(super) fn responses(
        &self,
        version: Version,
        requests: &Map<String, Value>,
        exchange: &mut Exchange,
        options: &SendOptions,
    ) -> Result<Map<String, Value>, Option<String>> {
        let declared =
            exchange.sent.as_ref().and_then(|sent| sent.params.get("_meta")?.get(META_CAPABILITIES));
        let declared = declared.cloned().unwrap_or_default();
        let mut refused = None;
        let mut responses = Map::new();
        for (key, request) in requests {
            let method = request.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
            let params = request.get("params").cloned().unwrap_or_default();
            if let Some(capability) = unanswerable(version, &method, &params, &declared) {
                exchange.wire.push(Violation {
                    check: Check::Capabilities,
                    message: format!(
                        "the server asks `{method}`, and the request has not declared `{capability}`"
                    ),
                    pointer: String::new(),
                    section: format!("{version} basic/patterns/mrtr"),
                });
            }
            let (answer, unexpected) = self.respond(options.responder.as_deref(), &method, &params);
            match &answer.result {
                Some(result) => {
                    responses.insert(key.clone(), result.clone());
                }
                // An unexpected question is told by itself.
                None if unexpected => refused = Some(refused.unwrap_or(None)),
                None => {
                    refused = Some(Some(format!(
                        "`{method}` was answered with an error, which {version} has no way to say: the request was \
                         not sent again"
                    )));
                }
            }
            exchange.asked.push(Asked { method, params, answer, unexpected });
        }
        match refused {
            Some(cause) => Err(cause),
            None => Ok(responses),
        }
    }
}

impl Supplied {
    fn with(self, params: &Value) -> Value {
        let mut params = params.as_object().cloned().unwrap_or_default();
        params.extend(self.responses.map(|responses| ("inputResponses".to_owned(), responses.into())));
        params.extend(self.state.map(|state| ("requestState".to_owned(), state)));
        Value::Object(params)
    }
}
