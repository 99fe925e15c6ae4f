//! The way in: address, token, method, body. What is refused here never reaches the protocol; why, only the
//! log says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::address::{self, Route, route};
use super::clock::Clock;
use super::fault::{FAULT_HEADER, Fault};
use super::holder::{Holder, Stranger, identify};
use super::log::{Entry, EntryId, Log};
use super::refuse::{Refusal, by_status, forbidden, no_folder_key, not_found, unauthenticated};
use super::rights::{Denied, rights};
use super::shop::Shop;
use super::tap::{INVALID_REQUEST, PARSE_ERROR, Serving, Tap, rpc_error};
use super::troubles::{Troubles, early};
use super::world::{Catalog, Folder, Permission, Server, World};
use super::{eras, identity, rest};
use crate::knobs::{self, Knobs};

/// Bytes of a request's body.
pub(super) const MAX_BODY: usize = 4 << 20;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Who makes a request, of which server; the tools find it in the request's extensions.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) holder: Holder,
    pub(super) server: Server,
    pub(super) world: Arc<World>,
    pub(super) clock: Clock,
    /// What keeps it from listing tools or from calling one, though the request is let in.
    pub(super) denied: Option<Denied>,
    /// The body as it came, for what has to stay the same to the byte.
    pub(super) body: Bytes,
    log: Log,
    entry: EntryId,
}

impl Caller {
    /// Notes that the client cancelled what it asked for.
    pub(super) fn cancelled(&self) {
        self.log.amend(self.entry, |entry| entry.cancelled = true);
    }

    /// Notes why it gets no good answer, which the answer does not tell.
    pub(super) fn refused(&self, reason: impl Into<String>) {
        self.log.explain(self.entry, reason.into());
    }
}

/// The gate before the servers.
pub(super) struct Gate {
    pub(super) log: Log,
    pub(super) world: RwLock<Arc<World>>,
    pub(super) clock: Clock,
    pub(super) shop: Arc<Shop>,
    pub(super) loopback: bool,
    pub(super) closing: CancellationToken,
    pub(super) troubles: Troubles,
    /// One for each server that was asked.
    pub(super) taps: Mutex<HashMap<Place, Arc<Tap>>>,
}

/// Where a server is, and what it is.
pub(super) type Place = (String, Catalog, bool);

/// A request with what is known of who sent it.
pub(super) struct Asked<'a> {
    pub(super) parts: &'a Parts,
    pub(super) world: &'a Arc<World>,
    pub(super) holder: Result<Holder, Stranger>,
}

/// A server that was found, and by whom.
struct Found {
    holder: Holder,
    folder: Folder,
    server: Server,
}

/// Answers one request, and logs it.
pub(super) async fn enter(State(gate): State<Arc<Gate>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let world = gate.world();
    let now = gate.clock.now(world.is_virtual(), world.knobs.number(&knobs::CLOCK_SKEW));
    let holder = identify(&world, &parts.headers, now);
    let body = read(body).await;
    let bytes = body.as_ref().map(Bytes::clone).unwrap_or_default();
    let message = crate::json::parse(&bytes).map(|parsed| parsed.value);
    let entry = gate.log.write(describe(&parts, &holder, message.as_ref().ok()), bytes.len());
    let asked = Asked { parts: &parts, world: &world, holder };
    let outcome = async {
        let found = match route(parts.uri.path()) {
            Route::Mcp { organization, tenant, folder, slug } => {
                admit(asked, (organization, tenant), (folder, slug))?
            }
            Route::NoFolder => {
                asked.holder.map_err(|stranger| unauthenticated(&world.knobs, stranger.reason))?;
                return Err(no_folder_key(&world.knobs));
            }
            Route::OldPrefix => {
                let reason = "the address is of before June 2025";
                let refusal = by_status(&world.knobs, &knobs::OLD_PREFIX, reason);
                return Err(refusal.unwrap_or_else(|| not_found(&world.knobs, reason)));
            }
            Route::Rest { organization, tenant, rest } => {
                return rest::answer(&gate.shop, asked, (organization, tenant), rest);
            }
            Route::Version => return Ok(rest::version(&world.knobs)),
            Route::Token => {
                body?;
                return gate.give_token(&parts, &bytes, now);
            }
            Route::Nowhere => {
                return Err(not_found(&world.knobs, format!("there is nothing at `{}`", parts.uri.path())));
            }
        };
        takes(&world.knobs, &found.server, &parts.method)?;
        body?;
        let message = match (&parts.method, message) {
            (&Method::POST, Ok(message)) => message,
            (&Method::POST, Err(error)) => {
                let text = format!("Parse error: {error}");
                let answer = rpc_error(StatusCode::BAD_REQUEST, PARSE_ERROR, &text, None);
                return Err(Refusal::new(answer, error.to_string()));
            }
            _ => Value::Null,
        };
        let denied = rights(&world.knobs, &found.holder, (&found.folder, &found.server), &message)?;
        let Found { holder, server, folder } = found;
        let clock = gate.clock.clone();
        let (log, body) = (gate.log.clone(), bytes.clone());
        let caller = Caller { holder, server, world: Arc::clone(&world), clock, denied, body, log, entry };
        if let Some(denied) = &caller.denied {
            caller.refused(denied.reason.clone());
        }
        gate.let_in(&folder.key, parts.clone(), bytes, &message, caller).await
    };
    let (answer, reason) = match outcome.await {
        // What rmcp refuses is not in the log of refusals; of this one UiPath's own call would fall foul.
        Ok(answer) if answer.status() == StatusCode::NOT_ACCEPTABLE => (answer, Some(NOT_BOTH.to_owned())),
        Ok(answer) => (answer, None),
        Err(refusal) => (*refusal.answer, Some(refusal.reason)),
    };
    gate.log.amend(entry, |entry| entry.status = answer.status().as_u16());
    if let Some(reason) = reason {
        gate.log.explain(entry, reason);
    }
    answer
}

