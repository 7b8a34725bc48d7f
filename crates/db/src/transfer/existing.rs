//! Rows that are there already.

use mainstay_core::Result;

use super::waiting::Row;
use crate::error::Border;
use crate::executor::Executor;
use crate::meta::ModelMeta;
use crate::transaction::Tx;
use crate::value::Value;
use crate::write::{Assignments, keys_like, update_key};

/// What becomes of a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It is refused.
    Refuse,
    /// It gets the values of the line.
    Update,
}

/// Gives the row that is there already the values that the line says. Returns its key; nothing when there is none.
pub(super) async fn update(row: &Row, tx: &Tx) -> Result<Option<Value>> {
    let meta = row.values.meta();
    let Some(key) = find(row, tx).await? else { return Ok(None) };
    let mut change = Assignments::new(meta);
    for index in row.said.iter().filter(|index| !meta.key.contains(index)) {
        if let Some(value) = row.values.get(*index) {
            change.set_value(*index, value.clone());
        }
    }
    update_key(meta, key.clone(), change, tx.target()).await?;
    Ok(Some(key))
}

/// The key of the row that has the same key, or the same values in fields that are unique: of those that the line says.
async fn find(row: &Row, tx: &Tx) -> Result<Option<Value>> {
    let meta = row.values.meta();
    for fields in identities(meta) {
        let said = fields.iter().filter(|field| row.said.contains(field));
        let values: Vec<(usize, Value)> =
            said.filter_map(|field| Some((*field, row.values.get(*field)?.clone()))).collect();
        // NULL is the same as nothing.
        if values.len() < fields.len() || values.iter().any(|(_, value)| value.is_null()) {
            continue;
        }
        if let Some(key) = keys_like(meta, values, tx.target()).await.at_border()?.into_iter().next() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// The fields that tell a row from every other: the key, and those that are unique, by themselves or together.
fn identities(meta: &ModelMeta) -> Vec<Vec<usize>> {
    // Digests are of an encrypted field, which is what a line says.
    let said = |index: usize| meta.fields[index].index_of.unwrap_or(index);
    let alone =
        meta.fields.iter().enumerate().filter(|(_, field)| field.unique).map(|(index, _)| vec![said(index)]);
    let together = meta
        .indexes
        .iter()
        .filter(|index| index.unique && index.filter.is_none() && index.expression.is_none());
    std::iter::once(meta.key.to_vec())
        .chain(alone)
        .chain(together.map(|index| index.fields.iter().map(|index| said(*index)).collect()))
        .collect()
}
