//! The relay: a supervised service that delivers what is in the [`outbox`](crate::outbox).
//!
//! - Here: what it looks for, and when. It is woken by signals, by a retry that is due, and from time to time.
//! - `held`: the leases that it has.
//! - `lane`: working on one lane, in the order of each key.
//! - `attempt`: one delivery to one subscriber, and what comes of it.
//! - `upkeep`: counting what waits, and deleting what is too old.
//!
//! When it is to stop, it takes nothing more, lets what is under way end, and gives its leases back. When it cannot show for so long that
//! it lives, others may have taken its leases: it gives up what is under way, and begins anew.

mod attempt;
mod held;
mod lane;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::Clock;
use mainstay_core::metrics::{Counter, Gauge, Metrics};
use mainstay_core::module::ModuleId;
use mainstay_core::random::Random;
use mainstay_core::service::{LifeSigns, Running, Shutdown};
use mainstay_core::{Contributions, Error, Inject, Resolver, Result};
use mainstay_db::{Db, FromRow, Signals, sql};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::config::BusConfig;
use crate::outbox::lanes::{self, LANES, Lease, Seen};
use crate::outbox::routing::{self, Routed};
use crate::outbox::{DELIVERIES, PUBLISHED, Subscription};
use crate::subscriber::Subscriber;

use held::{Held, Leases};

/// How often an owner of leases shows that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// Who has not done so for that long has none any more in the eyes of others,
const SILENCE: Duration = Duration::from_secs(5);
/// and a little earlier in its own.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A lane in which nothing could be done is not looked into again for so long: all that is left there may wait for a retry.
const REST: Duration = Duration::from_millis(500);
/// So many batches of events are routed before deliveries are looked after.
const BATCHES: usize = 5;
/// The longest wait for the database.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the parts of the relay share.
struct Relay {
    db: Db,
    config: BusConfig,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    resolver: Resolver,
    subscribers: HashMap<String, Known>,
}

/// A subscriber of this process.
struct Known {
    subscriber: Subscriber,
    module: ModuleId,
    pool: Arc<Pool>,
    counts: Counts,
}

/// How its attempts ended, and what is left.
struct Counts {
    done: Counter,
    failed: Counter,
    dead: Counter,
    waiting: Gauge,
    lying: Gauge,
}

impl Counts {
    fn new(subscriber: &str, metrics: &Metrics) -> Self {
        let counter = |outcome: &str| {
            let help = "Attempts to deliver an event to a subscriber.";
            metrics.counter("bus_deliveries_total", help, &[("subscriber", subscriber), ("outcome", outcome)])
        };
        let gauge = |name: &str, help: &str| metrics.gauge(name, help, &[("subscriber", subscriber)]);
        let waiting = "Deliveries that wait or are under way, whichever process makes them.";
        let dead = "Deliveries that have failed too often, and wait for somebody to look at them.";
        Self {
            done: counter("done"),
            failed: counter("failed"),
            dead: counter("dead"),
            waiting: gauge("bus_waiting", waiting),
            lying: gauge("bus_dead", dead),
        }
    }
}

/// What subscribers share, or one has to itself.
struct Pool {
    /// Deliveries under way.
    places: Semaphore,
    /// Lanes that are worked on: not more than deliveries, so that other processes find some.
    lanes: Arc<Semaphore>,
}

impl Pool {
    fn new(most: usize) -> Arc<Self> {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self { places: Semaphore::new(most), lanes: Arc::new(Semaphore::new(most)) })
    }
}

/// What it is made of.
pub(crate) type Parts =
    (Inject<Db>, Inject<BusConfig>, Inject<dyn Clock>, Inject<dyn Random>, Inject<Metrics>);

/// The service.
pub(crate) async fn run(
    running: Running,
    (db, config, clock, random, metrics): Parts,
    contributions: Inject<Contributions>,
    resolver: Resolver,
) -> Result<()> {
    running.ready();
    if !config.relay {
        running.shutdown().requested().await;
        return Ok(());
    }
    let shared = Pool::new(config.concurrency);
    let known = contributions.of::<Subscriber>().map(|found| {
        let subscriber = found.value.clone();
        let pool = subscriber.concurrency.map_or_else(|| Arc::clone(&shared), Pool::new);
        let counts = Counts::new(subscriber.name, &metrics);
        (subscriber.name.to_owned(), Known { subscriber, module: found.module.id, pool, counts })
    });
    let relay = Arc::new(Relay {
        db: db.primary().in_background(),
        config: (*config).clone(),
        clock,
        random,
        resolver,
        subscribers: known.collect(),
    });
    loop {
        let mut term = Term::new(Arc::clone(&relay), running.shutdown().clone());
        let (held, owner) = (Arc::clone(&term.held), term.owner.clone());
        tokio::select! {
            () = term.work() => return Ok(()),
            () = upkeep::keep(&relay) => {}
            fault = keep_alive(&relay.db, &held, &owner) => {
                // What is under way falls with the term.
                tracing::error!(target: "mainstay::bus", error = %fault.report(), "the relay could not show that it lives: it gives up what is under way, which others may do by now");
            }
        }
    }
}

