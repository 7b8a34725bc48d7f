//! The statements that make a model's table.

use sea_query::{
    Alias, Check, ColumnDef, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Func, Index,
    IndexCreateStatement, Table,
};

use crate::driver::Dialect;
use crate::error::DbError;
use crate::meta::{FieldMeta, Fill, ModelMeta, OnDelete, RelationKind};
use crate::value::SqlType;

/// The longest text that MySQL can index whole.
const INDEXABLE: u32 = 255;

/// `CREATE TABLE` with its constraints, then its indexes. Each does nothing when it is there already.
pub fn create_table(model: &ModelMeta, dialect: Dialect) -> Result<Vec<String>, DbError> {
    let mut table = Table::create();
    table.table(model.table).if_not_exists();
    for (position, field) in model.fields.iter().enumerate() {
        table.col(column(model, position, field, dialect));
        for (suffix, check) in checks(field, dialect) {
            let name = Alias::new(format!("{}_{}_{suffix}", model.table, field.column));
            table.check(Check::named(name, check));
        }
    }
    if model.key.len() > 1 {
        let mut key = Index::create();
        for field in model.key_fields() {
            key.col(field.column);
        }
        table.primary_key(&mut key);
    }
    for relation in model.relations {
        let RelationKind::BelongsTo { field, on_delete } = relation.kind else { continue };
        let target = (relation.target)();
        let key = target.single_key().ok_or_else(|| DbError::Model {
            detail: format!(
                "`{}.{}` leads to a model with a key of several fields, which is not possible yet",
                model.name, relation.name
            ),
        })?;
        let column = model.fields[field].column;
        table.foreign_key(
            ForeignKey::create()
                .name(format!("{}_{column}_fkey", model.table))
                .from(model.table, column)
                .to(target.table, key.column)
                .on_delete(match on_delete {
                    OnDelete::Restrict => ForeignKeyAction::Restrict,
                    OnDelete::Cascade => ForeignKeyAction::Cascade,
                    OnDelete::SetNull => ForeignKeyAction::SetNull,
                }),
        );
    }
    if dialect == Dialect::Sqlite {
        // Without it, SQLite stores any type in any column.
        table.extra("STRICT");
    }
    let mut statements = vec![dialect.build_schema(&table)];
    statements.extend(indexes(model).iter().map(|index| dialect.build_schema(index)));
    Ok(statements)
}

fn column(model: &ModelMeta, position: usize, field: &FieldMeta, dialect: Dialect) -> ColumnDef {
    let mut column = ColumnDef::new(field.column);
    column.custom(sql_type(model, position, field, dialect));
    if !field.nullable {
        column.not_null();
    }
    if model.key == [position] {
        column.primary_key();
        if matches!(field.fill, Fill::Generated) {
            column.auto_increment();
        }
    }
    column
}

/// The dialect's word for a field's type.
pub(super) fn sql_type(model: &ModelMeta, position: usize, field: &FieldMeta, dialect: Dialect) -> String {
    let indexed = field.unique
        || field.index
        || model.key.contains(&position)
        || model.indexes.iter().any(|index| index.fields.contains(&position));
    let text = |length: Option<u32>| match (dialect, length) {
        (Dialect::Sqlite, _) => "TEXT".to_owned(),
        (_, Some(length)) => format!("varchar({length})"),
        (Dialect::Postgres, None) => "text".to_owned(),
        (Dialect::MySql | Dialect::MariaDb, None) if indexed => format!("varchar({INDEXABLE})"),
        (Dialect::MySql | Dialect::MariaDb, None) => "longtext".to_owned(),
    };
    let word = match (field.sql_type, dialect) {
        (SqlType::Text, _) => return text(field.max_length),
        (SqlType::Enum, _) => {
            let longest = field.choices.iter().map(|choice| choice.value.len()).max().unwrap_or(1);
            return text(Some(u32::try_from(longest).unwrap_or(INDEXABLE)));
        }
        (SqlType::SmallInt | SqlType::Int | SqlType::BigInt | SqlType::Bool, Dialect::Sqlite) => "INTEGER",
        (SqlType::SmallInt, _) => "smallint",
        (SqlType::Int, _) => "integer",
        (SqlType::BigInt, _) => "bigint",
        (SqlType::Bool, _) => "boolean",
        (SqlType::Double, Dialect::Sqlite) => "REAL",
        (SqlType::Double, Dialect::Postgres) => "double precision",
        (SqlType::Double, _) => "double",
        (SqlType::Bytes, Dialect::Sqlite) => "BLOB",
        (SqlType::Bytes, Dialect::Postgres) => "bytea",
        (SqlType::Bytes, _) => "longblob",
        (SqlType::DateTime | SqlType::Date | SqlType::Time | SqlType::Json, Dialect::Sqlite) => "TEXT",
        (SqlType::DateTime, Dialect::Postgres) => "timestamptz",
        (SqlType::DateTime, _) => "datetime(6)",
        (SqlType::Date, _) => "date",
        (SqlType::Time, Dialect::Postgres) => "time",
        (SqlType::Time, _) => "time(6)",
        (SqlType::Json, Dialect::Postgres) => "jsonb",
        (SqlType::Json, _) => "json",
    };
    word.to_owned()
}

/// What the table itself refuses, whoever writes.
fn checks(field: &FieldMeta, dialect: Dialect) -> Vec<(&'static str, Expr)> {
    let mut checks = Vec::new();
    let column = || Expr::col(field.column);
    if field.sql_type == SqlType::Bool && dialect == Dialect::Sqlite {
        checks.push(("bool", column().is_in([0, 1])));
    }
    if !field.choices.is_empty() {
        checks.push(("choice", column().is_in(field.choices.iter().map(|choice| choice.value))));
    }
    let length = || match dialect {
        Dialect::Sqlite => Expr::from(Func::cust("length").arg(column())),
        _ => Expr::from(Func::cust("char_length").arg(column())),
    };
    if let Some(least) = field.min_length {
        checks.push(("min", length().gte(least)));
    }
    if let Some(most) = field.max_length {
        checks.push(("max", length().lte(most)));
    }
    checks
}

fn indexes(model: &ModelMeta) -> Vec<IndexCreateStatement> {
    let mut indexes = Vec::new();
    let mut add = |fields: &[usize], unique: bool| {
        let columns: Vec<&'static str> = fields.iter().map(|field| model.fields[*field].column).collect();
        let mut index = Index::create();
        let suffix = if unique { "key" } else { "idx" };
        index
            .if_not_exists()
            .name(format!("{}_{}_{suffix}", model.table, columns.join("_")))
            .table(model.table);
        for column in columns {
            index.col(column);
        }
        if unique {
            index.unique();
        }
        indexes.push(index);
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
