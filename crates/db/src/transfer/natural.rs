//! Rows that are named in a dump by what they hold, so that it can be loaded beside others.

use super::reference::target;
use super::waiting::{circles, fields};
use crate::meta::{FieldMeta, Fill, ModelMeta};

/// The model to which the field at `index` refers, and the field that names its row; nothing where the key has to do.
pub(super) fn named(
    model: &'static ModelMeta,
    index: usize,
) -> Option<(&'static ModelMeta, &'static FieldMeta)> {
    let target = target(model, index)?;
    // In a circle, the row may stand further down, where only its key is known.
    if circles(model).iter().any(|relation| fields(relation) == [index]) {
        return None;
    }
    Some((target, name(target)?))
}

/// Whether the field at `index` is a key that the engine makes, and by which nobody refers to the row.
pub(super) fn is_spare(model: &'static ModelMeta, index: usize, all: &[&'static ModelMeta]) -> bool {
    let by_key = |other: &'static ModelMeta| {
        let mut references =
            (0..other.fields.len()).filter(|field| target(other, *field).is_some_and(|to| to.is(model)));
        references.any(|field| named(other, field).is_none())
    };
    model.key == [index]
        && matches!(model.fields[index].fill, Fill::Generated)
        && !all.iter().any(|other| by_key(other))
}

/// The field that names a row: the first that is unique, always there, and no reference itself. A row that can be deleted softly
/// has none, since names are for those that are there.
fn name(model: &'static ModelMeta) -> Option<&'static FieldMeta> {
    let is_name = |(index, field): &(usize, &FieldMeta)| {
        field.unique
            && !field.nullable
            && !field.hidden
            && !model.key.contains(index)
            && target(model, *index).is_none()
    };
    let mut fields = model.fields.iter().enumerate();
    if model.deleted_at.is_some() { None } else { fields.find(is_name).map(|(_, field)| field) }
}
