//! PostgreSQL: a pool of connections, shared where that is safe.
//!
//! - `location`: what a `postgres:` URL means; `tls`: what it asks of the server's certificate.
//! - `connector`: opening a connection, and keeping it going; `connection`: running one statement on it; `cancel`: stopping
//!   what runs there; `prepared`: the statements that it keeps; `command`: what a statement does, seen by its first word.
//! - `kind`: the types that go over the wire in binary; `bind`, `text`: values on their way there; `buffer`: rows on their
//!   way back, read in place; `numeric`: exact numbers, both ways; `array`: lists on their way back.
//! - `failure`: what the server's codes mean.
//! - `pool`: who may use which connection; `answers`: what shared connections still have to answer; `under_way`: what becomes
//!   of a statement that nobody waits for any more.
//! - `session`: transactions; `stream`: large results; `listen`: hearing what other processes signal.
//!
//! Statements by themselves share connections, and are sent without waiting for each other's replies; `docs/decisions/`, number
//! 12, says which goes where. A transaction and a stream have a connection to themselves.

mod answers;
mod array;
mod bind;
mod buffer;
mod cancel;
mod command;
mod connection;
mod connector;
mod failure;
mod kind;
mod listen;
mod location;
mod numeric;
mod pool;
mod prepared;
mod session;
mod stream;
mod text;
mod tls;
mod under_way;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::driver::{
    ATTEMPTS, Access, Begin, Conflicts, Dialect, Driver, Ear, Ending, PoolStatus, Reply, RowStream,
    Statement, StatementKind, Transaction,
};
use crate::error::{DbError, Outcome};

pub(crate) use array::elements;
pub(crate) use buffer::Buffer;
pub use location::Location;

use connection::Connection;
use connector::Connector;
use failure::Fault;
use pool::{Lease, Pool};
use session::Session;
use stream::Cursor;
use under_way::{GRACE, UnderWay};

/// How long a stream may wait for its reader.
const STREAM_IDLE: Duration = Duration::from_secs(300);
/// Connections for what must not go through a pooler.
const DIRECT: usize = 2;

/// How a server is used.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The most connections.
    pub connections: usize,
    /// How long to wait for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run. The server enforces it.
    pub statement_timeout: Duration,
    /// How long a transaction may be open.
    pub transaction_timeout: Duration,
    /// After so long without use a connection is closed.
    pub idle_timeout: Duration,
    /// After so long a connection is closed when it is next free, so that a balancer can move it.
    pub max_lifetime: Duration,
    /// What stands between here and the server.
    pub pooler: Pooler,
    /// The server itself, past the pooler: for scripts, which change the schema.
    pub direct: Option<Location>,
    /// What the connections are called in `pg_stat_activity`, unless the address says it.
    pub application_name: String,
}

/// What stands between an application and a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or something that keeps a connection for each of ours.
    #[default]
    None,
    /// PgBouncer (or its like) in transaction mode: another server connection for each transaction, so that nothing is
    /// left behind on one: no prepared statements, no settings.
    Transaction,
}

impl Pooler {
    /// `none` or `transaction`.
    pub fn parse(name: &str) -> Result<Self, DbError> {
        match name {
            "none" => Ok(Self::None),
            "transaction" => Ok(Self::Transaction),
            other => Err(DbError::Unavailable {
                detail: format!("the pooler `{other}` is neither `none` nor `transaction`"),
            }),
        }
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            transaction_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(1_800),
            pooler: Pooler::None,
            direct: None,
            application_name: "mainstay".to_owned(),
        }
    }
}

impl PostgresOptions {
    /// When the server itself ends a transaction in which nothing happens: should this process have gone without a word.
    fn idle_in_transaction(&self, limit: Duration) -> Duration {
        limit + GRACE
    }
}

/// The driver.
pub struct Postgres {
    pool: Pool,
    direct: Option<Pool>,
    options: PostgresOptions,
    /// Whether it is open: who listens is told by the end of it.
    open: watch::Sender<bool>,
}

