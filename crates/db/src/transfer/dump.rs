//! Rows into lines.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use mainstay_core::{Error, Result};

use super::names::name_of;
use super::{Chosen, DEADLINE, text};
use crate::db::Db;
use crate::driver::{Dialect, Isolation};
use crate::executor::Executor;
use crate::meta::ModelMeta;
use crate::raw::sql;
use crate::row::{Row, Rows};
use crate::transaction::Tx;

/// A transaction that sees the database as of one moment, however long it takes, and holds up nobody who writes.
///
/// # Errors
/// When it cannot be begun.
pub async fn snapshot(db: &Db) -> Result<Tx> {
    db.transactions().isolation(Isolation::RepeatableRead).read_only().deadline(DEADLINE).begin().await
}

/// The rows of the chosen models, each a line of its own, in pieces of several lines. Few rows are in memory at a time. What was
/// deleted softly is among it, and what clients never see: keep a dump as you keep the database.
///
/// ```
/// use futures_util::TryStreamExt;
/// use mainstay_db::transfer::{Chosen, dump, snapshot};
/// use mainstay_db::{Db, meta::meta_of, model, schema};
///
/// #[model]
/// pub struct Tag {
///     pub id: i64,
///     pub name: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// # let db = Db::open("sqlite::memory:").await?;
/// let models = [meta_of::<Tag>()];
/// # schema::create_tables(&models, &db).await?;
/// NewTag { name: "rust".into() }.insert(&db).await?;
///
/// let snapshot = snapshot(&db).await?;
/// let pieces: Vec<String> = dump(&Chosen::all(&models), &snapshot).try_collect().await?;
/// assert_eq!(pieces.concat(), "{\"model\":\"Tag\",\"fields\":{\"id\":1,\"name\":\"rust\"}}\n");
/// # Ok(()) }
/// ```
pub fn dump<'a>(chosen: &Chosen, snapshot: &'a Tx) -> BoxStream<'a, Result<String>> {
    let dialect = snapshot.target().dialect();
    let named: Vec<_> = chosen.models.iter().map(|model| (name_of(model, &chosen.all), *model)).collect();
    let tables = stream::iter(named).map(move |(name, model)| {
        let batches = sql(select(model, dialect)).stream(snapshot);
        batches.and_then(move |rows| std::future::ready(lines(name, model, &rows)))
    });
    tables.flatten().boxed()
}

fn lines(name: &str, model: &ModelMeta, rows: &Rows) -> Result<String> {
    let mut out = String::new();
    for row in rows.iter() {
        line(name, model, row, &mut out)?;
        out.push('\n');
    }
    Ok(out)
}

fn line(name: &str, model: &ModelMeta, row: Row<'_>, out: &mut String) -> Result<()> {
    out.push_str("{\"model\":");
    text::write_text(name, out);
    out.push_str(",\"fields\":{");
    // What is computed is computed again.
    let kept = model.fields.iter().enumerate().filter(|(_, field)| field.computed.is_none());
    for (place, (index, field)) in kept.enumerate() {
        if place > 0 {
            out.push(',');
        }
        text::write_text(field.name, out);
        out.push(':');
        let value = field.sql_type.value(row.cell(index));
        text::write(field.sql_type, &value, out).map_err(|fault| {
            Error::internal(format!("`{}.{}` of a row cannot be dumped: {fault}", model.name, field.name))
        })?;
    }
    out.push_str("}}");
    Ok(())
}

fn select(model: &ModelMeta, dialect: Dialect) -> String {
    let list = |columns: Vec<&str>| {
        columns.into_iter().map(|column| dialect.quote(column)).collect::<Vec<_>>().join(", ")
    };
    let columns = list(model.fields.iter().map(|field| field.column).collect());
    let key = list(model.key_fields().map(|field| field.column).collect());
    format!("SELECT {columns} FROM {} ORDER BY {key}", dialect.quote(model.table))
}
