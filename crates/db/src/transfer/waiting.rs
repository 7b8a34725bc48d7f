//! Rows that refer to rows further down.
//!
//! Models can refer to each other in a circle, and a model to itself. Whichever comes first then refers to what is not there
//! yet. A reference that may be empty is left out until its row is there; where it must not be, the row itself is held back.
//! Only those are in memory, and no longer than they have to be.

use std::collections::{HashMap, HashSet};

use mainstay_core::Result;

use super::line::Place;
use crate::driver::Statement;
use crate::error::Border;
use crate::executor::{Executor, Target};
use crate::expression::parts;
use crate::meta::{ModelMeta, RelationKind, RelationMeta};
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
    rows: HashMap<Address, Vec<(Row, &'static RelationMeta)>>,
    references: HashMap<Address, Vec<Reference>>,
    circles: HashMap<&'static str, Vec<&'static RelationMeta>>,
}

/// A reference that has been left out.
struct Reference {
    place: Place,
    model: &'static ModelMeta,
    key: Vec<Value>,
    relation: &'static RelationMeta,
}

impl Row {
    fn address(&self) -> Option<Address> {
        Some((self.values.meta().table, whole(self.values.key()?)))
    }

    /// The row that a relation leads to, if it leads to one.
    fn wanted(&self, relation: &'static RelationMeta) -> Option<Address> {
        let value = |field: &usize| self.values.get(*field).filter(|value| !value.is_null()).cloned();
        let key = fields(relation).iter().map(value).collect::<Option<_>>()?;
        Some(((relation.target)().table, whole(key)))
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
            let lacks: Vec<(&RelationMeta, Address)> = circles
                .iter()
                .filter_map(|relation| Some((*relation, row.wanted(relation)?)))
                .filter(|(_, wanted)| !there.contains(wanted) && own.as_ref() != Some(wanted))
                .collect();
            let key = row.values.key();
            // What has no key yet cannot be found again, to be given its reference.
            let must = |relation: &RelationMeta| !relation.may_be_empty() || key.is_none();
            if let Some((relation, wanted)) = lacks.iter().find(|(relation, _)| must(relation)).cloned() {
                self.rows.entry(wanted).or_default().push((row, relation));
                continue;
            }
            for (relation, wanted) in lacks {
                for field in optional(relation) {
                    row.values.set_value(field, Value::Null);
                }
                let (place, key) = (row.place.clone(), key.clone().unwrap_or_default());
                self.references.entry(wanted).or_default().push(Reference { place, model, key, relation });
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
                reference.set(&address.1, tx.target()).await?;
            }
        }
        // Together, those of one model are written faster.
        released.sort_by_key(|row: &Row| row.values.meta().table);
        Ok(released)
    }

    /// What still waits when there is nothing more to come: the first of it.
    pub(super) fn end(self) -> Result<()> {
        let rows = self.rows.iter().flat_map(|(wanted, rows)| {
            rows.iter().map(move |(row, relation)| (&row.place, row.values.meta(), *relation, wanted))
        });
        let references = self.references.iter().flat_map(|(wanted, references)| {
            references.iter().map(move |left| (&left.place, left.model, left.relation, wanted))
        });
        let first = rows.chain(references).min_by_key(|(place, ..)| (place.source.clone(), place.line));
        let Some((place, model, relation, wanted)) = first else { return Ok(()) };
        let held: HashSet<Address> =
            self.rows.values().flatten().filter_map(|(row, _)| row.address()).collect();
        let (model, name) = (model.name, relation.name);
        Err(place.wrong(if held.contains(wanted) {
            format!(
                "`{model}.{name}` refers to a row that refers back to this one, and neither can come first: one of the two \
                 references must be optional"
            )
        } else {
            format!("`{model}.{name}` refers to a row that does not exist")
        }))
    }
}

impl Reference {
    async fn set(self, to: &Value, target: Target<'_>) -> Result<()> {
        let dialect = target.dialect();
        let columns = |fields: &[usize]| -> Vec<String> {
            fields.iter().map(|field| dialect.quote(self.model.fields[*field].column)).collect()
        };
        let set = |(at, column): (usize, String)| format!("{column} = {}", dialect.placeholder(at));
        let fields = fields(self.relation);
        let sets: Vec<_> = columns(fields).into_iter().enumerate().map(set).collect();
        let conditions: Vec<_> = columns(self.model.key)
            .into_iter()
            .zip(fields.len()..)
            .map(|(column, at)| set((at, column)))
            .collect();
        let sql = format!(
            "UPDATE {} SET {} WHERE {}",
            dialect.quote(self.model.table),
            sets.join(", "),
            conditions.join(" AND ")
        );
        let statement = Statement::write(sql, parts(to).iter().cloned().chain(self.key).collect());
        let set = target.run(statement).await.at_border();
        set.map(|_| ()).map_err(|error| self.place.refused(self.model.name, error))
    }
}

/// A key as one value: see [`crate::expression::parts`].
pub(super) fn whole(mut key: Vec<Value>) -> Value {
    if key.len() == 1 { key.remove(0) } else { Value::List(key) }
}

/// The fields that hold the key of the row that a relation leads to.
pub(super) fn fields(relation: &RelationMeta) -> &'static [usize] {
    match relation.kind {
        RelationKind::BelongsTo { fields, .. } => fields,
        _ => &[],
    }
}

/// Those of them that can be empty.
fn optional(relation: &RelationMeta) -> impl Iterator<Item = usize> {
    let owner = (relation.owner)();
    fields(relation).iter().copied().filter(|field| owner.fields[*field].nullable)
}

/// The references of a model from whose targets a way leads back to it.
pub(super) fn circles(model: &'static ModelMeta) -> Vec<&'static RelationMeta> {
    let references = model.relations.iter().filter(|relation| !fields(relation).is_empty());
    references.filter(|relation| leads_to((relation.target)(), model, &mut Vec::new())).collect()
}

fn leads_to(from: &'static ModelMeta, to: &'static ModelMeta, seen: &mut Vec<&'static str>) -> bool {
    if from.is(to) {
        return true;
    }
    if seen.contains(&from.table) {
        return false;
    }
    seen.push(from.table);
    let references = from.relations.iter().filter(|relation| !fields(relation).is_empty());
    references.map(|relation| (relation.target)()).any(|next| leads_to(next, to, seen))
}

/// Which of the rows that these refer to are in the database.
async fn there(
    rows: &[Row],
    circles: &[&'static RelationMeta],
    executor: Target<'_>,
) -> Result<HashSet<Address>> {
    let mut there = HashSet::new();
    for relation in circles {
        let wanted = rows.iter().filter_map(|row| row.wanted(relation));
        let keys: HashSet<Value> =
            wanted.filter(|wanted| !there.contains(wanted)).map(|(_, key)| key).collect();
        let target = (relation.target)();
        let found = present(target, keys.into_iter().collect(), executor).await.at_border()?;
        there.extend(found.into_iter().map(|key| (target.table, key)));
    }
    Ok(there)
}
