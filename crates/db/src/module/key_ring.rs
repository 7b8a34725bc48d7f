//! The ring of keys in the application's database: `keys.ring = "database"`. All its processes share it, and nothing else has to be
//! backed up.
//!
//! It is one row of the table `mainstay_keys`, sealed by `keys.secret`. The table belongs to no model and no migration, as that of
//! the migrations does: keys are asked for before migrations have run, and an application that keeps its ring elsewhere has no
//! table. Whoever asks first makes it; where the application may not make tables, `migrate` has made it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::config::Config;
use mainstay_core::driver::scheme_of;
use mainstay_core::error::Context;
use mainstay_core::keys::{KeyRingDriver, KeyRingStore, KeysConfig};
use mainstay_core::{Resolver, Result};

use super::provide::Opened;
use crate::db::{Db, Settings};
use crate::driver::Statement;
use crate::error::{Border, DbError};
use crate::executor::Executor;
use crate::schema::{Column, ColumnType, Existing, Table, table_names};
use crate::value::Value;

/// The table.
pub(crate) const TABLE: &str = "mainstay_keys";
/// How `keys.ring` names it.
const SCHEME: &str = "database";

/// The driver `database`.
pub(super) fn driver() -> KeyRingDriver {
    KeyRingDriver::new(SCHEME, async |_: String, resolver: Resolver| {
        // Not the application's own `Db`, which may need keys itself before it is there.
        let opened = resolver.get::<Opened>().await?;
        let db = Db::over(Arc::clone(&opened.0), Settings::default()).primary();
        make(&db).await?;
        Ok(Arc::new(InTable(db)) as Arc<dyn KeyRingStore>)
    })
}

/// Makes the table if the configuration keeps the ring here.
pub(super) async fn make_if_used(db: &Db, config: &Config) -> Result<()> {
    let keys = config.section::<KeysConfig>()?;
    match &keys.ring {
        Some(ring) if scheme_of(ring) == SCHEME => make(db).await,
        _ => Ok(()),
    }
}

async fn make(db: &Db) -> Result<()> {
    let is_there =
        async || Ok::<_, DbError>(table_names(db.target()).await?.iter().any(|name| name == TABLE));
    if is_there().await.at_border()? {
        return Ok(());
    }
    for sql in table().create(db.dialect(), Existing::Keep) {
        let made = db.target().run(Statement::script(sql)).await;
        // Another process may have been faster; some engines then fail although they were told to keep what is there.
        if made.is_err() && is_there().await.at_border()? {
            return Ok(());
        }
        made.at_border().context(format!(
            "making the table `{TABLE}`, where `keys.ring` is kept: an account that may make tables makes it with `migrate`"
        ))?;
    }
    Ok(())
}

fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        columns: vec![Column::new("id", ColumnType::Int), Column::new("ring", ColumnType::Text(None))],
        primary_key: vec!["id".to_owned()],
        ..Table::default()
    }
}

/// The only row there is.
const ROW: i64 = 1;

struct InTable(Db);

impl InTable {
    async fn read(&self) -> Result<Option<String>, DbError> {
        let sql = format!("SELECT ring FROM {TABLE} WHERE id = {ROW}");
        let reply = self.0.target().run(Statement::read(sql, Vec::new())).await?;
        reply.rows.first().map(|row| row.get(0)).transpose()
    }

    async fn swap(&self, text: &str, before: Option<&str>) -> Result<bool, DbError> {
        let place = |index| self.0.dialect().placeholder(index);
        let text = Value::Text(text.to_owned());
        let statement = match before {
            None => {
                let sql = format!("INSERT INTO {TABLE} (id, ring) VALUES ({ROW}, {})", place(0));
                Statement::write(sql, vec![text])
            }
            Some(before) => {
                let sql = format!(
                    "UPDATE {TABLE} SET ring = {} WHERE id = {ROW} AND ring = {}",
                    place(0),
                    place(1)
                );
                Statement::write(sql, vec![text, Value::Text(before.to_owned())])
            }
        };
        match self.0.target().run(statement).await {
            Ok(reply) => Ok(reply.affected == 1),
            Err(fault) if before.is_none() && self.read().await?.is_some() => {
                tracing::debug!(target: "mainstay::db", %fault, "another process has made the key ring");
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }
}

impl KeyRingStore for InTable {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>> {
        async { self.read().await.at_border().context("reading the key ring from the database") }.boxed()
    }

    fn save<'a>(&'a self, text: &'a str, before: Option<&'a str>) -> BoxFuture<'a, Result<bool>> {
        async move {
            self.swap(text, before).await.at_border().context("writing the key ring to the database")
        }
        .boxed()
    }
}
