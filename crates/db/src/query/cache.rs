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

/// SQL, and the order in which it wants the values of its shape.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) sql: Arc<str>,
    /// `None` when it is the order in which they were taken out.
    order: Option<Box<[usize]>>,
}

impl Rendered {
    /// From what sea-query has built, where every value is the number of a slot.
    pub(crate) fn new((sql, values): (String, Values), slots: usize) -> Self {
        let order: Vec<usize> = values
            .0
            .into_iter()
            .filter_map(|value| match value {
                sea_query::Value::BigUnsigned(Some(slot)) => usize::try_from(slot).ok(),
                _ => None,
            })
            .collect();
        let in_order = order.len() == slots && order.iter().enumerate().all(|(place, slot)| place == *slot);
        Self { sql: sql.into(), order: (!in_order).then(|| order.into_boxed_slice()) }
    }

    /// The statement with these values.
    pub(crate) fn statement(&self, values: Vec<Value>, kind: StatementKind) -> Statement {
        let values = match &self.order {
            None => values,
            // A slot beyond the values is the limit that stands for no limit.
            Some(order) => {
                order.iter().map(|slot| values.get(*slot).cloned().unwrap_or(Value::Int(i64::MAX))).collect()
            }
        };
        Statement { sql: Arc::clone(&self.sql), values, sets: 1, kind, names: false }
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
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&*shape.key).cloned();
        let rendered = match known {
            Some(rendered) => rendered,
            None => {
                let rendered = Arc::new(Rendered::new(render()?, shape.values.len()));
                let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= MOST {
                    kept.clear();
                }
                kept.insert(shape.key.into_boxed_slice(), Arc::clone(&rendered));
                rendered
            }
        };
        Ok(rendered.statement(shape.values, kind))
    }
}