/// Waits for the database, and not for ever.
async fn soon<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let silent = |_| Error::internal(format!("the database did not answer within {PATIENCE:?}"));
    timeout(PATIENCE, work).await.map_err(silent)?
}

/// Shows that this process lives, as long as it has leases. Returns when it could not for too long.
async fn keep_alive(db: &Db, held: &Leases, owner: &str) -> Error {
    let mut last = Instant::now();
    loop {
        sleep(BEAT.min(LONGEST_PAUSE.saturating_sub(last.elapsed()))).await;
        let lanes = held.lanes();
        if lanes.is_empty() {
            last = Instant::now();
            continue;
        }
        // Counted from before it is written: nobody else can have seen it earlier.
        let began = Instant::now();
        let left = LONGEST_PAUSE.saturating_sub(last.elapsed());
        match timeout(left, lanes::beat(owner, lanes, db)).await {
            Ok(Ok(())) => last = began,
            Ok(Err(fault)) if last.elapsed() >= LONGEST_PAUSE => return fault,
            Ok(Err(fault)) => {
                tracing::warn!(target: "mainstay::bus", error = %fault.report(), "the relay could not show that it lives: it tries again");
            }
            Err(_) => return Error::internal(format!("no answer within {LONGEST_PAUSE:?}")),
        }
    }
}

/// The time in which it has leases under one name.
struct Term {
    relay: Arc<Relay>,
    shutdown: Shutdown,
    owner: String,
    held: Arc<Leases>,
    lanes: JoinSet<lane::Left>,
    /// All leases, by their lane, as they were seen.
    leases: LifeSigns<i64, Seen>,
    /// Lanes in which nothing could be done, until when.
    resting: HashMap<i64, Instant>,
    /// When something has to be tried again, as far as this process knows.
    retry_at: Option<Instant>,
    /// The subscribers that are here, by their number, and where their deliveries are made.
    own: Option<HashMap<i64, Arc<Pool>>>,
}

/// A free lane with something to do.
#[derive(FromRow)]
struct Free {
    id: i64,
    token: i64,
}

impl Term {
    fn new(relay: Arc<Relay>, shutdown: Shutdown) -> Self {
        let owner = relay.random.hex(16);
        Self {
            relay,
            shutdown,
            owner,
            held: Arc::default(),
            lanes: JoinSet::new(),
            leases: LifeSigns::new(SILENCE),
            resting: HashMap::new(),
            retry_at: None,
            own: None,
        }
    }

    async fn work(&mut self) {
        let db = self.relay.db.clone();
        let (mut published, mut deliveries) = (db.signals(PUBLISHED), db.signals(DELIVERIES));
        while !self.shutdown.is_requested() {
            let next = Instant::now() + self.relay.config.poll;
            let routed = match self.look().await {
                Ok(routed) => routed,
                Err(fault) => {
                    tracing::warn!(target: "mainstay::bus", error = %fault.report(), "the relay could not look for events: it tries again");
                    // Not sooner, whoever signals.
                    tokio::select! {
                        () = sleep_until(next) => {}
                        () = self.shutdown.requested() => {}
                    }
                    continue;
                }
            };
            // What is left to be routed does not wait.
            let next = if routed == Routed::All { next } else { Instant::now() };
            self.wait(next, &mut published, &mut deliveries).await;
        }
        // What is under way ends, and gives its leases back.
        while self.lanes.join_next().await.is_some() {}
    }

    async fn wait(&mut self, next: Instant, published: &mut Signals, deliveries: &mut Signals) {
        let next = self.retry_at.map_or(next, |retry_at| next.min(retry_at));
        tokio::select! {
            () = self.shutdown.requested() => {}
            () = published.next() => {}
            () = deliveries.next() => {}
            Some(left) = self.lanes.join_next() => self.note(left),
            () = sleep_until(next) => {}
        }
    }

