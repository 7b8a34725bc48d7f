//! Group commit: the writes of many tasks, and whole transactions of theirs, in one transaction with one sync to disk.
//!
//! One that fails takes nothing else with it: a statement that fails undoes what it did, by SQLite's own rules, and one that
//! is run for several sets of values stands in a savepoint, as does a transaction. (A savepoint for each statement would cost
//! two more and undo nothing else.) Nobody hears of success before COMMIT has come back, nor a statement of failure: a failure
//! may be the doing of a neighbour that is then not committed (two rows with one unique value). When the group itself fails,
//! its statements are run one by one, each in its own transaction; its transactions fail.
//!
//! Who is in a group waits for a transaction that joins it. So none joins that does not begin at once, none when the last one
//! took long, and none when the group is old already. One that pauses behind others, for a lock of the application or for
//! another service, is undone, the others are committed, and what it had done is repeated in a transaction of its own. What
//! remains is that they wait for one statement of it, and fail with it when that is stopped in the middle of writing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::queue::{Job, Queue};
use super::session::{Place, Served, Service, Waiting};
use super::writer::Order;
use crate::driver::{Access, Reply, Statement, StatementKind};
use crate::error::DbError;

/// The most that share a commit: it bounds how long the first one waits for the last.
const MOST: usize = 256;
/// A group that has been open for so long gets no further transaction.
const LONGEST: Duration = Duration::from_millis(10);
/// After a transaction that took longer, none joins a group, until there is a shorter one.
const SHORT: Duration = Duration::from_millis(5);
/// So soon a transaction has to say what it does first, or the group is committed without it.
const PROMPT: Duration = Duration::from_millis(2);

/// The writer's connection, and what it knows about sharing a commit.
pub(super) struct Committer<'a> {
    connection: &'a Connection,
    orders: &'a Queue<Order>,
    /// The last transaction was short.
    short: bool,
    /// The version of the tables when they were looked at.
    version: Option<i64>,
    /// A constraint is looked at only when the whole is committed, so that one transaction could fail all the others.
    deferred: bool,
}

/// Who waits for a group to be committed.
enum Member {
    Statement(Job, Result<Reply, DbError>),
    Transaction(Waiting),
}

/// What comes in while a group is open.
struct Arrivals {
    begun: Instant,
    /// Those that have been taken from the queue already.
    taken: VecDeque<Order>,
    /// Others have been let run who are about to write.
    waited: bool,
    /// Whether a transaction may join, once that is known.
    shared: Option<bool>,
}

impl<'a> Committer<'a> {
    pub(super) fn new(connection: &'a Connection, orders: &'a Queue<Order>) -> Self {
        Self { connection, orders, short: true, version: None, deferred: true }
    }

    /// Runs a statement or a transaction, and what may be committed with it.
    pub(super) fn commit(&mut self, first: Order) {
        let mut left = VecDeque::from([first]);
        while let Some(first) = left.pop_front() {
            if !first.is_abandoned() {
                left = self.commit_group(first);
            }
        }
    }

    /// Returns what has to be run in a group of its own.
    fn commit_group(&mut self, first: Order) -> VecDeque<Order> {
        let mut arrivals =
            Arrivals { begun: Instant::now(), taken: VecDeque::new(), waited: false, shared: None };
        match first {
            Order::Write(job) => match self.next(&mut arrivals) {
                Some(second) => arrivals.taken.extend([Order::Write(job), second]),
                None => {
                    self.run_alone(job);
                    return VecDeque::new();
                }
            },
            transaction @ Order::Begin(..) => arrivals.taken.push_back(transaction),
        }
        if let Err(fault) = self.connection.control("BEGIN IMMEDIATE") {
            arrivals.taken.into_iter().for_each(|order| order.refuse(fault.clone()));
            return VecDeque::new();
        }
        let mut members = Vec::new();
        while members.len() < MOST
            && let Some(order) = self.next(&mut arrivals)
        {
            match order {
                order if order.is_abandoned() => {}
                Order::Write(job) => {
                    let outcome = run_whole(self.connection, &job.statement);
                    members.push(Member::Statement(job, outcome));
                }
                Order::Begin(access, limit, opening) => {
                    if let Some(service) = Service::open(self.connection, access, limit, opening) {
                        self.serve(service, &mut members);
                    }
                }
            }
            if self.connection.is_autocommit() {
                break;
            }
        }
        self.end(members);
        arrivals.taken
    }

