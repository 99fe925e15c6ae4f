//! One connection that a whole session shares: messages go out one by one, and everything comes back in one stream.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::diary::Diary;
use super::events::{Events, NoEvents};
use super::http::{self, Frame, Http, Outgoing};
use super::lanes::{Claims, Item, Lanes, Seat};
use super::process::{Lines, Process, Program};
use super::{Error, Incoming as AnyIncoming, Limits, WEIGHT};

/// How long it may take that a message is said to be taken whose answer is there already.
const TAKEN: Duration = Duration::from_millis(100);

/// A connection that a session has for itself.
pub(crate) struct Duplex {
    lanes: Arc<Lanes>,
    diary: Arc<Diary>,
    limits: Limits,
    way: Way,
}

/// How messages go out.
enum Way {
    /// Into the stdin of a process.
    Process(Process),
    /// As posts of their own.
    Events(Events),
}

impl Duplex {
    /// Starts a program.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) fn start_program(program: &Program, limits: Limits) -> Result<Self, Error> {
        let (lanes, diary) = (Lanes::new(limits.stream), Arc::new(Diary::default()));
        let way = Way::Process(Process::start(program, &lanes, &diary, limits)?);
        Ok(Self { lanes, diary, limits, way })
    }

    /// Opens a stream of HTTP+SSE.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn open_events(
        http: &Http,
        outgoing: Outgoing,
        limits: Limits,
    ) -> Result<Self, NoEvents> {
        let (lanes, diary) = (Lanes::new(limits.stream), Arc::new(Diary::default()));
        let way = Way::Events(Events::open(http, outgoing, &lanes, limits).await?);
        Ok(Self { lanes, diary, limits, way })
    }

    /// Prepares an exchange; it begins with the first call of [`AnyIncoming::next`], and dropping it ends it.
    pub(crate) fn start(&self, outgoing: Outgoing, claims: Claims) -> AnyIncoming {
        let receipt = claims.id.is_none();
        let stage = match &self.way {
            Way::Process(process) => Stage::Write(outgoing.body.unwrap_or_default(), process.lines()),
            Way::Events(events) => Stage::Post(Box::new(events.post(outgoing))),
        };
        self.incoming(self.lanes.seat(claims), stage, receipt, Some(self.limits.stream))
    }

    /// What is nobody's.
    pub(crate) fn background(&self) -> AnyIncoming {
        self.incoming(self.lanes.background(), Stage::Reading, false, None)
    }

    fn incoming(&self, seat: Seat, stage: Stage, receipt: bool, limit: Option<usize>) -> AnyIncoming {
        let diary = Arc::clone(&self.diary);
        AnyIncoming::Shared(Box::new(Incoming {
            seat,
            stage,
            ahead: None,
            receipt,
            limit,
            diary,
            received: 0,
            held: 0,
        }))
    }

    /// Whether nothing can come any more.
    pub(crate) fn is_over(&self) -> bool {
        self.lanes.is_ended()
    }

    /// What came that is no message, and was not told before.
    pub(crate) fn rubbish(&self) -> Vec<String> {
        self.diary.fresh_rubbish()
    }

    /// Ends it in good order, at most until `deadline`. Says what was not in good order.
    pub(crate) async fn shut_down(&self, deadline: Instant) -> Option<String> {
        self.lanes.end(Error::Ended("the session was closed".to_owned()));
        match &self.way {
            Way::Process(process) => process.shut_down(deadline).await,
            Way::Events(events) => {
                events.close();
                None
            }
        }
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        // Who reads in the background keeps the session: it ends here.
        self.lanes.end(Error::Ended("the session was closed".to_owned()));
    }
}

/// A part of a shared stream.
pub(crate) struct Incoming {
    seat: Seat,
    stage: Stage,
    /// What came on the stream before the post was answered.
    ahead: Option<Item>,
    /// Whether nothing answers what is sent.
    receipt: bool,
    /// How many bytes may come; none where they belong to no answer.
    limit: Option<usize>,
    diary: Arc<Diary>,
    received: usize,
    held: usize,
}

enum Stage {
    /// A line that is still to be handed over.
    Write(Bytes, Option<Lines>),
    /// It is being written.
    Written(oneshot::Receiver<()>),
    /// It is being posted.
    Post(Box<http::Incoming>),
    /// It was taken; what else is said to it is nothing.
    Posted(Box<http::Incoming>),
    /// It was not taken: this is all of the answer.
    Refused(Box<http::Incoming>),
    Reading,
    Done,
}

impl Incoming {
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Error> {
        let result = self.step().await;
        if result.is_err() {
            self.stage = Stage::Done;
        }
        result
    }

