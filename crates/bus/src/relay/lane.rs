//! Working on one lane, as long as one has its lease: each key by itself, in order, and several keys at once.
//!
//! A key that takes long keeps no other of its lane waiting: while it is under way, what else is there is read and begun.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_core::service::Shutdown;
use mainstay_db::sql;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::Relay;
use super::attempt::{self, Ended};
use super::held::Held;
use crate::outbox::lanes::Lease;
use crate::outbox::{DELIVERIES, StoredDelivery};

/// So many deliveries are read at once, and so many keys are under way at most.
const BATCH: usize = 100;
/// While something is under way, the lane is looked into no more often.
const PAUSE: Duration = Duration::from_millis(20);
/// After so long a lane is given back, so that another process may take it.
const TURN: Duration = Duration::from_secs(2);
/// What is under way then has so long to end. Else the lane is kept for another turn: what is not under way need not wait for it.
const DRAIN: Duration = Duration::from_secs(1);
/// No retry is further away: what seems to be was written when a clock was wrong.
const FURTHEST: chrono::Duration = chrono::Duration::days(8);

/// What the work on a lane has left.
pub(super) struct Left {
    pub(super) lane: i64,
    /// How many deliveries were tried.
    pub(super) done: usize,
    /// When something has to be tried again.
    pub(super) retry_in: Option<Duration>,
}

