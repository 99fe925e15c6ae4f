//! Questions to the REST side of a host of UiPath's: one request, one bounded answer, what was refused as data. The
//! token goes to the host that was named first, and to no other.

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use url::Url;

use crate::auth::{Redactor, Secret};
use crate::exchange::retry_after;
use crate::transport::{Frame, Http, Limits, Outgoing, Route};

/// How large an answer may be.
const LARGEST: usize = 4 << 20;

/// How much of a server's own words is shown.
const SHOWN: usize = 300;

/// The client of one host.
#[derive(Clone, Debug)]
pub struct Rest {
    http: Http,
    redactor: Redactor,
    limit: Duration,
}

/// An answer, good or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type without parameters, in lower case; empty where there is none.
    pub media_type: String,
    /// The body, where it is JSON.
    pub json: Option<Value>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Where a redirect leads, as the server writes it.
    pub location: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// No connection, or it ended too early, or the answer is too large.
    #[error("{0}")]
    Connection(String),
    /// No whole answer in time.
    #[error("there was no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The address is of another host: nothing was sent.
    #[error("nothing was sent: the address is of another host")]
    OtherHost,
}

/// What an answer says that is not good, in whichever of its forms UiPath writes it. Masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `message`, `title`, `detail`, or `error_description` of the identity server.
    pub message: Option<String>,
    /// `errorCode`, `code`, or `error` of the identity server.
    pub code: Option<String>,
    /// `traceId`: UiPath's support asks for it.
    pub trace_id: Option<String>,
}

impl Rest {
    /// A client of the host of an address. `limit` is how long one answer may take; the redactor knows the secrets
    /// that must not be shown.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(
        url: &Url,
        route: &Route,
        connect: Duration,
        limit: Duration,
        redactor: Redactor,
    ) -> Result<Self, String> {
        let limits = Limits { body: LARGEST, event: LARGEST, stream: LARGEST };
        Ok(Self { http: Http::new(url.clone(), route, connect, limits)?, redactor, limit })
    }

    /// Asks with GET. Further headers are such as `x-uipath-folderkey`.
    ///
    /// # Errors
    /// Where there is no whole answer.
    pub async fn get(
        &self,
        url: &Url,
        token: Option<&Secret>,
        more: &[(&'static str, &str)],
    ) -> Result<Answer, RestError> {
        let unsendable = |what: &str| RestError::Connection(format!("nothing was sent: {what}"));
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {}", token.reveal()));
            let mut value = value.map_err(|_| unsendable("the token cannot stand in a header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in more {
            let value = HeaderValue::from_str(value)
                .map_err(|_| unsendable(&format!("`{name}` holds what no header can carry")))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        self.ask(url, Outgoing { method: Method::GET, headers, body: None }).await
    }

    /// Sends a form with POST.
    ///
    /// # Errors
    /// Where there is no whole answer.
    pub async fn post_form(&self, url: &Url, form: &[(&str, &str)]) -> Result<Answer, RestError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.ask(url, Outgoing { method: Method::POST, headers, body: Some(body.into()) }).await
    }

    async fn ask(&self, url: &Url, mut outgoing: Outgoing) -> Result<Answer, RestError> {
        if url.origin() != self.http.url().origin() {
            return Err(RestError::OtherHost);
        }
        outgoing.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.answer(url, outgoing);
        tokio::time::timeout(self.limit, answer).await.map_err(|_| RestError::TimedOut(self.limit))?
    }

    async fn answer(&self, url: &Url, outgoing: Outgoing) -> Result<Answer, RestError> {
        let broken = |error: crate::transport::Error| RestError::Connection(self.masked(error.to_string()));
        let mut incoming = self.http.at(url.clone()).start(outgoing);
        let (mut head, mut body) = (None, Vec::new());
        while let Some(frame) = incoming.next().await.map_err(broken)? {
            match frame {
                Frame::Head(first) => head = Some(first),
                Frame::Body(whole) => body = whole,
                // No question here is answered by a stream.
                Frame::Event(_) | Frame::Message(..) => break,
            }
        }
        let head = head.ok_or_else(|| RestError::Connection("the server said nothing".to_owned()))?;
        let header = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(value, header(DATE)));
        Ok(Answer {
            status: head.status.as_u16(),
            media_type: head.media_type(),
            json: crate::json::parse(&body).ok().map(|parsed| parsed.value),
            retry_after,
            location: header(LOCATION).map(str::to_owned),
        })
    }

    /// What an answer refuses; none where it is good.
    #[must_use]
    pub fn refusal(&self, answer: &Answer) -> Option<Refusal> {
        if (200..300).contains(&answer.status) {
            return None;
        }
        let Refusal { status, message, code, trace_id } = Refusal::read(answer.status, answer.json.as_ref());
        let masked = |text: Option<String>| text.map(|text| self.masked(text));
        Some(Refusal { status, message: masked(message), code: masked(code), trace_id: masked(trace_id) })
    }

    fn masked(&self, mut text: String) -> String {
        self.redactor.mask_in_place(&mut text);
        text
    }
}

impl Refusal {
    /// What a body says that comes with a status. Nothing is masked yet.
    pub(crate) fn read(status: u16, body: Option<&Value>) -> Self {
        let problem = body.and_then(|body| body.get("problem")).or(body);
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| problem?.get(*name).filter(|value| !value.is_null()))?;
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            let mut plain = text.chars().filter(|c| !c.is_control());
            let mut shown: String = plain.by_ref().take(SHOWN).collect();
            // By which the redactor knows that it may be half of a secret.
            shown.extend(plain.next().map(|_| '…'));
            (!shown.is_empty()).then_some(shown)
        };
        Self {
            status,
            message: text(&["message", "detail", "title", "error_description"]),
            code: text(&["errorCode", "code", "error"]).filter(|code| code != "0"),
            trace_id: text(&["traceId"]),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => write!(f, ", {code}: {message}")?,
            (Some(text), None) | (None, Some(text)) => write!(f, ": {text}")?,
            (None, None) => {}
        }
        self.trace_id.as_ref().map_or(Ok(()), |trace| write!(f, " (traceId {trace})"))
    }
}
