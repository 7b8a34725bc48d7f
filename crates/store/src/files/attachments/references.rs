//! Who refers to files.

use std::collections::HashSet;

use mainstay_core::{Contributions, Result};
use mainstay_db::meta::{OnDelete, RelationKind, meta_of};
use mainstay_db::{Db, ModelMeta, Models, Uuid, sql};

use super::blob::Blob;

/// The columns of all models that have the key of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct References(Vec<Reference>);

#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) model: &'static str,
    pub(super) field: &'static str,
    pub(super) place: &'static str,
    pub(super) on_delete: OnDelete,
    table: &'static str,
    column: &'static str,
}

impl References {
    pub(super) fn of(contributions: &Contributions) -> Self {
        Self(Models::of_application(contributions).into_iter().flat_map(of_model).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter()
    }

    /// Those of these files that nothing refers to.
    pub(super) async fn unreferenced(&self, ids: &[Uuid], db: &Db) -> Result<Vec<Uuid>> {
        let mut left: Vec<Uuid> = ids.to_vec();
        for Reference { table, column, .. } in &self.0 {
            if left.is_empty() {
                break;
            }
            let (table, column) = (db.dialect().quote(table), db.dialect().quote(column));
            let marks = vec!["?"; left.len()].join(", ");
            // By hand: rows of every tenant count, and so do those that were deleted softly.
            let mut found = sql(format!("SELECT DISTINCT {column} FROM {table} WHERE {column} IN ({marks})"));
            for id in &left {
                found = found.bind(*id);
            }
            let found: HashSet<Uuid> =
                found.fetch::<(Uuid,)>(db).await?.into_iter().map(|(id,)| id).collect();
            left.retain(|id| !found.contains(id));
        }
        Ok(left)
    }
}

fn of_model(model: &'static ModelMeta) -> Vec<Reference> {
    let blobs = meta_of::<Blob>().table;
    let relations = model.relations.iter().filter(|relation| (relation.target)().table == blobs);
    let columns = relations.filter_map(|relation| match relation.kind {
        RelationKind::BelongsTo { fields: [field], on_delete, .. } => Some(Reference {
            model: model.name,
            field: relation.name,
            place: model.place,
            on_delete,
            table: model.table,
            column: model.fields[*field].column,
        }),
        _ => None,
    });
    columns.collect()
}
