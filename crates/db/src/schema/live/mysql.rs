//! MySQL and MariaDB: `information_schema`, of the database of the connection.

use super::{mentioned, rows, table_of};
use crate::driver::Dialect;
use crate::error::DbError;
use crate::executor::Target;
use crate::schema::{Action, Check, Column, ColumnType, ForeignKey, Index, Schema};
use crate::search::language;

pub(super) async fn read(target: Target<'_>) -> Result<Schema, DbError> {
    let mut schema = Schema::default();
    let sql = "SELECT cast(c.table_name AS char), cast(c.column_name AS char), cast(c.column_type AS char),
                      c.is_nullable = 'YES', cast(c.column_default AS char), c.extra LIKE '%auto_increment%',
                      nullif(cast(c.generation_expression AS char), '')
                 FROM information_schema.columns c
                 JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
                WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE'
                ORDER BY c.table_name, c.ordinal_position";
    for row in rows(target, sql).await?.rows.iter() {
        let (table, name, word): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let default: Option<String> = row.get(4)?;
        table_of(&mut schema, &table).columns.push(Column {
            nullable: row.get(3)?,
            // MariaDB writes out the NULL that is the default of every column that may be NULL.
            default: default.filter(|sql| !sql.eq_ignore_ascii_case("NULL")),
            generated: row.get(5)?,
            computed: row.get(6)?,
            ..Column::new(name, ColumnType::Other(word))
        });
    }
    indexes(target, &mut schema).await?;
    foreign_keys(target, &mut schema).await?;
    checks(target, &mut schema).await?;
    Ok(schema)
}

async fn indexes(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    // MariaDB has no index over an expression, and no column for it.
    let expression = if target.dialect() == Dialect::MySql { "cast(expression AS char)" } else { "NULL" };
    let sql = format!(
        "SELECT cast(table_name AS char), cast(index_name AS char), non_unique = 0, cast(column_name AS char), {expression},
                cast(index_type AS char)
           FROM information_schema.statistics WHERE table_schema = database()
          ORDER BY table_name, index_name, seq_in_index"
    );
    for row in rows(target, &sql).await?.rows.iter() {
        let (table, name, unique): (String, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (column, expression): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let kind: String = row.get(5)?;
        let table = table_of(schema, &table);
        if name == "PRIMARY" {
            table.primary_key.extend(column);
            continue;
        }
        if table.index(&name).is_none() {
            table.indexes.push(Index { name: name.clone(), unique, ..Index::default() });
        }
        if let Some(index) = table.indexes.iter_mut().find(|index| index.name == name) {
            index.columns.extend(column);
            index.expression = index.expression.take().or(expression);
        }
        // The words of a row are in a column, which has the name of its index and no field.
        let is_words = |column: &Column| column.name == name && column.computed.is_some();
        if let Some(words) = table.columns.iter().position(is_words).filter(|_| kind == "FULLTEXT") {
            let sql = table.columns.remove(words).computed.unwrap_or_default();
            let columns = mentioned(&sql, table);
            if let Some(index) = table.indexes.iter_mut().find(|index| index.name == name) {
                index.columns = columns;
                index.search = Some(language::NONE.to_owned());
            }
        }
    }
    Ok(())
}

async fn foreign_keys(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let sql =
        "SELECT cast(k.table_name AS char), cast(k.constraint_name AS char), cast(k.column_name AS char),
                      cast(k.referenced_table_name AS char), cast(k.referenced_column_name AS char),
                      cast(r.delete_rule AS char), cast(r.update_rule AS char)
                 FROM information_schema.key_column_usage k
                 JOIN information_schema.referential_constraints r
                   ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
                  AND r.table_name = k.table_name
                WHERE k.table_schema = database() AND k.referenced_table_name IS NOT NULL
                ORDER BY k.table_name, k.constraint_name, k.ordinal_position";
    for row in rows(target, sql).await?.rows.iter() {
        let (table, name, column): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (on_delete, on_update): (String, String) = (row.get(5)?, row.get(6)?);
        let table = table_of(schema, &table);
        if table.foreign_key(&name).is_none() {
            table.foreign_keys.push(ForeignKey {
                name: name.clone(),
                columns: Vec::new(),
                table: row.get(3)?,
                keys: Vec::new(),
                on_delete: Action::named(&on_delete).unwrap_or_default(),
                on_update: Action::named(&on_update).unwrap_or_default(),
            });
        }
        if let Some(key) = table.foreign_keys.iter_mut().find(|key| key.name == name) {
            key.columns.push(column);
            key.keys.push(row.get(4)?);
        }
    }
    Ok(())
}

async fn checks(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let of_table = match target.dialect() {
        // Its checks have names of their own table only.
        Dialect::MariaDb => "AND t.table_name = c.table_name",
        _ => "",
    };
    let sql = format!(
        "SELECT cast(t.table_name AS char), cast(c.constraint_name AS char), cast(c.check_clause AS char)
           FROM information_schema.check_constraints c
           JOIN information_schema.table_constraints t
             ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name {of_table}
          WHERE t.table_schema = database() AND t.constraint_type = 'CHECK'
          ORDER BY t.table_name, c.constraint_name"
    );
    for row in rows(target, &sql).await?.rows.iter() {
        let (table, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let table = table_of(schema, &table);
        // The check of MariaDB's documents has the name of their column.
        if table.column(&name).is_none() {
            table.checks.push(Check { name, sql });
        }
    }
    Ok(())
}