impl Postgres {
    /// Connects to the server at `location`.
    pub async fn open(location: Location, options: PostgresOptions) -> Result<Self, DbError> {
        let connector = Connector::new(&location, options.pooler, &options)?;
        let pool = Pool::new(connector, options.connections, &options);
        let direct = match &options.direct {
            Some(direct) => {
                Some(Pool::new(Connector::new(direct, Pooler::None, &options)?, DIRECT, &options))
            }
            None => None,
        };
        // What is wrong with the address shows now.
        pool.take().await?.give_back();
        Ok(Self { pool, direct, options, open: watch::Sender::new(true) })
    }

    /// Runs a statement in a place of a shared connection. One that writes is run again if it met a transaction; one that reads meets
    /// none, but on a server that follows another: that is for who has chosen it.
    async fn run_alone(&self, statement: Statement) -> Result<Reply, DbError> {
        let writes = statement.kind == StatementKind::Write;
        let statement = Arc::new(statement);
        let mut conflicts = Conflicts::among(ATTEMPTS);
        loop {
            match self.run_once(&statement).await {
                Err(fault) if writes && conflicts.pass(&fault).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn run_once(&self, statement: &Arc<Statement>) -> Result<Reply, DbError> {
        let mut tried = false;
        loop {
            let lease = self.pool.share(statement).await?;
            match self.run_on(lease, statement).await {
                Ok(reply) => return Ok(reply),
                Err(Attempt::Again(fault)) if !tried => {
                    tried = true;
                    if matches!(fault, DbError::ConnectionLost { .. }) {
                        self.pool.distrust();
                    }
                }
                Err(Attempt::Again(fault) | Attempt::Failed(fault)) => return Err(fault),
            }
        }
    }

    async fn run_on(&self, lease: Lease, statement: &Arc<Statement>) -> Result<Reply, Attempt> {
        let connection = Arc::clone(&lease.connection);
        let limit = connection.statement_timeout();
        let outcome = match connection.pooler() {
            Pooler::None => Connection::run_shared(lease, Arc::clone(statement)).await,
            Pooler::Transaction => self.run_behind_pooler(lease, statement).boxed().await?,
        };
        outcome.map_err(|fault| {
            let silent = connection.is_given_up();
            let again = fault.may_be_tried_again() && !silent;
            match fault.explain(&statement.sql, limit) {
                DbError::ConnectionLost { outcome: Outcome::NotDone, .. } if silent => {
                    Attempt::Failed(DbError::Timeout { limit })
                }
                fault if again => Attempt::Again(fault),
                fault => Attempt::Failed(fault),
            }
        })
    }

    /// The server does not know the limit of a statement there, so it is kept here.
    async fn run_behind_pooler(
        &self,
        lease: Lease,
        statement: &Statement,
    ) -> Result<Result<Reply, Fault>, Attempt> {
        let lease = Arc::new(lease);
        let connection = &lease.connection;
        let limit = connection.statement_timeout();
        // Nobody else is on the connection. Whoever stops to wait leaves the place to who stops the statement.
        let _waiting = UnderWay::new(&lease, statement.kind);
        match timeout(limit, connection.run(statement)).await {
            Ok(outcome) => {
                // It is answered: nothing is left to be stopped.
                drop(lease);
                Ok(outcome)
            }
            Err(_) => {
                connection.cancel().await;
                Err(Attempt::Failed(DbError::Timeout { limit }))
            }
        }
    }

    /// Several executions, all or none: a transaction, and another one if it met one.
    async fn run_sets(&self, statement: Statement) -> Result<Reply, DbError> {
        if statement.sets == 0 {
            return Ok(Reply::default());
        }
        let mut conflicts = Conflicts::among(ATTEMPTS);
        loop {
            match self.run_sets_once(&statement).await {
                Err(fault) if conflicts.pass(&fault).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn run_sets_once(&self, statement: &Statement) -> Result<Reply, DbError> {
        let session = Box::new(self.session(Begin::default()).await?);
        let reply = session.run_inside(statement).await?;
        session.end(Ending::Commit).await?;
        Ok(reply)
    }

    /// A script gets a connection that is closed afterwards: it may have changed settings.
    async fn script(&self, statement: Statement) -> Result<Reply, DbError> {
        let taken = self.direct.as_ref().unwrap_or(&self.pool).take().await?;
        let connection = &taken.connection;
        let limit = connection.statement_timeout();
        connection.script(&statement.sql).await.map_err(|failure| failure.explain(&statement.sql, limit))?;
        Ok(Reply::default())
    }

    async fn session(&self, how: Begin) -> Result<Session, DbError> {
        let limit = how.limit.unwrap_or(self.options.transaction_timeout);
        let sql = session::begin(how, &self.settings(how.limit, self.options.idle_in_transaction(limit)));
        // A pooler may not hold a connection for as long as tables take to change.
        let direct = self.direct.as_ref().filter(|_| how.access == Access::Schema);
        self.begun(direct.unwrap_or(&self.pool), &sql, Some(limit)).await
    }

    /// A connection that turns out to be dead is replaced once: nothing has happened yet.
    async fn begun(&self, pool: &Pool, sql: &str, limit: Option<Duration>) -> Result<Session, DbError> {
        let mut tried = false;
        loop {
            match Session::begin(pool.take().await?, sql, limit).await {
                Ok(session) => return Ok(session),
                Err(Fault::Met(failure)) if !tried && failure.is_lost() => {
                    tried = true;
                    self.pool.distrust();
                }
                Err(fault) => return Err(fault.explain(sql, self.options.statement_timeout)),
            }
        }
    }

    /// Limits of one transaction, where they are not those of the connection.
    fn settings(&self, own: Option<Duration>, idle: Duration) -> String {
        let mut settings = String::new();
        if self.options.pooler == Pooler::Transaction {
            let statement = self.options.statement_timeout.as_millis();
            settings.push_str(&format!("; SET LOCAL statement_timeout = {statement}"));
        }
        if self.options.pooler == Pooler::Transaction || own.is_some() {
            let idle = idle.as_millis();
            settings.push_str(&format!("; SET LOCAL idle_in_transaction_session_timeout = {idle}"));
        }
        settings
    }

    async fn open_stream(&self, statement: &Statement) -> Result<RowStream, DbError> {
        let how = Begin { access: Access::ReadOnly, ..Begin::default() };
        let sql = session::begin(how, &self.settings(Some(STREAM_IDLE), STREAM_IDLE));
        let session = self.begun(&self.pool, &sql, None).await?;
        let cursor = Cursor::open(Arc::clone(&session.inside), statement).await?;
        Ok(cursor.into_stream(Some(session)))
    }
}

/// What came of one attempt.
enum Attempt {
    /// Nothing has happened, and another attempt may succeed.
    Again(DbError),
    Failed(DbError),
}

impl Driver for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        if statement.kind == StatementKind::Script {
            self.script(statement).boxed()
        } else if statement.sets == 1 {
            self.run_alone(statement).boxed()
        } else {
            self.run_sets(statement).boxed()
        }
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        async move { Ok(Box::new(self.session(how).await?) as Box<dyn Transaction>) }.boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        async move { self.open_stream(&statement).await }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            self.open.send_replace(false);
            let limit = self.options.transaction_timeout + GRACE;
            self.pool.close(limit).await;
            if let Some(direct) = &self.direct {
                direct.close(limit).await;
            }
        }
        .boxed()
    }

    fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    fn listen(&self, ear: Arc<dyn Ear>) -> Option<BoxFuture<'static, Result<(), DbError>>> {
        // Behind a pooler, the next statement would meet another connection of the server, which listens to nothing.
        let pool = match (&self.direct, self.options.pooler) {
            (Some(direct), _) => direct,
            (None, Pooler::None) => &self.pool,
            (None, Pooler::Transaction) => return None,
        };
        Some(listen::listen(Arc::clone(pool.connector()), ear, self.open.subscribe()).boxed())
    }
}
