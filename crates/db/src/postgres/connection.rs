//! One connection, and running statements on it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, TryStreamExt};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::types::{Kind as Family, Type};
use tokio_postgres::{Client, Error, RowStream};

use super::Pooler;
use super::bind::{AsText, Bound};
use super::buffer::Buffer;
use super::cancel::Canceller;
use super::command::Command;
use super::connector::Reach;
use super::failure::{Failure, Fault};
use super::kind::Kind;
use super::pool::Lease;
use super::prepared::{Cache, Prepared};
use super::under_way::{GRACE, UnderWay};
use crate::driver::{Reply, Statement, StatementKind};
use crate::error::{DbError, Outcome};
use crate::row;
use crate::value::Value;

/// How many executions of one statement are under way at a time.
const ABREAST: usize = 256;

pub(super) struct Connection {
    client: Client,
    canceller: Canceller,
    prepared: Cache,
    pooler: Pooler,
    statement_timeout: Duration,
    born: Instant,
    /// The server has not answered in time.
    given_up: AtomicBool,
    /// Dropped after the client.
    reach: Reach,
}

impl Connection {
    pub(super) fn new(
        client: Client,
        canceller: Canceller,
        reach: Reach,
        (pooler, limit): (Pooler, Duration),
    ) -> Self {
        Self {
            client,
            canceller,
            prepared: Cache::default(),
            pooler,
            statement_timeout: limit,
            born: Instant::now(),
            given_up: AtomicBool::new(false),
            reach,
        }
    }

