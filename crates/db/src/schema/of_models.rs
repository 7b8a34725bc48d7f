//! From models to the schema that they need.

use super::in_order;
use super::structure::{Action, Check, Column, ColumnType, ForeignKey, Index, Schema, Table};
use crate::meta::{FieldMeta, Fill, ModelMeta, OnDelete, OnUpdate, RelationKind};

impl Schema {
    /// The tables of these models, each after those that it points to.
    pub fn of_models(models: &[&'static ModelMeta]) -> Self {
        Self { tables: in_order(models).into_iter().map(Table::of_model).collect() }
    }
}

impl Table {
    /// The table of a model.
    pub fn of_model(model: &ModelMeta) -> Self {
        let columns =
            model.fields.iter().enumerate().map(|(position, field)| column(model, position, field)).collect();
        let foreign_keys = model
            .relations
            .iter()
            .filter_map(|relation| match relation.kind {
                RelationKind::BelongsTo { fields, on_delete, on_update } => {
                    Some(foreign_key(model, (relation.target)(), fields, (on_delete, on_update)))
                }
                _ => None,
            })
            .collect();
        Self {
            name: model.table.to_owned(),
            columns,
            primary_key: model.key_fields().map(|field| field.column.to_owned()).collect(),
            indexes: indexes(model),
            foreign_keys,
            checks: model
                .checks
                .iter()
                .map(|check| Check { name: check.name.to_owned(), sql: check.sql.to_owned() })
                .chain(model.wholes().into_iter().map(|whole| Check { name: whole.name, sql: whole.sql }))
                .collect(),
        }
    }
}

fn column(model: &ModelMeta, position: usize, field: &FieldMeta) -> Column {
    if field.encrypted.is_some() {
        // What the field demands of its value, the engine cannot see.
        return Column { nullable: field.nullable, ..Column::new(field.column, ColumnType::Text(None)) };
    }
    let kind = match (ColumnType::of(field.sql_type, field.max_length), field.precision) {
        (ColumnType::Decimal(_), Some(precision)) => {
            ColumnType::Decimal(Some((precision, field.scale.unwrap_or(0))))
        }
        (kind, _) => kind,
    };
    let generated = model.key == [position] && matches!(field.fill, Fill::Generated);
    Column {
        nullable: field.nullable,
        generated,
        one_of: field
            .choices
            .iter()
            .map(|choice| choice.number.map_or_else(|| choice.value.to_owned(), |number| number.to_string()))
            .collect(),
        default: field.default_sql.map(str::to_owned),
        computed: field.computed.map(str::to_owned),
        min_length: field.min_length,
        // MySQL allows no check of a column that it counts itself.
        min: field.min.filter(|_| !generated).map(|number| number.to_string()),
        max: field.max.filter(|_| !generated).map(|number| number.to_string()),
        check: model.check_of(position),
        ..Column::new(field.column, kind)
    }
}

fn foreign_key(
    model: &ModelMeta,
    target: &ModelMeta,
    fields: &[usize],
    (on_delete, on_update): (OnDelete, OnUpdate),
) -> ForeignKey {
    let columns: Vec<String> = fields.iter().map(|field| model.fields[*field].column.to_owned()).collect();
    ForeignKey {
        name: ForeignKey::usual_name(model.table, &columns),
        columns,
        table: target.table.to_owned(),
        keys: target.key_fields().map(|field| field.column.to_owned()).collect(),
        on_delete: match on_delete {
            OnDelete::Restrict => Action::Restrict,
            OnDelete::Cascade => Action::Cascade,
            OnDelete::SetNull => Action::SetNull,
        },
        on_update: match on_update {
            OnUpdate::Restrict => Action::NoAction,
            OnUpdate::Cascade => Action::Cascade,
            OnUpdate::SetNull => Action::SetNull,
        },
    }
}

fn indexes(model: &ModelMeta) -> Vec<Index> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let indexes = model.all_indexes().into_iter();
    indexes
        .map(|index| Index {
            name: index.name,
            columns: index.columns.into_iter().map(str::to_owned).collect(),
            expression: owned(index.expression),
            unique: index.unique,
            filter: owned(index.filter),
            using: owned(index.using),
            search: owned(index.search),
        })
        .collect()
}
