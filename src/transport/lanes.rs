//! A stream that many answers share, and who gets what of it: by the id of an answer, by a progress token, by the id
//! of a subscription. What names nobody goes to the oldest request in flight, else to the background. Nothing
//! that came is lost, and nothing here knows a method's name.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Error, WEIGHT};
use crate::exchange::SseEvent;
use crate::json::Parsed;

/// What names a subscription, in the `_meta` of what it brings.
pub(crate) const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

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
            Self::Message(_, weight) => *weight + WEIGHT,
            Self::Event(event) => event.data.as_ref().map_or(0, String::len) + WEIGHT,
            Self::End(_) => 0,
        }
    }
}

/// Everybody who reads a shared stream.
#[derive(Debug)]
pub(super) struct Lanes {
    state: Mutex<State>,
    /// How much may wait for one reader.
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    /// By number, so by age.
    lanes: BTreeMap<u64, Lane>,
    count: u64,
    background: Option<u64>,
    /// What came before there was a background.
    early: VecDeque<(Addressee, Item)>,
    early_weight: usize,
    /// Requests that nobody waits for any more, so that their answers are nobody's; and whether they stayed open, so
    /// that what names them is nobody's either.
    retired: HashMap<u64, bool>,
    ended: Option<Error>,
}

#[derive(Debug)]
struct Lane {
    claims: Claims,
    /// Whether it gets what names it only.
    aside: bool,
    answered: bool,
    sender: UnboundedSender<(Addressee, Item)>,
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
    receiver: UnboundedReceiver<(Addressee, Item)>,
    waiting: Arc<AtomicUsize>,
}

/// Whom a message names.
#[derive(Debug)]
pub(super) enum Addressee {
    /// Who waits for the answer with this id.
    Answer(Value),
    /// Who gave this progress token.
    Token(Value),
    /// The request of this id, which stays open.
    Subscription(Value),
    /// Nobody.
    Nobody,
}

impl Lanes {
    /// With a limit of what may wait for one reader.
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
            for piece in std::mem::take(&mut state.early) {
                waiting.fetch_add(piece.1.weight(), Ordering::Relaxed);
                let _ = sender.send(piece);
            }
            state.early_weight = 0;
            state.background = Some(number);
        }
        if let Some(error) = &state.ended {
            let _ = sender.send(end(error.clone()));
        }
        let lane = Lane { claims, aside: false, answered: false, sender, waiting: Arc::clone(&waiting) };
        state.lanes.insert(number, lane);
        Seat { lanes: Arc::clone(self), number, receiver, waiting }
    }

    /// Gives a piece to whom it belongs.
    pub(super) fn deliver(&self, addressee: Addressee, item: Item) {
        let mut state = self.state();
        if state.is_past(&addressee) {
            return;
        }
        let named = state.lanes.iter_mut().find(|(_, lane)| lane.is_named(&addressee));
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
            Some(number) => state.give(number, (addressee, item), self.limit),
            None if state.early_weight + item.weight() <= self.limit => {
                state.early_weight += item.weight();
                state.early.push_back((addressee, item));
            }
            None => {
                drop(state);
                self.end(unread(self.limit));
            }
        }
    }

    /// Ends the stream for everybody, now and later. The first reason stays.
    pub(super) fn end(&self, error: Error) {
        let mut state = self.state();
        if state.ended.is_some() {
            return;
        }
        for lane in state.lanes.values() {
            let _ = lane.sender.send(end(error.clone()));
        }
        state.ended = Some(error);
    }

    /// Whether it has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.state().ended.is_some()
    }
}

impl State {
    fn give(&mut self, number: u64, piece: (Addressee, Item), limit: usize) {
        let Some(lane) = self.lanes.get(&number) else { return };
        let weight = piece.1.weight();
        let waiting = lane.waiting.fetch_add(weight, Ordering::Relaxed) + weight;
        if waiting > limit {
            let _ = lane.sender.send(end(unread(limit)));
            self.lanes.remove(&number);
        } else {
            let _ = lane.sender.send(piece);
        }
    }

    /// Whether it names a request that nobody waits for any more.
    fn is_past(&self, addressee: &Addressee) -> bool {
        let retired = |id: &Value| id.as_u64().and_then(|id| self.retired.get(&id));
        match addressee {
            Addressee::Answer(id) => retired(id).is_some(),
            Addressee::Subscription(id) => retired(id) == Some(&true),
            Addressee::Token(_) | Addressee::Nobody => false,
        }
    }
}

fn end(error: Error) -> (Addressee, Item) {
    (Addressee::Nobody, Item::End(error))
}

