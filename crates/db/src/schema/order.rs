//! Which table has to be there before which.

use crate::meta::{ModelMeta, RelationKind, with_links};

/// The models and the tables between that they need, each after those that it belongs to. In a circle, the one that comes first stays first.
pub fn in_order(models: &[&'static ModelMeta]) -> Vec<&'static ModelMeta> {
    let models = &with_links(models);
    let mut ordered = Vec::with_capacity(models.len());
    let mut seen = Vec::with_capacity(models.len());
    for model in models {
        visit(model, models, &mut seen, &mut ordered);
    }
    ordered
}

fn visit(
    model: &'static ModelMeta,
    models: &[&'static ModelMeta],
    seen: &mut Vec<&'static str>,
    ordered: &mut Vec<&'static ModelMeta>,
) {
    if seen.contains(&model.table) {
        return;
    }
    seen.push(model.table);
    for relation in model.relations {
        let target = (relation.target)();
        if matches!(relation.kind, RelationKind::BelongsTo { .. })
            && models.iter().any(|other| other.is(target))
        {
            visit(target, models, seen, ordered);
        }
    }
    ordered.push(model);
}
