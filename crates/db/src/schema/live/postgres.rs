//! PostgreSQL: `pg_catalog`, of the schema that names are looked up in first.

use super::{mentioned, rows, table_of};
use crate::error::DbError;
use crate::executor::Target;
use crate::schema::{Action, Check, Column, ColumnType, ForeignKey, Index, Schema};

/// Stands between names in a list: no name has it.
const BETWEEN: char = '\u{1f}';

pub(super) async fn read(target: Target<'_>) -> Result<Schema, DbError> {
    let mut schema = Schema::default();
    let sql = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
                      pg_get_expr(d.adbin, d.adrelid), a.attidentity <> '', a.attgenerated <> ''
                 FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid
                 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
                ORDER BY c.oid, a.attnum";
    for row in rows(target, sql).await?.rows.iter() {
        let (table, name, word): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (expression, is_computed): (Option<String>, bool) = (row.get(4)?, row.get(6)?);
        table_of(&mut schema, &table).columns.push(Column {
            nullable: row.get(3)?,
            default: expression.clone().filter(|_| !is_computed),
            computed: expression.filter(|_| is_computed),
            generated: row.get(5)?,
            ..Column::new(name, ColumnType::Other(word))
        });
    }
    constraints(target, &mut schema).await?;
    indexes(target, &mut schema).await?;
    Ok(schema)
}

async fn constraints(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let names = |relation: &str, key: &str| {
        format!(
            "(SELECT string_agg(a.attname, chr(31) ORDER BY u.place) FROM unnest(k.{key}) WITH ORDINALITY u(number, place)
               JOIN pg_attribute a ON a.attrelid = k.{relation} AND a.attnum = u.number)"
        )
    };
    let sql = format!(
        "SELECT c.relname::text, k.conname::text, k.contype::text, {}, f.relname::text, {}, k.confdeltype::text,
                k.confupdtype::text, pg_get_expr(k.conbin, k.conrelid)
           FROM pg_constraint k
           JOIN pg_class c ON c.oid = k.conrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_class f ON f.oid = k.confrelid
          WHERE n.nspname = current_schema() AND k.contype IN ('p', 'f', 'c')
          ORDER BY k.oid",
        names("conrelid", "conkey"),
        names("confrelid", "confkey")
    );
    for row in rows(target, &sql).await?.rows.iter() {
        let (table, name, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let columns: Option<String> = row.get(3)?;
        let columns = split(columns);
        let table = table_of(schema, &table);
        match kind.as_str() {
            "p" => table.primary_key = columns,
            "f" => {
                let (on_delete, on_update): (String, String) = (row.get(6)?, row.get(7)?);
                table.foreign_keys.push(ForeignKey {
                    name,
                    columns,
                    table: row.get(4)?,
                    keys: split(row.get(5)?),
                    on_delete: action(&on_delete),
                    on_update: action(&on_update),
                });
            }
            _ => {
                let sql: Option<String> = row.get(8)?;
                table.checks.push(Check { name, sql: sql.unwrap_or_default() });
            }
        }
    }
    Ok(())
}

async fn indexes(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let sql = "SELECT t.relname::text, i.relname::text, x.indisunique, pg_get_expr(x.indpred, x.indrelid),
                      (SELECT string_agg(coalesce(a.attname::text, pg_get_indexdef(x.indexrelid, u.place::int, true)), chr(31)
                                         ORDER BY u.place)
                         FROM unnest(x.indkey::int2[]) WITH ORDINALITY u(number, place)
                         LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.number AND u.number > 0),
                      x.indexprs IS NOT NULL, nullif(m.amname::text, 'btree')
                 FROM pg_index x
                 JOIN pg_class i ON i.oid = x.indexrelid
                 JOIN pg_am m ON m.oid = i.relam
                 JOIN pg_class t ON t.oid = x.indrelid
                 JOIN pg_namespace n ON n.oid = t.relnamespace
                WHERE n.nspname = current_schema() AND NOT x.indisprimary AND x.indisvalid
                ORDER BY i.oid";
    for row in rows(target, sql).await?.rows.iter() {
        let (table, name): (String, String) = (row.get(0)?, row.get(1)?);
        let (over, is_expression): (Option<String>, bool) = (row.get(4)?, row.get(5)?);
        let mut index =
            Index { name, unique: row.get(2)?, filter: row.get(3)?, using: row.get(6)?, ..Index::default() };
        if is_expression {
            index.expression = over;
        } else {
            index.columns = split(over);
        }
        let table = table_of(schema, &table);
        // The words of a row are in a column, which has the name of its index and no field.
        let is_words = |column: &Column| {
            column.name == index.name && column.kind == ColumnType::Other("tsvector".to_owned())
        };
        let words =
            table.columns.iter().position(is_words).filter(|_| index.columns == [index.name.as_str()]);
        if let Some(sql) = words.and_then(|words| table.columns.remove(words).computed) {
            let language = sql.split("to_tsvector('").nth(1).and_then(|rest| rest.split('\'').next());
            index.search = language.map(str::to_owned);
            index.using = None;
            index.columns = mentioned(&sql, table);
        }
        table.indexes.push(index);
    }
    Ok(())
}

fn split(names: Option<String>) -> Vec<String> {
    names.map(|names| names.split(BETWEEN).map(str::to_owned).collect()).unwrap_or_default()
}

fn action(letter: &str) -> Action {
    match letter {
        "r" => Action::Restrict,
        "c" => Action::Cascade,
        "n" => Action::SetNull,
        "d" => Action::SetDefault,
        _ => Action::NoAction,
    }
}