fn unread(limit: usize) -> Error {
    Error::Limit { what: "what waits to be read of the server's stream", limit }
}

impl Claims {
    /// Whether it names this reader, whatever it has had already.
    fn are_named(&self, addressee: &Addressee) -> bool {
        let has_id = |id: &Value| self.id.is_some_and(|mine| same(id, mine));
        match addressee {
            Addressee::Answer(id) => has_id(id),
            // The servers of the older eras number their own requests, and tell which they cancel.
            Addressee::Subscription(id) => self.stays && has_id(id),
            Addressee::Token(token) => self.token.as_ref().is_some_and(|mine| same_token(mine, token)),
            Addressee::Nobody => false,
        }
    }
}

impl Lane {
    fn is_named(&self, addressee: &Addressee) -> bool {
        let once = matches!(addressee, Addressee::Answer(_) | Addressee::Token(_));
        !(once && self.answered) && self.claims.are_named(addressee)
    }
}

impl Seat {
    /// The next piece; none where the stream will bring this reader nothing more.
    pub(super) async fn next(&mut self) -> Option<Item> {
        let (_, item) = self.receiver.recv().await?;
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
        let Some(Lane { claims, answered, .. }) = state.lanes.remove(&self.number) else { return };
        if let Some(id) = claims.id
            && !answered
            && state.retired.len() < RETIRED
        {
            state.retired.insert(id, claims.stays);
        }
        drop(state);
        // What it did not read and is not its own is another's.
        while let Ok((addressee, item)) = self.receiver.try_recv() {
            if !matches!(item, Item::End(_)) && !claims.are_named(&addressee) {
                self.lanes.deliver(addressee, item);
            }
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
            return Self::Subscription(id.clone());
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn asks(id: u64, token: Option<&str>) -> Claims {
        Claims { id: Some(id), token: token.map(Into::into), stays: false }
    }

    fn deliver(lanes: &Lanes, message: Value) {
        let addressee = Addressee::of(&message);
        lanes.deliver(addressee, Item::Message(Box::new(Parsed { value: message, inexact: Vec::new() }), 10));
    }

    fn pieces(seat: &mut Seat) -> Vec<Item> {
        std::iter::from_fn(|| Some(seat.receiver.try_recv().ok()?.1)).collect()
    }

    /// What has come for a reader: the `n` of each message.
    fn came(seat: &mut Seat) -> Vec<u64> {
        let mut found = Vec::new();
        for item in pieces(seat) {
            match item {
                Item::Message(parsed, _) => found.push(parsed.value["n"].as_u64().unwrap()),
                other => panic!("{other:?}"),
            }
        }
        found
    }

    #[test]
    fn everybody_gets_what_names_them() {
        let lanes = Lanes::new(1 << 20);
        let mut first = lanes.seat(asks(1, Some("t")));
        let mut second = lanes.seat(asks(2, None));
        let mut listens = lanes.seat(Claims { stays: true, ..asks(3, None) });
        let mut background = lanes.background();
        deliver(&lanes, json!({"n": 1, "id": 2, "result": {}}));
        deliver(&lanes, json!({"n": 2, "method": "p", "params": {"progressToken": "t"}}));
        deliver(&lanes, json!({"n": 3, "method": "c", "params": {"_meta": {SUBSCRIPTION_ID: 3.0}}}));
        deliver(&lanes, json!({"n": 4, "method": "m"}));
        deliver(&lanes, json!({"n": 5, "id": 99, "result": {}}));
        deliver(&lanes, json!({"n": 6, "id": "q", "method": "asks"}));
        deliver(&lanes, json!([{"method": "m"}, {"id": "1", "result": {}}]));
        assert_eq!(came(&mut second), [1]);
        assert_eq!(came(&mut listens), [3]);
        let items = pieces(&mut first);
        assert_eq!(items.len(), 5, "its progress, what names nobody, and a batch with its answer: {items:?}");
        // It is answered: nothing is in flight.
        deliver(&lanes, json!({"n": 7, "method": "m"}));
        deliver(&lanes, json!({"n": 8, "id": 1, "result": {}}));
        assert_eq!(came(&mut background), [7, 8]);
    }

    #[test]
    fn who_stepped_aside_gets_its_answer_only_and_who_left_gets_none() {
        let lanes = Lanes::new(1 << 20);
        let mut aside = lanes.seat(asks(1, None));
        let mut next = lanes.seat(asks(2, None));
        aside.step_aside();
        deliver(&lanes, json!({"n": 1, "method": "m"}));
        deliver(&lanes, json!({"n": 2, "id": 1, "result": {}}));
        assert_eq!((came(&mut aside), came(&mut next)), (vec![2], vec![1]));
        drop(next);
        let mut other = lanes.seat(asks(3, None));
        deliver(&lanes, json!({"n": 3, "id": 2, "result": {}}));
        assert!(came(&mut other).is_empty(), "an answer that nobody waits for any more");
    }

    #[test]
    fn the_end_is_told_to_everybody_now_and_later() {
        let lanes = Lanes::new(1 << 20);
        let mut seat = lanes.seat(asks(1, None));
        lanes.end(Error::Ended("first".to_owned()));
        lanes.end(Error::Ended("second".to_owned()));
        for seat in [&mut seat, &mut lanes.seat(asks(2, None)), &mut lanes.background()] {
            let [Item::End(error)] = &pieces(seat)[..] else { panic!("no end") };
            assert_eq!(error.to_string(), "first");
        }
    }

    #[test]
    fn what_a_server_says_of_its_own_requests_is_not_lost() {
        let lanes = Lanes::new(1 << 20);
        let mut background = lanes.background();
        drop(lanes.seat(asks(1, None)));
        let mut flies = lanes.seat(asks(2, None));
        let cancelled = |n: u64, id: u64| json!({"n": n, "method": "c", "params": {"requestId": id}});
        deliver(&lanes, cancelled(1, 1));
        assert_eq!(came(&mut flies), [1]);
        deliver(&lanes, json!({"n": 2, "id": 2, "result": {}}));
        deliver(&lanes, cancelled(3, 2));
        assert_eq!((came(&mut flies), came(&mut background)), (vec![2], vec![3]));
        // That of a subscription which was ended is nobody's.
        drop(lanes.seat(Claims { stays: true, ..asks(3, None) }));
        deliver(&lanes, cancelled(4, 3));
        assert!(came(&mut background).is_empty());
    }

    #[test]
    fn what_was_not_read_is_the_next_ones_but_for_what_was_its_own() {
        let lanes = Lanes::new(1 << 20);
        let mut background = lanes.background();
        let refused = lanes.seat(asks(1, Some("t")));
        deliver(&lanes, json!({"n": 1, "method": "m"}));
        deliver(&lanes, json!({"n": 2, "method": "p", "params": {"progressToken": "t"}}));
        deliver(&lanes, json!({"n": 3, "id": 99, "result": {}}));
        deliver(&lanes, json!({"n": 4, "id": 1, "result": {}}));
        drop(refused);
        assert_eq!(came(&mut background), [1, 3]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let lanes = Lanes::new(2 * WEIGHT + 25);
        let mut seat = lanes.seat(asks(1, None));
        (0..4).for_each(|n| deliver(&lanes, json!({"n": n, "method": "m"})));
        let items = pieces(&mut seat);
        assert!(matches!(items[..], [Item::Message(..), Item::Message(..), Item::End(_)]), "{items:?}");
        drop(seat);
        // What has no data weighs something, too; and what nobody can be told of ends the stream.
        let lanes = Lanes::new(2 * WEIGHT);
        (0..3).for_each(|_| lanes.deliver(Addressee::Nobody, Item::Event(SseEvent::default())));
        assert!(lanes.is_ended());
        let items = pieces(&mut lanes.background());
        assert!(matches!(items[..], [Item::Event(_), Item::Event(_), Item::End(_)]), "{items:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            before in 0_u64..3,
            messages in prop::collection::vec((0_u8..5, 0_u64..6), 0..40),
        ) {
            let lanes = Lanes::new(1 << 20);
            (0..before).for_each(|n| deliver(&lanes, json!({"n": n, "method": "early"})));
            let mut seats = vec![lanes.background()];
            seats.extend((0..3).map(|id| lanes.seat(asks(id, Some(&id.to_string())))));
            for (n, (kind, id)) in (before..).zip(&messages) {
                deliver(&lanes, match kind {
                    0 => json!({"n": n, "id": id, "result": {}}),
                    1 => json!({"n": n, "id": id.to_string(), "error": {}}),
                    2 => json!({"n": n, "method": "p", "params": {"progressToken": id.to_string()}}),
                    3 => json!({"n": n, "method": "a", "id": id}),
                    _ => json!({"n": n, "method": "m"}),
                });
            }
            let mut all: Vec<u64> = seats.iter_mut().flat_map(|seat| {
                let came = came(seat);
                assert!(came.is_sorted(), "the order is kept: {came:?}");
                came
            }).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..before + messages.len() as u64).collect::<Vec<_>>());
        }
    }
}
