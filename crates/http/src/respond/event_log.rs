//! Events that wait for those who come back.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{Stream, stream};
use mainstay_core::Result;
use serde_json::json;
use tokio::sync::watch;

use super::sse::{Event, Sse};
use crate::extract::{Header, LastEventId};

/// The last events, so that a browser whose connection broke gets what it missed.
///
/// Every event that is published gets an id. A browser that comes back says the last one that it saw, and is sent all
/// that came after: nothing is lost, and nothing comes twice. It is told where it stands as soon as it connects, so
/// that this holds for a connection that breaks before its first event.
///
/// The log has bounds, and a subscriber costs no more than its place in it: one that is slow holds up nobody. Whoever
/// asks for what is no longer kept, or for what another process has published, first gets an event called
/// [`EventLog::LAGGED`]: there a page loads its state anew.
///
/// Clones share the log. It is in the memory of one process: with several of them, publish in each.
///
/// ```
/// use mainstay_core::Inject;
/// use mainstay_http::extract::{Header, LastEventId};
/// use mainstay_http::respond::{Event, EventLog, Sse};
///
/// async fn prices(log: Inject<EventLog>, last: Option<Header<LastEventId>>) -> Sse {
///     log.resume(last)
/// }
///
/// async fn set_price(log: Inject<EventLog>) {
///     log.publish(Event::new("17.50").event("price"));
/// }
/// ```
#[derive(Clone)]
pub struct EventLog(Arc<Shared>);

struct Shared {
    /// Names this log, so that ids of another are not taken for its own.
    name: u64,
    most_events: usize,
    most_bytes: usize,
    kept: Mutex<Kept>,
    /// The number of the next event.
    next: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    bytes: usize,
    /// The number of the first of them.
    first: u64,
}

impl EventLog {
    /// The name of the event that says that some were missed. Its data is JSON: `{"missed": 12}`, or `null` where nobody
    /// knows how many.
    pub const LAGGED: &'static str = "lagged";

    /// How many events are kept, unless [`EventLog::keeping`] says otherwise.
    pub const MOST_EVENTS: usize = 1024;

    /// How many bytes of events are kept, unless [`EventLog::keeping`] says otherwise.
    pub const MOST_BYTES: usize = 1024 * 1024;

    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::keeping(Self::MOST_EVENTS, Self::MOST_BYTES)
    }

    /// A log that keeps so many events, and so many bytes of them. The newest is kept in any case.
    #[must_use]
    pub fn keeping(events: usize, bytes: usize) -> Self {
        Self(Arc::new(Shared {
            name: RandomState::new().hash_one(0),
            most_events: events.max(1),
            most_bytes: bytes,
            kept: Mutex::default(),
            next: watch::Sender::new(0),
        }))
    }

    /// Sends an event to all who listen, and keeps it for those who come back. It gets an id, whatever it had; says
    /// which.
    pub fn publish(&self, event: Event) -> String {
        let mut kept = self.0.kept();
        let number = kept.first + kept.events.len() as u64;
        let id = self.0.id(number);
        let event = event.id(&*id);
        kept.bytes += event.length();
        kept.events.push_back(event);
        while kept.events.len() > self.0.most_events
            || (kept.bytes > self.0.most_bytes && kept.events.len() > 1)
        {
            if let Some(old) = kept.events.pop_front() {
                kept.bytes -= old.length();
                kept.first += 1;
            }
        }
        // Within the lock, so that numbers are told in order.
        self.0.next.send_replace(number + 1);
        id
    }

    /// Where the log is: the id of its last event. A page that was made with this state can ask for what came
    /// [`after`](EventLog::after) it.
    #[must_use]
    pub fn position(&self) -> String {
        self.0.id((*self.0.next.borrow()).wrapping_sub(1))
    }

    /// All events from now on, or after the last one that the browser says it saw.
    #[must_use]
    pub fn resume(&self, last: Option<Header<LastEventId>>) -> Sse {
        match last {
            Some(Header(LastEventId(id))) => self.after(&id),
            None => Sse::new(self.subscribe(None)),
        }
    }

    /// All events after the one with this id.
    #[must_use]
    pub fn after(&self, id: &str) -> Sse {
        Sse::new(self.subscribe(Some(id)))
    }

    /// The same as a stream: to leave some out, or to mix them with others. Begins with an event that has nothing but
    /// the id of where it starts.
    pub fn subscribe(&self, after: Option<&str>) -> impl Stream<Item = Result<Event>> + Send + use<> {
        let now = *self.0.next.borrow();
        let wanted = after
            .map(|id| self.0.number(id).map(|number| number.wrapping_add(1)).filter(|next| *next <= now));
        let (next, lost) = match wanted {
            None => (now, false),
            Some(Some(next)) => (next, false),
            Some(None) => (now, true),
        };
        let start = if lost { lagged(None) } else { Event::default() }.id(self.0.id(next.wrapping_sub(1)));
        let subscriber =
            Subscriber { log: Arc::clone(&self.0), news: self.0.next.subscribe(), next, start: Some(start) };
        stream::unfold(subscriber, |mut subscriber| async move {
            let event = subscriber.next().await?;
            Some((Ok(event), subscriber))
        })
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, number: u64) -> String {
        format!("{:016x}-{:x}", self.name, number.wrapping_add(1))
    }

    fn number(&self, id: &str) -> Option<u64> {
        let (name, number) = id.split_once('-')?;
        let is_ours = u64::from_str_radix(name, 16).is_ok_and(|name| name == self.name);
        Some(u64::from_str_radix(number, 16).ok().filter(|_| is_ours)?.wrapping_sub(1))
    }
}

