//! Rows into lines.

use std::ops::Range;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use mainstay_core::{Error, Result};

use super::names::{Keys, name_of};
use super::{Chosen, DEADLINE, natural, text};
use crate::db::Db;
use crate::driver::{Dialect, Isolation};
use crate::executor::Executor;
use crate::meta::{FieldMeta, ModelMeta, PartMeta};
use crate::raw::sql;
use crate::row::{Row, Rows};
use crate::transaction::Tx;
use crate::value::{Cell, SqlType};

/// A transaction that sees the database as of one moment, however long it takes, and holds up nobody who writes.
///
/// # Errors
/// When it cannot be begun.
pub async fn snapshot(db: &Db) -> Result<Tx> {
    db.across_tenants()
        .transactions()
        .isolation(Isolation::RepeatableRead)
        .read_only()
        .deadline(DEADLINE)
        .begin()
        .await
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
    let tables: Vec<Table> = chosen.models.iter().map(|model| Table::of(model, chosen)).collect();
    let pieces = stream::iter(tables).map(move |table| {
        let batches = sql(table.select(dialect)).stream(snapshot);
        batches.and_then(move |rows| std::future::ready(table.lines(&rows)))
    });
    pieces.flatten().boxed()
}

/// What is dumped of a model.
struct Table {
    name: &'static str,
    model: &'static ModelMeta,
    columns: Vec<Column>,
}

/// A field, and where it is read.
struct Column {
    position: usize,
    field: &'static FieldMeta,
    /// The model that it refers to, and the field that names its row.
    named: Option<(&'static ModelMeta, &'static FieldMeta)>,
}

impl Table {
    fn of(model: &'static ModelMeta, chosen: &Chosen) -> Self {
        let name = name_of(model, &chosen.all);
        // What is computed is computed again, and digests are taken again.
        let is_own = |field: &FieldMeta| field.computed.is_none() && field.index_of.is_none();
        let fields = model.fields.iter().enumerate().filter(|(_, field)| is_own(field));
        let columns = match chosen.keys {
            Keys::Kept => fields.map(|(position, field)| Column { position, field, named: None }).collect(),
            Keys::Natural => fields
                .filter(|(index, _)| !natural::is_spare(model, *index, &chosen.all))
                .map(|(position, field)| Column { position, field, named: natural::named(model, position) })
                .collect(),
        };
        Self { name, model, columns }
    }

    fn select(&self, dialect: Dialect) -> String {
        let quote = |name: &str| dialect.quote(name);
        let own = |column: &str| format!("own.{}", quote(column));
        let (mut columns, mut joins) = (Vec::new(), String::new());
        for (number, column) in self.columns.iter().enumerate() {
            columns.push(match column.named {
                None => own(column.field.column),
                Some((target, name)) => {
                    let key = target.single_key().map_or("", |key| key.column);
                    let (table, key, of) = (quote(target.table), quote(key), own(column.field.column));
                    joins.push_str(&format!(
                        " LEFT JOIN {table} AS other_{number} ON other_{number}.{key} = {of}"
                    ));
                    format!("other_{number}.{}", quote(name.column))
                }
            });
        }
        let key: Vec<_> = self.model.key_fields().map(|field| own(field.column)).collect();
        format!(
            "SELECT {} FROM {} AS own{joins} ORDER BY {}",
            columns.join(", "),
            quote(self.model.table),
            key.join(", ")
        )
    }

    fn lines(&self, rows: &Rows) -> Result<String> {
        let mut out = String::new();
        for row in rows.iter() {
            self.line(row, &mut out)?;
            out.push('\n');
        }
        Ok(out)
    }

    fn line(&self, row: Row<'_>, out: &mut String) -> Result<()> {
        out.push_str("{\"model\":");
        text::write_text(self.name, out);
        out.push_str(",\"fields\":{");
        self.fields(row, 0..self.columns.len(), (self.model.parts, 0), out)?;
        out.push_str("}}");
        Ok(())
    }

    /// What stands in an object: that of the row, or that of a part, whose own parts and first field are given.
    fn fields(
        &self,
        row: Row<'_>,
        columns: Range<usize>,
        (parts, first): (&'static [PartMeta], usize),
        out: &mut String,
    ) -> Result<()> {
        let mut next = columns.start;
        while next < columns.end {
            if next > columns.start {
                out.push(',');
            }
            let position = self.columns[next].position;
            let Some(part) = parts.iter().find(|part| first + part.first == position) else {
                self.field(row, next, out)?;
                next += 1;
                continue;
            };
            let inside = next..next + part.width();
            next = inside.end;
            text::write_text(part.name, out);
            out.push(':');
            if part.optional && inside.clone().all(|column| row.cell(column) == Cell::Null) {
                out.push_str("null");
                continue;
            }
            out.push('{');
            self.fields(row, inside, (part.of.parts, position), out)?;
            out.push('}');
        }
        Ok(())
    }

    fn field(&self, row: Row<'_>, index: usize, out: &mut String) -> Result<()> {
        let Column { field, named, .. } = &self.columns[index];
        // A part is an object, in which its fields have their own names.
        let own = field.name.rsplit('.').next().unwrap_or(field.name);
        text::write_text(own, out);
        out.push(':');
        let name = named.map(|(_, name)| name).filter(|_| row.cell(index) != Cell::Null);
        // A field of a part is an object in an object.
        let path = name.map(|name| name.name.split('.')).into_iter().flatten();
        for step in path.clone() {
            out.push('{');
            text::write_text(step, out);
            out.push(':');
        }
        let sql_type = match named {
            Some((_, name)) => name.sql_type,
            // It stays sealed.
            None if field.encrypted.is_some() => SqlType::Text,
            None => field.sql_type,
        };
        text::write(sql_type, &sql_type.value(row.cell(index)), out).map_err(|fault| {
            let (model, cell) = (self.model.name, row.cell(index).describe());
            Error::internal(format!("`{model}.{}` of a row, {cell}, cannot be dumped: {fault}", field.name))
        })?;
        path.for_each(|_| out.push('}'));
        Ok(())
    }
}
