//! What a migration does, step by step, neutral to the engine.

use std::fmt;

use crate::driver::Dialect;
use crate::schema::{Check, Column, ForeignKey, Index, Schema, Table};

/// One step of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Makes a table with all that belongs to it.
    CreateTable(Table),
    /// Drops a table and its rows.
    DropTable(String),
    /// Gives a table another name. Indexes, foreign keys and checks that are named after it follow.
    RenameTable {
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Adds a column.
    AddColumn {
        /// The table.
        table: String,
        /// The column.
        column: Column,
        /// What rows that are there get in it.
        fill: Option<Backfill>,
    },
    /// Drops a column and its values.
    DropColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Gives a column another type, other limits, another default.
    AlterColumn {
        /// The table.
        table: String,
        /// The column as it becomes.
        column: Column,
        /// What rows get in which it is NULL, when it may no longer be.
        fill: Option<Backfill>,
    },
    /// Gives a column another name. Indexes, foreign keys and checks that are named after it follow.
    RenameColumn {
        /// The table.
        table: String,
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Adds an index or a unique constraint.
    AddIndex {
        /// The table.
        table: String,
        /// The index.
        index: Index,
        /// Whether writes go on meanwhile, and how that is paid for.
        build: Build,
    },
    /// Drops an index or a unique constraint.
    DropIndex {
        /// The table.
        table: String,
        /// The index.
        name: String,
    },
    /// Adds a foreign key.
    AddForeignKey {
        /// The table.
        table: String,
        /// The foreign key.
        key: ForeignKey,
    },
    /// Drops a foreign key.
    DropForeignKey {
        /// The table.
        table: String,
        /// The foreign key.
        name: String,
    },
    /// Adds a check.
    AddCheck {
        /// The table.
        table: String,
        /// The check.
        check: Check,
    },
    /// Drops a check.
    DropCheck {
        /// The table.
        table: String,
        /// The check.
        name: String,
    },
    /// Runs SQL by hand.
    RunSql {
        /// What for.
        what: String,
        /// The statements.
        up: Script,
        /// The statements that undo it.
        down: Undo<Script>,
    },
    /// Runs a Rust function of the application.
    Run {
        /// The name that it is registered by.
        name: String,
        /// Whether a registered function undoes it.
        down: Undo<()>,
    },
}

/// How an index is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Build {
    /// In the migration's transaction. On PostgreSQL writes to the table wait meanwhile.
    #[default]
    Locking,
    /// Beside the writes, on PostgreSQL, where the migration then runs outside of a transaction. As ever elsewhere.
    Concurrently,
}

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo<T> {
    /// So.
    By(T),
    /// There is nothing to undo.
    Nothing,
    /// It cannot be.
    Never,
}

/// SQL for every engine, or for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// For every engine that has none of its own.
    pub all: Option<String>,
    /// For SQLite.
    pub sqlite: Option<String>,
    /// For PostgreSQL.
    pub postgres: Option<String>,
    /// For MySQL and MariaDB.
    pub mysql: Option<String>,
}

/// What rows that are there get in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backfill {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number, as it is written.
    Number(String),
    /// A text, and what is written as one: a day, an identifier, JSON.
    Text(String),
    /// The time at which the migration runs.
    Now,
    /// An expression over the other columns.
    Sql(String),
}

impl Script {
    /// The same for every engine.
    pub fn same(sql: impl Into<String>) -> Self {
        Self { all: Some(sql.into()), ..Self::default() }
    }

    /// The SQL for an engine. `None`: there is nothing to do on it.
    pub fn of(&self, dialect: Dialect) -> Option<&str> {
        let own = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
            Dialect::MySql | Dialect::MariaDb => &self.mysql,
        };
        own.as_deref().or(self.all.as_deref()).filter(|sql| !sql.trim().is_empty())
    }
}

