//! What may be wrong with a server itself, whoever asks: it starts, is not connected, is asked too much, or fails as a
//! fault has it. Answers here come before anything runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::answer::as_event;
use super::clock::Clock;
use super::fault::{Fault, Faults};
use super::refuse::{Refusal, relay, too_many, unavailable};
use super::world::{Server, ServerKind, World};
use crate::knobs;

const MINUTE: Duration = Duration::from_secs(60);

/// What servers went through.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pub(super) faults: Faults,
    by_place: Mutex<HashMap<String, Past>>,
}

/// The past of one server, in the time of the sandbox's clock.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// When it was first asked.
    started: Option<Duration>,
    /// When the minute began that its requests are counted in, and how many there were.
    minute: (Duration, u32),
}

impl Troubles {
    /// Lets a request of a server pass, or refuses it. Waits for a server that starts.
    pub(super) async fn pass(
        &self,
        world: &World,
        clock: &Clock,
        (place, server): (&str, &Server),
        message: &Value,
    ) -> Result<(), Refusal> {
        let (knobs, id) = (&world.knobs, message.get("id"));
        let now = clock.elapsed(world.is_virtual());
        let (start, count) = self.note(place, now);
        let limit = knobs.number(&knobs::RATE_LIMIT);
        if limit > 0 && count > limit {
            return Err(too_many(knobs, &format!("more than {limit} requests in a minute")));
        }
        if !server.connected && server.kind == ServerKind::SelfHosted {
            let reason = format!("the process of `{}` is not connected", server.slug);
            return Err(match knobs.get(&knobs::DISCONNECTED) {
                "relay" => relay(id, "no runtime is connected"),
                "504" => unavailable(knobs, StatusCode::GATEWAY_TIMEOUT, reason),
                _ => unavailable(knobs, StatusCode::SERVICE_UNAVAILABLE, reason),
            });
        }
        if server.kind.starts_cold() {
            let left = (start + knobs.time(&knobs::COLD_START)).saturating_sub(now);
            let reason = || format!("`{}` starts for {} s more", server.slug, left.as_secs_f64());
            match knobs.get(&knobs::COLD_ANSWER) {
                _ if left.is_zero() => {}
                "504" => return Err(unavailable(knobs, StatusCode::GATEWAY_TIMEOUT, reason())),
                "408" => return Err(unavailable(knobs, StatusCode::REQUEST_TIMEOUT, reason())),
                _ => clock.wait(left, world.is_virtual()).await,
            }
        }
        Ok(())
    }

    /// When a server was first asked, and its requests in this minute.
    fn note(&self, place: &str, now: Duration) -> (Duration, u32) {
        let mut all = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
        let past = all.entry(place.to_owned()).or_default();
        let start = *past.started.get_or_insert(now);
        if now.saturating_sub(past.minute.0) >= MINUTE {
            past.minute = (now, 0);
        }
        past.minute.1 = past.minute.1.saturating_add(1);
        (start, past.minute.1)
    }
}

/// The answer of a fault that comes before anything runs; none of the others.
pub(super) fn early(fault: Fault, world: &World, server: &Server, message: &Value) -> Option<Refusal> {
    let (knobs, id) = (&world.knobs, message.get("id"));
    let asked = format!("the fault `{}` was asked for", fault.as_str());
    Some(match fault {
        Fault::TooMany => too_many(knobs, &asked),
        Fault::Unavailable => unavailable(knobs, StatusCode::SERVICE_UNAVAILABLE, asked),
        Fault::GatewayTimeout => unavailable(knobs, StatusCode::GATEWAY_TIMEOUT, asked),
        Fault::RelayError => relay(id, "the server closed the connection"),
        Fault::LoginPage => Refusal::new(login_page(), asked),
        Fault::InitializeFailure => {
            let version = knobs.get(&knobs::INITIALIZE_FAILURE);
            let result = json!({
                "protocolVersion": version,
                "capabilities": {},
                "serverInfo": {"name": server.slug, "version": "1.0"},
            });
            let message = as_event(json!({"jsonrpc": "2.0", "id": 0, "result": result}));
            Refusal::new(page("text/event-stream", message), "the runtime could not start the server")
        }
        _ => return None,
    })
}

fn login_page() -> Response<Body> {
    let text =
        "<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Log in to continue.</body></html>\n";
    page("text/html; charset=utf-8", text.to_owned())
}

fn page(kind: &'static str, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(text));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