impl Gate {
    /// The state as it is.
    pub(super) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes it, for the requests to come.
    pub(super) fn change(&self, change: impl FnOnce(&mut World)) {
        change(Arc::make_mut(&mut self.world.write().unwrap_or_else(PoisonError::into_inner)));
    }

    fn give_token(&self, parts: &Parts, body: &[u8], now: Timestamp) -> Result<Response<Body>, Refusal> {
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (answer, token) = identity::give(&self.world(), host, body, now)?;
        self.change(|world| identity::keep(world, token));
        Ok(answer)
    }

    fn tap(&self, place: Place) -> Arc<Tap> {
        let mut taps = self.taps.lock().unwrap_or_else(PoisonError::into_inner);
        let (catalog, streams) = (place.1, place.2);
        let tap = taps.entry(place).or_insert_with(|| {
            let serving = Serving { loopback: self.loopback, streams, catalog };
            Arc::new(Tap::new(serving, MAX_BODY, &self.shop, self.clock.clone(), self.closing.clone()))
        });
        Arc::clone(tap)
    }

    async fn let_in(
        &self,
        folder: &str,
        mut parts: Parts,
        body: Bytes,
        message: &Value,
        caller: Caller,
    ) -> Result<Response<Body>, Refusal> {
        if parts.method == Method::POST && !is_json(&parts.headers) {
            let text = "Unsupported Media Type: Content-Type must be application/json";
            let answer =
                rpc_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, text, message.get("id"));
            return Err(Refusal::new(answer, "the content type is not `application/json`"));
        }
        let (world, server) = (&caller.world, &caller.server);
        let place = format!("{folder}/{}", server.slug);
        eras::pass(&world.knobs, server, &mut parts, message)?;
        let fault = self.fault(&parts, &place, server, world, message)?;
        if let Some(refusal) = fault.and_then(|fault| early(fault, world, server, message)) {
            return Err(refusal);
        }
        self.troubles.pass(world, &self.clock, (&place, server), message).await?;
        if !world.knobs.is(&knobs::ACCEPT, "strict") {
            be_lenient(&mut parts.headers);
        }
        let tap = self.tap((place, server.catalog, server.streams));
        tap.pass(parts, body, message, (fault, caller)).await
    }

    /// What is to go wrong: by the header, with the server, with all.
    fn fault(
        &self,
        parts: &Parts,
        place: &str,
        server: &Server,
        world: &World,
        message: &Value,
    ) -> Result<Option<Fault>, Refusal> {
        let method = message.get("method").and_then(Value::as_str);
        let header = parts.headers.get(FAULT_HEADER).map(|value| value.to_str());
        let (header, place) = match header {
            Some(Ok(header)) => (header, "header"),
            Some(Err(_)) => return Err(bad_fault("it is not text".to_owned())),
            None if !server.fault.is_empty() => (&*server.fault, place),
            None => match world.knobs.get(&knobs::FAULT) {
                "" => return Ok(None),
                all => (all, "all"),
            },
        };
        self.troubles.faults.pick(place, header, method).map_err(bad_fault)
    }
}

