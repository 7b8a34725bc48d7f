//! Adds what a process has counted to the rows, whichever process has made them.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use mainstay_core::Result;
use mainstay_db::{Dialect, sql};

use super::StoredStats;
use super::tally::Counted;
use crate::ledger::Ledger;

/// The columns that are added to, in the order of [`values`]; those that end in `max_us` keep the larger one.
pub(super) const COLUMNS: [&str; 27] = [
    "completed",
    "failed",
    "dead",
    "wait_sum_us",
    "wait_max_us",
    "wait_to_5ms",
    "wait_to_20ms",
    "wait_to_100ms",
    "wait_to_500ms",
    "wait_to_2s",
    "wait_to_10s",
    "wait_to_1m",
    "wait_to_5m",
    "wait_to_1h",
    "wait_longer",
    "run_sum_us",
    "run_max_us",
    "run_to_5ms",
    "run_to_20ms",
    "run_to_100ms",
    "run_to_500ms",
    "run_to_2s",
    "run_to_10s",
    "run_to_1m",
    "run_to_5m",
    "run_to_1h",
    "run_longer",
];

fn values(counted: &Counted) -> Vec<i64> {
    let volume = &counted.volume;
    let mut values = vec![volume.completed, volume.failed, volume.dead];
    for spread in [&volume.wait, &volume.run] {
        values.extend([spread.sum_us, spread.max_us]);
        values.extend(spread.places());
    }
    values
}

/// Inserts a row, or adds to the one that is there.
fn statement(dialect: Dialect) -> Arc<str> {
    static MYSQL: LazyLock<Arc<str>> = LazyLock::new(|| written(&|column| format!("VALUES({column})"), true));
    static OTHERS: LazyLock<Arc<str>> =
        LazyLock::new(|| written(&|column| format!("excluded.{column}"), false));
    match dialect {
        Dialect::Postgres | Dialect::Sqlite => Arc::clone(&OTHERS),
        _ => Arc::clone(&MYSQL),
    }
}

fn written(new: &dyn Fn(&str) -> String, is_mysql: bool) -> Arc<str> {
    let mut text = format!(
        "INSERT INTO mainstay_job_stats (at_minute, queue, kind, {}) VALUES (?, ?, ?{}) ",
        COLUMNS.join(", "),
        ", ?".repeat(COLUMNS.len()),
    );
    text.push_str(if is_mysql {
        "ON DUPLICATE KEY UPDATE "
    } else {
        "ON CONFLICT (at_minute, queue, kind) DO UPDATE SET "
    });
    for (index, column) in COLUMNS.into_iter().enumerate() {
        let (comma, new) = (if index == 0 { "" } else { ", " }, new(column));
        let old = format!("mainstay_job_stats.{column}");
        // Writing to a text does not fail.
        let _ok = match column.ends_with("max_us") {
            true => write!(text, "{comma}{column} = CASE WHEN {new} > {old} THEN {new} ELSE {old} END"),
            false => write!(text, "{comma}{column} = {old} + {new}"),
        };
    }
    text.into()
}

impl Ledger {
    /// Writes what this process has counted. What cannot be written is written the next time.
    pub(crate) async fn write_stats(&self) -> Result<()> {
        let mut counted = self.tally().take();
        if counted.is_empty() {
            return Ok(());
        }
        // In one order, so that no two processes wait for each other.
        counted.sort_by(|one, other| {
            (one.minute, &one.queue, &one.kind).cmp(&(other.minute, &other.queue, &other.kind))
        });
        let text = statement(self.db().dialect());
        let written = self
            .db()
            .transaction_retry(async |tx| {
                for row in &counted {
                    let keys = sql(Arc::clone(&text)).bind(row.minute);
                    let keys = keys.bind(row.queue.clone()).bind(row.kind.clone());
                    let row = values(row).into_iter().fold(keys, |row, value| row.bind(value));
                    row.execute(tx).await?;
                }
                Ok(())
            })
            .await;
        if written.is_err() {
            self.tally().put_back(counted);
        }
        written
    }

    /// Deletes what is kept no longer.
    pub(crate) async fn prune_stats(&self) -> Result<()> {
        let since = (self.now() - self.keep_stats()).timestamp().div_euclid(60);
        StoredStats::filter(|row| row.at_minute.lt(since)).delete(self.db()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mainstay_db::meta::meta_of;

    use super::*;

    #[test]
    fn every_number_of_the_model_is_written() {
        let columns: Vec<_> = meta_of::<StoredStats>().fields.iter().map(|field| field.column).collect();
        assert_eq!(columns, [&["id", "at_minute", "queue", "kind"], COLUMNS.as_slice()].concat());
    }
}