impl Operation {
    /// The table that it is about.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::CreateTable(table) => Some(&table.name),
            Self::DropTable(table) | Self::RenameTable { from: table, .. } => Some(table),
            Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::AlterColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::AddIndex { table, .. }
            | Self::DropIndex { table, .. }
            | Self::AddForeignKey { table, .. }
            | Self::DropForeignKey { table, .. }
            | Self::AddCheck { table, .. }
            | Self::DropCheck { table, .. } => Some(table),
            Self::RunSql { .. } | Self::Run { .. } => None,
        }
    }

    /// What undoes it, given what the database looked like before. `None`: nothing does.
    pub fn reversed(&self, before: &Schema) -> Option<Self> {
        let of = |table: &String| before.table(table);
        Some(match self {
            Self::CreateTable(table) => Self::DropTable(table.name.clone()),
            Self::DropTable(table) => Self::CreateTable(of(table)?.clone()),
            Self::RenameTable { from, to } => Self::RenameTable { from: to.clone(), to: from.clone() },
            Self::AddColumn { table, column, .. } => {
                Self::DropColumn { table: table.clone(), column: column.name.clone() }
            }
            Self::DropColumn { table, column } => {
                let column = of(table)?.column(column)?.clone();
                // The values are gone: a column that must have one gets the emptiest there is.
                let fill = column.is_demanded().then(|| Backfill::empty(&column));
                Self::AddColumn { table: table.clone(), column, fill }
            }
            Self::AlterColumn { table, column, .. } => {
                let column = of(table)?.column(&column.name)?.clone();
                let fill = column.is_demanded().then(|| Backfill::empty(&column));
                Self::AlterColumn { table: table.clone(), column, fill }
            }
            Self::RenameColumn { table, from, to } => {
                Self::RenameColumn { table: table.clone(), from: to.clone(), to: from.clone() }
            }
            Self::AddIndex { table, index, .. } => {
                Self::DropIndex { table: table.clone(), name: index.name.clone() }
            }
            Self::DropIndex { table, name } => Self::AddIndex {
                table: table.clone(),
                index: of(table)?.index(name)?.clone(),
                build: Build::Locking,
            },
            Self::AddForeignKey { table, key } => {
                Self::DropForeignKey { table: table.clone(), name: key.name.clone() }
            }
            Self::DropForeignKey { table, name } => {
                Self::AddForeignKey { table: table.clone(), key: of(table)?.foreign_key(name)?.clone() }
            }
            Self::AddCheck { table, check } => {
                Self::DropCheck { table: table.clone(), name: check.name.clone() }
            }
            Self::DropCheck { table, name } => {
                Self::AddCheck { table: table.clone(), check: of(table)?.check(name)?.clone() }
            }
            Self::RunSql { what, up, down } => match down {
                Undo::By(down) => {
                    Self::RunSql { what: what.clone(), up: down.clone(), down: Undo::By(up.clone()) }
                }
                Undo::Nothing => {
                    Self::RunSql { what: what.clone(), up: Script::default(), down: Undo::By(up.clone()) }
                }
                Undo::Never => return None,
            },
            Self::Run { name, down } => match down {
                Undo::Never => return None,
                down => Self::Run { name: name.clone(), down: down.clone() },
            },
        })
    }
}

impl Backfill {
    /// The emptiest value that a column can have.
    pub(crate) fn empty(column: &Column) -> Self {
        use crate::schema::ColumnType as Kind;
        match (&column.kind, column.one_of.first()) {
            (Kind::Array(_), _) => return Self::Text("{}".to_owned()),
            (kind, Some(first)) if kind.is_integer() => return Self::Number(first.clone()),
            (_, Some(first)) => return Self::Text(first.clone()),
            _ => {}
        }
        match &column.kind {
            Kind::SmallInt | Kind::Int | Kind::BigInt | Kind::Real | Kind::Double | Kind::Decimal(_) => {
                Self::Number(column.min.clone().unwrap_or_else(|| "0".to_owned()))
            }
            Kind::Bool => Self::Bool(false),
            Kind::DateTime => Self::Now,
            Kind::Date => Self::Text("1970-01-01".to_owned()),
            Kind::Time => Self::Text("00:00:00".to_owned()),
            Kind::Json => Self::Text("null".to_owned()),
            Kind::Uuid => Self::Text("00000000-0000-0000-0000-000000000000".to_owned()),
            Kind::Text(_) | Kind::Bytes | Kind::Array(_) | Kind::Other(_) => {
                Self::Text(" ".repeat(column.min_length.unwrap_or(0) as usize))
            }
        }
    }
}

/// One line for people.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTable(table) => {
                let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
                write!(f, "create table {} ({})", table.name, columns.join(", "))
            }
            Self::DropTable(table) => write!(f, "drop table {table}"),
            Self::RenameTable { from, to } => write!(f, "rename table {from} to {to}"),
            Self::AddColumn { table, column, .. } => {
                let null = if column.nullable { ", may be NULL" } else { "" };
                write!(f, "add column {table}.{} ({}{null})", column.name, column.kind)
            }
            Self::DropColumn { table, column } => write!(f, "drop column {table}.{column}"),
            Self::AlterColumn { table, column, .. } => {
                let null = if column.nullable { ", may be NULL" } else { "" };
                write!(f, "alter column {table}.{} ({}{null})", column.name, column.kind)
            }
            Self::RenameColumn { table, from, to } => write!(f, "rename column {table}.{from} to {to}"),
            Self::AddIndex { table, index, build } => {
                let word = match (&index.search, index.unique) {
                    (Some(_), _) => "search",
                    (None, true) => "unique index",
                    (None, false) => "index",
                };
                let over = index.expression.clone().unwrap_or_else(|| index.columns.join(", "));
                let how = if *build == Build::Concurrently { ", concurrently" } else { "" };
                write!(f, "add {word} {} on {table} ({over}){how}", index.name)
            }
            Self::DropIndex { table, name } => write!(f, "drop index {name} on {table}"),
            Self::AddForeignKey { table, key } => {
                write!(f, "add foreign key {table}.{} to {}", key.columns.join(", "), key.table)
            }
            Self::DropForeignKey { table, name } => write!(f, "drop foreign key {name} on {table}"),
            Self::AddCheck { table, check } => write!(f, "add check {} on {table}", check.name),
            Self::DropCheck { table, name } => write!(f, "drop check {name} on {table}"),
            Self::RunSql { what, .. } => write!(f, "run SQL: {what}"),
            Self::Run { name, .. } => write!(f, "run the function {name}"),
        }
    }
}
