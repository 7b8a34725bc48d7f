//! One process at a time: two servers that start together apply each migration once.
//!
//! The lock is a transaction. On SQLite that is the only writer; on PostgreSQL it holds an advisory lock, of the transaction
//! and not of the session, so that it works behind a pooler; on MySQL it keeps the connection that holds a named lock. Where
//! the engine's transactions cover tables too, the migration runs in this very transaction.
//!
//! It is asked for again and again rather than waited for: on PostgreSQL a waiting statement would keep an index from being
//! built `CONCURRENTLY`, and both would wait for ever.

use std::time::{Duration, Instant};

use super::fault::MigrateError;
use crate::db::Db;
use crate::driver::{Access, Begin, Dialect, Statement};
use crate::error::DbError;
use crate::executor::Executor;
use crate::transaction::Tx;
use crate::value::Value;

/// "mainstay", as a number: the advisory lock of PostgreSQL.
const NUMBER: i64 = 0x6d61_696e_7374_6179;
/// How long between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes the lock, within `limit`; the transaction may then be open for as long again.
pub(super) async fn take(db: &Db, limit: Duration) -> Result<Tx, MigrateError> {
    let begun = Instant::now();
    let how = Begin { access: Access::Schema, limit: Some(limit), ..Begin::default() };
    let mut said = false;
    loop {
        match attempt(db, how).await {
            Ok(Some(tx)) => return Ok(tx),
            Ok(None) | Err(DbError::Busy { .. }) => {}
            Err(fault) => return Err(fault.into()),
        }
        if begun.elapsed() > limit {
            return Err(MigrateError::Locked(begun.elapsed()));
        }
        if !said {
            tracing::info!(target: "mainstay::db", "waiting for another process that is migrating the database");
            said = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn attempt(db: &Db, how: Begin) -> Result<Option<Tx>, DbError> {
    let tx = Tx::begin(db, how).await?;
    let statement = match db.dialect() {
        // BEGIN IMMEDIATE was it.
        Dialect::Sqlite => return Ok(Some(tx)),
        Dialect::Postgres => {
            // No limit but the transaction's, and no queue behind a long reader in which everybody else would wait too.
            let script = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'";
            tx.target().run(Statement::script(script)).await?;
            Statement::read("SELECT pg_try_advisory_xact_lock($1)", vec![Value::Int(NUMBER)])
        }
        Dialect::MySql | Dialect::MariaDb => Statement::read(
            "SELECT GET_LOCK(concat('mainstay:', left(sha2(database(), 256), 40)), 0) = 1",
            Vec::new(),
        ),
    };
    let reply = tx.target().run(statement).await?;
    let taken: bool = reply.rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(false);
    if taken {
        return Ok(Some(tx));
    }
    let _undone = tx.rollback().await;
    Ok(None)
}

/// Gives back a lock that was taken for its own sake, and keeps nothing else.
pub(super) async fn release(tx: Tx) -> Result<(), MigrateError> {
    if matches!(tx.target().dialect(), Dialect::MySql | Dialect::MariaDb) {
        let sql = "SELECT RELEASE_LOCK(concat('mainstay:', left(sha2(database(), 256), 40)))";
        tx.target().run(Statement::read(sql, Vec::new())).await?;
    }
    // Nothing was written in it: a failure to end it is the driver's to mend.
    let _ended = tx.rollback().await;
    Ok(())
}

/// Keeps what was written in it, and gives it back.
pub(super) async fn commit(tx: Tx) -> Result<(), MigrateError> {
    if matches!(tx.target().dialect(), Dialect::MySql | Dialect::MariaDb) {
        let sql = "SELECT RELEASE_LOCK(concat('mainstay:', left(sha2(database(), 256), 40)))";
        tx.target().run(Statement::read(sql, Vec::new())).await?;
    }
    tx.commit().await.map_err(|error| match error.source_as::<DbError>() {
        Some(fault) => fault.clone().into(),
        None => MigrateError::Database(DbError::Model { detail: error.report() }),
    })
}