    /// What came of the work on a lane.
    fn note(&mut self, left: Result<lane::Left, tokio::task::JoinError>) {
        // A panic in it is one of ours: those of subscribers are caught. Its lease is taken away when it does not move.
        let Ok(left) = left else { return };
        if left.done == 0 {
            self.resting.insert(left.lane, Instant::now() + REST);
        }
        if let Some(retry) = left.retry_in {
            let at = Instant::now() + retry;
            self.retry_at = Some(self.retry_at.map_or(at, |before| before.min(at)));
            self.resting.remove(&left.lane);
        }
    }

    /// Whether there is more to be routed.
    async fn look(&mut self) -> Result<Routed> {
        while let Some(left) = self.lanes.try_join_next() {
            self.note(left);
        }
        let now = Instant::now();
        self.retry_at = self.retry_at.filter(|at| *at > now);
        self.resting.retain(|_, until| *until > now);
        // What is routed is delivered, although something else cannot be.
        let routed = self.route().await;
        soon(self.take_over()).await?;
        soon(self.begin()).await?;
        routed
    }

    async fn route(&self) -> Result<Routed> {
        for _ in 0..BATCHES {
            if soon(routing::route(&self.relay.db)).await? == Routed::All {
                return Ok(Routed::All);
            }
        }
        Ok(Routed::Some)
    }

    /// Takes leases away from those who do not live any more.
    async fn take_over(&mut self) -> Result<()> {
        let db = &self.relay.db;
        // Also one of its own, of which it does not know: its taking was not answered. Nobody raises its beat.
        let taken = lanes::taken(db).await?.into_iter().map(|seen| (seen.id, seen));
        for (_, lost) in self.leases.look(taken, Instant::now().into_std()) {
            if lanes::take_away(&lost, lane::due(self.relay.clock.now().into()), db).await? {
                tracing::warn!(target: "mainstay::bus", lane = lost.id, "a relay has gone without a word: its deliveries go on here or elsewhere");
            }
        }
        Ok(())
    }

    /// Begins to work on free lanes.
    async fn begin(&mut self) -> Result<()> {
        let mut free = self.free().await?;
        // Not the same ones first as everybody else.
        let start = self.relay.random.below(free.len() as u64) as usize;
        free.rotate_left(start);
        for Free { id, token } in free {
            let pool = self.own.as_ref().and_then(|own| own.get(&lanes::subscription_of(id)));
            let place = pool.and_then(|pool| Arc::clone(&pool.lanes).try_acquire_owned().ok());
            if let Some(until) = self.resting.get(&id) {
                // Something else in it may have come.
                self.retry_at = Some(self.retry_at.map_or(*until, |before| before.min(*until)));
                continue;
            }
            let Some(place) = place else { continue };
            let seen = Seen { id, token, beat: 0 };
            if let Some(lease) = Lease::take(&seen, &self.owner, &self.relay.db).await? {
                let held = Held::new(lease, Arc::clone(&self.held));
                self.lanes.spawn(lane::work(Arc::clone(&self.relay), (held, place), self.shutdown.clone()));
            }
        }
        Ok(())
    }

    async fn free(&mut self) -> Result<Vec<Free>> {
        let own = match &self.own {
            Some(own) => own,
            None => {
                let own = self.own().await?;
                &*self.own.insert(own)
            }
        };
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = own
            .keys()
            .flat_map(|subscription| (0..LANES).map(|number| lanes::lane(*subscription, number).to_string()))
            .collect();
        let text = format!(
            "SELECT l.id AS id, l.token AS token FROM mainstay_lanes l WHERE l.owner IS NULL AND l.id IN ({}) AND EXISTS \
             (SELECT 1 FROM mainstay_deliveries d WHERE d.lane = l.id AND d.state = 'waiting' \
             AND (d.due_at IS NULL OR d.due_at <= ? OR d.due_at > ?))",
            ids.join(", ")
        );
        let (now, far) = lane::due(self.relay.clock.now().into());
        sql(text).bind(now).bind(far).fetch(&self.relay.db).await
    }

    async fn own(&self) -> Result<HashMap<i64, Arc<Pool>>> {
        let all = Subscription::query().all(&self.relay.db).await?;
        let pool = |name: &str| self.relay.subscribers.get(name).map(|known| Arc::clone(&known.pool));
        Ok(all.iter().filter_map(|it| Some((it.id, pool(&it.name)?))).collect())
    }
}
