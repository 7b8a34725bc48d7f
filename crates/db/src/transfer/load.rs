//! Lines into rows.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::FutureExt;
use mainstay_core::Result;
use mainstay_core::error::Context;
use serde_json::value::RawValue;

use super::existing::{self, Existing};
use super::line::{Line, Place};
use super::reference::{self, Found};
use super::waiting::{Row, Waiting, whole};
use super::{DEADLINE, Source, names, part, text};
use crate::db::Db;
use crate::driver::{Dialect, Statement};
use crate::encrypted;
use crate::error::Border;
use crate::executor::Executor;
use crate::expression::parts;
use crate::meta::{FieldMeta, Fill, Link, ModelMeta, RelationKind, RelationMeta, with_links};
use crate::transaction::Tx;
use crate::value::{Cell, Value};
use crate::write::{Assignments, insert_row, insert_rows};

/// How many rows are written at once.
const BATCH: usize = 256;

/// Writes the rows of dumps and fixtures, all or none. Returns how many lines there were. Hooks do not see it; limits of
/// fields and the constraints of the database hold. What is soft-deleted, counted or hidden comes back as it was, and keys
/// that are made later go on after the greatest that was loaded.
///
/// Few rows are in memory at a time: beside a batch, those that refer to rows further down.
///
/// # Errors
/// With the source and the number of the line: 422 when it is no row of these models, or leads nowhere; 409 when the row is
/// there already. Nothing is written then.
pub async fn load(
    models: &[&'static ModelMeta],
    db: &Db,
    sources: impl IntoIterator<Item = Source>,
) -> Result<u64> {
    run(models, db, sources.into_iter().collect(), Existing::Refuse).await
}

/// The same, but a row that is there already is given the values of its line: the row that has the same key, if the line says
/// one, or else the same values in fields that are unique. So a fixture can be loaded again after it was changed.
///
/// # Errors
/// As [`load`].
pub async fn load_or_update(
    models: &[&'static ModelMeta],
    db: &Db,
    sources: impl IntoIterator<Item = Source>,
) -> Result<u64> {
    run(models, db, sources.into_iter().collect(), Existing::Update).await
}

async fn run(
    models: &[&'static ModelMeta],
    db: &Db,
    sources: Vec<Source>,
    existing: Existing,
) -> Result<u64> {
    let mut load = Load {
        existing,
        models: with_links(models),
        tx: db.across_tenants().transactions().deadline(DEADLINE).begin().await?,
        rows: Vec::new(),
        waiting: Waiting::default(),
        found: Found::default(),
        loaded: HashSet::new(),
    };
    let mut count = 0;
    for source in sources {
        count += load.read(source).await?;
    }
    load.finish().await?;
    Ok(count)
}

struct Load {
    existing: Existing,
    models: Vec<&'static ModelMeta>,
    tx: Tx,
    /// Of one model, and not written yet.
    rows: Vec<Row>,
    waiting: Waiting,
    found: Found,
    /// The tables that rows were written to.
    loaded: HashSet<&'static str>,
}

/// The rows that a many-to-many relation leads to.
struct Links {
    relation: &'static RelationMeta,
    keys: Vec<Value>,
}

impl Load {
    async fn read(&mut self, mut source: Source) -> Result<u64> {
        let mut place = Place { source: Arc::from(&*source.name), line: 0 };
        let mut count = 0;
        loop {
            place.line += 1;
            let Some(line) = source.next().await.map_err(|fault| place.wrong(fault))? else { break };
            // Some editors put a mark at the beginning of a file.
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.is_empty() {
                self.add(&place, line).await?;
                count += 1;
            }
            if self.rows.len() >= BATCH {
                self.write().await?;
            }
        }
        Ok(count)
    }

    async fn add(&mut self, place: &Place, line: &str) -> Result<()> {
        let line = Line::read(line).map_err(|fault| place.wrong(fault))?;
        let model = names::find(&self.models, &line.model).map_err(|fault| place.wrong(fault))?;
        let (mut values, mut links) = (Assignments::new(model), Vec::new());
        for (name, json) in line.fields.0 {
            if let Some((index, field)) = model.field(&name) {
                let value = match reference::target(model, index) {
                    Some(target) if json.get().starts_with('{') => self.key(target, json, place).await?,
                    _ => match sealed(field, json) {
                        Some(sealed) => {
                            self.open(model, index, sealed).map_err(|fault| place.wrong(fault))?
                        }
                        None => text::value(field, json).map_err(|expected| {
                            place.wrong(format!("`{}.{name}` must be {expected}", model.name))
                        })?,
                    },
                };
                values.set_value(index, value);
            } else if let Some(part) = model.parts.iter().find(|part| part.name == name) {
                part::read(part, json, &mut values).map_err(|fault| {
                    place.wrong(format!("`{}.{}` {}", model.name, fault.path, fault.what))
                })?;
            } else if let Some(relation) = many(model, &name) {
                let keys = self
                    .keys((relation.target)(), json, place)
                    .await?
                    .ok_or_else(|| place.wrong(format!("`{}.{name}` must be a list of rows", model.name)))?;
                links.push(Links { relation, keys });
            } else {
                return Err(place.wrong(unknown(model, &name)));
            }
        }
        let row = self.row(place, values)?;
        if links.is_empty() { self.push(row).await } else { self.write_linked(row, links).await }
    }

    /// What a dump of an encrypted field has, opened: it is sealed again when it is written.
    fn open(&self, model: &'static ModelMeta, index: usize, sealed: &str) -> Result<Value, String> {
        let target = self.tx.target();
        let vault = target.vault().ok_or(encrypted::Fault::NoKeys);
        let read = |cell: Cell<'_>| Ok(model.fields[index].sql_type.value(cell));
        vault
            .and_then(|vault| vault.read((model, index), Cell::Text(sealed), read))
            .map_err(|why| encrypted::failed(model, index, None, why).to_string())
    }

    /// The keys of the rows in a list; nothing if it is none.
    async fn keys(
        &mut self,
        target: &'static ModelMeta,
        list: &RawValue,
        place: &Place,
    ) -> Result<Option<Vec<Value>>> {
        let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else { return Ok(None) };
        let mut keys = Vec::with_capacity(list.len());
        for json in list {
            keys.push(match target.single_key() {
                Some(field) if !json.get().starts_with('{') => text::value(field, json)
                    .map_err(|expected| place.wrong(format!("a key of `{}` is {expected}", target.name)))?,
                _ => self.key(target, json, place).await?,
            });
        }
        Ok(Some(keys))
    }

    /// The key of the row that is named by what it holds.
    async fn key(&mut self, target: &'static ModelMeta, named: &RawValue, place: &Place) -> Result<Value> {
        if let Some(key) = self.found.get(target, named) {
            return Ok(key);
        }
        // It may be one of those that are not written yet.
        self.write().await?;
        let key = reference::find(target, named, place, &self.tx).await?;
        self.found.remember(target, named, key.clone());
        Ok(key)
    }

    async fn push(&mut self, row: Row) -> Result<()> {
        if self.rows.first().is_some_and(|first| !first.values.meta().is(row.values.meta())) {
            self.write().await?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Writes a row, whose key may be made only then, and what lies between it and other rows.
    async fn write_linked(&mut self, row: Row, links: Vec<Links>) -> Result<()> {
        self.write().await?;
        let model = row.values.meta();
        self.loaded.insert(model.table);
        let key = self.write_one(&row).await?;
        for Links { relation, keys } in links {
            let Link::Through { through, from, to, .. } = relation.link().at_border()? else { continue };
            let columns: Vec<_> =
                from.iter().chain(&to).filter_map(|column| through.column(column)).collect();
            for other in keys {
                let mut values = Assignments::new(through);
                for ((index, _), part) in columns.iter().zip(parts(&key).iter().chain(parts(&other))) {
                    values.set_value(*index, part.clone());
                }
                let link = self.row(&row.place, values)?;
                self.push(link).await?;
            }
        }
        Ok(())
    }

    /// Writes what is ready, and then what has waited for it.
    async fn write(&mut self) -> Result<()> {
        let mut batches = vec![std::mem::take(&mut self.rows)];
        while let Some(rows) = batches.pop() {
            let ready = self.waiting.admit(rows, &self.tx).await?;
            let Some(first) = ready.first() else { continue };
            self.loaded.insert(first.values.meta().table);
            self.insert(&ready).await?;
            let released = self.waiting.arrived(&ready, &self.tx).await?;
            let of_one_model = released.chunk_by(|one, other| one.values.meta().is(other.values.meta()));
            batches.extend(of_one_model.map(<[Row]>::to_vec));
        }
        Ok(())
    }

    /// Writes rows of one model. When they are refused, they are written one by one, to say which it is.
    async fn insert(&self, rows: &[Row]) -> Result<()> {
        if self.existing == Existing::Refuse {
            let values = rows.iter().map(|row| row.values.clone()).collect();
            let together = self.tx.nested(|tx| insert_rows(values, tx.target()).boxed()).await;
            match together {
                Err(error) if !error.status().is_server_error() => {}
                other => {
                    return other.map(|_| ()).context(format!("writing what stands before {}", last(rows)));
                }
            }
        }
        for row in rows {
            self.write_one(row).await?;
        }
        Ok(())
    }

    /// Writes one row, and returns its key.
    async fn write_one(&self, row: &Row) -> Result<Value> {
        let model = row.values.meta();
        let refused = |error| row.place.refused(model.name, error);
        if self.existing == Existing::Update
            && let Some(key) = existing::update(row, &self.tx).await.map_err(refused)?
        {
            return Ok(key);
        }
        let reply = insert_row(row.values.clone(), self.tx.target()).await.map_err(refused)?;
        let stored = reply.rows.first();
        let value = |index: &usize| {
            stored.map_or(Value::Null, |stored| model.fields[*index].sql_type.value(stored.cell(*index)))
        };
        Ok(whole(model.key.iter().map(value).collect()))
    }

    /// A row with what its line does not say.
    fn row(&self, place: &Place, mut values: Assignments) -> Result<Row> {
        let said = values.columns();
        let filled = values.fill(self.tx.target()).at_border();
        // What lacks a value may still be the change of a row that is there.
        if self.existing == Existing::Refuse {
            filled.map_err(|error| place.refused(values.meta().name, error))?;
        }
        Ok(Row { place: place.clone(), values, said })
    }

    /// Lets the engine count on from the greatest key.
    async fn finish(mut self) -> Result<()> {
        self.write().await?;
        self.waiting.end()?;
        let loaded = self.models.iter().filter(|model| self.loaded.contains(model.table));
        let dialect = self.tx.target().dialect();
        for statement in loaded.filter_map(|model| count_on(model, dialect)) {
            self.tx.target().run(statement).await.at_border()?;
        }
        self.tx.commit().await
    }
}

/// What is sealed of an encrypted field, unless a line has it plain.
fn sealed<'a>(field: &FieldMeta, json: &'a RawValue) -> Option<&'a str> {
    let text = field.encrypted.and_then(|_| serde_json::from_str::<&str>(json.get()).ok());
    text.filter(|text| text.starts_with(encrypted::SEALED))
}

fn last(rows: &[Row]) -> String {
    rows.last().map(|row| row.place.to_string()).unwrap_or_default()
}

/// The many-to-many relation of that name.
fn many(model: &'static ModelMeta, name: &str) -> Option<&'static RelationMeta> {
    let is_many = |relation: &&RelationMeta| matches!(relation.kind, RelationKind::ManyToMany { .. });
    model.relation(name).filter(is_many)
}

fn unknown(model: &ModelMeta, name: &str) -> String {
    let fields = model.fields.iter().map(|field| field.name);
    let lists = model.relations.iter().map(|relation| relation.name).filter(|name| {
        model.relation(name).is_some_and(|relation| matches!(relation.kind, RelationKind::ManyToMany { .. }))
    });
    let known: Vec<_> = fields.chain(lists).collect();
    format!("`{}` has no field `{name}`; it has: {}", model.name, known.join(", "))
}

/// PostgreSQL counts keys beside the table, and does not see those that it was given.
fn count_on(model: &ModelMeta, dialect: Dialect) -> Option<Statement> {
    let field = model.single_key().filter(|field| matches!(field.fill, Fill::Generated))?;
    if dialect != Dialect::Postgres {
        return None;
    }
    let (table, column) = (dialect.quote(model.table), dialect.quote(field.column));
    let text = |name: &str| format!("'{}'", name.replace('\'', "''"));
    let counter = format!("pg_get_serial_sequence({}, {})::regclass", text(&table), text(field.column));
    // Never back: a key that was given away once is not given again.
    let sql = format!(
        "SELECT setval({counter}, GREATEST(MAX({column}), pg_sequence_last_value({counter}))) FROM {table} \
         HAVING MAX({column}) > 0"
    );
    Some(Statement::write(sql, Vec::new()))
}