/// Why the protocol's rules refuse a request whose `Accept` names less than they want.
const NOT_BOTH: &str = "it does not accept both `application/json` and `text/event-stream`";

/// Whether a request may pass, as far as its head tells. The token comes first: without it nothing is learnt.
fn admit(
    Asked { world, holder, .. }: Asked<'_>,
    (organization, tenant): (&str, &str),
    (folder, slug): (&str, &str),
) -> Result<Found, Refusal> {
    let knobs = &world.knobs;
    let holder = holder.map_err(|stranger| unauthenticated(knobs, stranger.reason))?;
    let unknown = |reason: String| {
        by_status(knobs, &knobs::UNKNOWN_TARGET, &reason)
            .unwrap_or_else(|| unauthenticated(knobs, reason.clone()))
    };
    let (organization, tenant) = address::tenant(world, organization, tenant).map_err(unknown)?;
    if holder.organization != organization.name {
        let (label, own) = (&holder.label, &holder.organization);
        return Err(unauthenticated(knobs, format!("the token `{label}` is of the organization `{own}`")));
    }
    let (folder, server) = address::server(tenant, folder, slug).map_err(unknown)?;
    if let Some(reason) = holder.lacks_permission(folder, Permission::McpServersView) {
        let refusal = by_status(knobs, &knobs::NO_VIEW, &reason);
        return Err(refusal.unwrap_or_else(|| forbidden(knobs, reason)));
    }
    Ok(Found { holder, folder: folder.clone(), server: server.clone() })
}

/// Whether a server takes a method.
fn takes(knobs: &Knobs, server: &Server, method: &Method) -> Result<(), Refusal> {
    let taken = match *method {
        Method::POST => true,
        Method::DELETE => knobs.is(&knobs::DELETE, "200"),
        Method::GET => server.streams,
        _ => false,
    };
    if taken {
        return Ok(());
    }
    let mut answer = rpc_error(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, "Method Not Allowed", None);
    let allow = if server.streams { "GET, POST, DELETE" } else { "POST" };
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    Err(Refusal::new(answer, format!("the endpoint takes no `{method}`")))
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    let collect = async {
        let mut whole = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            if whole.len() + chunk.len() > MAX_BODY {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    let status = match tokio::time::timeout(BODY_TIME, collect).await {
        Ok(Ok(body)) => return Ok(body),
        Ok(Err(status)) => status,
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    };
    let reason = match status {
        StatusCode::PAYLOAD_TOO_LARGE => format!("the body has more than {MAX_BODY} bytes"),
        StatusCode::REQUEST_TIMEOUT => format!("the body took more than {} s", BODY_TIME.as_secs()),
        _ => "the body broke off".to_owned(),
    };
    let answer = rpc_error(status, INVALID_REQUEST, &format!("Bad Request: {reason}"), None);
    Err(Refusal::new(answer, reason))
}

fn describe(parts: &Parts, holder: &Result<Holder, Stranger>, message: Option<&Value>) -> Entry {
    let label = match holder {
        Ok(holder) => &holder.label,
        Err(stranger) => &stranger.label,
    };
    let value = |name: &http::HeaderName, value: &HeaderValue| match *name {
        AUTHORIZATION => label.clone(),
        _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    let headers = parts.headers.iter().map(|(name, text)| (name.to_string(), value(name, text)));
    let method = message.and_then(|message| message.get("method")).and_then(Value::as_str);
    Entry {
        http_method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: headers.collect(),
        method: method.map(str::to_owned),
        body: message.cloned().unwrap_or_default(),
        status: 0,
        reason: None,
        cancelled: false,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// UiPath documents a curl call that accepts `*/*`, which rmcp refuses.
fn be_lenient(headers: &mut HeaderMap) {
    let anything = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("*/*"));
    let accepts = headers.get_all(ACCEPT);
    if accepts.iter().next().is_none() || accepts.iter().any(anything) {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    }
}

fn bad_fault(why: String) -> Refusal {
    let message = format!("Bad Request: header `{FAULT_HEADER}`: {why}");
    let answer = rpc_error(StatusCode::BAD_REQUEST, INVALID_REQUEST, &message, None);
    Refusal::new(answer, why)
}
