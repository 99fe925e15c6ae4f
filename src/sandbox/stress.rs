//! Makes reading an answer hard in ways that are allowed: comments, CRLF, chunks of one byte, nulls that say nothing.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::Value;

/// An answer as a knob has it.
pub(super) fn stress(answer: Response<Body>, how: &str) -> Response<Body> {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if how == "plain" || !kind.starts_with("text/event-stream") {
        return answer;
    }
    let how = how.to_owned();
    let (mut head, body) = answer.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    // Each chunk is whole events: they were written so.
    let chunks = body.into_data_stream().filter_map(|chunk| async move { chunk.ok() });
    let hard = chunks.flat_map(move |chunk| {
        let pieces: Vec<Bytes> = match how.as_str() {
            "comments" => vec![Bytes::from_static(b": still here\n\n"), chunk],
            "crlf" => vec![Bytes::from(String::from_utf8_lossy(&chunk).replace('\n', "\r\n"))],
            "nulls" => vec![Bytes::from(with_nulls(&String::from_utf8_lossy(&chunk)))],
            _ => (0..chunk.len()).map(|at| chunk.slice(at..=at)).collect(),
        };
        stream::iter(pieces)
    });
    Response::from_parts(head, Body::from_stream(hard.map(Ok::<_, Infallible>)))
}

fn with_nulls(events: &str) -> String {
    let line = |line: &str| {
        let message = line.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok());
        match message {
            Some(mut message) => {
                if let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) {
                    result.entry("_meta").or_insert(Value::Null);
                }
                format!("data: {message}\n")
            }
            None => format!("{line}\n"),
        }
    };
    events.lines().map(line).collect()
}
