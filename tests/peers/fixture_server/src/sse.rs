//! The events of an answer, one by one.

use std::convert::Infallible;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};

/// One event.
pub struct Event {
    /// Its lines that are no data: `id: 3`, `retry: 500`, comments.
    pub head: Vec<String>,
    /// Its data. Empty in a priming event and in a comment.
    pub data: String,
}

impl Event {
    fn read(text: &str) -> Self {
        let (data, head): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("data"));
        let data = data.iter().map(|line| line.trim_start_matches("data:").trim_start());
        Self {
            head: head.into_iter().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            data: data.collect::<Vec<_>>().join("\n"),
        }
    }

    /// Whether it tells nothing but its id, so that a stream which ends can be taken up again.
    pub fn is_priming(&self) -> bool {
        self.data.is_empty() && self.head.iter().any(|line| line.starts_with("id:"))
    }

    pub fn write(&self) -> Bytes {
        let mut text: String = self.head.iter().map(|line| format!("{line}\n")).collect();
        if !self.head.iter().any(|line| line.starts_with(':')) {
            text.extend(self.data.split('\n').map(|line| format!("data: {line}\n")));
        }
        text.push('\n');
        text.into()
    }
}

/// The events of a body.
pub fn events(body: Body) -> impl Stream<Item = Event> + Send {
    stream::unfold((body.into_data_stream(), BytesMut::new()), next)
}

type Rest = (BodyDataStream, BytesMut);

async fn next((mut body, mut rest): Rest) -> Option<(Event, Rest)> {
    loop {
        if let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            let event = rest.split_to(end + 2);
            return Some((Event::read(&String::from_utf8_lossy(&event)), (body, rest)));
        }
        rest.extend_from_slice(&body.next().await?.ok()?);
    }
}

/// A body of events.
pub fn body(events: impl Stream<Item = Event> + Send + 'static) -> Body {
    Body::from_stream(events.map(|event| Ok::<_, Infallible>(event.write())))
}
