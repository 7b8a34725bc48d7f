//! What a step makes of a schema. The SQL of a step is what lies between the two.

use super::operation::Operation;
use crate::schema::{ColumnType, ForeignKey, Index, Schema, Table};

/// A step that does not fit the schema that it is to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(String);

impl Operation {
    /// The schema after this step.
    pub fn apply(&self, schema: &mut Schema) -> Result<(), Misfit> {
        match self {
            Self::CreateTable(table) => {
                if schema.table(&table.name).is_some() {
                    return misfit(format!("there is a table `{}` already", table.name));
                }
                schema.tables.push(table.clone());
            }
            Self::DropTable(name) => {
                let _there = table_of(schema, name)?;
                if let Some(other) = pointing_to(schema, name) {
                    return misfit(format!("the table `{other}` points to `{name}`, which is to go"));
                }
                schema.tables.retain(|table| table.name != *name);
            }
            Self::RenameTable { from, to } => {
                if schema.table(to).is_some() {
                    return misfit(format!("there is a table `{to}` already"));
                }
                rename_table(table_of(schema, from)?, to);
                for key in schema.tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
                    if key.table == *from {
                        key.table.clone_from(to);
                    }
                }
            }
            Self::RenameColumn { table: name, from, to } => {
                let table = table_of(schema, name)?;
                if table.column(to).is_some() {
                    return misfit(format!("there is a column `{name}.{to}` already"));
                }
                if table.column(from).is_none() {
                    return misfit(format!("there is no column `{name}.{from}`"));
                }
                rename_column(table, from, to);
                for key in schema.tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
                    if key.table == *name {
                        replace(&mut key.keys, from, to);
                    }
                }
            }
            Self::RunSql { .. } | Self::Run { .. } => {}
            other => {
                let Some(name) = other.table() else { return Ok(()) };
                let target_is_there = |target: &str| schema.table(target).is_some();
                if let Self::AddForeignKey { key, .. } = other
                    && !target_is_there(&key.table)
                {
                    return misfit(format!("there is no table `{}` to point to", key.table));
                }
                other.apply_within(table_of(schema, name)?)?;
            }
        }
        Ok(())
    }

    fn apply_within(&self, table: &mut Table) -> Result<(), Misfit> {
        match self {
            Self::AddColumn { column, .. } => {
                if table.column(&column.name).is_some() {
                    return misfit(format!("there is a column `{}.{}` already", table.name, column.name));
                }
                table.columns.push(column.clone());
            }
            Self::DropColumn { column, .. } => {
                position(
                    &table.columns,
                    |known| known.name == *column,
                    || format!("there is no column `{}.{column}`", table.name),
                )?;
                if let Some(what) = user_of(table, column) {
                    return misfit(format!("{what} needs the column `{}.{column}`", table.name));
                }
                table.columns.retain(|known| known.name != *column);
            }
            Self::AlterColumn { column, .. } => {
                let at = position(
                    &table.columns,
                    |known| known.name == column.name,
                    || format!("there is no column `{}.{}`", table.name, column.name),
                )?;
                table.columns[at] = column.clone();
                table.indexes.iter().try_for_each(|index| can_be_searched(table, index))?;
            }
            Self::AddIndex { index, .. } => {
                if table.index(&index.name).is_some() {
                    return misfit(format!("there is an index `{}` already", index.name));
                }
                are_there(table, &index.columns)?;
                can_be_searched(table, index)?;
                table.indexes.push(index.clone());
            }
            Self::DropIndex { name, .. } => {
                let at = position(
                    &table.indexes,
                    |known| known.name == *name,
                    || format!("there is no index `{name}` on `{}`", table.name),
                )?;
                table.indexes.remove(at);
            }
            Self::AddForeignKey { key, .. } => {
                if table.foreign_key(&key.name).is_some() {
                    return misfit(format!("there is a foreign key `{}` already", key.name));
                }
                are_there(table, &key.columns)?;
                table.foreign_keys.push(key.clone());
            }
            Self::DropForeignKey { name, .. } => {
                let at = position(
                    &table.foreign_keys,
                    |known| known.name == *name,
                    || format!("there is no foreign key `{name}` on `{}`", table.name),
                )?;
                table.foreign_keys.remove(at);
            }
            Self::AddCheck { check, .. } => {
                if table.check(&check.name).is_some() {
                    return misfit(format!("there is a check `{}` already", check.name));
                }
                table.checks.push(check.clone());
            }
            Self::DropCheck { name, .. } => {
                let at = position(
                    &table.checks,
                    |known| known.name == *name,
                    || format!("there is no check `{name}` on `{}`", table.name),
                )?;
                table.checks.remove(at);
            }
            Self::CreateTable(_)
            | Self::DropTable(_)
            | Self::RenameTable { .. }
            | Self::RenameColumn { .. }
            | Self::RunSql { .. }
            | Self::Run { .. } => {}
        }
        Ok(())
    }
}

