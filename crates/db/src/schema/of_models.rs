//! From models to the schema that they need.

use super::in_order;
use super::structure::{Action, Column, ColumnType, ForeignKey, Index, Schema, Table};
use crate::error::DbError;
use crate::meta::{FieldMeta, Fill, ModelMeta, OnDelete, RelationKind};

impl Schema {
    /// The tables of these models, each after those that it points to.
    pub fn of_models(models: &[&'static ModelMeta]) -> Result<Self, DbError> {
        let tables = in_order(models).into_iter().map(Table::of_model).collect::<Result<_, _>>()?;
        Ok(Self { tables })
    }
}

impl Table {
    /// The table of a model.
    pub fn of_model(model: &ModelMeta) -> Result<Self, DbError> {
        let columns =
            model.fields.iter().enumerate().map(|(position, field)| column(model, position, field)).collect();
        let foreign_keys = model
            .relations
            .iter()
            .filter_map(|relation| match relation.kind {
                RelationKind::BelongsTo { field, on_delete } => {
                    Some(foreign_key(model, relation.name, (relation.target)(), field, on_delete))
                }
                _ => None,
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: model.table.to_owned(),
            columns,
            primary_key: model.key_fields().map(|field| field.column.to_owned()).collect(),
            indexes: indexes(model),
            foreign_keys,
            checks: Vec::new(),
        })
    }
}

fn column(model: &ModelMeta, position: usize, field: &FieldMeta) -> Column {
    Column {
        nullable: field.nullable,
        generated: model.key == [position] && matches!(field.fill, Fill::Generated),
        one_of: field.choices.iter().map(|choice| choice.value.to_owned()).collect(),
        min_length: field.min_length,
        ..Column::new(field.column, ColumnType::of(field.sql_type, field.max_length))
    }
}

fn foreign_key(
    model: &ModelMeta,
    relation: &str,
    target: &ModelMeta,
    field: usize,
    on_delete: OnDelete,
) -> Result<ForeignKey, DbError> {
    let key = target.single_key().ok_or_else(|| DbError::Model {
        detail: format!(
            "`{}.{relation}` leads to a model with a key of several fields, which is not possible yet",
            model.name
        ),
    })?;
    let columns = vec![model.fields[field].column.to_owned()];
    Ok(ForeignKey {
        name: ForeignKey::usual_name(model.table, &columns),
        columns,
        table: target.table.to_owned(),
        keys: vec![key.column.to_owned()],
        on_delete: match on_delete {
            OnDelete::Restrict => Action::Restrict,
            OnDelete::Cascade => Action::Cascade,
            OnDelete::SetNull => Action::SetNull,
        },
        on_update: Action::NoAction,
    })
}

fn indexes(model: &ModelMeta) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    let mut add = |fields: &[usize], unique: bool| {
        let columns = fields.iter().map(|field| model.fields[*field].column.to_owned()).collect();
        indexes.push(Index::over(model.table, columns, unique));
    };
    for (position, field) in model.fields.iter().enumerate() {
        if field.unique {
            add(&[position], true);
        } else if field.index {
            add(&[position], false);
        }
    }
    for index in model.indexes {
        add(index.fields, index.unique);
    }
    // A foreign key is looked up from the other side too: by relations to many, and by every delete there.
    for relation in model.relations {
        let RelationKind::BelongsTo { field, .. } = relation.kind else { continue };
        let covered = model.key.first() == Some(&field)
            || model.fields[field].unique
            || model.fields[field].index
            || model.indexes.iter().any(|index| index.fields.first() == Some(&field));
        if !covered {
            add(&[field], false);
        }
    }
    indexes
}
