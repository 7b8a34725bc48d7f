//! PostgreSQL, MySQL and MariaDB: `ALTER TABLE`.

use super::change::Change;
use super::literal;
use crate::driver::Dialect;
use crate::migrate::operation::Backfill;
use crate::schema::{
    Check, Column, ColumnType, Existing, Index, Table, check as check_clause, create_index, default_sql,
    drop_search, foreign_key as foreign_key_clause, limits,
};

struct Writer<'a> {
    change: &'a Change,
    /// The table before, under its new names.
    was: Table,
    is: &'a Table,
    dialect: Dialect,
    /// The searches that stay as they are.
    searches: Vec<Index>,
    sql: Vec<String>,
}

pub(super) fn change(change: &Change, was: &Table, is: &Table, dialect: Dialect) -> Vec<String> {
    let mut writer =
        Writer { change, was: change.renamed(was), is, dialect, searches: Vec::new(), sql: Vec::new() };
    writer.drop_searches(was);
    writer.rename(was);
    writer.drop_constraints();
    writer.columns();
    writer.add_constraints();
    writer.sql
}

impl Writer<'_> {
    fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }

    fn is_mysql(&self) -> bool {
        matches!(self.dialect, Dialect::MySql | Dialect::MariaDb)
    }

    fn alter(&mut self, what: impl std::fmt::Display) {
        self.sql.push(format!("ALTER TABLE {} {what}", self.quote(&self.is.name)));
    }

    /// A search stands in the way of changes to its columns: then it goes first, and is made anew last.
    fn drop_searches(&mut self, before: &Table) {
        for (old, new) in before.indexes.iter().zip(&self.was.indexes.clone()) {
            if new.search.is_none() {
                continue;
            }
            // PostgreSQL renames what the search is computed from, MySQL refuses to.
            let same_names = old == new && before.name == self.was.name;
            let same_columns = new.columns.iter().all(|name| {
                let (was, is) = (self.was.column(name), self.is.column(name));
                let word = |table: &Table, column: Option<&Column>| {
                    column.map(|column| (table.word(column, self.dialect), column.computed.clone()))
                };
                word(&self.was, was) == word(self.is, is) && (!self.is_mysql() || was == is)
            });
            let stays =
                self.is.index(&new.name) == Some(new) && same_columns && (same_names || !self.is_mysql());
            if stays {
                self.searches.push(new.clone());
            } else {
                self.sql.extend(drop_search(&before.name, old, self.dialect));
            }
        }
    }

    /// Names: of the table, its columns, and what is named after them.
    fn rename(&mut self, before: &Table) {
        let change = self.change;
        if change.from != change.to {
            let sql =
                format!("ALTER TABLE {} RENAME TO {}", self.quote(&change.from), self.quote(&change.to));
            self.sql.push(sql);
        }
        // MySQL renames no constraint, and refuses to rename a column in a check: they go, and come back.
        let renamed = |(from, to): &&(String, String)| from != to;
        let columns: Vec<(String, String)> = change.kept.iter().filter(renamed).cloned().collect();
        let names_change = change.from != change.to || !columns.is_empty();
        if !names_change {
            return;
        }
        let mut again = Vec::new();
        for (old, new) in before.columns.iter().zip(&self.was.columns.clone()) {
            let old = limits(&before.name, old, self.dialect);
            let new = limits(&self.was.name, new, self.dialect);
            for (old, new) in old.iter().zip(new) {
                if self.is_mysql() {
                    if *old != new {
                        self.drop_check(&old.name);
                        again.push(check_clause(&new, self.dialect));
                    }
                } else if old.name != new.name {
                    let what =
                        format!("RENAME CONSTRAINT {} TO {}", self.quote(&old.name), self.quote(&new.name));
                    self.alter(what);
                }
            }
        }
        let (old, new) = (before.conditions(self.dialect), self.was.conditions(self.dialect));
        let is_mysql = self.is_mysql();
        for (old, new) in old.iter().zip(&new).filter(|(old, new)| is_mysql && old != new) {
            self.drop_check(&old.name);
            again.push(check_clause(new, self.dialect));
        }
        for (old, new) in before.foreign_keys.iter().zip(&self.was.foreign_keys.clone()) {
            if old.name == new.name {
                continue;
            }
            if self.is_mysql() {
                let what = format!("DROP FOREIGN KEY {}", self.quote(&old.name));
                self.alter(what);
                again.push(foreign_key_clause(new, self.dialect));
            } else {
                let what =
                    format!("RENAME CONSTRAINT {} TO {}", self.quote(&old.name), self.quote(&new.name));
                self.alter(what);
            }
        }
        for (from, to) in columns {
            let what = format!("RENAME COLUMN {} TO {}", self.quote(&from), self.quote(&to));
            self.alter(what);
        }
        for (old, new) in before.indexes.iter().zip(&self.was.indexes.clone()) {
            let is_made_anew = new.search.is_some() && !self.searches.contains(new);
            if old.name == new.name || is_made_anew {
                continue;
            }
            let is_search = new.search.is_some();
            let (old, new) = (self.quote(&old.name), self.quote(&new.name));
            if is_search {
                self.alter(format!("RENAME COLUMN {old} TO {new}"));
            }
            if self.is_mysql() {
                self.alter(format!("RENAME INDEX {old} TO {new}"));
            } else {
                self.sql.push(format!("ALTER INDEX {old} RENAME TO {new}"));
            }
        }
        for clause in again {
            self.alter(format!("ADD {clause}"));
        }
    }

    fn drop_check(&mut self, name: &str) {
        // MySQL has DROP CHECK, MariaDB and PostgreSQL DROP CONSTRAINT, which MySQL understands since 8.0.19.
        let what = format!("DROP CONSTRAINT {}", self.quote(name));
        self.alter(what);
    }

    fn drop_constraints(&mut self) {
        for key in &self.was.foreign_keys.clone() {
            if self.is.foreign_key(&key.name) != Some(key) {
                let word = if self.is_mysql() { "FOREIGN KEY" } else { "CONSTRAINT" };
                let what = format!("DROP {word} {}", self.quote(&key.name));
                self.alter(what);
            }
        }
        let after = self.is.all_checks(self.dialect);
        for check in self.was.all_checks(self.dialect) {
            if !after.contains(&check) {
                self.drop_check(&check.name);
            }
        }
        for index in &self.was.indexes.clone() {
            if index.search.is_none() && self.is.index(&index.name) != Some(index) {
                let name = self.quote(&index.name);
                if self.is_mysql() {
                    self.alter(format!("DROP INDEX {name}"));
                } else {
                    self.sql.push(format!("DROP INDEX {name}"));
                }
            }
        }
    }

    fn columns(&mut self) {
        for column in &self.is.columns {
            match self.was.column(&column.name).cloned() {
                None => self.add_column(column),
                Some(before) => self.alter_column(&before, column),
            }
        }
        for column in &self.was.columns.clone() {
            if self.is.column(&column.name).is_none() {
                let what = format!("DROP COLUMN {}", self.quote(&column.name));
                self.alter(what);
            }
        }
    }

    fn add_column(&mut self, column: &Column) {
        let name = self.quote(&column.name);
        let Some(fill) = self.change.fill(&column.name).cloned() else {
            let definition = self.is.definition(column, self.dialect);
            return self.alter(format!("ADD COLUMN {definition}"));
        };
        let value = literal::expression(&fill, &column.kind, self.dialect);
        let constant = !matches!(fill, Backfill::Sql(_) | Backfill::Now);
        // MySQL gives no default to texts and documents of any length.
        let may_default = !self.is_mysql()
            || !matches!(column.kind, ColumnType::Text(None) | ColumnType::Bytes | ColumnType::Json);
        if constant && may_default && column.default.is_none() {
            // No row is written for a constant default; it goes again, since new rows say the value.
            let definition =
                self.is.definition(&Column { default: Some(value), ..column.clone() }, self.dialect);
            self.alter(format!("ADD COLUMN {definition}"));
            return self.alter(format!("ALTER COLUMN {name} DROP DEFAULT"));
        }
        let loose = Column { nullable: true, default: None, ..column.clone() };
        let definition = self.is.definition(&loose, self.dialect);
        self.alter(format!("ADD COLUMN {definition}"));
        self.sql.push(format!("UPDATE {} SET {name} = {value}", self.quote(&self.is.name)));
        self.alter_column(&loose, column);
    }

    fn alter_column(&mut self, before: &Column, after: &Column) {
        let fill = self.change.fill(&after.name).filter(|_| before.nullable && !after.nullable);
        let Some(fill) = fill else { return self.change_column(before, after) };
        // The value is one of the new type, and has to be there before it is demanded.
        let (name, table) = (self.quote(&after.name), self.quote(&self.is.name));
        let value = literal::expression(fill, &after.kind, self.dialect);
        let loose = Column { nullable: true, ..after.clone() };
        self.change_column(before, &loose);
        self.sql.push(format!("UPDATE {table} SET {name} = {value} WHERE {name} IS NULL"));
        self.change_column(&loose, after);
    }

    fn change_column(&mut self, before: &Column, after: &Column) {
        let name = self.quote(&after.name);
        let word = |table: &Table, column: &Column| table.word(column, self.dialect);
        let (old, new) = (word(&self.was, before), word(self.is, after));
        let retyped = old != new;
        let changed = retyped
            || before.nullable != after.nullable
            || before.default != after.default
            || before.generated != after.generated
            || before.computed != after.computed;
        if !changed {
            return;
        }
        if self.is_mysql() {
            // A key keeps its place: MODIFY says all of a column but that it is one.
            let loose = Table { primary_key: Vec::new(), ..self.is.clone() };
            return self.alter(format!("MODIFY COLUMN {}", loose.definition(after, self.dialect)));
        }
        match (&before.computed, &after.computed) {
            (Some(_), None) => self.alter(format!("ALTER COLUMN {name} DROP EXPRESSION")),
            (before, Some(_)) if *before != after.computed => return self.compute_anew(after),
            _ => {}
        }
        let default = before.default.is_some() && (retyped || before.default != after.default);
        if default {
            self.alter(format!("ALTER COLUMN {name} DROP DEFAULT"));
        }
        if before.generated && !after.generated {
            self.alter(format!("ALTER COLUMN {name} DROP IDENTITY"));
        }
        if retyped {
            self.alter(format!("ALTER COLUMN {name} TYPE {new} USING {}", cast(&name, before, after, &new)));
        }
        if before.nullable != after.nullable {
            let word = if after.nullable { "DROP" } else { "SET" };
            self.alter(format!("ALTER COLUMN {name} {word} NOT NULL"));
        }
        if let Some(sql) = &after.default
            && (default || before.default.is_none())
        {
            let sql = default_sql(sql, self.dialect);
            self.alter(format!("ALTER COLUMN {name} SET DEFAULT {sql}"));
        }
        if after.generated && !before.generated {
            self.alter(format!("ALTER COLUMN {name} ADD GENERATED BY DEFAULT AS IDENTITY"));
            let (table, column) = (
                crate::schema::text_literal(&self.quote(&self.is.name), self.dialect),
                crate::schema::text_literal(&after.name, self.dialect),
            );
            self.sql.push(format!(
                "SELECT setval(pg_get_serial_sequence({table}, {column}), coalesce(max({name}), 0) + 1, false) FROM {}",
                self.quote(&self.is.name)
            ));
        }
    }

    /// PostgreSQL computes what is there otherwise only as another column. What hangs on it goes with it, and comes back.
    fn compute_anew(&mut self, column: &Column) {
        let is_about = |sql: &String| sql.contains(column.name.as_str());
        self.alter(format!("DROP COLUMN {}", self.quote(&column.name)));
        self.alter(format!("ADD COLUMN {}", self.is.definition(column, self.dialect)));
        let before = self.was.all_checks(self.dialect);
        for check in self.is.all_checks(self.dialect) {
            if before.contains(&check) && is_about(&check.sql) {
                self.alter(format!("DROP CONSTRAINT IF EXISTS {}", self.quote(&check.name)));
                let clause = check_clause(&check, self.dialect);
                self.alter(format!("ADD {clause}"));
            }
        }
        for index in &self.is.indexes {
            let mut sql = index.expression.iter().chain(&index.filter);
            let hangs_on_it = index.columns.contains(&column.name) || sql.any(is_about);
            if hangs_on_it && self.was.index(&index.name) == Some(index) {
                self.sql.extend(create_index(self.is, index, self.dialect, Existing::Keep));
            }
        }
    }

    fn add_constraints(&mut self) {
        let before: Vec<Check> = self.was.all_checks(self.dialect);
        for check in self.is.all_checks(self.dialect) {
            if !before.contains(&check) {
                let clause = check_clause(&check, self.dialect);
                self.alter(format!("ADD {clause}"));
            }
        }
        for index in &self.is.indexes {
            let stays = match index.search {
                Some(_) => self.searches.contains(index),
                None => self.was.index(&index.name) == Some(index),
            };
            if stays {
                continue;
            }
            let beside = self.dialect == Dialect::Postgres && self.change.beside.contains(&index.name);
            for sql in create_index(self.is, index, self.dialect, Existing::Refuse) {
                if beside && sql.starts_with("CREATE ") {
                    // One that was interrupted leaves an index that is there and invalid.
                    self.sql.push(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", self.quote(&index.name)));
                    self.sql.push(sql.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1));
                } else {
                    self.sql.push(sql);
                }
            }
        }
        for key in &self.is.foreign_keys {
            if self.was.foreign_key(&key.name) != Some(key) {
                let clause = foreign_key_clause(key, self.dialect);
                self.alter(format!("ADD {clause}"));
            }
        }
    }
}

