//! The SQL of every shape that has been seen.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sea_query::Values;

use super::shape::Shape;
use crate::driver::{Statement, StatementKind};
use crate::error::DbError;
use crate::value::Value;

/// The most shapes that are kept. A program has as many as it has queries; one that makes up shapes at run time starts over
/// from time to time.
const MOST: usize = 2_048;

/// SQL, and the values of its shape that it wants.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) sql: Arc<str>,
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    /// The first ones, in the order in which they were taken out. The tenant is the last, and models without tenants do not want it.
    First(usize),
    /// These, by their slots. A slot beyond the values is the limit that stands for no limit.
    Slots(Box<[usize]>),
}

impl Rendered {
    /// From what sea-query has built, where every value is the number of a slot.
    pub(crate) fn new((sql, values): (String, Values), slots: usize) -> Self {
        let wanted: Vec<usize> = values
            .0
            .into_iter()
            .filter_map(|value| match value {
                sea_query::Value::BigUnsigned(Some(slot)) => usize::try_from(slot).ok(),
                _ => None,
            })
            .collect();
        let in_order = wanted.len() <= slots && wanted.iter().enumerate().all(|(place, slot)| place == *slot);
        let wanted = match in_order {
            true => Wanted::First(wanted.len()),
            false => Wanted::Slots(wanted.into_boxed_slice()),
        };
        Self { sql: sql.into(), wanted }
    }

    /// The statement with these values.
    pub(crate) fn statement(&self, values: Vec<Value>, kind: StatementKind) -> Statement {
        let values = self.wanted(values);
        Statement { sql: Arc::clone(&self.sql), values, sets: 1, kind, names: false }
    }

    /// Those of the values of a shape that the SQL wants, in its order.
    pub(crate) fn wanted(&self, mut values: Vec<Value>) -> Vec<Value> {
        match &self.wanted {
            Wanted::First(count) => {
                values.truncate(*count);
                values
            }
            Wanted::Slots(slots) => {
                let value = |slot: &usize| values.get(*slot).cloned().unwrap_or(Value::Int(i64::MAX));
                slots.iter().map(value).collect()
            }
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct SqlCache(RwLock<HashMap<Box<[u8]>, Arc<Rendered>>>);

impl SqlCache {
    /// The statement of that shape, rendered by `render` when it is new.
    pub(crate) fn statement(
        &self,
        shape: Shape,
        kind: StatementKind,
        render: impl FnOnce() -> Result<(String, Values), DbError>,
    ) -> Result<Statement, DbError> {
        let rendered = self.rendered(&shape, render)?;
        Ok(rendered.statement(shape.values, kind))
    }

    /// The SQL of that shape.
    pub(crate) fn rendered(
        &self,
        shape: &Shape,
        render: impl FnOnce() -> Result<(String, Values), DbError>,
    ) -> Result<Arc<Rendered>, DbError> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&*shape.key).cloned();
        if let Some(rendered) = known {
            return Ok(rendered);
        }
        let rendered = Arc::new(Rendered::new(render()?, shape.values.len()));
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(shape.key.as_slice().into(), Arc::clone(&rendered));
        Ok(rendered)
    }
}
