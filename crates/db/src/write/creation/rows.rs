//! The rows of one relation that are stored with their owner.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::{Error, Fault, Result};
use uuid::Uuid;

use super::{Asked, Creation, Ready};
use crate::error::{Border, DbError};
use crate::executor::Target;
use crate::expression::parts;
use crate::key::Key;
use crate::meta::{Link, RelationKind, RelationMeta};
use crate::model::Model;
use crate::relation::{Links, To, ToMany, belonging};
use crate::value::Value;
use crate::write::bulk::insert_all_returning_at;
use crate::write::{Assignments, update_many};

/// New rows that are still to be made.
pub(super) struct Asking<M: Model, R, F> {
    pub(super) path: ToMany<M, R>,
    pub(super) make: F,
}

impl<'a, M: Model, R: Model, F> Asked<'a, M> for Asking<M, R, F>
where
    F: FnOnce(Key<M>) -> Vec<Creation<'a, R>> + Send + 'a,
{
    fn make(self: Box<Self>, owner: &Value) -> Result<Box<dyn Ready<'a, M> + 'a>, DbError> {
        let key = Key::of(parts(owner)).map_err(|fault| DbError::Decode {
            column: self.path.relation.name.to_owned(),
            expected: fault.expected,
            found: fault.found,
        })?;
        Ok(Box::new(New { path: self.path, rows: (self.make)(key) }))
    }

    fn stand_in(&self) -> Option<Value> {
        let kinds = [Value::Int(0), Value::Text(String::new()), Value::Uuid(Uuid::nil())];
        // A key of several fields is always given by the code.
        kinds.into_iter().find(|value| Key::<M>::of(parts(value)).is_ok())
    }
}

/// New rows.
struct New<'a, M, R: Model> {
    path: ToMany<M, R>,
    rows: Vec<Creation<'a, R>>,
}

impl<'a, M: Model, R: Model> Ready<'a, M> for New<'a, M, R> {
    fn check(&mut self, owner: &Value, target: Target<'_>) -> Result<Vec<Fault>, DbError> {
        let relation = self.path.relation;
        let references: Vec<usize> = match relation.link()? {
            Link::Many { columns, .. } => {
                columns.iter().filter_map(|column| R::META.column(column)).map(|(index, _)| index).collect()
            }
            _ => Vec::new(),
        };
        let mut faults = Vec::new();
        for (position, row) in self.rows.iter_mut().enumerate() {
            for (index, part) in references.iter().zip(parts(owner)) {
                row.values.set_value(*index, part.clone());
            }
            let place = place(relation, position);
            faults.extend(row.check(target)?.into_iter().map(|fault| moved(fault, &place)));
        }
        Ok(faults)
    }

    fn store<'t>(self: Box<Self>, owner: &'t mut M, target: Target<'t>) -> BoxFuture<'t, Result<()>>
    where
        'a: 't,
    {
        async move {
            let Self { path, rows } = *self;
            let mut rows = store_all(rows, path.relation, target).await?;
            let collection = (path.slot)(owner);
            if let Link::Through { .. } = path.relation.link().at_border()? {
                let keys = rows.iter().map(|row| row.key().whole()).collect();
                Links::of(collection).at_border()?.link(keys, target).await?;
            }
            match collection.loaded_mut() {
                Some(loaded) => loaded.append(&mut rows),
                None => collection.set(rows),
            }
            Ok(())
        }
        .boxed()
    }
}

/// In few statements where nothing else is to be done with each; a fault is then looked for one by one, to say whose it is.
async fn store_all<R: Model>(
    rows: Vec<Creation<'_, R>>,
    relation: &RelationMeta,
    target: Target<'_>,
) -> Result<Vec<R>> {
    let is_plain = |row: &Creation<'_, R>| row.parts.is_empty() && row.links.is_empty();
    if R::hooks().is_none() && rows.len() > 1 && rows.iter().all(is_plain) {
        let values: Vec<Assignments> = rows.iter().map(|row| row.values.clone()).collect();
        let together = target.atomically(|_, target| insert_all_returning_at::<R>(values, target).boxed());
        match together.await {
            Err(fault) if fault.status().is_client_error() => {}
            outcome => return outcome,
        }
    }
    let mut stored = Vec::with_capacity(rows.len());
    for (position, row) in rows.into_iter().enumerate() {
        let row = row.store(target).await;
        stored.push(row.map_err(|fault| at(fault, &place(relation, position)))?);
    }
    Ok(stored)
}

/// Rows that are there already.
pub(super) struct Existing<M, R> {
    pub(super) path: ToMany<M, R>,
    pub(super) keys: Vec<Value>,
}

impl<'a, M: Model, R: Model> Ready<'a, M> for Existing<M, R> {
    fn check(&mut self, _: &Value, _: Target<'_>) -> Result<Vec<Fault>, DbError> {
        Ok(Vec::new())
    }

    fn store<'t>(self: Box<Self>, owner: &'t mut M, target: Target<'t>) -> BoxFuture<'t, Result<()>>
    where
        'a: 't,
    {
        async move {
            let Self { path, keys } = *self;
            let collection = (path.slot)(owner);
            // What is loaded is not all of it any more.
            collection.forget();
            let stored = match path.relation.link().at_border()? {
                Link::Through { .. } => Links::of(collection).at_border()?.link(keys, target).await,
                _ => {
                    let all = keys.len() as u64;
                    let (select, change) = belonging(collection, keys, To::Owner).at_border()?;
                    match update_many(select, change, target).await? {
                        moved if moved < all => Err(DbError::NotFound { model: R::META.name }.into_error()),
                        _ => Ok(()),
                    }
                }
            };
            stored.map_err(|fault| at(fault.with_faults(Vec::new()), &format!("/{}", path.relation.name)))
        }
        .boxed()
    }
}

/// Where a row is, seen from its owner.
fn place(relation: &RelationMeta, position: usize) -> String {
    match relation.kind {
        RelationKind::HasOne { .. } => format!("/{}", relation.name),
        _ => format!("/{}/{position}", relation.name),
    }
}

fn moved(mut fault: Fault, place: &str) -> Fault {
    fault.pointer.insert_str(0, place);
    fault
}

/// The same failure, of the row at that place.
fn at(fault: Error, place: &str) -> Error {
    if !fault.status().is_client_error() {
        return fault;
    }
    let mut faults: Vec<Fault> = fault.faults().iter().map(|fault| moved(fault.clone(), place)).collect();
    if faults.is_empty() {
        faults.push(Fault::new(place, fault.machine_code().to_owned(), fault.message()));
    }
    fault.with_faults(faults)
}
