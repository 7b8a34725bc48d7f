//! Insert, or else update what is there, or leave it.
//!
//! SQLite and PostgreSQL are told which unique fields are meant. MySQL and MariaDB are not: `ON DUPLICATE KEY` is about any
//! unique index. Where the model has another one, a guard compares the fields that are meant first, and makes the statement
//! fail when it was another index that found the row: nobody else's row is overwritten.

use std::fmt::Write as _;

use futures_util::FutureExt;
use mainstay_core::Result;

use super::bulk::chunks;
use super::conflict::{IntoColumns, IntoConflict, OnConflict};
use super::faults::explained;
use super::find::{equals, only};
use super::references::References;
use super::returning::{inserted_key, read_back, returning};
use super::{Assignments, hooked, insert_at, ready};
use crate::driver::{Dialect, Reply, StatementKind};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::meta::{FieldMeta, Fill, IndexMeta, ModelMeta};
use crate::model::Model;
use crate::query::{Deleted, Select, Shape};
use crate::value::Value;

/// Inserts a row, or updates the one that has the same values in the fields that `conflict` names. Reads it back as it is
/// stored.
#[track_caller]
pub fn upsert<M: Model>(
    new: Assignments,
    conflict: impl IntoConflict<M>,
    executor: &impl Executor,
) -> impl Future<Output = Result<M>> {
    let (conflict, target) = (Conflict::new(conflict.into_conflict()), executor.target());
    async move {
        match M::hooks() {
            None => only(&upsert_row(new, &conflict, target).await?),
            Some(hooks) => hooked::upsert(hooks, new, conflict, target).await,
        }
    }
}

/// Upserts without hooks.
pub(super) async fn upsert_row(new: Assignments, conflict: &Conflict, target: Target<'_>) -> Result<Reply> {
    upsert_rows(vec![new], conflict, Reading::Back, target).await
}

/// Inserts rows, or updates those that have the same values in the fields that `conflict` names: all or none.
#[track_caller]
pub fn upsert_all<M: Model>(
    rows: Vec<Assignments>,
    conflict: impl IntoConflict<M>,
    executor: &impl Executor,
) -> impl Future<Output = Result<()>> {
    let (conflict, target) = (Conflict::new(conflict.into_conflict()), executor.target());
    async move {
        let chunks = chunks(rows, M::META, target.dialect());
        // Rows that are found to be another tenant's undo the others.
        if chunks.len() > 1 || M::META.tenant().is_some() {
            return target
                .atomically(|_, target| async move { upsert_chunks(chunks, &conflict, target).await }.boxed())
                .await;
        }
        upsert_chunks(chunks, &conflict, target).await
    }
}

async fn upsert_chunks(chunks: Vec<Vec<Assignments>>, conflict: &Conflict, target: Target<'_>) -> Result<()> {
    for chunk in chunks {
        upsert_rows(chunk, conflict, Reading::Nothing, target).await?;
    }
    Ok(())
}

/// Inserts a row unless there is one with the same values in the fields that `unique` names.
#[track_caller]
pub fn insert_or_ignore<M: Model>(
    new: Assignments,
    unique: impl IntoColumns<M>,
    executor: &impl Executor,
) -> impl Future<Output = Result<Option<M>>> {
    let conflict = Conflict { columns: told_apart_by(M::META, unique.into_columns()), then: Then::Nothing };
    insert_unless(new, conflict, executor.target())
}

async fn insert_unless<M: Model>(
    new: Assignments,
    conflict: Conflict,
    target: Target<'_>,
) -> Result<Option<M>> {
    // Hooks see a plain insert; what it leaves when it is refused is undone.
    if M::hooks().is_some() || matches!(target.dialect(), Dialect::MySql | Dialect::MariaDb) {
        let fields = conflict.names(M::META);
        return match insert_at::<M>(new, target).await {
            Ok(row) => Ok(Some(row)),
            // A statement that fails leaves a transaction of these engines as it was, and that with hooks is nested.
            Err(fault) => match fault.source_as::<DbError>() {
                Some(DbError::UniqueViolation { fields: same, .. }) if *same == fields => Ok(None),
                _ => Err(fault),
            },
        };
    }
    let reply = upsert_rows(vec![new], &conflict, Reading::Back, target).await?;
    reply.rows.first().map(|row| M::from_row(&mut row.reader(0))).transpose().at_border()
}