fn lagged(missed: Option<u64>) -> Event {
    Event::new(json!({ "missed": missed }).to_string()).event(EventLog::LAGGED)
}

struct Subscriber {
    log: Arc<Shared>,
    news: watch::Receiver<u64>,
    next: u64,
    start: Option<Event>,
}

impl Subscriber {
    async fn next(&mut self) -> Option<Event> {
        if let Some(start) = self.start.take() {
            return Some(start);
        }
        loop {
            self.news.borrow_and_update();
            if let Some(event) = self.ready() {
                return Some(event);
            }
            self.news.changed().await.ok()?;
        }
    }

    fn ready(&mut self) -> Option<Event> {
        let kept = self.log.kept();
        let Some(at) = self.next.checked_sub(kept.first) else {
            let missed = kept.first - self.next;
            self.next = kept.first;
            return Some(lagged(Some(missed)).id(self.log.id(kept.first.wrapping_sub(1))));
        };
        let event = kept.events.get(usize::try_from(at).ok()?).cloned()?;
        self.next += 1;
        Some(event)
    }
}

impl Default for EventLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.0.kept();
        f.debug_struct("EventLog")
            .field("events", &kept.events.len())
            .field("bytes", &kept.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    /// What has come so far: the data of events, `lagged …`, and the id of the last.
    async fn heard(stream: &mut (impl Stream<Item = Result<Event>> + Unpin)) -> (Vec<String>, String) {
        let (mut heard, mut last) = (Vec::new(), String::new());
        while let Some(event) = stream.next().now_or_never() {
            let event = event.unwrap().unwrap();
            let text = event.text();
            for line in text.trim_end().lines() {
                match line.split_once(": ") {
                    Some(("id", id)) => id.clone_into(&mut last),
                    Some(("data" | "event", text)) => heard.push(text.to_owned()),
                    _ => panic!("{text}"),
                }
            }
        }
        (heard, last)
    }

    fn publish(log: &EventLog, numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers.map(|number| log.publish(Event::new(number.to_string()))).collect()
    }

    fn texts(numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers.map(|number| number.to_string()).collect()
    }

    #[tokio::test]
    async fn goes_on_where_a_connection_broke() {
        let log = EventLog::new();
        publish(&log, 0..3);
        let mut first = Box::pin(log.subscribe(None));
        // The connection breaks before the first event: the place is known all the same.
        let (events, place) = heard(&mut first).await;
        assert_eq!((events, &place), (vec![], &log.position()));
        let ids = publish(&log, 3..6);
        assert_eq!(heard(&mut first).await, (texts(3..6), ids[2].clone()));
        let mut again = Box::pin(log.subscribe(Some(&place)));
        assert_eq!(heard(&mut again).await.0, texts(3..6));
        for (seen, id) in (4..).zip(&ids) {
            assert_eq!(heard(&mut Box::pin(log.subscribe(Some(id)))).await, (texts(seen..6), ids[2].clone()));
        }
        let empty = EventLog::new();
        let mut early = Box::pin(empty.subscribe(Some(&empty.position())));
        assert_eq!(heard(&mut early).await.0, texts(0..0));
        publish(&empty, 0..1);
        assert_eq!(heard(&mut early).await.0, texts(0..1));
    }

    #[tokio::test]
    async fn tells_whoever_has_missed_something() {
        let log = EventLog::keeping(3, 1000);
        let mut slow = Box::pin(log.subscribe(None));
        heard(&mut slow).await;
        let ids = publish(&log, 0..8);
        let (events, last) = heard(&mut slow).await;
        assert_eq!((events.join(" ").as_str(), &last), ("lagged {\"missed\":5} 5 6 7", &ids[7]));
        let late = heard(&mut Box::pin(log.subscribe(Some(&ids[0])))).await.0;
        assert_eq!(late.join(" "), "lagged {\"missed\":4} 5 6 7");
        assert_eq!(heard(&mut Box::pin(log.subscribe(Some(&ids[4])))).await.0, texts(5..8));
        // Of another process, of nobody, and of the future.
        let ahead = format!("{}-ff", ids[0].split('-').next().unwrap());
        for foreign in [EventLog::new().position().as_str(), "7", "", "x-y", ahead.as_str()] {
            let (events, place) = heard(&mut Box::pin(log.subscribe(Some(foreign)))).await;
            assert_eq!(
                (events.join(" ").as_str(), &place),
                ("lagged {\"missed\":null}", &ids[7]),
                "{foreign}"
            );
        }
    }

    #[tokio::test]
    async fn keeps_no_more_than_it_may() {
        let log = EventLog::keeping(1000, 5_000);
        for _ in 0..100 {
            log.publish(Event::new("x".repeat(1000)));
        }
        let kept = log.0.kept();
        assert!(kept.events.len() == 4 && kept.bytes <= 5_000, "{} {}", kept.events.len(), kept.bytes);
        drop(kept);
        log.publish(Event::new("x".repeat(10_000)));
        assert_eq!(log.0.kept().events.len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everybody_gets_everything_once_and_in_order() {
        let log = EventLog::new();
        let listen = |log: EventLog| async move {
            let mut seen = Vec::new();
            let mut place: Option<String> = None;
            while seen.len() < 500 {
                // The connection lasts for a few events.
                let mut events = Box::pin(log.subscribe(place.as_deref()).take(2 + seen.len() % 7));
                while let Some(event) = events.next().await {
                    let text = event.unwrap().text();
                    place = text.lines().find_map(|line| line.strip_prefix("id: ")).map(str::to_owned);
                    seen.extend(text.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned));
                }
                tokio::task::yield_now().await;
            }
            seen
        };
        let listeners: Vec<_> = (0..8).map(|_| tokio::spawn(listen(log.clone()))).collect();
        while log.0.next.receiver_count() < 8 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let publisher = log.clone();
        tokio::task::spawn_blocking(move || publish(&publisher, 0..600)).await.unwrap();
        for listener in listeners {
            let seen = listener.await.unwrap();
            let first: u32 = seen[0].parse().unwrap();
            assert_eq!(seen, texts(first..first + u32::try_from(seen.len()).unwrap()));
        }
    }
}
