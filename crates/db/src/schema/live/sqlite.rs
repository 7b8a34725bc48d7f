//! SQLite: its pragmas, and the statements that it keeps.

use super::{rows, table_of};
use crate::error::DbError;
use crate::executor::Target;
use crate::schema::{Action, Check, Column, ColumnType, ForeignKey, Index, Schema};
use crate::search::language;

/// Neither virtual tables nor what they keep their own in.
const TABLES: &str = "t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND t.name IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table')";

pub(super) async fn read(target: Target<'_>) -> Result<Schema, DbError> {
    let mut schema = Schema::default();
    let sql = format!(
        "SELECT t.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, t.sql, c.hidden > 1
           FROM sqlite_schema t, pragma_table_xinfo(t.name) c
          WHERE {TABLES} AND c.hidden <> 1 ORDER BY t.rowid, c.cid"
    );
    let mut keys: Vec<(String, i64, String)> = Vec::new();
    for row in rows(target, &sql).await?.rows.iter() {
        let (table, name, word): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (demanded, key): (bool, i64) = (row.get(3)?, row.get(5)?);
        let (made_by, is_computed): (String, bool) = (row.get(6)?, row.get(7)?);
        let known = table_of(&mut schema, &table);
        if known.columns.is_empty() {
            known.checks = checks(&made_by);
        }
        known.columns.push(Column {
            nullable: !demanded && key == 0,
            default: row.get(4)?,
            computed: is_computed.then(|| computed(&made_by, &name)),
            generated: key == 1 && made_by.to_ascii_uppercase().contains("AUTOINCREMENT"),
            ..Column::new(&name, ColumnType::Other(word))
        });
        if key > 0 {
            keys.push((table, key, name));
        }
    }
    keys.sort();
    for (table, _, column) in keys {
        table_of(&mut schema, &table).primary_key.push(column);
    }
    indexes(target, &mut schema).await?;
    searches(target, &mut schema).await?;
    foreign_keys(target, &mut schema).await?;
    Ok(schema)
}

async fn indexes(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let sql = format!(
        "SELECT t.name, i.name, i.\"unique\", c.name, s.sql
           FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c, sqlite_schema s
          WHERE {TABLES} AND i.origin = 'c' AND s.type = 'index' AND s.name = i.name
          ORDER BY t.rowid, s.rowid, c.seqno"
    );
    for row in rows(target, &sql).await?.rows.iter() {
        let (table, name): (String, String) = (row.get(0)?, row.get(1)?);
        let (unique, column, made_by): (bool, Option<String>, String) =
            (row.get(2)?, row.get(3)?, row.get(4)?);
        let table = table_of(schema, &table);
        if table.index(&name).is_none() {
            let filter = outside(&made_by, " WHERE ").map(str::to_owned);
            table.indexes.push(Index { name: name.clone(), unique, filter, ..Index::default() });
        }
        let Some(index) = table.indexes.iter_mut().find(|index| index.name == name) else { continue };
        match column {
            Some(column) => index.columns.push(column),
            None => index.expression = within(&made_by).map(|sql| sql.trim_matches(['(', ')']).to_owned()),
        }
    }
    Ok(())
}

/// The FTS5 tables that are made of a table's texts, as `CREATE VIRTUAL TABLE` says, and kept by three triggers.
async fn searches(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'";
    let triggers = rows(target, "SELECT name FROM sqlite_schema WHERE type = 'trigger'").await?;
    let triggers: Vec<String> = triggers.rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    for row in rows(target, sql).await?.rows.iter() {
        let (name, made_by): (String, String) = (row.get(0)?, row.get(1)?);
        let mut index = Index { name, ..Index::default() };
        let mut of = None;
        for item in within(&made_by).map(items).unwrap_or_default() {
            match item.trim().split_once('=').map(|(key, value)| (key.trim(), unquoted(value))) {
                Some(("content", table)) => of = Some(table),
                Some(("tokenize", tokens)) => {
                    let english = tokens.starts_with("porter ");
                    index.search = Some(if english { language::ENGLISH } else { language::NONE }.to_owned());
                }
                Some(_) => {}
                None => index.columns.push(unquoted(item)),
            }
        }
        let table = of.and_then(|of| schema.table_mut(&of));
        let kept = triggers.iter().filter(|trigger| index.has_trigger(trigger)).count() == 3;
        if let Some(table) = table.filter(|_| kept) {
            table.indexes.push(index);
        }
    }
    Ok(())
}

fn unquoted(name: &str) -> String {
    let name = name.trim();
    let quote = name.chars().next().filter(|first| matches!(first, '"' | '\''));
    match quote.and_then(|quote| Some((quote, name.strip_prefix(quote)?.strip_suffix(quote)?))) {
        Some((quote, inside)) => inside.replace(&format!("{quote}{quote}"), &quote.to_string()),
        None => name.to_owned(),
    }
}