/// The columns by which the engine tells rows apart: those of fields, and of an encrypted one its digests.
fn told_apart_by(meta: &ModelMeta, columns: Vec<&'static str>) -> Vec<&'static str> {
    let digests = |column: &'static str| {
        let (index, _) = meta.column(column).filter(|(_, field)| field.encrypted.is_some())?;
        meta.blind_index_of(index).map(|(_, field)| field.column)
    };
    columns.into_iter().map(|column| digests(column).unwrap_or(column)).collect()
}

/// Which fields have to be the same, and what to do then.
pub(super) struct Conflict {
    columns: Vec<&'static str>,
    then: Then,
}

#[derive(Clone, PartialEq, Eq)]
enum Then {
    /// Update what the draft gives a value.
    UpdateGiven,
    Update(Vec<&'static str>),
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Back,
    Nothing,
}

impl Conflict {
    fn new<M: Model>(said: OnConflict<M>) -> Self {
        Self {
            columns: told_apart_by(M::META, said.columns),
            then: said.update.map_or(Then::UpdateGiven, Then::Update),
        }
    }

    fn names(&self, meta: &ModelMeta) -> Vec<String> {
        let name = |column: &&str| meta.column(column).map_or(*column, |(_, field)| field.name).to_owned();
        self.columns.iter().map(name).collect()
    }

    /// The values of a row in the fields, when none is NULL: NULLs are never the same.
    fn values(&self, row: &Assignments) -> Option<Vec<Value>> {
        let value = |column: &&str| row.get(row.meta().column(column)?.0).filter(|value| !value.is_null());
        self.columns.iter().map(|column| value(column).cloned()).collect()
    }

