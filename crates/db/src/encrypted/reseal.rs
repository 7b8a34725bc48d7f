//! Sealing anew what was sealed with another key than that of now, or not at all yet.
//!
//! A table is read in the order of its key, some hundred rows at a time, and of these the ones are written that are not as they
//! would be sealed now. Nothing is remembered of how far it is: when it is stopped, the next run passes over what is done. A row is written only if
//! what is sealed in it is still what was read, so that a write of somebody else is never undone; and that other write has sealed it
//! with the key of now.

use mainstay_core::Result;

use super::vault::{Stored, stored};
use super::{Fault, Vault, failed, named, plain};
use crate::db::Db;
use crate::driver::Statement;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::meta::{FieldMeta, ModelMeta};
use crate::row::Row;
use crate::value::{Cell, Value};

/// How many rows are read at once.
const BATCH: usize = 500;
/// How many rows are named that cannot be sealed anew.
const NAMED: usize = 20;

/// What [`reseal`] has found and done.
#[derive(Debug, Default)]
pub struct Resealed {
    /// How many rows there were.
    pub rows: u64,
    /// How many of them have been sealed anew.
    pub sealed: u64,
    /// How many somebody else has written meanwhile.
    pub overtaken: u64,
    /// How many values could not be opened. They are as they were.
    pub refused: u64,
    /// How many rows have a value that must be unique, and that another row has too. They are as they were.
    pub duplicates: u64,
    /// The first of both, with the keys of their rows.
    pub faults: Vec<DbError>,
}

impl Resealed {
    fn name(&mut self, fault: DbError) {
        if self.faults.len() < NAMED {
            self.faults.push(fault);
        }
    }
}

/// Seals the encrypted fields of every row of a model with the key of now, and gives their blind indexes the digests of now: after
/// keys have been rotated and before one is revoked, after `keys.secret` was changed, after a field has become an encrypted one. It can
/// be run beside everything else, and again.
///
/// While the secret changes, a unique field may get a value twice, by the digest of before and by that of now. The row of before is named
/// then, counted and left as it is: look-ups find it as long as the secret of before is known, and somebody has to say which of the two is
/// right.
///
/// # Errors
///
/// When the database has no keys, or refuses a statement. A value that cannot be opened is counted, and left as it is.
pub async fn reseal(meta: &'static ModelMeta, db: &Db) -> Result<Resealed> {
    let db = db.primary();
    let target = db.target();
    let mut done = Resealed::default();
    let Some((first, _)) = meta.encrypted_fields().next() else { return Ok(done) };
    let vault = target.vault().ok_or_else(|| failed(meta, first, None, Fault::NoKeys)).at_border()?;
    let table =
        Table { meta, vault, keys: meta.key_fields().collect(), fields: meta.encrypted_fields().collect() };
    let mut after = table.batch(None, target, &mut done).await.at_border()?;
    while after.is_some() {
        after = table.batch(after, target, &mut done).await.at_border()?;
    }
    Ok(done)
}

/// A table, and what seals it.
struct Table<'a> {
    meta: &'static ModelMeta,
    vault: &'a Vault,
    keys: Vec<&'static FieldMeta>,
    fields: Vec<(usize, &'static FieldMeta)>,
}

/// What is to be written to one row.
struct Change {
    /// Which of the fields, as positions in [`Table::fields`].
    fields: Vec<usize>,
    /// What is set, then which row it is, then what was read of the fields.
    values: Vec<Value>,
    /// Which row it is.
    key: Vec<Value>,
}

