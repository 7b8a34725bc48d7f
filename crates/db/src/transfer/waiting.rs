//! Rows that refer to rows further down.
//!
//! Models can refer to each other in a circle, and a model to itself. Whichever comes first then refers to what is not there
//! yet. A reference that may be empty is left out until its row is there; where it must not be, the row itself is held back.
//! Only those are in memory, and no longer than they have to be.

use std::collections::{HashMap, HashSet};

use mainstay_core::{Error, Result};

use super::line::Place;
use super::reference::target;
use crate::driver::Statement;
use crate::error::Border;
use crate::executor::{Executor, Target};
use crate::meta::{ModelMeta, RelationKind};
use crate::transaction::Tx;
use crate::value::Value;
use crate::write::{Assignments, present};

/// A row to be written.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) values: Assignments,
    /// The fields that its line says, as positions; the others have been filled in.
    pub(super) said: Vec<usize>,
}

/// A row by its table and its key.
type Address = (&'static str, Value);

/// What waits, by the row that it waits for.
#[derive(Default)]
pub(super) struct Waiting {
    rows: HashMap<Address, Vec<(Row, usize)>>,
    references: HashMap<Address, Vec<Reference>>,
    circles: HashMap<&'static str, Vec<(usize, &'static ModelMeta)>>,
}

/// A reference that has been left out.
struct Reference {
    place: Place,
    model: &'static ModelMeta,
    key: Vec<Value>,
    field: usize,
}

impl Row {
    fn address(&self) -> Option<Address> {
        let [key] = <[Value; 1]>::try_from(self.values.key()?).ok()?;
        Some((self.values.meta().table, key))
    }
}

impl Waiting {
    /// Which of these rows, which are of one model, can be written now, and with which values. The others wait.
    pub(super) async fn admit(&mut self, rows: Vec<Row>, tx: &Tx) -> Result<Vec<Row>> {
        let Some(model) = rows.first().map(|row| row.values.meta()) else { return Ok(rows) };
        let circles = self.circles.entry(model.table).or_insert_with(|| circles(model)).clone();
        if circles.is_empty() {
            return Ok(rows);
        }
        let mut there = there(&rows, &circles, tx.target()).await?;
        let mut admitted = Vec::with_capacity(rows.len());
        for mut row in rows {
            let own = row.address();
            let lacks: Vec<(usize, Address)> = circles
                .iter()
                .filter_map(|(field, target)| {
                    let key = row.values.get(*field).filter(|key| !key.is_null())?;
                    Some((*field, (target.table, key.clone())))
                })
                .filter(|(_, wanted)| !there.contains(wanted) && own.as_ref() != Some(wanted))
                .collect();
            let key = row.values.key();
            // What has no key yet cannot be found again, to be given its reference.
            let must = |field: usize| !model.fields[field].nullable || key.is_none();
            if let Some((field, wanted)) = lacks.iter().find(|(field, _)| must(*field)).cloned() {
                self.rows.entry(wanted).or_default().push((row, field));
                continue;
            }
            for (field, wanted) in lacks {
                row.values.set_value(field, Value::Null);
                let (place, key) = (row.place.clone(), key.clone().unwrap_or_default());
                self.references.entry(wanted).or_default().push(Reference { place, model, key, field });
            }
            there.extend(own);
            admitted.push(row);
        }
        Ok(admitted)
    }

    /// Gives references to these rows, which have been written, to those who waited for them. Returns the rows that waited.
    pub(super) async fn arrived(&mut self, written: &[Row], tx: &Tx) -> Result<Vec<Row>> {
        let mut released = Vec::new();
        if self.rows.is_empty() && self.references.is_empty() {
            return Ok(released);
        }
        for address in written.iter().filter_map(Row::address) {
            released.extend(self.rows.remove(&address).into_iter().flatten().map(|(row, _)| row));
            for reference in self.references.remove(&address).into_iter().flatten() {
                reference.set(address.1.clone(), tx.target()).await?;
            }
        }
        // Together, those of one model are written faster.
        released.sort_by_key(|row: &Row| row.values.meta().table);
        Ok(released)
    }

    /// What still waits when there is nothing more to come: the first of it.
    pub(super) fn end(self) -> Result<()> {
        let rows = self.rows.iter().flat_map(|(wanted, rows)| {
            rows.iter().map(move |(row, field)| (&row.place, row.values.meta(), *field, wanted))
        });
        let references = self.references.iter().flat_map(|(wanted, references)| {
            references.iter().map(move |left| (&left.place, left.model, left.field, wanted))
        });
        let first = rows.chain(references).min_by_key(|(place, ..)| (place.source.clone(), place.line));
        let Some((place, model, field, wanted)) = first else { return Ok(()) };
        let held: HashSet<Address> =
            self.rows.values().flatten().filter_map(|(row, _)| row.address()).collect();
        Err(if held.contains(wanted) {
            place.wrong(format!(
                "`{}.{}` refers to a row that refers back to this one, and neither can come first: one of the two \
                 references must be optional",
                model.name, model.fields[field].name
            ))
        } else {
            nowhere(place, model, field)
        })
    }
}

fn nowhere(place: &Place, model: &ModelMeta, field: usize) -> Error {
    place.wrong(format!("`{}.{}` refers to a row that does not exist", model.name, model.fields[field].name))
}

impl Reference {
    async fn set(self, to: Value, target: Target<'_>) -> Result<()> {
        let dialect = target.dialect();
        let conditions =
            self.model.key_fields().enumerate().map(|(at, field)| {
                format!("{} = {}", dialect.quote(field.column), dialect.placeholder(at + 1))
            });
        let sql = format!(
            "UPDATE {} SET {} = {} WHERE {}",
            dialect.quote(self.model.table),
            dialect.quote(self.model.fields[self.field].column),
            dialect.placeholder(0),
            conditions.collect::<Vec<_>>().join(" AND "),
        );
        let statement = Statement::write(sql, std::iter::once(to).chain(self.key).collect());
        let set = target.run(statement).await.at_border();
        set.map(|_| ()).map_err(|error| self.place.refused(self.model.name, error))
    }
}

/// The references of a model from whose targets a way leads back to it.
fn circles(model: &'static ModelMeta) -> Vec<(usize, &'static ModelMeta)> {
    let references = (0..model.fields.len()).filter_map(|field| Some((field, target(model, field)?)));
    references.filter(|(_, target)| leads_to(target, model, &mut Vec::new())).collect()
}

fn leads_to(from: &'static ModelMeta, to: &'static ModelMeta, seen: &mut Vec<&'static str>) -> bool {
    if from.is(to) {
        return true;
    }
    if seen.contains(&from.table) {
        return false;
    }
    seen.push(from.table);
    let is_reference = |kind| matches!(kind, RelationKind::BelongsTo { .. });
    let references = from.relations.iter().filter(|relation| is_reference(relation.kind));
    references.map(|relation| (relation.target)()).any(|next| leads_to(next, to, seen))
}

/// Which of the rows that these refer to are in the database.
async fn there(
    rows: &[Row],
    circles: &[(usize, &'static ModelMeta)],
    executor: Target<'_>,
) -> Result<HashSet<Address>> {
    let mut there = HashSet::new();
    for (field, target) in circles {
        let keys: HashSet<Value> = rows
            .iter()
            .filter_map(|row| row.values.get(*field).filter(|key| !key.is_null()).cloned())
            .filter(|key| !there.contains(&(target.table, key.clone())))
            .collect();
        let found = present(target, keys.into_iter().collect(), executor).await.at_border()?;
        there.extend(found.into_iter().map(|key| (target.table, key)));
    }
    Ok(there)
}
