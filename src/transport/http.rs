//! One HTTP exchange at a time: a request goes out, a head and then a body or events come back.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Client, Response};
use url::{Host, Url};

use super::sse::Parser;
use super::{Error, Limits, Route, WEIGHT};
use crate::exchange::SseEvent;
use crate::json::Parsed;

/// How long an idle connection is kept. Servers close theirs after five seconds or more; a request on a
/// connection that the server closes at this moment would fail, and may not be sent again.
const IDLE: Duration = Duration::from_secs(4);

/// The HTTP client of one server. It follows no redirect, repeats nothing and keeps no cookies. A clone of it has
/// the same connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    url: Url,
    /// Host and port, for people.
    host: Arc<str>,
    connect: Duration,
    limits: Limits,
}

/// A request. It goes to the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The HTTP method.
    pub(crate) method: Method,
    /// Every header; the client adds `host`, `content-length` and, where there is none, `accept`.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Option<Bytes>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
}

/// A piece of an answer: one head, then one body or any number of events.
#[derive(Debug)]
pub(crate) enum Frame {
    /// The head.
    Head(Head),
    /// The whole body.
    Body(Vec<u8>),
    /// An event of a stream.
    Event(SseEvent),
    /// A message of a stream without events, of so many bytes.
    Message(Box<Parsed>, usize),
}

impl Http {
    /// A client of an endpoint. Certificates are loaded for https only: that takes 20 ms.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub(crate) fn new(url: Url, route: &Route, connect: Duration, limits: Limits) -> Result<Self, String> {
        install_provider();
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(connect)
            .pool_idle_timeout(IDLE);
        if url.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        } else if let Some(ca) = &route.ca {
            builder = builder.tls_certs_only(trusted(ca)?);
        }
        if let Some(identity) = &route.identity {
            let identity = reqwest::Identity::from_pem(identity.reveal().as_bytes()).map_err(|error| {
                format!("the client's certificate and its key cannot be used: {}", caused(&error))
            })?;
            builder = builder.identity(identity);
        }
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        if let Some(socket) = &route.socket {
            builder = to_socket(builder, socket)?;
        }
        let client = builder
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {}", caused(&error)))?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = match &route.socket {
            Some(socket) => socket.display().to_string(),
            None => format!("{}{port}", url.host_str().unwrap_or_default()),
        };
        let host = host.into();
        Ok(Self { client, url, host, connect, limits })
    }

    /// The address that it sends to.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The same client for another address of the same server.
    pub(crate) fn at(&self, url: Url) -> Self {
        Self { url, ..self.clone() }
    }

    /// The same client with other limits.
    pub(super) fn within(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// Prepares an exchange; it begins with the first call of [`Incoming::next`], and dropping it ends it.
    pub(crate) fn start(&self, outgoing: Outgoing) -> Incoming {
        let mut request = reqwest::Request::new(outgoing.method, self.url.clone());
        *request.headers_mut() = outgoing.headers;
        *request.body_mut() = outgoing.body.map(Into::into);
        Incoming {
            stage: Stage::Sending(Box::pin(self.client.execute(request))),
            limits: self.limits,
            host: self.host.clone(),
            connect: self.connect,
            received: 0,
            held: 0,
        }
    }
}

/// The certificates of a file.
fn trusted(pem: &str) -> Result<Vec<reqwest::Certificate>, String> {
    match reqwest::Certificate::from_pem_bundle(pem.as_bytes()) {
        Ok(certificates) if certificates.is_empty() => {
            Err("there is no certificate among those to trust".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("the certificates to trust cannot be read: {}", caused(&error))),
    }
}

#[cfg(unix)]
fn to_socket(builder: reqwest::ClientBuilder, path: &Path) -> Result<reqwest::ClientBuilder, String> {
    Ok(builder.unix_socket(path))
}

#[cfg(not(unix))]
fn to_socket(_: reqwest::ClientBuilder, _: &Path) -> Result<reqwest::ClientBuilder, String> {
    Err("this system has no Unix sockets".to_owned())
}

/// An error with what caused it.
fn caused(error: &reqwest::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// Both providers of rustls could be linked by someone who embeds us: then the one that is installed stays.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

type Pending = Pin<Box<dyn Future<Output = Result<Response, reqwest::Error>> + Send>>;

enum Stage {
    Sending(Pending),
    Body(Response, Vec<u8>),
    Events(Response, Parser),
    Done,
}

/// An answer on its way.
pub(crate) struct Incoming {
    stage: Stage,
    limits: Limits,
    host: Arc<str>,
    connect: Duration,
    received: usize,
    held: usize,
}

impl Incoming {
    /// The next piece; none at the end. Nothing is lost where the future is dropped and called anew.
    ///
    /// # Errors
    /// Where no connection is made, it ends too early, or a limit is passed. Then the exchange is over.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, Error> {
        let result = self.step().await;
        if result.is_err() {
            self.stage = Stage::Done;
        }
        result
    }

    async fn step(&mut self) -> Result<Option<Frame>, Error> {
        match &mut self.stage {
            Stage::Sending(pending) => {
                let mut response = pending
                    .as_mut()
                    .await
                    .map_err(|error| Error::sending(&error, &self.host, self.connect))?;
                let status = response.status();
                let headers = std::mem::take(response.headers_mut());
                let head = Head { status, headers };
                self.stage = if head.is_stream() {
                    Stage::Events(response, Parser::new(self.limits.event))
                } else {
                    Stage::Body(response, Vec::new())
                };
                Ok(Some(Frame::Head(head)))
            }
            Stage::Body(response, body) => {
                let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
                within(announced, self.limits.body, "the body of the answer")?;
                while let Some(chunk) =
                    response.chunk().await.map_err(|error| Error::receiving(&error, self.received))?
                {
                    self.received += chunk.len();
                    within(self.received, self.limits.body, "the body of the answer")?;
                    body.extend_from_slice(&chunk);
                }
                let body = std::mem::take(body);
                self.stage = Stage::Done;
                Ok(Some(Frame::Body(body)))
            }
            Stage::Events(response, parser) => loop {
                if let Some(event) = parser.next() {
                    self.held += WEIGHT;
                    within(self.received + self.held, self.limits.stream, "the stream of the answer")?;
                    return Ok(Some(Frame::Event(event)));
                }
                let chunk =
                    response.chunk().await.map_err(|error| Error::receiving(&error, self.received))?;
                let Some(chunk) = chunk else {
                    self.stage = Stage::Done;
                    return Ok(None);
                };
                self.received += chunk.len();
                within(self.received, self.limits.stream, "the stream of the answer")?;
                parser.feed(&chunk)?;
            },
            Stage::Done => Ok(None),
        }
    }

    /// Whether the stream held bytes that are no UTF-8, and were replaced.
    pub(crate) fn is_lossy(&self) -> bool {
        matches!(&self.stage, Stage::Events(_, parser) if parser.is_lossy())
    }

    /// Bytes of body or stream that have come.
    pub(crate) fn received(&self) -> usize {
        self.received
    }
}

impl Head {
    /// The media type without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(http::header::CONTENT_TYPE).map(|value| value.as_bytes());
        let text = String::from_utf8_lossy(value.unwrap_or_default());
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether events follow.
    pub(crate) fn is_stream(&self) -> bool {
        self.media_type() == "text/event-stream"
    }
}

pub(super) fn within(size: usize, limit: usize, what: &'static str) -> Result<(), Error> {
    if size > limit { Err(Error::Limit { what, limit }) } else { Ok(()) }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("host", &self.host).finish_non_exhaustive()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received).finish_non_exhaustive()
    }
}
