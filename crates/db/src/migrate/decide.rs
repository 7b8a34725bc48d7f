//! What only a person can know: whether something was renamed, and what rows that are there get in a new column.
//!
//! An answer comes from the model (`#[renamed_from(…)]`, a default in the code), from the command line (`--rename`,
//! `--fill`), or from the terminal, in this order. Where there is no terminal nothing is guessed: the question and the ways
//! to answer it are printed.

use std::collections::HashMap;

use super::diff::Undecided;
use super::operation::Backfill;
use crate::schema::{Column, ColumnType};

/// Whether one thing is another under a new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// A table that is gone, and a new one.
    Table {
        /// The one that is gone.
        from: &'a str,
        /// The new one.
        to: &'a str,
    },
    /// A column that is gone, and a new one.
    Column {
        /// Their table.
        table: &'a str,
        /// The one that is gone.
        from: &'a str,
        /// The new one.
        to: &'a str,
    },
}

/// Who answers at a terminal: `None` when the answer cannot be read.
pub trait Ask {
    /// Whether it was renamed.
    fn renamed(&mut self, question: Question<'_>) -> Option<bool>;
    /// What rows that are there get, as it is written for `--fill`.
    fn fill(&mut self, table: &str, column: &Column) -> Option<String>;
}

/// The answers.
#[derive(Default)]
pub struct Decisions<'a> {
    /// From a new table to its old name, as the models say.
    pub tables: HashMap<String, String>,
    /// From a table and a new column to its old name, as the models say.
    pub columns: HashMap<(String, String), String>,
    /// From an old `table` or `table.column` to its new name, as the command line says.
    pub renames: HashMap<String, String>,
    /// From `table.column` to what rows get that are there: from the command line, and from defaults in the code.
    pub fills: HashMap<String, Backfill>,
    /// Nothing has been renamed, but for what is said above.
    pub nothing_else_renamed: bool,
    /// The terminal, if there is one.
    pub ask: Option<&'a mut dyn Ask>,
}

impl Decisions<'_> {
    /// The new name that is said to be that of a table.
    pub(super) fn named_table(&self, from: &str) -> Option<String> {
        let hinted = self.tables.iter().find(|(_, old)| *old == from).map(|(new, _)| new.clone());
        hinted.or_else(|| self.renames.get(from).cloned())
    }

    /// The new name that is said to be that of a column.
    pub(super) fn named_column(&self, table: &str, from: &str) -> Option<String> {
        let hinted = self.columns.iter().find(|((of, _), old)| of == table && *old == from);
        hinted
            .map(|((_, new), _)| new.clone())
            .or_else(|| self.renames.get(&format!("{table}.{from}")).cloned())
    }

    pub(super) fn renamed(&mut self, question: Question<'_>) -> Result<bool, Undecided> {
        let (said, to) = match question {
            Question::Table { from, to } => (self.named_table(from), to),
            Question::Column { table, from, to } => (self.named_column(table, from), to),
        };
        if let Some(said) = said {
            return Ok(said == to);
        }
        if self.nothing_else_renamed {
            return Ok(false);
        }
        let answer = self.ask.as_mut().and_then(|ask| ask.renamed(question));
        answer.ok_or_else(|| Undecided::Unanswered(question.unanswered()))
    }

    pub(super) fn fill(&mut self, table: &str, column: &Column) -> Result<Backfill, Undecided> {
        let name = format!("{table}.{}", column.name);
        if let Some(fill) = self.fills.get(&name) {
            return Ok(fill.clone());
        }
        let said = self.ask.as_mut().and_then(|ask| ask.fill(table, column));
        said.map(|said| super::diff::backfill(&said)).ok_or_else(|| {
            Undecided::Unanswered(format!(
                "`{name}` must have a value, and rows that are there have none.\n    \
                 Say what they get:    makemigrations --fill {name}={}\n    \
                 or give it a default: #[field(default = …)] (#[field(default_sql = \"…\")] stays in the database)\n    \
                 or let it be empty:   Option<…>",
                example(column)
            ))
        })
    }
}

impl Question<'_> {
    fn unanswered(self) -> String {
        match self {
            Self::Table { from, to } => format!(
                "the table `{from}` is gone and `{to}` is new. Has it been renamed, and keeps its rows, or is it dropped?\n    \
                 Renamed: #[renamed_from({from})] above the struct, or makemigrations --rename {from}={to}\n    \
                 Dropped: makemigrations --no-rename"
            ),
            Self::Column { table, from, to } => format!(
                "the column `{table}.{from}` is gone and `{table}.{to}` is new. Has it been renamed, and keeps its values, \
                 or is it dropped?\n    \
                 Renamed: #[renamed_from({from})] above the field, or makemigrations --rename {table}.{from}={to}\n    \
                 Dropped: makemigrations --no-rename"
            ),
        }
    }
}

/// A value for `--fill` that would do.
pub(crate) fn example(column: &Column) -> String {
    match (&column.kind, column.one_of.first()) {
        (ColumnType::Array(_), _) => "{}".to_owned(),
        (_, Some(first)) => first.clone(),
        (ColumnType::Bool, _) => "false".to_owned(),
        (ColumnType::DateTime, _) => "now".to_owned(),
        (ColumnType::Text(_), _) => "\"''\"".to_owned(),
        (ColumnType::Json, _) => "{}".to_owned(),
        (ColumnType::Date, _) => "2000-01-01".to_owned(),
        (ColumnType::Uuid, _) => "00000000-0000-0000-0000-000000000000".to_owned(),
        _ => "0".to_owned(),
    }
}