/// What is due is not after the first, or is after the second.
pub(super) fn due(now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (now, now.checked_add_signed(FURTHEST).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

/// Delivers what is in the lane, until nothing is left, its turn is over, or the lease is lost.
pub(super) async fn work(
    relay: Arc<Relay>,
    (held, place): (Held, OwnedSemaphorePermit),
    shutdown: Shutdown,
) -> Left {
    let lease = held.lease();
    let mut work = Work {
        relay: Arc::clone(&relay),
        lease,
        shutdown,
        turn: Instant::now(),
        groups: JoinSet::new(),
        keys: HashSet::new(),
        ids: HashSet::new(),
        is_over: false,
        left: Left { lane: lease.lane, done: 0, retry_in: None },
    };
    work.run().await;
    if let Err(fault) = lease.give_back(&relay.db).await {
        // It does not move any more, and is taken away.
        tracing::debug!(target: "mainstay::bus", error = %fault.report(), "a lease could not be given back");
    }
    drop((held, place));
    work.left
}

/// The work on a lane.
struct Work {
    relay: Arc<Relay>,
    lease: Lease,
    shutdown: Shutdown,
    turn: Instant,
    groups: JoinSet<Group>,
    /// The keys under way, and the deliveries without a key.
    keys: HashSet<String>,
    ids: HashSet<i64>,
    /// The lease is lost, or the database does not answer: nothing more is begun.
    is_over: bool,
    left: Left,
}

/// Deliveries of one key, or one without a key.
struct Group {
    key: Option<String>,
    deliveries: Vec<StoredDelivery>,
    /// What came of it.
    done: usize,
    last: Option<Ended>,
}

impl Work {
    async fn run(&mut self) {
        let mut news = self.relay.db.signals(DELIVERIES);
        let (mut looks, mut looked) = (true, Instant::now());
        loop {
            let begins = self.may_begin() && self.groups.len() < BATCH;
            let is_time = self.groups.is_empty() || looked.elapsed() >= PAUSE;
            if begins && looks && is_time {
                looked = Instant::now();
                looks = self.begin().await == BATCH;
            }
            if self.groups.is_empty() {
                if begins && looks {
                    continue;
                }
                return;
            }
            // By itself it looks again because more was there, or because a retry is due or another process has routed something, of which
            // nobody tells this one.
            let wait = if looks { PAUSE } else { self.relay.config.poll };
            tokio::select! {
                Some(ended) = self.groups.join_next() => {
                    self.note(ended);
                    looks = true;
                }
                () = news.next(), if begins => looks = true,
                () = sleep_until(looked + wait), if begins => looks = true,
                () = sleep_until(self.turn + TURN + DRAIN), if !begins && !self.is_over => {}
            }
        }
    }

    /// Whether more may be begun.
    fn may_begin(&mut self) -> bool {
        if self.turn.elapsed() >= TURN + DRAIN {
            self.turn = Instant::now();
        }
        self.is_over |= self.shutdown.is_requested();
        !self.is_over && self.turn.elapsed() < TURN
    }

    /// Begins what is there and not under way. Returns how much was read.
    async fn begin(&mut self) -> usize {
        let batch = match self.due().await {
            Ok(batch) => batch,
            Err(fault) => {
                tracing::warn!(target: "mainstay::bus", error = %fault.report(), "deliveries could not be read: this is tried again");
                self.is_over = true;
                return 0;
            }
        };
        let many = batch.len();
        for group in by_key(batch) {
            match &group.key {
                Some(key) => self.keys.insert(key.clone()),
                None => group.deliveries.first().is_some_and(|it| self.ids.insert(it.id)),
            };
            let (relay, lease, shutdown) = (Arc::clone(&self.relay), self.lease, self.shutdown.clone());
            self.groups.spawn(deliver(relay, lease, group, shutdown));
        }
        many
    }

    fn note(&mut self, ended: Result<Group, JoinError>) {
        let Ok(group) = ended else {
            // A panic of ours: those of subscribers are caught. What was under way is not known any more.
            self.is_over = true;
            return;
        };
        match group.key {
            Some(key) => self.keys.remove(&key),
            None => group.deliveries.first().is_some_and(|it| self.ids.remove(&it.id)),
        };
        self.left.done += group.done;
        match group.last {
            Some(Ended::Again(retry)) => {
                let before = self.left.retry_in;
                self.left.retry_in = Some(before.map_or(retry, |before| before.min(retry)));
            }
            Some(Ended::Lost) => self.is_over = true,
            Some(Ended::Settled) | None => {}
        }
    }

    /// What can be delivered, in order. Not what is under way, nor what comes after something of the same key that is or that has to be
    /// tried again later.
    async fn due(&self) -> Result<Vec<StoredDelivery>> {
        let (keys, ids) = (padded(self.keys.iter().cloned()), padded(self.ids.iter().copied()));
        let mut but = String::new();
        if !keys.is_empty() {
            but.push_str(&format!(
                " AND (d.ordered_by IS NULL OR d.ordered_by NOT IN ({}))",
                marks(keys.len())
            ));
        }
        if !ids.is_empty() {
            but.push_str(&format!(" AND d.id NOT IN ({})", marks(ids.len())));
        }
        let text = format!(
            "SELECT d.* FROM mainstay_deliveries d WHERE d.lane = ? AND d.state = 'waiting' \
             AND (d.due_at IS NULL OR d.due_at <= ? OR d.due_at > ?){but} AND NOT EXISTS \
             (SELECT 1 FROM mainstay_deliveries e WHERE e.lane = d.lane AND e.ordered_by = d.ordered_by \
             AND e.id < d.id AND e.state = 'waiting' AND e.due_at > ? AND e.due_at <= ?) \
             ORDER BY d.id LIMIT {BATCH}"
        );
        let (now, far) = due(self.relay.clock.now().into());
        let mut query = sql(text).bind(self.lease.lane).bind(now).bind(far);
        for key in keys {
            query = query.bind(key);
        }
        for id in ids {
            query = query.bind(id);
        }
        query.bind(now).bind(far).fetch(&self.relay.db).await
    }
}

/// Values of a list. Its length is a power of two, so that there are few texts of the statement.
fn padded<T: Clone>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = values.collect();
    if let Some(last) = list.last().cloned() {
        list.resize(list.len().next_power_of_two(), last);
    }
    list
}

fn marks(many: usize) -> String {
    vec!["?"; many].join(", ")
}

/// The deliveries of one key, one after the other, until one of them fails.
async fn deliver(relay: Arc<Relay>, lease: Lease, mut group: Group, shutdown: Shutdown) -> Group {
    for delivery in &group.deliveries {
        let Some(known) = relay.subscribers.get(&delivery.subscriber) else { break };
        // It is never closed.
        let Ok(_place) = known.pool.places.acquire().await else { break };
        if shutdown.is_requested() {
            break;
        }
        let ended = attempt::make(&relay, known, lease, delivery.clone()).await;
        group.done += 1;
        let goes_on = matches!(ended, Ended::Settled);
        group.last = Some(ended);
        if !goes_on {
            break;
        }
    }
    group
}

/// By key, each in its order. What has no key is by itself.
fn by_key(batch: Vec<StoredDelivery>) -> Vec<Group> {
    let (mut groups, mut places) = (Vec::<Group>::new(), HashMap::<String, usize>::new());
    for delivery in batch {
        let key = delivery.ordered_by.clone();
        let place = key.as_ref().and_then(|key| places.get(key));
        match place {
            Some(place) => groups[*place].deliveries.push(delivery),
            None => {
                if let Some(key) = &key {
                    places.insert(key.clone(), groups.len());
                }
                groups.push(Group { key, deliveries: vec![delivery], done: 0, last: None });
            }
        }
    }
    groups
}
