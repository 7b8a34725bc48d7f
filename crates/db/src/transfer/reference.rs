//! Rows that a fixture names by what they hold, in the place of their key.

use std::collections::HashMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;
use serde_json::value::RawValue;

use super::line::{Fields, Place};
use super::text;
use crate::driver::Statement;
use crate::error::Border;
use crate::executor::Executor;
use crate::meta::{ModelMeta, PartMeta, RelationKind};
use crate::transaction::Tx;
use crate::value::Value;

/// How many rows are remembered.
const MOST: usize = 4_096;

/// Rows that have been found. A load deletes nothing: they stay where they are.
#[derive(Default)]
pub(super) struct Found(HashMap<(&'static str, String), Value>);

impl Found {
    pub(super) fn get(&self, target: &ModelMeta, named: &RawValue) -> Option<Value> {
        self.0.get(&(target.table, named.get().to_owned())).cloned()
    }

    pub(super) fn remember(&mut self, target: &ModelMeta, named: &RawValue, key: Value) {
        if self.0.len() == MOST {
            self.0.clear();
        }
        self.0.insert((target.table, named.get().to_owned()), key);
    }
}

/// The model that the field at `index` refers to.
pub(super) fn target(model: &'static ModelMeta, index: usize) -> Option<&'static ModelMeta> {
    let is_here = |kind| matches!(kind, RelationKind::BelongsTo { fields, .. } if *fields == [index]);
    let relation = model.relations.iter().find(|relation| is_here(relation.kind))?;
    Some((relation.target)())
}

/// Names and values with parts taken apart: `{"billing":{"city":"Bonn"}}` names `billing.city`.
fn flat<'a>(parts: &[PartMeta], fields: Fields<'a>) -> Vec<(String, &'a RawValue)> {
    let mut all = Vec::new();
    for (name, json) in fields.0 {
        let part = parts.iter().find(|part| part.name == name);
        match part.and_then(|part| Some((part, Fields::of(json)?))) {
            Some((part, inside)) => {
                let inside = flat(part.of.parts, inside).into_iter();
                all.extend(inside.map(|(inner, json)| (format!("{name}.{inner}"), json)));
            }
            None => all.push((name, json)),
        }
    }
    all
}

/// The key of the only row of `target` that holds what is named. A field that is a reference may name its row in turn.
pub(super) fn find<'a>(
    target: &'static ModelMeta,
    named: &'a RawValue,
    place: &'a Place,
    tx: &'a Tx,
) -> BoxFuture<'a, Result<Value>> {
    async move {
        let dialect = tx.target().dialect();
        let wrong = |what: String| place.wrong(format!("{} of `{}`: {what}", named.get(), target.name));
        let key = target.single_key().ok_or_else(|| wrong("its key has several fields".to_owned()))?;
        let fields = Fields::of(named).map(|fields| flat(target.parts, fields));
        let fields = fields.filter(|fields| !fields.is_empty());
        let fields = fields.ok_or_else(|| wrong("no field is named".to_owned()))?;
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        for (name, json) in fields {
            let (index, field) =
                target.field(&name).ok_or_else(|| wrong(format!("it has no field `{name}`")))?;
            let value = match self::target(target, index) {
                Some(next) if json.get().starts_with('{') => find(next, json, place, tx).await?,
                _ => text::value(field, json)
                    .map_err(|expected| wrong(format!("`{name}` must be {expected}")))?,
            };
            let column = dialect.quote(field.column);
            if value.is_null() {
                conditions.push(format!("{column} IS NULL"));
            } else {
                conditions.push(format!("{column} = {}", dialect.placeholder(values.len())));
                values.push(value);
            }
        }
        // A row that was deleted softly is none that is named.
        if let Some((_, deleted_at)) = target.deleted_at() {
            conditions.push(format!("{} IS NULL", dialect.quote(deleted_at.column)));
        }
        let sql = format!(
            "SELECT {} FROM {} WHERE {} LIMIT 2",
            dialect.quote(key.column),
            dialect.quote(target.table),
            conditions.join(" AND ")
        );
        let reply = tx.target().run(Statement::read(sql, values)).await.at_border()?;
        match (reply.rows.first(), reply.rows.len()) {
            (Some(row), 1) => Ok(key.sql_type.value(row.cell(0))),
            (Some(_), _) => Err(wrong("more than one row is like that".to_owned())),
            (None, _) => Err(wrong("no row is like that; it must stand before".to_owned())),
        }
    }
    .boxed()
}