fn misfit<T>(what: String) -> Result<T, Misfit> {
    Err(Misfit(what))
}

fn table_of<'a>(schema: &'a mut Schema, name: &str) -> Result<&'a mut Table, Misfit> {
    schema.table_mut(name).ok_or_else(|| Misfit(format!("there is no table `{name}`")))
}

fn position<T>(
    items: &[T],
    is: impl Fn(&T) -> bool,
    missing: impl FnOnce() -> String,
) -> Result<usize, Misfit> {
    items.iter().position(is).ok_or_else(|| Misfit(missing()))
}

fn are_there(table: &Table, columns: &[String]) -> Result<(), Misfit> {
    match columns.iter().find(|column| table.column(column).is_none()) {
        Some(missing) => misfit(format!("there is no column `{}.{missing}`", table.name)),
        None => Ok(()),
    }
}

/// Words are looked for in texts.
fn can_be_searched(table: &Table, index: &Index) -> Result<(), Misfit> {
    let is_text =
        |name: &&String| table.column(name).is_some_and(|column| matches!(column.kind, ColumnType::Text(_)));
    match index.columns.iter().find(|name| !is_text(name)) {
        Some(other) if index.search.is_some() => misfit(format!(
            "`{}.{other}` is no text, and the search `{}` looks into it",
            table.name, index.name
        )),
        _ => Ok(()),
    }
}

/// Another table with a foreign key to `name`.
fn pointing_to<'a>(schema: &'a Schema, name: &str) -> Option<&'a str> {
    let others = schema.tables.iter().filter(|table| table.name != name);
    let mut pointing = others.filter(|table| table.foreign_keys.iter().any(|key| key.table == name));
    pointing.next().map(|table| table.name.as_str())
}

/// What would be left without its column.
fn user_of(table: &Table, column: &str) -> Option<String> {
    let within = |columns: &[String]| columns.iter().any(|name| name == column);
    if within(&table.primary_key) {
        return Some("the primary key".to_owned());
    }
    let index = table.indexes.iter().find(|index| within(&index.columns));
    let key = table.foreign_keys.iter().find(|key| within(&key.columns));
    index
        .map(|index| format!("the index `{}`", index.name))
        .or_else(|| key.map(|key| format!("the foreign key `{}`", key.name)))
}

/// Names that were made from the table's follow it; others stay.
fn rename_table(table: &mut Table, to: &str) {
    let from = std::mem::replace(&mut table.name, to.to_owned());
    for index in &mut table.indexes {
        if index.name == index.usual_name(&from) {
            index.name = index.usual_name(to);
        }
    }
    for key in &mut table.foreign_keys {
        if key.name == ForeignKey::usual_name(&from, &key.columns) {
            key.name = ForeignKey::usual_name(to, &key.columns);
        }
    }
}

fn rename_column(table: &mut Table, from: &str, to: &str) {
    for column in &mut table.columns {
        if column.name == from {
            to.clone_into(&mut column.name);
        }
        if let Some(sql) = &mut column.check {
            *sql = with_name(sql, from, to);
        }
    }
    for check in &mut table.checks {
        check.sql = with_name(&check.sql, from, to);
    }
    replace(&mut table.primary_key, from, to);
    for index in &mut table.indexes {
        let usual = index.name == index.usual_name(&table.name);
        if replace(&mut index.columns, from, to) && usual {
            index.name = index.usual_name(&table.name);
        }
    }
    for key in &mut table.foreign_keys {
        let usual = key.name == ForeignKey::usual_name(&table.name, &key.columns);
        if replace(&mut key.columns, from, to) && usual {
            key.name = ForeignKey::usual_name(&table.name, &key.columns);
        }
    }
}

/// A condition in which a column has another name, where it names it in backticks.
fn with_name(sql: &str, from: &str, to: &str) -> String {
    let [from, to] = [from, to].map(|name| format!("`{}`", name.replace('`', "``")));
    // Every other piece is a text.
    let pieces = sql.split('\'').enumerate();
    let pieces = pieces
        .map(|(place, piece)| if place % 2 == 0 { piece.replace(&from, &to) } else { piece.to_owned() });
    pieces.collect::<Vec<_>>().join("'")
}

fn replace(names: &mut [String], from: &str, to: &str) -> bool {
    let mut replaced = false;
    for name in names.iter_mut().filter(|name| *name == from) {
        to.clone_into(name);
        replaced = true;
    }
    replaced
}
