//! A stream that many answers share, and who gets what of it: by the id of an answer, by a progress token, by the id
//! of a subscription. What names nobody goes to the oldest request in flight, else to the background. Nothing
//! that came is lost, and nothing here knows a method's name.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Error;
use crate::exchange::SseEvent;
use crate::json::Parsed;

const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// How many ids of requests that were given up are remembered.
const RETIRED: usize = 1024;

/// What a reader of the shared stream gets.
#[derive(Debug)]
pub(crate) struct Claims {
    /// The id of the request whose answer it waits for.
    pub(crate) id: Option<u64>,
    /// The progress token that the request gave.
    pub(crate) token: Option<Value>,
    /// Whether it stays open for what names it, so that nothing else is its own.
    pub(crate) stays: bool,
}

/// A piece of the shared stream.
#[derive(Debug)]
pub(super) enum Item {
    /// A message of so many bytes.
    Message(Box<Parsed>, usize),
    /// An event that holds a message, or none.
    Event(SseEvent),
    /// Nothing comes any more.
    End(Error),
}

impl Item {
    fn weight(&self) -> usize {
        match self {
            Self::Message(_, weight) => *weight,
            Self::Event(event) => event.data.as_ref().map_or(0, String::len),
            Self::End(_) => 0,
        }
    }
}

/// Everybody who reads a shared stream.
#[derive(Debug)]
pub(super) struct Lanes {
    state: Mutex<State>,
    /// How many bytes may wait for one reader.
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    /// By number, so by age.
    lanes: BTreeMap<u64, Lane>,
    count: u64,
    background: Option<u64>,
    /// What came before there was a background.
    early: VecDeque<Item>,
    early_weight: usize,
    /// Requests that nobody waits for any more; their answers are nobody's.
    retired: HashSet<u64>,
    ended: Option<Error>,
}

#[derive(Debug)]
struct Lane {
    claims: Claims,
    /// Whether it gets what names it only.
    aside: bool,
    answered: bool,
    sender: UnboundedSender<Item>,
    waiting: Arc<AtomicUsize>,
}

impl Lane {
    /// Whether what names nobody may be meant for it.
    fn is_in_flight(&self) -> bool {
        self.claims.id.is_some() && !self.claims.stays && !self.aside && !self.answered
    }
}

/// One reader's end.
#[derive(Debug)]
pub(super) struct Seat {
    lanes: Arc<Lanes>,
    number: u64,
    receiver: UnboundedReceiver<Item>,
    waiting: Arc<AtomicUsize>,
}

/// Whom a message names.
#[derive(Debug)]
pub(super) enum Addressee {
    /// Who waits for the answer with this id.
    Answer(Value),
    /// Who gave this progress token.
    Token(Value),
    /// The request of this id.
    Request(Value),
    /// Nobody.
    Nobody,
}

impl Lanes {
    /// With a limit of the bytes that may wait for one reader.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), limit })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader with these claims.
    pub(super) fn seat(self: &Arc<Self>, claims: Claims) -> Seat {
        self.take_seat(claims, false)
    }

    /// The reader of what is nobody's. It gets what came before, too.
    pub(super) fn background(self: &Arc<Self>) -> Seat {
        self.take_seat(Claims { id: None, token: None, stays: true }, true)
    }

    fn take_seat(self: &Arc<Self>, claims: Claims, background: bool) -> Seat {
        let (sender, receiver) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut state = self.state();
        let number = state.count;
        state.count += 1;
        if background {
            for item in std::mem::take(&mut state.early) {
                waiting.fetch_add(item.weight(), Ordering::Relaxed);
                let _ = sender.send(item);
            }
            state.early_weight = 0;
            state.background = Some(number);
        }
        if let Some(error) = &state.ended {
            let _ = sender.send(Item::End(error.clone()));
        }
        let lane = Lane { claims, aside: false, answered: false, sender, waiting: Arc::clone(&waiting) };
        state.lanes.insert(number, lane);
        Seat { lanes: Arc::clone(self), number, receiver, waiting }
    }