    /// The columns to update, of those that the draft gives.
    fn updated(&self, meta: &ModelMeta, given: &[usize]) -> Vec<&'static str> {
        let mut updated: Vec<&'static str> = match &self.then {
            Then::Nothing => return Vec::new(),
            Then::Update(columns) => columns.clone(),
            Then::UpdateGiven => given
                .iter()
                .filter(|index| !meta.key.contains(index))
                .map(|index| meta.fields[*index].column)
                .filter(|column| !self.columns.contains(column))
                .collect(),
        };
        // A digest goes with its value.
        let is_updated = |digests: &&FieldMeta| {
            let of = digests.index_of.map(|of| meta.fields[of].column);
            of.is_some_and(|column| updated.contains(&column)) && !self.columns.contains(&digests.column)
        };
        let digests: Vec<_> = meta.fields.iter().filter(is_updated).map(|digests| digests.column).collect();
        updated.extend(digests);
        updated.retain(|column| meta.version().is_none_or(|(_, version)| version.column != *column));
        for field in meta.fields {
            if matches!(field.fill, Fill::UpdatedAt)
                && !updated.is_empty()
                && !updated.contains(&field.column)
            {
                updated.push(field.column);
            }
        }
        updated
    }

    /// The unique fields that are not those: a primary key that the code gives, unique fields, unique indexes.
    fn others(&self, meta: &ModelMeta, set: &[usize]) -> Vec<Vec<usize>> {
        let mut all: Vec<Vec<usize>> = Vec::new();
        if meta.key.iter().all(|index| set.contains(index)) {
            all.push(meta.key.to_vec());
        }
        all.extend(
            (0..meta.fields.len()).filter(|index| meta.fields[*index].unique).map(|index| vec![index]),
        );
        all.extend(meta.indexes.iter().filter(|index| index.unique).map(|index| index.fields.to_vec()));
        all.retain(|fields| !self.is(meta, fields));
        all
    }

    fn is(&self, meta: &ModelMeta, fields: &[usize]) -> bool {
        fields.len() == self.columns.len()
            && fields.iter().all(|index| self.columns.contains(&meta.fields[*index].column))
    }

    fn is_unique(&self, meta: &ModelMeta) -> bool {
        self.is(meta, meta.key)
            || (0..meta.fields.len()).any(|index| meta.fields[index].unique && self.is(meta, &[index]))
            || self.index(meta).is_some()
    }

    /// The unique index over these fields: a partial one only if there is no other.
    fn index(&self, meta: &ModelMeta) -> Option<&'static IndexMeta> {
        let whole = self.is(meta, meta.key)
            || (0..meta.fields.len()).any(|index| meta.fields[index].unique && self.is(meta, &[index]));
        let mut indexes: Vec<&IndexMeta> = meta.indexes.iter().collect();
        indexes.retain(|index| !whole && index.unique && self.is(meta, index.fields));
        indexes.iter().find(|index| index.filter.is_none()).or_else(|| indexes.first()).copied()
    }

    /// What follows the values.
    fn clause(
        &self,
        meta: &ModelMeta,
        given: &[usize],
        set: &[usize],
        dialect: Dialect,
    ) -> Result<String, DbError> {
        if !self.is_unique(meta) {
            let names = self.names(meta).join(", ");
            return Err(DbError::Model {
                detail: format!(
                    "an upsert of `{}` needs fields that are unique: put `#[unique({names})]` above the model, or name \
                     others",
                    meta.name
                ),
            });
        }
        let mut updated = self.updated(meta, given);
        let quote = |column: &str| dialect.quote(column);
        let mut further = String::new();
        if let Some((_, version)) = meta.version().filter(|_| !updated.is_empty()) {
            let column = quote(version.column);
            let counted = match dialect {
                Dialect::MySql | Dialect::MariaDb => column.clone(),
                _ => format!("{}.{column}", quote(meta.table)),
            };
            let _ = write!(further, ", {column} = {counted} + 1");
        }
        // A row that was deleted softly is there again.
        if let Some((_, deleted)) = meta.deleted_at().filter(|(_, field)| !updated.contains(&field.column)) {
            let _ = write!(further, ", {} = NULL", quote(deleted.column));
        }
        if updated.is_empty() {
            // So that the row which is there is returned, nothing is written to it.
            updated.extend(self.columns.first());
        }
        let mut clause = String::new();
        if matches!(dialect, Dialect::MySql | Dialect::MariaDb) {
            clause.push_str(" ON DUPLICATE KEY UPDATE ");
            if meta.tenant().is_some() || !self.others(meta, set).is_empty() {
                clause.push_str(&self.guard(meta, dialect));
            }
            let sets = updated.iter().map(|column| format!("{0} = VALUES({0})", quote(column)));
            clause.push_str(&sets.collect::<Vec<_>>().join(", "));
            clause.push_str(&further);
            return Ok(clause);
        }
        let columns: Vec<String> = self.columns.iter().map(|column| quote(column)).collect();
        let _ = write!(clause, " ON CONFLICT ({})", columns.join(", "));
        if let Some(filter) = self.index(meta).and_then(|index| index.filter) {
            let _ = write!(clause, " WHERE {filter}");
        }
        if self.then == Then::Nothing {
            clause.push_str(" DO NOTHING");
            return Ok(clause);
        }
        let sets = updated.iter().map(|column| format!("{0} = excluded.{0}", quote(column)));
        let _ = write!(clause, " DO UPDATE SET {}{further}", sets.collect::<Vec<_>>().join(", "));
        // A row of another tenant is left as it is, and not returned.
        if let Some((_, tenant)) = meta.tenant() {
            let column = quote(tenant.column);
            let _ = write!(clause, " WHERE {}.{column} = excluded.{column}", quote(meta.table));
        }
        Ok(clause)
    }

    /// Fails, with the error 1242, for a row that was found by another unique index.
    fn guard(&self, meta: &ModelMeta, dialect: Dialect) -> String {
        let tenant = meta.tenant().map(|(_, field)| field.column);
        let same = self.columns.iter().copied().chain(tenant);
        let same = same.map(|column| format!("{0} <=> VALUES({0})", dialect.quote(column)));
        let same = same.collect::<Vec<_>>().join(" AND ");
        let keys = meta.key_fields().take(1).map(|field| dialect.quote(field.column));
        keys.map(|key| format!("{key} = IF({same}, {key}, (SELECT 1 UNION SELECT 2)), ")).collect()
    }
}