    /// Whether nothing can be sent on it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.is_given_up()
    }

    pub(super) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    pub(super) fn pooler(&self) -> Pooler {
        self.pooler
    }

    pub(super) fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    /// Cuts a connection whose server has stopped to answer. Whatever is under way on it fails.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
        self.reach.cut.notify_one();
    }

    /// Whether it was cut because the server has stopped to answer.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Runs one statement, once, in a place of a shared connection. Whoever waits may stop waiting.
    pub(super) async fn run_shared(mut lease: Lease, statement: Arc<Statement>) -> Result<Reply, Fault> {
        let kind = statement.kind;
        let known = lease.prepared.is_some();
        let prepared = match &lease.prepared {
            Some(prepared) => {
                prepared.command.allow(kind, &statement.sql)?;
                Arc::clone(prepared)
            }
            None => lease.connection.parse(&statement).boxed().await?,
        };
        lease.prepared = Some(Arc::clone(&prepared));
        let lease = Arc::new(lease);
        let _waiting = UnderWay::new(&lease, kind);
        let (told, answer) = oneshot::channel();
        let connection = Arc::clone(&lease.connection);
        let exchange = async move {
            let connection = &lease.connection;
            let outcome = connection.execute(&prepared, &statement.values, kind).await;
            let outcome = connection.remember_stale(outcome, &statement.sql, known);
            drop(lease);
            // Whoever asked may have gone.
            let _heard = told.send(outcome);
        };
        connection.reach.answers.start(exchange.boxed());
        answer.await.unwrap_or(Err(Fault::Refused(DbError::Closed)))
    }

    /// A statement that was prepared for tables of another form is forgotten.
    fn remember_stale(&self, outcome: Result<Reply, Fault>, sql: &str, known: bool) -> Result<Reply, Fault> {
        match outcome {
            Err(Fault::Met(failure)) if failure.is_stale() => {
                self.prepared.forget(sql);
                Err(if known { Fault::Stale(failure) } else { Fault::Met(failure) })
            }
            outcome => outcome,
        }
    }

    /// Runs one statement, once.
    pub(super) async fn run(&self, statement: &Statement) -> Result<Reply, Fault> {
        if self.pooler == Pooler::Transaction {
            let rows = self.start_unnamed(statement).await?;
            return self.collect(rows, None, statement.kind).await;
        }
        let (prepared, known) = self.prepare(statement).await?;
        let outcome = self.execute(&prepared, &statement.values, statement.kind).await;
        self.remember_stale(outcome, &statement.sql, known)
    }

    /// Runs one statement for each of its sets of values, without waiting in between. It has to be in a transaction.
    pub(super) async fn run_many(&self, statement: &Statement) -> Result<Reply, Fault> {
        let mut affected = 0;
        let width = statement.values.len() / statement.sets.max(1);
        if width == 0 {
            for _ in 0..statement.sets {
                affected += self.run(statement).await?.affected;
            }
            return Ok(Reply { affected, ..Reply::default() });
        }
        let prepared = match self.pooler {
            Pooler::None => Some(self.prepare(statement).await?.0),
            Pooler::Transaction => None,
        };
        let sets: Vec<&[Value]> = statement.values.chunks(width).collect();
        for sets in sets.chunks(ABREAST) {
            let replies = sets.iter().map(|values| async {
                match &prepared {
                    Some(prepared) => self.execute(prepared, values, statement.kind).await,
                    None => {
                        let rows = self.start_text(&statement.sql, values).await?;
                        self.collect(rows, None, statement.kind).await
                    }
                }
            });
            // The first failure is the one to be told; those behind it only say that the transaction has failed.
            for reply in futures_util::future::join_all(replies).await {
                affected += reply?.affected;
            }
        }
        Ok(Reply { affected, ..Reply::default() })
    }

    /// Sends a statement that controls a transaction.
    pub(super) async fn control(&self, sql: &str) -> Result<(), Failure> {
        self.answered(self.script(sql)).await
    }

    /// Sends statements that have no values, several at once. The server limits each of them, so that all together may take
    /// longer than one.
    pub(super) async fn script(&self, sql: &str) -> Result<(), Failure> {
        let sent = !self.client.is_closed();
        self.client.batch_execute(sql).await.map_err(|error| Failure { error, outcome: unknown_if(sent) })
    }

    /// Waits no longer than the server may take. Then the connection is cut, and the answer is that it is lost.
    async fn answered<T>(&self, reply: impl Future<Output = T>) -> T {
        let mut reply = pin!(reply);
        match timeout(self.statement_timeout + GRACE, &mut reply).await {
            Ok(answer) => answer,
            Err(_) => {
                self.give_up();
                reply.await
            }
        }
    }

    /// Waits until everything that was sent before has been answered.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        self.client.check_connection().await
    }

    /// Asks the server to stop what runs on this connection, and waits until it has seen to it.
    pub(super) async fn cancel(&self) {
        self.canceller.cancel().await;
    }

    /// Declares a cursor.
    pub(super) async fn declare(&self, sql: &str, values: &[Value]) -> Result<(), Fault> {
        let declared = async {
            let rows = self.start_text(sql, values).await?;
            self.collect(rows, None, StatementKind::Read).await.map(|_| ())
        };
        self.answered(declared).await
    }

    /// The rows of the next part of a cursor.
    pub(super) async fn fetch(&self, sql: &str) -> Result<Reply, Fault> {
        let fetched = async {
            let rows = self.start_text(sql, &[]).await?;
            self.collect(rows, None, StatementKind::Read).await
        };
        self.answered(fetched).await
    }

    /// The statement as it was prepared here before, if it was.
    pub(super) fn known(&self, sql: &str) -> Option<Arc<Prepared>> {
        self.prepared.get(sql)
    }

    /// How long it mostly takes here, if it has run here.
    pub(super) fn pace_of(&self, sql: &str) -> Option<Duration> {
        self.known(sql)?.pace()
    }

    /// The prepared statement, and whether it was known before.
    async fn prepare(&self, statement: &Statement) -> Result<(Arc<Prepared>, bool), Fault> {
        if let Some(prepared) = self.known(&statement.sql) {
            prepared.command.allow(statement.kind, &statement.sql)?;
            return Ok((prepared, true));
        }
        Ok((self.parse(statement).await?, false))
    }

    async fn parse(&self, statement: &Statement) -> Result<Arc<Prepared>, Fault> {
        let command = Command::of(&statement.sql);
        command.allow(statement.kind, &statement.sql)?;
        let parsed = self.client.prepare(&statement.sql).await;
        let parsed = parsed.map_err(|error| Failure { error, outcome: Outcome::NotDone })?;
        let prepared = Arc::new(Prepared::new(parsed, command));
        self.prepared.put(Arc::clone(&statement.sql), Arc::clone(&prepared));
        Ok(prepared)
    }

    async fn execute(
        &self,
        prepared: &Prepared,
        values: &[Value],
        kind: StatementKind,
    ) -> Result<Reply, Fault> {
        let sent = !self.client.is_closed();
        let outcome = self.outcome(sent, kind, prepared.command);
        let rows = self.client.query_raw(&prepared.statement, values.iter().map(Bound)).await;
        let rows = rows.map_err(|error| Failure { error, outcome })?;
        self.collect(rows, Some(&prepared.kinds), kind).await
    }

    /// Starts a statement that the server forgets again, with its parameters in text form: their types need not be asked
    /// for, so that nothing has to be remembered between two messages.
    async fn start_unnamed(&self, statement: &Statement) -> Result<RowStream, Fault> {
        Command::of(&statement.sql).allow(statement.kind, &statement.sql)?;
        self.start_text(&statement.sql, &statement.values).await
    }

    async fn start_text(&self, sql: &str, values: &[Value]) -> Result<RowStream, Fault> {
        let sent = !self.client.is_closed();
        let values = values.iter().map(|value| (AsText(value), unspecified()));
        let started = self.client.query_typed_raw(sql, values).await;
        Ok(started.map_err(|error| Failure { error, outcome: unknown_if(sent) })?)
    }

    async fn collect(
        &self,
        rows: RowStream,
        kinds: Option<&Arc<[Kind]>>,
        kind: StatementKind,
    ) -> Result<Reply, Fault> {
        let mut rows = pin!(rows);
        let mut all = Vec::new();
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => all.push(row),
                Ok(None) => break,
                Err(error) => {
                    // Its work was done, and the server about to commit.
                    let outcome = match (kind, rows.rows_affected()) {
                        (StatementKind::Read, _) => Outcome::NotDone,
                        (_, None) if error.as_db_error().is_some() => Outcome::NotDone,
                        _ => Outcome::Unknown,
                    };
                    return Err(Fault::Met(Failure { error, outcome }));
                }
            }
        }
        let affected = match kind {
            StatementKind::Read => 0,
            StatementKind::Write | StatementKind::Script => rows.rows_affected().unwrap_or(0),
        };
        let kinds = match (kinds, all.first()) {
            (_, None) => return Ok(Reply { affected, ..Reply::default() }),
            (Some(kinds), _) => Arc::clone(kinds),
            (None, Some(row)) => row.columns().iter().map(|column| Kind::of(column.type_())).collect(),
        };
        let rows = row::Rows::from(row::Buffer::Postgres(Buffer::new(kinds, all)));
        Ok(Reply { rows, affected, generated_key: None })
    }

    fn outcome(&self, sent: bool, kind: StatementKind, command: Command) -> Outcome {
        if kind == StatementKind::Read && command == Command::Read {
            Outcome::NotDone
        } else {
            unknown_if(sent)
        }
    }
}

fn unknown_if(sent: bool) -> Outcome {
    if sent { Outcome::Unknown } else { Outcome::NotDone }
}

/// The type of a parameter that the server is to find out by itself.
fn unspecified() -> Type {
    Type::new(String::new(), 0, Family::Simple, String::new())
}
