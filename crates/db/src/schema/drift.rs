//! How a live table differs from the one that is expected.

use mainstay_core::{Finding, Severity};

use super::live::normal;
use super::structure::{Action, Column, ColumnType, ForeignKey, Index, Table};
use crate::driver::Dialect;
use crate::meta::ModelMeta;
use crate::search::language;

/// What is different. With the model that the table is of, the findings name its fields.
pub(super) fn compare(
    expected: &Table,
    live: &Table,
    model: Option<&ModelMeta>,
    dialect: Dialect,
) -> Vec<Finding> {
    let mut comparison = Comparison { expected, model, dialect, findings: Vec::new() };
    comparison.columns(live);
    if comparison.findings.is_empty() {
        comparison.constraints(live);
    }
    comparison.findings
}

struct Comparison<'a> {
    expected: &'a Table,
    model: Option<&'a ModelMeta>,
    dialect: Dialect,
    findings: Vec<Finding>,
}

impl Comparison<'_> {
    fn columns(&mut self, live: &Table) {
        let table = self.dialect.quote(&self.expected.name);
        for column in &self.expected.columns {
            let field = self.field(&column.name);
            let word = self.expected.word(column, self.dialect);
            let Some(stored) = live.column(&column.name) else {
                let message = format!("the table `{}` has no column for {field}", self.expected.name);
                self.add(Severity::Error, message, self.added(column, &word));
                continue;
            };
            let ColumnType::Other(is) = &stored.kind else { continue };
            let place = format!("{}.{}", self.expected.name, column.name);
            if normal(is, self.dialect) != normal(&word, self.dialect) {
                let message = format!("the column `{place}` is `{is}`; {field} needs `{word}`");
                self.add(Severity::Error, message, rebuilt(&table));
            }
            if stored.computed.is_some() != column.computed.is_some() {
                let (is, is_to) = match column.computed {
                    Some(_) => ("is written", "computes it"),
                    None => ("is computed", "writes it"),
                };
                let message = format!("the column `{place}` {is}, and {field} {is_to}");
                self.add(Severity::Error, message, rebuilt(&table));
            }
            // MariaDB says nothing of NULL in what it computes.
            let says_null = self.dialect != Dialect::MariaDb || column.computed.is_none();
            if says_null
                && stored.nullable != column.nullable
                && !self.expected.primary_key.contains(&column.name)
            {
                let is = if stored.nullable { "may be NULL" } else { "may not be NULL" };
                let option = if stored.nullable { "is no `Option`" } else { "is an `Option`" };
                let message = format!("the column `{place}` {is}, and {field} {option}");
                self.add(Severity::Error, message, rebuilt(&table));
            }
        }
        for stored in &live.columns {
            let known = self.expected.column(&stored.name).is_some();
            let is_filled = stored.default.is_some() || stored.generated || stored.computed.is_some();
            if !known && !stored.nullable && !is_filled {
                let owner = self.model.map_or("the program", |model| model.name);
                let message = format!(
                    "the table `{}` demands a value for `{}`, which `{owner}` does not have",
                    self.expected.name, stored.name
                );
                let fix = format!("ALTER TABLE {table} DROP COLUMN {};", self.dialect.quote(&stored.name));
                self.add(Severity::Error, message, fix);
            }
        }
    }

    /// What the engine would refuse otherwise than the model says: worth a look, and no reason not to start.
    fn constraints(&mut self, live: &Table) {
        let name = &self.expected.name;
        let mut differences = Vec::new();
        if live.primary_key != self.expected.primary_key {
            differences.push(format!("its primary key is ({})", live.primary_key.join(", ")));
        }
        for index in &self.expected.indexes {
            let same = |other: &&Index| {
                other.columns == index.columns
                    && other.unique == index.unique
                    && other.filter.is_some() == index.filter.is_some()
                    && other.using == index.using
                    && other.expression.is_some() == index.expression.is_some()
                    && self.searches_alike(index, other)
            };
            if live.index(&index.name).filter(same).is_none() {
                differences.push(format!("the index `{}` is not there, or another one", index.name));
            }
        }
        for key in &self.expected.foreign_keys {
            let same = |other: &ForeignKey| {
                other.columns == key.columns
                    && other.table == key.table
                    && other.keys == key.keys
                    && refusal(other.on_delete) == refusal(key.on_delete)
                    && refusal(other.on_update) == refusal(key.on_update)
            };
            if !live.foreign_keys.iter().any(same) {
                differences.push(format!("the foreign key `{}` is not there, or another one", key.name));
            }
        }
        for check in self.expected.all_checks(self.dialect) {
            // Only SQLite gives back the words that it was given.
            let same = |other: &super::Check| self.dialect != Dialect::Sqlite || other.sql == check.sql;
            if !live.check(&check.name).is_some_and(same) {
                differences.push(format!("the check `{}` is not there, or another one", check.name));
            }
        }
        for difference in differences {
            let message = format!("the table `{name}` was not made by the models of today: {difference}");
            self.add(Severity::Warning, message, rebuilt(&self.dialect.quote(name)));
        }
    }

    /// Whether both are searched, or none, and what the engine knows of the language is the same.
    fn searches_alike(&self, one: &Index, other: &Index) -> bool {
        match (&one.search, &other.search) {
            (Some(one), Some(other)) => match self.dialect {
                Dialect::Postgres => one == other,
                Dialect::Sqlite => (one == language::ENGLISH) == (other == language::ENGLISH),
                Dialect::MySql | Dialect::MariaDb => true,
            },
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    fn add(&mut self, severity: Severity, message: String, fix: String) {
        let finding = match severity {
            Severity::Error => Finding::error("db.E010", message),
            Severity::Warning => Finding::warning("db.W010", message),
        };
        let finding = finding.fix(fix);
        self.findings.push(match self.model {
            Some(model) => finding.at(model.place),
            None => finding,
        });
    }

    /// The field that a column is of, else the column.
    fn field(&self, column: &str) -> String {
        match self.model.and_then(|model| Some((model, model.column(column)?))) {
            Some((model, (_, field))) => format!("`{}.{}`", model.name, field.name),
            None => format!("`{}.{column}`", self.expected.name),
        }
    }

    fn added(&self, column: &Column, word: &str) -> String {
        let table = self.dialect.quote(&self.expected.name);
        if column.nullable {
            return format!("ALTER TABLE {table} ADD COLUMN {} {word};", self.dialect.quote(&column.name));
        }
        format!("{} (rows that are there would need a value for it)", rebuilt(&table))
    }
}

/// Two ways to refuse, which differ only inside of a transaction; MySQL knows but one.
fn refusal(action: Action) -> Action {
    if action == Action::Restrict { Action::NoAction } else { action }
}

fn rebuilt(table: &str) -> String {
    format!("make a migration (makemigrations); or, if the data can go, DROP TABLE {table}; and start again")
}