    /// A transaction, from its beginning to its end.
    fn serve(&mut self, mut service: Service<'_>, members: &mut Vec<Member>) {
        let mut paused = false;
        if !members.is_empty() && !service.is_prompt(PROMPT) {
            if let Err(fault) = self.begin_after(members) {
                return service.refuse(fault);
            }
            service.begin_anew();
        }
        loop {
            let place = if members.is_empty() { Place::First } else { Place::Behind };
            service = match service.serve(place) {
                Served::Ended { held, waiting } => {
                    self.short = !paused && held <= SHORT;
                    return members.extend(waiting.map(Member::Transaction));
                }
                Served::Paused(service) => service,
            };
            paused = true;
            if let Err(fault) = self.begin_after(members).and_then(|()| service.repeat()) {
                rollback(self.connection);
                return service.refuse(fault);
            }
        }
    }

    /// Commits the others, and begins anew.
    fn begin_after(&mut self, members: &mut Vec<Member>) -> Result<(), DbError> {
        self.end(std::mem::take(members));
        self.connection.control("BEGIN IMMEDIATE")
    }

    /// Commits, and says so to everybody.
    fn end(&self, members: Vec<Member>) {
        let outcome = if !self.connection.is_autocommit() {
            self.connection.control("COMMIT")
        } else if members.is_empty() {
            Ok(())
        } else {
            // The disk is full, or one of them was stopped in the middle of a statement.
            Err(DbError::SerializationFailure {
                detail: "SQLite has undone it with the writes that it was to be committed with".to_owned(),
            })
        };
        let Err(fault) = outcome else { return members.into_iter().for_each(Member::succeed) };
        if members.len() > 1 {
            tracing::warn!(target: "mainstay::db", error = %fault, writes = members.len(), "a group of writes was not committed: each statement is run by itself");
        }
        rollback(self.connection);
        for member in members {
            match member {
                Member::Statement(job, _) => self.run_alone(job),
                Member::Transaction(waiting) => drop(waiting.send(Err(fault.clone()))),
            }
        }
    }

    pub(super) fn run_alone(&self, job: Job) {
        let (connection, statement) = (self.connection, &job.statement);
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
        Member::Statement(job, outcome).succeed();
    }

    /// The next member of the group, if there is one. Once, others are let run who are about to write: where they share a
    /// processor with the writer, it would otherwise commit the first write of each of them alone.
    fn next(&mut self, arrivals: &mut Arrivals) -> Option<Order> {
        let order = arrivals.taken.pop_front().or_else(|| self.arrived(arrivals));
        if order.is_some() || std::mem::replace(&mut arrivals.waited, true) {
            return order;
        }
        std::thread::yield_now();
        self.arrived(arrivals)
    }

    /// The first order in the queue, if it may join the group. Whatever else it is waits for its turn.
    fn arrived(&mut self, arrivals: &mut Arrivals) -> Option<Order> {
        let orders = self.orders;
        orders.pop_if(|order| match order {
            Order::Write(job) => job.statement.kind == StatementKind::Write,
            Order::Begin(Access::ReadWrite, ..) => {
                arrivals.begun.elapsed() < LONGEST
                    && *arrivals.shared.get_or_insert_with(|| self.short && !self.defers_constraints())
            }
            Order::Begin(..) => false,
        })
    }

    fn defers_constraints(&mut self) -> bool {
        let version = self.connection.schema_version();
        if version.is_none() || version != self.version {
            self.deferred = self.connection.defers_constraints();
            self.version = version;
        }
        self.deferred
    }
}

impl Member {
    fn succeed(self) {
        // Whoever asked may have gone. What was written stands.
        match self {
            Self::Statement(job, outcome) => drop(job.reply.send(outcome)),
            Self::Transaction(waiting) => drop(waiting.send(Ok(()))),
        }
    }
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
        let undone = if outcome.is_err() { connection.control("ROLLBACK TO sets") } else { Ok(()) };
        if let Err(fault) = undone.and_then(|()| connection.control("RELEASE sets")) {
            // Rather all than a part.
            rollback(connection);
            return Err(fault);
        }
    }
    outcome
}

fn run_whole(connection: &Connection, statement: &Statement) -> Result<Reply, DbError> {
    run_whole_until(connection, statement, Instant::now() + connection.limits().statement)
}

/// Ends what a failure (or a statement such as `BEGIN`) has left open.
pub(super) fn rollback(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(fault) = connection.control("ROLLBACK")
    {
        tracing::error!(target: "mainstay::db", error = %fault, "a transaction could not be rolled back");
    }
}
