//! One connection that a whole session shares: messages go out one by one, and everything comes back in one stream.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::diary::Diary;
use super::events::{Events, NoEvents};
use super::http::{self, Frame, Http, Outgoing};
use super::lanes::{Claims, Item, Lanes, Seat};
use super::process::{Line, Process, Program};
use super::{Error, Incoming as AnyIncoming, Limits};

/// What an item weighs beside its bytes: it is kept as a document, so that many small ones add up.
const WEIGHT: usize = 512;

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
        let way = Way::Process(Process::start(program, &lanes, &diary, limits.event)?);
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
        AnyIncoming::Shared(Box::new(Incoming { seat, stage, receipt, limit, diary, received: 0, held: 0 }))
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
    Write(Bytes, Option<UnboundedSender<Line>>),
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
                    let (written, told) = oneshot::channel();
                    let line = Line { text: std::mem::take(line), written };
                    // Where it is taken no more, the end of the stream says why.
                    let sent = lines.take().is_some_and(|lines| lines.send(line).is_ok());
                    self.stage = if sent && self.receipt { Stage::Written(told) } else { Stage::Reading };
                }
                Stage::Written(told) => {
                    let written = told.await.is_ok();
                    self.stage = if written { Stage::Done } else { Stage::Reading };
                }
                Stage::Post(_) => return self.post().await,
                Stage::Posted(incoming) => {
                    while incoming.next().await?.is_some() {}
                    self.stage = if self.receipt { Stage::Done } else { Stage::Reading };
                }
                Stage::Refused(incoming) => return incoming.next().await,
                Stage::Reading => return self.read().await,
                Stage::Done => return Ok(None),
            }
        }
    }

    async fn post(&mut self) -> Result<Option<Frame>, Error> {
        let Stage::Post(incoming) = &mut self.stage else { return Ok(None) };
        let frame = incoming.next().await?;
        if let Stage::Post(incoming) = std::mem::replace(&mut self.stage, Stage::Done) {
            let taken =
                matches!(&frame, Some(Frame::Head(head)) if head.status.is_success() && !head.is_stream());
            self.stage = if taken { Stage::Posted(incoming) } else { Stage::Refused(incoming) };
        }
        Ok(frame)
    }

    async fn read(&mut self) -> Result<Option<Frame>, Error> {
        let frame = match self.seat.next().await {
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

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received).finish_non_exhaustive()
    }
}
