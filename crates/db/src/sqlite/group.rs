//! Group commit: the writes of many tasks in one transaction, with one sync to disk.
//!
//! One that fails takes nothing else with it: a statement that fails undoes what it did, by SQLite's own rules, and one that
//! is run for several sets of values stands in a savepoint. (A savepoint for each statement would cost two more and undo
//! nothing else.) Nobody hears of success before COMMIT has
//! come back, nor of failure: a failure may be the doing of a neighbour that is then not committed (two rows with one unique
//! value). When the group itself fails, its members are run one by one, each in its own transaction.

use std::collections::VecDeque;
use std::time::Instant;

use super::connection::Connection;
use super::queue::Job;
use crate::driver::{Reply, Statement, StatementKind};
use crate::error::DbError;

/// The most writes that share a commit: it bounds how long the first one waits for the last.
const MOST: usize = 256;

type Outcome = (Job, Result<Reply, DbError>);

/// Runs `arrivals` and whatever `next` hands over meanwhile. Returns what has to be run in a group of its own.
pub(super) fn commit(
    connection: &Connection,
    mut arrivals: VecDeque<Job>,
    mut next: impl FnMut() -> Option<Job>,
) -> VecDeque<Job> {
    let Some(first) = arrivals.pop_front() else { return arrivals };
    if first.statement.kind == StatementKind::Script {
        answer(run_alone(connection, first));
        return arrivals;
    }
    if first.reply.is_closed() {
        return arrivals;
    }
    let mut waited = false;
    let mut next = || next().or_else(|| wait_a_moment(&mut waited).and_then(|()| next()));
    let Some(second) = arrivals.pop_front().or_else(&mut next) else {
        answer(run_alone(connection, first));
        return arrivals;
    };
    arrivals.push_front(second);
    arrivals.push_front(first);
    if let Err(fault) = connection.control("BEGIN IMMEDIATE") {
        for job in arrivals {
            answer((job, Err(fault.clone())));
        }
        return VecDeque::new();
    }
    let mut outcomes = Vec::with_capacity(arrivals.len());
    while outcomes.len() < MOST
        && let Some(job) = arrivals.pop_front().or_else(&mut next)
    {
        if job.reply.is_closed() {
            continue;
        }
        let outcome = run_whole(connection, &job.statement);
        outcomes.push((job, outcome));
        if connection.is_autocommit() {
            // SQLite has rolled everything back (the disk is full, for one).
            return one_by_one(connection, outcomes, arrivals);
        }
    }
    match connection.control("COMMIT") {
        Ok(()) => outcomes.into_iter().for_each(answer),
        Err(fault) => {
            tracing::warn!(target: "mainstay::db", error = %fault, writes = outcomes.len(), "a group of writes was not committed: each is run by itself");
            rollback(connection);
            return one_by_one(connection, outcomes, arrivals);
        }
    }
    arrivals
}

/// Lets others run who are about to write, once for each group: where they share a processor with the writer, it would
/// otherwise commit the first write of each of them alone.
fn wait_a_moment(waited: &mut bool) -> Option<()> {
    (!std::mem::replace(waited, true)).then(std::thread::yield_now)
}

fn one_by_one(connection: &Connection, outcomes: Vec<Outcome>, arrivals: VecDeque<Job>) -> VecDeque<Job> {
    for (job, _) in outcomes {
        answer(run_alone(connection, job));
    }
    arrivals
}

fn run_alone(connection: &Connection, job: Job) -> Outcome {
    let statement = &job.statement;
    // One statement, run once, is a transaction by itself.
    let outcome = if statement.kind == StatementKind::Write && statement.sets == 1 {
        connection.run(statement)
    } else {
        connection
            .control("BEGIN IMMEDIATE")
            .and_then(|()| connection.run(statement))
            .and_then(|reply| connection.control("COMMIT").map(|()| reply))
    };
    rollback(connection);
    (job, outcome)
}

/// Runs a statement inside of a transaction. What is run for several sets of values leaves nothing when one of them fails.
pub(super) fn run_whole_until(
    connection: &Connection,
    statement: &Statement,
    deadline: Instant,
) -> Result<Reply, DbError> {
    if statement.sets == 1 {
        return connection.run_until(statement, deadline);
    }
    connection.control("SAVEPOINT sets")?;
    let outcome = connection.run_until(statement, deadline);
    // When SQLite has rolled back everything, the savepoint is gone too.
    if !connection.is_autocommit() {
        if outcome.is_err() {
            connection.control("ROLLBACK TO sets")?;
        }
        connection.control("RELEASE sets")?;
    }
    outcome
}

fn run_whole(connection: &Connection, statement: &Statement) -> Result<Reply, DbError> {
    run_whole_until(connection, statement, Instant::now() + connection.limits().statement)
}

/// Ends what a failure (or a statement such as `BEGIN`) has left open.
fn rollback(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(fault) = connection.control("ROLLBACK")
    {
        tracing::error!(target: "mainstay::db", error = %fault, "a transaction could not be rolled back");
    }
}

fn answer((job, outcome): Outcome) {
    // Whoever asked may have gone. The write stands.
    let _ = job.reply.send(outcome);
}