async fn foreign_keys(target: Target<'_>, schema: &mut Schema) -> Result<(), DbError> {
    let sql = format!(
        "SELECT t.name, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_delete, f.on_update
           FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
          WHERE {TABLES} ORDER BY t.rowid, f.id DESC, f.seq"
    );
    // SQLite counts them backwards.
    let mut open: Option<(String, i64)> = None;
    for row in rows(target, &sql).await?.rows.iter() {
        let (name, id): (String, i64) = (row.get(0)?, row.get(1)?);
        let (column, key): (String, Option<String>) = (row.get(3)?, row.get(4)?);
        let action = |place| -> Result<Action, DbError> {
            let word: String = row.get(place)?;
            Ok(Action::named(&word).unwrap_or_default())
        };
        let (on_delete, on_update) = (action(5)?, action(6)?);
        let table = table_of(schema, &name);
        if open.as_ref() != Some(&(name.clone(), id)) {
            open = Some((name, id));
            table.foreign_keys.push(ForeignKey {
                name: String::new(),
                columns: Vec::new(),
                table: row.get(2)?,
                keys: Vec::new(),
                on_delete,
                on_update,
            });
        }
        let name = table.name.clone();
        if let Some(last) = table.foreign_keys.last_mut() {
            last.columns.push(column);
            last.keys.extend(key);
            // SQLite does not give the name back: it is the usual one.
            last.name = ForeignKey::usual_name(&name, &last.columns);
        }
    }
    Ok(())
}

/// What a column is computed from, in the statement that made its table.
fn computed(made_by: &str, column: &str) -> String {
    let items = within(made_by).map(items).unwrap_or_default();
    let of_column = items.into_iter().map(str::trim).find(|item| {
        let name = item.trim_start_matches(['"', '`', '[']);
        name.strip_prefix(column)
            .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
    });
    let after_as = of_column.and_then(|item| outside(item, " AS ")).and_then(within);
    after_as.map(str::trim).unwrap_or_default().to_owned()
}

/// The named checks of a `CREATE TABLE`.
fn checks(made_by: &str) -> Vec<Check> {
    let Some(body) = within(made_by) else { return Vec::new() };
    let mut checks = Vec::new();
    for item in items(body) {
        let Some(rest) = item.trim().strip_prefix("CONSTRAINT ") else { continue };
        let rest = rest.trim_start();
        let (name, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        if let Some(condition) = rest.trim_start().strip_prefix("CHECK") {
            let condition = condition.trim();
            let inside = condition.strip_prefix('(').and_then(|sql| sql.strip_suffix(')'));
            checks.push(Check { name: name.to_owned(), sql: inside.unwrap_or(condition).trim().to_owned() });
        }
    }
    checks
}

/// What stands between the first parenthesis and the one that closes it.
fn within(sql: &str) -> Option<&str> {
    let start = sql.find('(')?;
    let mut depth = 0;
    for (at, letter) in plain(&sql[start..]) {
        match letter {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(&sql[start + 1..start + at]);
                }
            }
            _ => {}
        }
    }
    None
}

/// What comes after `word`, where that is no part of a text or of parentheses.
fn outside<'a>(sql: &'a str, word: &str) -> Option<&'a str> {
    let mut depth = 0;
    for (at, letter) in plain(sql) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && sql[at..].starts_with(word) => return Some(sql[at + word.len()..].trim()),
            _ => {}
        }
    }
    None
}

/// The parts between commas that are not in parentheses.
fn items(body: &str) -> Vec<&str> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, letter) in plain(body) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&body[start..]);
    items
}

/// The letters that are not in quotes, with their places.
fn plain(sql: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    sql.char_indices().filter(move |(_, letter)| match quote {
        Some(open) => {
            if *letter == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(letter, '\'' | '"' | '`') {
                quote = Some(*letter);
            }
            quote.is_none()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_column_is_computed_from() {
        let sql = r#"CREATE TABLE "t" ( "a" INTEGER, "a b" TEXT GENERATED ALWAYS AS (upper(trim("a")) || ', (') STORED NOT NULL,
                     c INTEGER AS (a * 2) )"#;
        assert_eq!(computed(sql, "a b"), r#"upper(trim("a")) || ', ('"#);
        assert_eq!(computed(sql, "c"), "a * 2");
    }

    #[test]
    fn finds_checks_in_the_statement_that_made_a_table() {
        let sql = r#"CREATE TABLE "t" ( "a" TEXT NOT NULL, "b" INTEGER, CONSTRAINT "t_a" CHECK ("a" IN ('x, (y', 'it''s')),
                     CONSTRAINT "f" FOREIGN KEY ("b") REFERENCES "t" ("b"), CONSTRAINT t_b CHECK (b > 0) ) STRICT"#;
        let found = checks(sql);
        let found: Vec<(&str, &str)> =
            found.iter().map(|check| (check.name.as_str(), check.sql.as_str())).collect();
        assert_eq!(found, [("t_a", r#""a" IN ('x, (y', 'it''s')"#), ("t_b", "b > 0")]);
        assert_eq!(outside("CREATE INDEX i ON t (a) WHERE b > 0", " WHERE "), Some("b > 0"));
        assert_eq!(outside("CREATE INDEX i ON t (a)", " WHERE "), None);
    }
}