impl Table<'_> {
    /// Reads the rows after one, and writes those that need it. Returns the key of the last; none if that was the end.
    async fn batch(
        &self,
        after: Option<Vec<Value>>,
        target: Target<'_>,
        done: &mut Resealed,
    ) -> Result<Option<Vec<Value>>, DbError> {
        let sql = self.select(after.is_some(), target);
        let reply = target.run(Statement::read(sql, after.unwrap_or_default())).await?;
        let mut changes: Vec<Change> = Vec::new();
        let mut last = None;
        for row in reply.rows.iter() {
            let key: Vec<Value> = self
                .keys
                .iter()
                .enumerate()
                .map(|(place, field)| field.sql_type.value(row.cell(place)))
                .collect();
            done.rows += 1;
            changes.extend(self.change(row, &key, done));
            last = Some(key);
        }
        let is_end = reply.rows.len() < BATCH;
        drop(reply);
        // Rows of which the same fields are written are written by one statement.
        changes.sort_by(|one, other| one.fields.cmp(&other.fields));
        for alike in changes.chunk_by(|one, other| one.fields == other.fields) {
            match self.write(alike, target, done).await {
                Err(DbError::UniqueViolation { .. }) => self.write_one_by_one(alike, target, done).await?,
                written => written?,
            }
        }
        Ok(last.filter(|_| !is_end))
    }

    /// Writes rows of which the same fields are written: all of them, or none.
    async fn write(&self, alike: &[Change], target: Target<'_>, done: &mut Resealed) -> Result<(), DbError> {
        let sql = self.update(alike.first().map(|change| &*change.fields).unwrap_or_default(), target);
        let values = alike.iter().flat_map(|change| change.values.iter().cloned()).collect();
        let written = target.run(Statement::write_many(sql, values, alike.len())).await?.affected;
        done.sealed += written;
        done.overtaken += (alike.len() as u64).saturating_sub(written);
        Ok(())
    }

    /// The same where one of them has a value that another row has already: that one is named, and the others are written.
    async fn write_one_by_one(
        &self,
        alike: &[Change],
        target: Target<'_>,
        done: &mut Resealed,
    ) -> Result<(), DbError> {
        for change in alike {
            match self.write(std::slice::from_ref(change), target, done).await {
                Err(DbError::UniqueViolation { fields, .. }) => {
                    done.duplicates += 1;
                    let row = Some(named(&change.key));
                    done.name(failed(self.meta, self.violated(change, &fields), row, Fault::Duplicate));
                }
                written => written?,
            }
        }
        Ok(())
    }

    /// Which field of a change has the value that is there already, by what the engine says of it.
    fn violated(&self, change: &Change, said: &[String]) -> usize {
        let indexed = || {
            change.fields.iter().filter_map(|place| {
                let (index, _) = self.fields[*place];
                self.meta.blind_index_of(index).map(|(_, digests)| (index, digests.column))
            })
        };
        // What the engine names is the column, or an index with a name that has it.
        let is_named = |(_, column): &(usize, &str)| said.iter().any(|field| field.contains(column));
        let found = indexed().find(is_named).or_else(|| indexed().next());
        found.map_or(self.fields[0].0, |(index, _)| index)
    }

    /// What is to be written to a row, if anything.
    fn change(&self, row: Row<'_>, key: &[Value], done: &mut Resealed) -> Option<Change> {
        let (mut fields, mut sets, mut read) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (index, _)) in self.fields.iter().enumerate() {
            let [cell, digest] = [0, 1].map(|offset| row.cell(self.keys.len() + 2 * place + offset));
            match self.anew(*index, cell, digest) {
                Ok(None) => {}
                Ok(Some(values)) => {
                    fields.push(place);
                    sets.extend(values);
                    read.push(cell.to_value());
                }
                Err(why) => {
                    done.refused += 1;
                    done.name(failed(self.meta, *index, Some(named(key)), why));
                }
            }
        }
        let values = || sets.into_iter().chain(key.iter().cloned()).chain(read).collect();
        (!fields.is_empty()).then(|| Change { fields, values: values(), key: key.to_vec() })
    }

    /// A field as it would be sealed now, and its digest if it has one; nothing if it is so already.
    fn anew(&self, index: usize, cell: Cell<'_>, digest: Cell<'_>) -> Result<Option<Vec<Value>>, Fault> {
        let field = &self.meta.fields[index];
        let (bytes, is_current) = match stored(field, cell)? {
            None => return Ok(None),
            Some(Stored::Plain(text)) => {
                // As it would have been written: the value that is in such a column.
                let value = field.sql_type.value(Cell::Text(text));
                (plain::write(&value).ok_or(Fault::OtherType("a value"))?, false)
            }
            Some(Stored::Sealed(token)) => self.vault.open_and_compare(self.meta, index, token)?,
        };
        let indexed = self.meta.blind_index_of(index).map(|(_, digests)| {
            let value = plain::read(&bytes).map_or(Value::Null, Cell::to_value);
            let now = self.vault.digest(self.meta, index, &value);
            (digests.sql_type.value(digest) == now, now)
        });
        if is_current && indexed.as_ref().is_none_or(|(is_same, _)| *is_same) {
            return Ok(None);
        }
        let sealed = Value::Text(self.vault.seal_bytes(self.meta, index, &bytes));
        Ok(Some(std::iter::once(sealed).chain(indexed.map(|(_, now)| now)).collect()))
    }

    /// Keys, then each field with its digest.
    fn select(&self, is_continued: bool, target: Target<'_>) -> String {
        let dialect = target.dialect();
        let keys: Vec<String> = self.keys.iter().map(|field| dialect.quote(field.column)).collect();
        let fields = self.fields.iter().flat_map(|(index, field)| {
            let digests = self.meta.blind_index_of(*index).map(|(_, digests)| dialect.quote(digests.column));
            [dialect.quote(field.column), digests.unwrap_or_else(|| "NULL".to_owned())]
        });
        let columns: Vec<String> = keys.iter().cloned().chain(fields).collect();
        let (columns, keys) = (columns.join(", "), keys.join(", "));
        let places: Vec<String> = (0..self.keys.len()).map(|place| dialect.placeholder(place)).collect();
        let after = format!(" WHERE ({keys}) > ({})", places.join(", "));
        format!(
            "SELECT {columns} FROM {}{} ORDER BY {keys} LIMIT {BATCH}",
            dialect.quote(self.meta.table),
            if is_continued { after.as_str() } else { "" }
        )
    }

    fn update(&self, fields: &[usize], target: Target<'_>) -> String {
        let dialect = target.dialect();
        let mut places = (0..).map(|place| dialect.placeholder(place));
        let mut is =
            |column: &str| format!("{} = {}", dialect.quote(column), places.next().unwrap_or_default());
        let fields: Vec<(usize, &FieldMeta)> = fields.iter().map(|place| self.fields[*place]).collect();
        let mut sets = Vec::new();
        for (index, field) in &fields {
            sets.push(is(field.column));
            sets.extend(self.meta.blind_index_of(*index).map(|(_, digests)| is(digests.column)));
        }
        let keys = self.keys.iter().map(|field| field.column);
        let read: Vec<String> = keys.chain(fields.iter().map(|(_, field)| field.column)).map(is).collect();
        format!(
            "UPDATE {} SET {} WHERE {}",
            dialect.quote(self.meta.table),
            sets.join(", "),
            read.join(" AND ")
        )
    }
}
