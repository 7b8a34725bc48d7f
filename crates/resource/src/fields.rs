//! The fields of a model, as surfaces name and offer them.

use mainstay_db::meta::{FieldMeta, Fill, ModelMeta, RelationKind};
use mainstay_db::value::SqlType;

use crate::operations::Save;

/// What a field is called in JSON: for a relation, what its column is called, since the key is there. A field of a part is
/// named by its path, `billing.city`.
pub fn json_name(meta: &ModelMeta, field: &FieldMeta) -> &'static str {
    match meta.relation(field.name).map(|relation| relation.kind) {
        Some(RelationKind::BelongsTo { .. }) => field.column,
        _ => field.name,
    }
}

/// The same within the object that has it, which may be that of a part.
pub fn own_name(meta: &ModelMeta, field: &FieldMeta) -> &'static str {
    let name = json_name(meta, field);
    name.rsplit('.').next().unwrap_or(name)
}

/// The field that is called so in JSON, and its position. Hidden ones are called nothing.
pub fn by_json_name(meta: &ModelMeta, name: &str) -> Option<(usize, &'static FieldMeta)> {
    meta.fields.iter().enumerate().find(|(_, field)| !field.hidden && json_name(meta, field) == name)
}

/// Whether a client can ever set it. A key that nobody counts is set once, when the row is made.
pub fn is_settable(meta: &ModelMeta, field: &FieldMeta, how: Save) -> bool {
    let by_itself = matches!(field.fill, Fill::Generated | Fill::CreatedAt | Fill::UpdatedAt | Fill::Tenant);
    let is_key = meta.key_fields().any(|key| key.column == field.column);
    !(field.hidden
        || field.read_only
        || field.version
        || field.deleted_at
        || field.computed.is_some()
        || by_itself
        || (is_key && how != Save::Create))
}

/// Whether rows are found by their words, with the index of `#[search(…)]`: whoever asks sees all fields that it looks into.
pub fn is_searched(meta: &ModelMeta, seen: impl Fn(&FieldMeta) -> bool) -> bool {
    meta.search.as_ref().is_some_and(|search| search.fields.iter().all(|field| seen(&meta.fields[*field])))
}

/// Whether rows can be sorted by it. What is sealed has no order.
pub fn is_sortable(field: &FieldMeta) -> bool {
    field.encrypted.is_none() && !matches!(field.sql_type, SqlType::Json | SqlType::Array(_) | SqlType::Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Operator;

    #[test]
    fn what_is_sealed_is_neither_sorted_nor_compared() {
        let field = FieldMeta::of::<Option<String>>("email", "email");
        assert!(is_sortable(&field));
        let sealed = field.encrypted();
        assert!(!is_sortable(&sealed));
        let left: Vec<_> =
            Operator::ALL.into_iter().filter(|(_, how)| how.suits(&sealed)).map(|(name, _)| name).collect();
        assert_eq!(left, ["null"]);
    }
}
