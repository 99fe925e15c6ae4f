//! HTTP+SSE of 2024-11-05: one stream that stays open and brings everything, and an address, named by its first
//! event, that messages are posted to.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::AbortHandle;
use url::Url;

use super::http::{Frame, Head, Http, Incoming, Outgoing};
use super::lanes::{Addressee, Item, Lanes};
use super::{Error, Limits};
use crate::exchange::SseEvent;
use crate::json;

/// A stream that is open. It ends with this.
#[derive(Debug)]
pub(super) struct Events {
    /// Where messages are posted to.
    post: Http,
    reader: AbortHandle,
}

/// Why there is no such stream.
#[derive(Debug)]
pub(crate) enum NoEvents {
    /// The server answered something else.
    Refused(Head),
    /// What came is not what it has to be.
    Wrong(String),
    /// Nothing came, or it ended.
    Failed(Error),
}

impl Events {
    /// Opens the stream at the address of `http`.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn open(
        http: &Http,
        outgoing: Outgoing,
        lanes: &Arc<Lanes>,
        limits: Limits,
    ) -> Result<Self, NoEvents> {
        // It lasts as long as the session: its whole has no limit.
        let mut incoming = http.within(Limits { stream: usize::MAX, ..limits }).start(outgoing);
        let post = loop {
            match incoming.next().await.map_err(NoEvents::Failed)? {
                Some(Frame::Head(head)) if head.status.is_success() && head.is_stream() => {}
                Some(Frame::Head(head)) => return Err(NoEvents::Refused(head)),
                Some(Frame::Event(event)) => break named(http.url(), &event).map_err(NoEvents::Wrong)?,
                Some(Frame::Body(_) | Frame::Message(..)) | None => {
                    return Err(NoEvents::Wrong("it ended before its first event".to_owned()));
                }
            }
        };
        let reader = tokio::spawn(read(incoming, Arc::clone(lanes))).abort_handle();
        Ok(Self { post: http.at(post), reader })
    }

    /// Posts a message. Its answer comes on the stream.
    pub(super) fn post(&self, outgoing: Outgoing) -> Incoming {
        self.post.start(outgoing)
    }

    pub(super) fn close(&self) {
        self.reader.abort();
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.close();
    }
}

/// The address that the first event names. Messages carry the token, so that it may not lead elsewhere.
fn named(stream: &Url, event: &SseEvent) -> Result<Url, String> {
    let text = event.data.as_deref().unwrap_or_default();
    match event.event.as_deref() {
        Some("endpoint") => {}
        other => return Err(format!("its first event is `{}`, not `endpoint`", other.unwrap_or("message"))),
    }
    let url = stream
        .join(text.trim())
        .map_err(|error| format!("its `endpoint` is `{text}`, which is no address: {error}"))?;
    if url.origin() != stream.origin() || !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "its `endpoint` is `{text}`, and messages are posted to `{}` only, where the stream is",
            stream.origin().ascii_serialization()
        ));
    }
    Ok(url)
}

async fn read(mut incoming: Incoming, lanes: Arc<Lanes>) {
    let end = loop {
        match incoming.next().await {
            Ok(Some(Frame::Event(event))) => {
                let message = event.data.as_deref().map(|data| json::parse(data.as_bytes()));
                let message = message.and_then(Result::ok).map_or(Value::Null, |parsed| parsed.value);
                lanes.deliver(Addressee::of(&message), Item::Event(event));
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                break Error::Ended("the server ended the stream that its answers come on".to_owned());
            }
            Err(error) => break error,
        }
    };
    lanes.end(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_where_the_stream_is() {
        let stream: Url = "http://127.0.0.1:8000/sse?x=1".parse().unwrap();
        let event = |name: Option<&str>, data: &str| SseEvent {
            event: name.map(str::to_owned),
            data: Some(data.to_owned()),
            ..SseEvent::default()
        };
        for (text, expected) in [
            ("/messages?id=1", Some("http://127.0.0.1:8000/messages?id=1")),
            ("messages", Some("http://127.0.0.1:8000/messages")),
            ("?id=1", Some("http://127.0.0.1:8000/sse?id=1")),
            ("http://127.0.0.1:8000/m", Some("http://127.0.0.1:8000/m")),
            ("https://127.0.0.1:8000/m", None),
            ("http://127.0.0.1:8001/m", None),
            ("//evil.example/m", None),
            ("http://user@127.0.0.1:8000/m", None),
            ("http://[", None),
        ] {
            let found = named(&stream, &event(Some("endpoint"), text));
            assert_eq!(found.as_ref().ok().map(Url::as_str), expected, "{text}: {found:?}");
        }
        assert_eq!(
            named(&stream, &event(None, "/m")).unwrap_err(),
            "its first event is `message`, not `endpoint`"
        );
    }
}