    async fn step(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            match &mut self.stage {
                Stage::Write(line, lines) => {
                    let told = match lines.take() {
                        Some(lines) => Some(lines.send(std::mem::take(line))?),
                        None => None,
                    };
                    self.stage = match told {
                        Some(told) if self.receipt => Stage::Written(told),
                        _ => Stage::Reading,
                    };
                }
                Stage::Written(told) => {
                    let written = told.await.is_ok();
                    self.stage = if written { Stage::Done } else { Stage::Reading };
                }
                Stage::Post(_) => return self.post().await,
                Stage::Posted(incoming) if self.receipt => {
                    while let Ok(Some(_)) = incoming.next().await {}
                    self.stage = Stage::Done;
                }
                Stage::Posted(incoming) => {
                    tokio::select! {
                        biased;
                        frame = incoming.next() => {
                            if !matches!(frame, Ok(Some(_))) {
                                self.stage = Stage::Reading;
                            }
                        }
                        item = next_of(&mut self.ahead, &mut self.seat) => {
                            self.ahead = item;
                            return self.read().await;
                        }
                    }
                }
                Stage::Refused(incoming) => return incoming.next().await,
                Stage::Reading => return self.read().await,
                Stage::Done => return Ok(None),
            }
        }
    }

    async fn post(&mut self) -> Result<Option<Frame>, Error> {
        let Stage::Post(incoming) = &mut self.stage else { return Ok(None) };
        // Some servers say that they took a message once they have done what it asks; what they ask meanwhile has to be
        // answered.
        let frame = if self.receipt {
            incoming.next().await?
        } else {
            if self.ahead.is_none() {
                tokio::select! {
                    biased;
                    frame = incoming.next() => {
                        let frame = frame?;
                        return Ok(self.posted(frame));
                    }
                    item = self.seat.next() => self.ahead = item,
                }
            }
            match timeout(TAKEN, incoming.next()).await {
                Ok(frame) => frame?,
                Err(_) => return self.read().await,
            }
        };
        Ok(self.posted(frame))
    }

    fn posted(&mut self, frame: Option<Frame>) -> Option<Frame> {
        if let Stage::Post(incoming) = std::mem::replace(&mut self.stage, Stage::Done) {
            let taken =
                matches!(&frame, Some(Frame::Head(head)) if head.status.is_success() && !head.is_stream());
            self.stage = if taken { Stage::Posted(incoming) } else { Stage::Refused(incoming) };
        }
        frame
    }

    async fn read(&mut self) -> Result<Option<Frame>, Error> {
        let frame = match next_of(&mut self.ahead, &mut self.seat).await {
            Some(Item::Message(parsed, weight)) => {
                self.received += weight;
                Frame::Message(parsed, weight)
            }
            Some(Item::Event(event)) => {
                self.received += event.data.as_ref().map_or(0, String::len);
                Frame::Event(event)
            }
            Some(Item::End(error)) => return Err(error),
            None => {
                self.stage = Stage::Done;
                return Ok(None);
            }
        };
        self.held += WEIGHT;
        if let Some(limit) = self.limit {
            http::within(self.received + self.held, limit, "the stream of the answer")?;
        }
        Ok(Some(frame))
    }

    pub(super) fn received(&self) -> usize {
        self.received
    }

    pub(super) fn step_aside(&self) {
        self.seat.step_aside();
    }

    pub(super) fn told(&self) -> Option<String> {
        self.diary.told()
    }
}

/// What came ahead, else what comes next. Nothing is lost where the future is dropped.
async fn next_of(ahead: &mut Option<Item>, seat: &mut Seat) -> Option<Item> {
    match ahead.take() {
        Some(item) => Some(item),
        None => seat.next().await,
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received).finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_a_server_does_not_read_is_bounded() {
        let argv = ["sleep", "1000"].map(str::to_owned).to_vec();
        let program = Program { argv, cwd: ".".into(), ..Program::default() };
        let limits = Limits { body: 1 << 20, event: 1 << 20, stream: 1 << 20 };
        let line = Duplex::start_program(&program, limits).unwrap();
        let outgoing = Outgoing {
            method: ::http::Method::POST,
            headers: ::http::HeaderMap::default(),
            body: Some(Bytes::from(vec![b'x'; 1 << 18])),
        };
        let claims = |id| Claims { id: Some(id), token: None, stays: false };
        let mut all: Vec<AnyIncoming> = (0..8).map(|id| line.start(outgoing.clone(), claims(id))).collect();
        let refused: Vec<Error> = all.iter_mut().filter_map(|one| one.next().now_or_never()?.err()).collect();
        assert_eq!(refused.len(), 5, "{refused:?}");
        assert_eq!(
            refused.first().unwrap().to_string(),
            "what the server has not read of its stdin is larger than 1 MiB"
        );
        drop(line);
    }
}
