//! MySQL 8 and MariaDB 10.6, and newer ones of both.
//!
//! - `location`: what a `mysql:` URL means, TLS included.
//! - `server`: which of the two answers, in which version, and how a session with it is set up.
//! - `connection`: opening a connection, and running one statement on it.
//! - `bind`: values on their way to the server; `buffer`: the cells on their way back.
//! - `failure`: what the server's error codes mean; `indexes`: which columns a violated index has.
//! - `pool`: so many connections and no more, how they are lent, probed and made anew; `lease`: one that is lent.
//! - `detach`: work on a connection that goes on when nobody waits for it any more, and is stopped when it takes long.
//! - `session`: a transaction, which has its connection to itself; `cursor`: so does a stream.
//!
//! The protocol allows one statement at a time on a connection, and none can be called back once it is sent. Whoever drops
//! a future must leave the connection in a known state nonetheless. So what runs on a connection owns it, and is handed to
//! a task of its own when its caller goes away; see `detach`.
//!
//! The pool is ours and not the library's: that one has no deadline for waiting, no back-off, and rolls back and resets
//! at points of its own choosing, which the contract of a driver leaves to the transaction.
//!
//! What differs between the two servers is asked of [`Dialect`] (above all: MySQL cannot return rows from a write, MariaDB
//! can from an insert and a delete), and of `server` for the words of a session.

mod bind;
mod buffer;
mod connection;
mod cursor;
mod detach;
mod failure;
mod indexes;
mod lease;
mod location;
mod pool;
mod server;
mod session;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::driver::{Begin, Dialect, Driver, PoolStatus, Reply, RowStream, Statement, Transaction};
use crate::error::DbError;

pub(crate) use buffer::Buffer;
pub use location::{Location, Tls};

use pool::Pool;

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct MySqlOptions {
    /// The most connections. They are opened as they are needed.
    pub connections: usize,
    /// How long to wait for a connection to come free or to be made, and for a lock on a row.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long a transaction may be open.
    pub transaction_timeout: Duration,
    /// A connection that is older is replaced, so that a server that has come back gets its share.
    pub lifetime: Duration,
    /// The name by which the server's administrator sees the connections.
    pub application_name: String,
    /// Whether nothing may be written, also by a user to whom `read_only` on the server does not apply.
    pub read_only: bool,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            transaction_timeout: Duration::from_secs(5),
            lifetime: Duration::from_secs(30 * 60),
            application_name: "mainstay".to_owned(),
            read_only: false,
        }
    }
}

/// The driver.
pub struct MySql {
    pool: Arc<Pool>,
    dialect: Dialect,
}

impl MySql {
    /// Connects to the server that `location` names, and finds out which it is.
    pub async fn open(location: Location, options: MySqlOptions) -> Result<Self, DbError> {
        let pool = Pool::open(location, options).await?;
        let dialect = pool.shared().server.dialect();
        Ok(Self { pool, dialect })
    }
}

impl Driver for MySql {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        self.pool.run(statement).boxed()
    }

    fn begin(&self, how: Begin) -> BoxFuture<'_, Result<Box<dyn Transaction>, DbError>> {
        session::begin(&self.pool, how).boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        cursor::open(&self.pool, statement).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.pool.close().boxed()
    }

    fn status(&self) -> PoolStatus {
        self.pool.status()
    }
}