/// PostgreSQL casts by itself only where nothing can go wrong. Where it has no cast at all, the way is by text.
fn cast(name: &str, before: &Column, after: &Column, word: &str) -> String {
    use ColumnType as Kind;
    let is_number = |kind: &Kind| {
        matches!(
            kind,
            Kind::SmallInt | Kind::Int | Kind::BigInt | Kind::Real | Kind::Double | Kind::Decimal(_)
        )
    };
    let is_text = |kind: &Kind| matches!(kind, Kind::Text(_));
    let is_time = |kind: &Kind| matches!(kind, Kind::DateTime | Kind::Date | Kind::Time);
    let text = match before.kind {
        Kind::Bytes => format!("convert_from({name}, 'UTF8')"),
        _ => format!("{name}::text"),
    };
    match (&before.kind, &after.kind) {
        (before, after) if is_number(before) && is_number(after) => format!("{name}::{word}"),
        (before, after) if is_text(before) && is_text(after) => format!("{name}::{word}"),
        // A time of day has no day that it could be of.
        (before, after) if is_time(before) && is_time(after) && *before != Kind::Time => {
            format!("{name}::{word}")
        }
        (Kind::Bool, after) if is_number(after) => format!("{name}::integer::{word}"),
        (before, Kind::Bool) if is_number(before) => format!("({name} <> 0)"),
        (Kind::Bytes, Kind::Json) => format!("{text}::jsonb"),
        (_, Kind::Json) => format!("to_jsonb({name})"),
        (_, Kind::Bytes) => format!("convert_to({text}, 'UTF8')"),
        _ => format!("{text}::{word}"),
    }
}
