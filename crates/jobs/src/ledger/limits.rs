//! Those with a key are let in, one key at a time: whoever does it locks the row of the key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mainstay_core::Result;
use mainstay_db::{Dialect, Tx};

use super::Ledger;
use crate::following;
use crate::spec::{JobSpec, Rate};
use crate::stored::{NewStoredLimit, State, StoredJob, StoredLimit};

/// So many keys are looked at in one round, and so many jobs of one key let in.
const KEYS: usize = 500;
const JOBS: u64 = 500;
/// So many blocked jobs are read at once, to find the next keys and the kinds of what waits for them.
const PAGE: usize = 100;
/// For so long a job of a kind that no program here knows waits for a program that does.
const STRANGE_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Until when the rate of a key is used up, as far as this process knows.
#[derive(Default)]
pub(super) struct Waits {
    until: Mutex<HashMap<String, Instant>>,
    /// The last key of the last round, if there were more.
    last: Mutex<String>,
}

/// Of more keys it is not remembered: then the database is asked.
const REMEMBERED: usize = 10_000;

impl Waits {
    /// How long there is nothing to be had for a key.
    fn left(&self, key: &str, now: Instant) -> Option<Duration> {
        let mut waits = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = waits.get(key)?.saturating_duration_since(now);
        if left.is_zero() {
            waits.remove(key);
            return None;
        }
        Some(left)
    }