/// Writes rows that set the same columns.
async fn upsert_rows(
    rows: Vec<Assignments>,
    conflict: &Conflict,
    reading: Reading,
    target: Target<'_>,
) -> Result<Reply> {
    let Some(first) = rows.first() else { return Ok(Reply::default()) };
    let (meta, given, count) = (first.meta(), first.columns(), rows.len());
    let dialect = target.dialect();
    let returns = dialect.insert_returns() && reading == Reading::Back;
    let mut references = References::default();
    let (mut columns, mut same, mut key) = (Vec::new(), None, None);
    let mut shape = Shape::new(b'P', meta, dialect);
    shape.number(count);
    conflict.columns.iter().copied().for_each(|column| shape.name(column));
    match &conflict.then {
        Then::UpdateGiven => shape.tag(b'g'),
        Then::Nothing => shape.tag(b'n'),
        Then::Update(updated) => {
            shape.number(updated.len());
            updated.iter().copied().for_each(|column| shape.name(column));
        }
    }
    // Two drafts may set the same columns, one of them by a default, which an update leaves alone.
    given.iter().for_each(|index| shape.number(*index));
    shape.tag(if returns { b'r' } else { b'-' });
    for mut row in rows {
        row.fill(target).at_border()?;
        ready(&mut row, target)?;
        references.add(&row, target);
        if columns.is_empty() {
            columns = row.columns();
            same = conflict.values(&row);
            key = row.key();
        }
        shape.assignments(row);
    }
    references.check(meta, target).await.at_border()?;
    let statement = target
        .statement(shape, StatementKind::Write, |renderer| {
            let (mut sql, values) = dialect.build(&renderer.insert(meta, &columns, count));
            sql.push_str(&conflict.clause(meta, &given, &columns, dialect)?);
            Ok(if returns { returning((sql, values), meta, dialect) } else { (sql, values) })
        })
        .at_border()?;
    let reply = match target.run(statement).await {
        Ok(reply) => reply,
        Err(fault) => {
            let fault = conflict.found_by_another(fault, meta, &columns);
            return Err(explained(fault, meta, references, target).await.into_error());
        }
    };
    let written = if returns { reply.rows.len() as u64 } else { reply.affected };
    let is_told = returns || !dialect.is_mysql();
    if is_told && meta.tenant().is_some() && conflict.then != Then::Nothing && written < count as u64 {
        let taken = DbError::UniqueViolation { model: meta.name.to_owned(), fields: conflict.names(meta) };
        return Err(taken.into_error());
    }
    if returns || reading == Reading::Nothing {
        return Ok(reply);
    }
    match same {
        Some(values) => {
            let mut select = Select::new(meta);
            select.deleted = Deleted::With;
            let columns = conflict.columns.iter().copied().zip(values);
            select.filter.extend(columns.map(|(column, value)| equals(column, value)));
            target.select(select).await.at_border()
        }
        None => {
            let key = inserted_key(meta, key, &reply, dialect).at_border()?;
            read_back(meta, key, target).await.at_border()
        }
    }
}

impl Conflict {
    /// What the guard has failed for.
    fn found_by_another(&self, fault: DbError, meta: &ModelMeta, set: &[usize]) -> DbError {
        let is_guard =
            matches!(&fault, DbError::Statement { detail, .. } if detail.contains("more than 1 row"));
        if !is_guard {
            return fault;
        }
        let others = self.others(meta, set).into_iter().flatten();
        let others: Vec<_> = others.map(|index| meta.fields[index].name.to_owned()).collect();
        // Without another index, it is the row of another tenant.
        let fields = if others.is_empty() { self.names(meta) } else { others };
        DbError::UniqueViolation { model: meta.name.to_owned(), fields }
    }
}
