//! How many jobs a queue has in each state, and how long it lets them wait.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::sql;
use serde::{Serialize, Serializer};

use super::Bounded;
use crate::jobs::Jobs;
use crate::ledger::Ledger;
use crate::stored::{State, StoredJob, StoredPause};

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([Bounded; State::ALL.len()]);

impl Counts {
    /// How many are in this state.
    pub fn of(&self, state: State) -> Bounded {
        self.0[state as usize]
    }

    /// Each state that there is, and how many are in it.
    pub fn each(&self) -> impl Iterator<Item = (State, Bounded)> {
        State::ALL.into_iter().zip(self.0)
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.each())
    }
}

/// A queue, as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Since when it is paused.
    pub paused_since: Option<DateTime<Utc>>,
    /// How many jobs it has.
    pub counts: Counts,
    /// How long the job has been ready that has waited longest.
    #[serde(serialize_with = "seconds")]
    pub latency: Duration,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// So many queues are looked at.
const MOST_QUEUES: usize = 100;
/// So many of each priority are looked at for the one that has waited longest: those that come first.
const HEAD: u64 = 50;
/// So many priorities.
const PRIORITIES: usize = 16;

impl Jobs {
    /// The queues that this application knows, those that have jobs, and those that are paused; a hundred at most.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn queues(&self) -> Result<Vec<QueueState>> {
        let ledger = self.ledger();
        let pauses = StoredPause::query().limit(MOST_QUEUES as u64).all(ledger.db()).await?;
        let mut names = self.queue_names().await?;
        names.extend(pauses.iter().map(|pause| pause.queue.clone()));
        names.sort_unstable();
        names.dedup();
        names.truncate(MOST_QUEUES);
        let mut queues = Vec::new();
        for name in names {
            let paused_since = pauses.iter().find(|pause| pause.queue == name).map(|pause| pause.since);
            let counts = ledger.counts(Some(&name)).await?;
            let is_idle = counts.of(State::Ready).count() == 0;
            let latency = if is_idle { Duration::ZERO } else { ledger.latency(&name).await? };
            queues.push(QueueState { name, paused_since, counts, latency });
        }
        Ok(queues)
    }

    /// The names of the queues that this application knows, and of those that have jobs, sorted.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn queue_names(&self) -> Result<Vec<String>> {
        let known = self.ledger().registry().specs().map(|spec| spec.queue.to_owned());
        let mut names: BTreeSet<String> = known.collect();
        names.extend(self.ledger().stored_queues().await?);
        Ok(names.into_iter().collect())
    }

    /// How many jobs there are in each state, over all queues.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn counts(&self) -> Result<Counts> {
        self.ledger().counts(None).await
    }
}

impl Ledger {
    /// The queues that have jobs: each is one step in the index that begins with it.
    async fn stored_queues(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        while names.len() < MOST_QUEUES {
            let after = names.last().cloned().unwrap_or_default();
            let next = StoredJob::filter(|job| job.queue.gt(after)).order_by(|job| job.queue).limit(1);
            match next.select(|job| job.queue).first(self.db()).await? {
                Some(name) if names.last() != Some(&name) => names.push(name),
                _ => break,
            }
        }
        Ok(names)
    }

    /// One statement, which reads no more of each state than it counts, and that from an index alone.
    async fn counts(&self, queue: Option<&str>) -> Result<Counts> {
        // In the order of the index, or PostgreSQL looks through the table for those of a queue that has none.
        let (within, order) = match queue {
            Some(_) => ("queue = :queue AND ", "priority, id"),
            None => ("", "due_at, id"),
        };
        let most = Bounded::MOST + 1;
        let each = State::ALL.map(|state| {
            let state = state.name();
            format!(
                "SELECT '{state}' AS state, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM mainstay_jobs \
                 WHERE {within}state = '{state}' ORDER BY {order} LIMIT {most}) AS counted) AS many"
            )
        });
        let mut statement = sql(each.join(" UNION ALL "));
        if let Some(queue) = queue {
            statement = statement.bind_named("queue", queue.to_owned());
        }
        let found: Vec<(String, i64)> = statement.fetch(self.db()).await?;
        let mut counts = Counts::default();
        for state in State::ALL {
            let many = found.iter().find(|(name, _)| name == state.name()).map_or(0, |(_, many)| *many);
            counts.0[state as usize] = Bounded::new(u64::try_from(many).unwrap_or(0));
        }
        Ok(counts)
    }

    /// How many wait in a queue, and how long the one that has waited longest.
    pub(crate) async fn waiting(&self, queue: &str) -> Result<(u64, Duration)> {
        let ready = StoredJob::filter(|job| job.queue.eq(queue) & job.state.eq(State::Ready));
        let ready = ready.order_by(|job| job.priority).order_by(|job| job.id).limit(Bounded::MOST + 1);
        let count = ready.select(|job| job.id).count(self.db()).await?;
        let latency = if count == 0 { Duration::ZERO } else { self.latency(queue).await? };
        Ok((count, latency))
    }

    /// Of each priority those that come first are looked at. One behind them has waited longer only if those were tried again meanwhile.
    async fn latency(&self, queue: &str) -> Result<Duration> {
        let (mut oldest, mut above) = (None, None);
        for _ in 0..PRIORITIES {
            let ready = StoredJob::filter(|job| job.queue.eq(queue) & job.state.eq(State::Ready))
                .filter_if(above, |job, above: i16| job.priority.gt(above))
                .order_by(|job| job.priority)
                .order_by(|job| job.id)
                .limit(HEAD);
            let heads = ready.select(|job| (job.priority, job.due_at)).all(self.db()).await?;
            oldest = heads.iter().map(|(_, since)| *since).chain(oldest).min();
            above = heads.last().map(|(priority, _)| *priority);
            if (heads.len() as u64) < HEAD {
                break;
            }
        }
        Ok(oldest.and_then(|since| (self.now() - since).to_std().ok()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_named_as_they_are_stored() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            assert_eq!(State::ALL[state as usize], state);
        }
    }

    #[test]
    fn a_number_says_when_there_are_more() {
        for (count, shown) in
            [(0, "0"), (999, "999"), (1_234, "1,234"), (10_000, "10,000"), (10_001, "10,000+")]
        {
            assert_eq!(Bounded::new(count).to_string(), shown);
        }
    }
}