    fn wait(&self, key: &str, (now, until): (Instant, Instant)) {
        let mut waits = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if waits.len() >= REMEMBERED {
            waits.retain(|_, until| *until > now);
        }
        if waits.len() < REMEMBERED {
            waits.insert(key.to_owned(), until);
        }
    }

    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn go_on_after(&self, key: String) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl Ledger {
    /// Lets in what waits for its key. Returns after which time there may be more to let in, where that is known.
    pub(crate) async fn let_in(&self) -> Result<Option<Duration>> {
        // On from where the last round ended, so that no key waits for ever behind others.
        let mut last = self.0.waits.last();
        let (mut keys, mut next) = (0, None);
        while keys < KEYS {
            let waiting = self.blocked_behind(&last).await?;
            last = waiting.last().map(|(key, _)| key.clone()).unwrap_or_default();
            self.0.waits.go_on_after(last.clone());
            if waiting.is_empty() {
                return Ok(next);
            }
            keys += waiting.len();
            let mut fault = None;
            for (key, kinds) in waiting {
                for kind in kinds {
                    match self.let_in_kind(&key, &kind).await {
                        Ok(wait) => next = next.into_iter().chain(wait).min(),
                        Err(error) => fault = fault.or(Some(error)),
                    }
                }
            }
            // A key at which it fails keeps no other from its turn.
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        // The rest at once.
        Ok(Some(Duration::ZERO))
    }

    /// The next keys behind this one that hold something back, and the kinds of what comes first at each: the beginning of one range of the
    /// index (state, limit_key, priority, id), from key to key, however many wait.
    async fn blocked_behind(&self, key: &str) -> Result<Vec<(String, Vec<String>)>> {
        let blocked = StoredJob::filter(|job| match self.db().dialect() {
            // For an equality it may begin at the first key of all, and leave out those before this one.
            Dialect::MariaDb | Dialect::MySql => job.state.ge(State::Blocked) & job.state.le(State::Blocked),
            _ => job.state.eq(State::Blocked),
        });
        let behind = blocked.filter(|job| job.limit_key.gt(Some(key.to_owned())));
        let first =
            behind.order_by(|job| (job.state, job.limit_key, job.priority, job.id)).limit(PAGE as u64);
        let first = first.select(|job| (job.limit_key, job.kind)).all(self.db()).await?;
        let is_full = first.len() == PAGE;
        let mut keys: Vec<(String, Vec<String>)> = Vec::new();
        for (key, kind) in first {
            let key = key.unwrap_or_default();
            match keys.last_mut() {
                Some((last, kinds)) if *last == key => {
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
                _ => keys.push((key, vec![kind])),
            }
        }
        // More of the last one may lie behind: it comes first the next time.
        if is_full && keys.len() > 1 {
            keys.pop();
        }
        Ok(keys)
    }

    /// Lets in what waits for this key, by the rules of this kind. Returns how long the rate lets nobody in.
    async fn let_in_kind(&self, key: &str, kind: &str) -> Result<Option<Duration>> {
        let Some(spec) = self.registry().spec(kind) else {
            self.let_in_strange(key, kind).await?;
            return Ok(None);
        };
        match self.0.waits.left(key, self.clock().monotonic()) {
            Some(left) => Ok(Some(left)),
            None => self.db().transaction_retry(async |tx| self.let_in_by(spec, key, tx).await).await,
        }
    }

    /// Lets in one job of a kind that no program here knows, if nobody seems to: it has waited for a while although nothing of its key runs
    /// and no rate is used up. Whoever meets it then has its days counted. One at a time breaks no rule of a program that does know it.
    async fn let_in_strange(&self, key: &str, kind: &str) -> Result<()> {
        let since = self.now() - STRANGE_AFTER;
        let of_key = |states: &[State]| {
            StoredJob::filter(|job| job.limit_key.eq(Some(key.to_owned())) & job.state.is_in(states.to_vec()))
        };
        let forgotten = of_key(&[State::Blocked]).filter(|job| job.kind.eq(kind) & job.due_at.le(since));
        let forgotten = forgotten.order_by(|job| (job.priority, job.id)).limit(1);
        let Some(job) = forgotten.first(self.db()).await? else { return Ok(()) };
        let let_in = async |tx: &Tx| {
            let limit = self.locked(key, tx).await?;
            if limit.free_at > since || of_key(&[State::Ready, State::Running]).exists(tx).await? {
                return Ok(());
            }
            let now = self.now();
            let blocked = StoredJob::filter(|row| row.id.eq(job.id) & row.state.eq(State::Blocked));
            if blocked.update(|row| row.state(State::Ready).due_at(now), tx).await? == 1 {
                following::tell(&job, State::Ready, tx);
            }
            Ok(())
        };
        self.db().transaction_retry(let_in).await
    }

    /// Lets in what waits for this key. Returns how long the rate lets nobody in.
    async fn let_in_by(&self, spec: &JobSpec, key: &str, tx: &Tx) -> Result<Option<Duration>> {
        let limit = self.locked(key, tx).await?;
        let now = self.now();
        let mut room = JOBS;
        if let Some(most) = spec.concurrency {
            let inside = [State::Ready, State::Running].to_vec();
            let held =
                StoredJob::filter(|job| job.limit_key.eq(Some(key.to_owned())) & job.state.is_in(inside));
            room = room.min(u64::from(most).saturating_sub(held.count(tx).await?));
        }
        let budget = spec.rate.map(|rate| Budget { rate, free_at: limit.free_at, now });
        if let Some(budget) = &budget {
            room = room.min(budget.left());
        }
        if room == 0 {
            if let Some(budget) = budget.filter(|budget| budget.is_too_far()) {
                let free_at = budget.after(0);
                StoredLimit::filter(|limit| limit.key.eq(key))
                    .update(|limit| limit.free_at(free_at), tx)
                    .await?;
            }
            return Ok(budget.and_then(|budget| self.wait(key, &budget)));
        }
        // Not by their time, which has come for all of them: an index that has it would be read through.
        let waiting =
            StoredJob::filter(|job| job.limit_key.eq(Some(key.to_owned())) & job.state.eq(State::Blocked));
        let jobs = waiting.order_by(|job| (job.priority, job.id)).limit(room).skip_locked().all(tx).await?;
        if jobs.is_empty() {
            return Ok(None);
        }
        let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
        StoredJob::filter(|job| job.id.is_in(ids))
            .update(|job| job.state(State::Ready).due_at(now), tx)
            .await?;
        jobs.iter().for_each(|job| following::tell(job, State::Ready, tx));
        let Some(budget) = budget else { return Ok(None) };
        let taken = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        let free_at = budget.after(taken);
        StoredLimit::filter(|limit| limit.key.eq(key)).update(|limit| limit.free_at(free_at), tx).await?;
        Ok(self.wait(key, &Budget { free_at, ..budget }))
    }

    /// Remembers that a rate is used up, if it is, and says for how long.
    fn wait(&self, key: &str, budget: &Budget) -> Option<Duration> {
        let wait = budget.wait()?;
        let now = self.clock().monotonic();
        self.0.waits.wait(key, (now, now + wait));
        Some(wait)
    }

    async fn locked(&self, key: &str, tx: &Tx) -> Result<StoredLimit> {
        let row = || StoredLimit::filter(|limit| limit.key.eq(key)).for_update();
        if let Some(limit) = row().first(tx).await? {
            return Ok(limit);
        }
        let first = NewStoredLimit { key: key.to_owned(), free_at: self.now() };
        first.insert_or_ignore(|limit| limit.key, tx).await?;
        row().one(tx).await
    }
}

/// How much of a rate is left, by the generic cell rate algorithm (ITU-T I.371): one moment says all.
#[derive(Clone, Copy)]
struct Budget {
    rate: Rate,
    free_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Budget {
    /// How far ahead of now what was taken reaches. A clock that was set back does not make it longer than it can be.
    fn ahead(&self) -> Duration {
        (self.free_at - self.now).to_std().unwrap_or_default().min(self.rate.per)
    }

    /// Whether it reaches further than it can: a clock was wrong, or the rate was another one.
    fn is_too_far(&self) -> bool {
        self.free_at > self.now + self.rate.per
    }

    fn left(&self) -> u64 {
        let free = self.rate.per.saturating_sub(self.ahead()).as_nanos();
        u64::try_from(free / self.rate.interval().as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    fn after(&self, taken: u32) -> DateTime<Utc> {
        self.now + self.ahead() + self.rate.interval() * taken
    }

    /// How long until there is one.
    fn wait(&self) -> Option<Duration> {
        let needed = self.ahead() + self.rate.interval();
        needed.checked_sub(self.rate.per).filter(|wait| !wait.is_zero())
    }
}