    /// Gives a piece to whom it belongs.
    pub(super) fn deliver(&self, addressee: &Addressee, item: Item) {
        let mut state = self.state();
        if let Addressee::Answer(id) | Addressee::Request(id) = addressee
            && id.as_u64().is_some_and(|id| state.retired.contains(&id))
        {
            return;
        }
        let named = state.lanes.iter_mut().find(|(_, lane)| lane.is_named(addressee));
        let number = match named {
            Some((number, lane)) => {
                lane.answered |= matches!(addressee, Addressee::Answer(_));
                Some(*number)
            }
            None => {
                let oldest = state.lanes.iter().find(|(_, lane)| lane.is_in_flight());
                oldest.map(|(number, _)| *number).or(state.background)
            }
        };
        match number {
            Some(number) => state.give(number, item, self.limit),
            None if state.early_weight + item.weight() <= self.limit => {
                state.early_weight += item.weight();
                state.early.push_back(item);
            }
            None => {}
        }
    }

    /// Ends the stream for everybody, now and later. The first reason stays.
    pub(super) fn end(&self, error: Error) {
        let mut state = self.state();
        if state.ended.is_some() {
            return;
        }
        for lane in state.lanes.values() {
            let _ = lane.sender.send(Item::End(error.clone()));
        }
        state.ended = Some(error);
    }

    /// Whether it has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.state().ended.is_some()
    }
}

impl State {
    fn give(&mut self, number: u64, item: Item, limit: usize) {
        let Some(lane) = self.lanes.get(&number) else { return };
        let waiting = lane.waiting.fetch_add(item.weight(), Ordering::Relaxed) + item.weight();
        if waiting > limit {
            let error = Error::Limit { what: "what waits to be read of the server's stream", limit };
            let _ = lane.sender.send(Item::End(error));
            self.lanes.remove(&number);
        } else {
            let _ = lane.sender.send(item);
        }
    }
}

impl Lane {
    fn is_named(&self, addressee: &Addressee) -> bool {
        let has_id = |id: &Value| self.claims.id.is_some_and(|mine| same(id, mine));
        match addressee {
            Addressee::Answer(id) => !self.answered && has_id(id),
            Addressee::Request(id) => has_id(id),
            Addressee::Token(token) => {
                !self.answered && self.claims.token.as_ref().is_some_and(|mine| same_token(mine, token))
            }
            Addressee::Nobody => false,
        }
    }
}

impl Seat {
    /// The next piece; none where the stream will bring this reader nothing more.
    pub(super) async fn next(&mut self) -> Option<Item> {
        let item = self.receiver.recv().await?;
        self.waiting.fetch_sub(item.weight(), Ordering::Relaxed);
        Some(item)
    }

    /// From now on it gets what names it, and nothing else.
    pub(super) fn step_aside(&self) {
        if let Some(lane) = self.lanes.state().lanes.get_mut(&self.number) {
            lane.aside = true;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        if state.background == Some(self.number) {
            state.background = None;
        }
        let Some(lane) = state.lanes.remove(&self.number) else { return };
        if let Some(id) = lane.claims.id
            && !lane.answered
            && state.retired.len() < RETIRED
        {
            state.retired.insert(id);
        }
    }
}

impl Addressee {
    /// Whom this message names.
    pub(super) fn of(message: &Value) -> Self {
        // Several at once are one piece: who waits for an answer among them reads them all.
        if let Some(messages) = message.as_array() {
            let mut all = messages.iter().map(Self::of);
            return all.find(|addressee| matches!(addressee, Self::Answer(_))).unwrap_or(Self::Nobody);
        }
        let id = message.get("id");
        if message.get("method").is_none() {
            return id.cloned().map_or(Self::Nobody, Self::Answer);
        }
        let Some(params) = message.get("params").filter(|_| id.is_none()) else { return Self::Nobody };
        let subscription = params.get("_meta").and_then(|meta| meta.get(SUBSCRIPTION_ID));
        if let Some(id) = subscription.or_else(|| params.get("requestId")) {
            return Self::Request(id.clone());
        }
        params.get("progressToken").cloned().map_or(Self::Nobody, Self::Token)
    }
}

/// An id in another spelling is still meant for who sent it; the reader tells what is wrong with it.
fn same(theirs: &Value, mine: u64) -> bool {
    theirs.as_u64() == Some(mine)
        || theirs.as_f64().is_some_and(|theirs| theirs == mine as f64)
        || theirs.as_str().is_some_and(|theirs| theirs == mine.to_string())
}

fn same_token(mine: &Value, theirs: &Value) -> bool {
    mine == theirs || mine.as_f64().is_some_and(|mine| theirs.as_f64() == Some(mine))
}
