//! What a chart is drawn from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::{Dialect, FromRow, sql};
use serde::Serialize;

use super::Spread;
use crate::jobs::Jobs;

/// What became of some attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct Volume {
    /// How many have succeeded.
    pub completed: i64,
    /// How many have failed, whether they are tried again or not.
    pub failed: i64,
    /// How many of those for good.
    pub dead: i64,
    /// How long they had waited since they were ready.
    #[db(embedded)]
    pub wait: Spread,
    /// How long they ran.
    #[db(embedded)]
    pub run: Spread,
}

impl Volume {
    fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.dead += other.dead;
        self.wait.add(&other.wait);
        self.run.add(&other.run);
    }
}

/// How far back, and in which steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How many steps.
    pub steps: u32,
    /// How long each is, in minutes.
    pub minutes: u32,
}

impl Span {
    /// The last hour, by the minute.
    pub const HOUR: Self = Self { steps: 60, minutes: 1 };
    /// The last day, by the quarter of an hour.
    pub const DAY: Self = Self { steps: 96, minutes: 15 };
    /// The last week, by two hours.
    pub const WEEK: Self = Self { steps: 84, minutes: 120 };
}

/// A step of a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// What ended in it.
    pub volume: Volume,
}

/// What became of attempts over time. The last step is not over yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    first: i64,
    span: Span,
    queues: BTreeMap<String, Vec<Volume>>,
    kinds: BTreeMap<String, Volume>,
}

impl History {
    /// All queues together, step by step.
    pub fn points(&self) -> Vec<Point> {
        let mut all = vec![Volume::default(); self.span.steps as usize];
        for steps in self.queues.values() {
            all.iter_mut().zip(steps).for_each(|(sum, step)| sum.add(step));
        }
        self.dated(&all)
    }

    /// The queues in which something ended.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// One queue, step by step.
    pub fn points_of(&self, queue: &str) -> Vec<Point> {
        match self.queues.get(queue) {
            Some(steps) => self.dated(steps),
            None => self.dated(&vec![Volume::default(); self.span.steps as usize]),
        }
    }

    /// One queue in the last so many steps that are over, and in the one that is not.
    pub fn recent(&self, queue: &str, steps: usize) -> Volume {
        let mut sum = Volume::default();
        let of_queue = self.queues.get(queue).map(Vec::as_slice).unwrap_or_default();
        of_queue.iter().rev().take(steps + 1).for_each(|step| sum.add(step));
        sum
    }

    /// What became of each kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &Volume)> {
        self.kinds.iter().map(|(kind, volume)| (kind.as_str(), volume))
    }

    fn dated(&self, steps: &[Volume]) -> Vec<Point> {
        let length = i64::from(self.span.minutes);
        let at =
            |index: i64| DateTime::from_timestamp((self.first + index * length) * 60, 0).unwrap_or_default();
        (0..).zip(steps).map(|(index, volume)| Point { at: at(index), volume: *volume }).collect()
    }
}

#[derive(FromRow)]
struct Step {
    step: i64,
    name: String,
    #[db(flatten)]
    volume: Volume,
}

/// The numbers, each by a function.
fn sums(dialect: Dialect) -> String {
    let whole = if matches!(dialect, Dialect::Postgres | Dialect::Sqlite) { "BIGINT" } else { "SIGNED" };
    let mut text = String::new();
    for column in super::write::COLUMNS {
        let function = if column.ends_with("max_us") { "MAX" } else { "SUM" };
        // Engines sum up whole numbers to others. Writing to a text does not fail.
        let _ok = write!(text, ", CAST({function}({column}) AS {whole}) AS {column}");
    }
    text
}

impl Jobs {
    /// What became of attempts lately, in all processes. Each writes what it has counted every few seconds.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn history(&self, span: Span) -> Result<History> {
        let (length, db) = (i64::from(span.minutes.max(1)), self.ledger().db());
        let now = self.ledger().now().timestamp().div_euclid(60);
        let last = now - now % length;
        let first = last - length * (i64::from(span.steps) - 1);
        let sums = sums(db.dialect());
        let by_queue = format!(
            "SELECT at_minute - at_minute % {length} AS step, queue AS name{sums} FROM mainstay_job_stats \
             WHERE at_minute >= :first GROUP BY at_minute - at_minute % {length}, queue"
        );
        let steps: Vec<Step> = sql(by_queue).bind_named("first", first).fetch(db).await?;
        let by_kind = format!(
            "SELECT MAX(at_minute) AS step, kind AS name{sums} FROM mainstay_job_stats \
             WHERE at_minute >= :first GROUP BY kind"
        );
        let kinds: Vec<Step> = sql(by_kind).bind_named("first", first).fetch(db).await?;
        let mut queues: BTreeMap<String, Vec<Volume>> = BTreeMap::new();
        for Step { step, name, volume } in steps {
            let of_queue = queues.entry(name).or_insert_with(|| vec![Volume::default(); span.steps as usize]);
            let index = usize::try_from((step - first) / length).ok();
            if let Some(place) = index.and_then(|index| of_queue.get_mut(index)) {
                place.add(&volume);
            }
        }
        let kinds = kinds.into_iter().map(|kind| (kind.name, kind.volume)).collect();
        Ok(History { first, span, queues, kinds })
    }
}

/// So much of the past is kept unless `jobs.keep_stats` says otherwise.
pub(crate) const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
