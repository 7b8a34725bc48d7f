//! What happens to one table: the steps, seen as a whole.

use crate::migrate::operation::{Backfill, Build, Operation};
use crate::schema::{Schema, Table};

/// Steps of one table, taken together.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The table's name before.
    pub(super) from: String,
    /// The table's name after.
    pub(super) to: String,
    /// Columns that were there: the name before and after.
    pub(super) kept: Vec<(String, String)>,
    /// What rows that are there get: by the column's name after.
    pub(super) fills: Vec<(String, Backfill)>,
    /// Indexes that are built beside writes.
    pub(super) beside: Vec<String>,
    /// Whether a step has made or dropped the table, or renamed it: such a step stands alone.
    alone: bool,
}

impl Change {
    /// No step yet, of the table that `step` is about.
    pub(super) fn begin(before: &Schema, step: &Operation) -> Self {
        let name = step.table().unwrap_or_default().to_owned();
        let kept = before
            .table(&name)
            .map(|table| {
                table.columns.iter().map(|column| (column.name.clone(), column.name.clone())).collect()
            })
            .unwrap_or_default();
        Self { from: name.clone(), to: name, kept, fills: Vec::new(), beside: Vec::new(), alone: false }
    }

    /// Adds a step.
    pub(super) fn add(&mut self, step: &Operation) {
        match step {
            Operation::CreateTable(_)
            | Operation::DropTable(_)
            | Operation::RunSql { .. }
            | Operation::Run { .. } => self.alone = true,
            Operation::RenameTable { to, .. } => {
                self.to.clone_from(to);
                self.alone = true;
            }
            Operation::RenameColumn { from, to, .. } => {
                for (_, now) in self.kept.iter_mut().filter(|(_, now)| now == from) {
                    now.clone_from(to);
                }
                for (now, _) in self.fills.iter_mut().filter(|(now, _)| now == from) {
                    now.clone_from(to);
                }
            }
            Operation::DropColumn { column, .. } => {
                self.kept.retain(|(_, now)| now != column);
                self.fills.retain(|(now, _)| now != column);
            }
            Operation::AddColumn { column, fill, .. } | Operation::AlterColumn { column, fill, .. } => {
                if let Some(fill) = fill {
                    self.fills.retain(|(now, _)| *now != column.name);
                    self.fills.push((column.name.clone(), fill.clone()));
                }
            }
            Operation::AddIndex { index, build, .. } => {
                if *build == Build::Concurrently {
                    self.beside.push(index.name.clone());
                }
            }
            Operation::DropIndex { .. }
            | Operation::AddForeignKey { .. }
            | Operation::DropForeignKey { .. }
            | Operation::AddCheck { .. }
            | Operation::DropCheck { .. } => {}
        }
    }

    /// Whether the next step may be taken together with these.
    pub(super) fn goes_on_with(&self, next: &Operation) -> bool {
        // An expression over the columns means those of its own time.
        let over_columns = self.fills.iter().any(|(_, fill)| matches!(fill, Backfill::Sql(_)));
        let same_time = !over_columns
            || !matches!(
                next,
                Operation::RenameColumn { .. } | Operation::DropColumn { .. } | Operation::AddColumn { .. }
            );
        let plain = !matches!(
            next,
            Operation::CreateTable(_)
                | Operation::DropTable(_)
                | Operation::RenameTable { .. }
                | Operation::RunSql { .. }
                | Operation::Run { .. }
        );
        !self.alone && same_time && plain && next.table() == Some(self.to.as_str())
    }

    /// The column's name before, if it was there.
    pub(super) fn before<'a>(&'a self, after: &str) -> Option<&'a str> {
        self.kept.iter().find(|(_, now)| now == after).map(|(was, _)| was.as_str())
    }

    /// The column's name after, if it stays.
    pub(super) fn after<'a>(&'a self, before: &str) -> Option<&'a str> {
        self.kept.iter().find(|(was, _)| was == before).map(|(_, now)| now.as_str())
    }

    pub(super) fn fill(&self, after: &str) -> Option<&Backfill> {
        self.fills.iter().find(|(now, _)| now == after).map(|(_, fill)| fill)
    }

    /// The table before, as it would be under its new names.
    pub(super) fn renamed(&self, was: &Table) -> Table {
        let mut schema = Schema { tables: vec![was.clone()] };
        if self.from != self.to {
            let step = Operation::RenameTable { from: self.from.clone(), to: self.to.clone() };
            // The steps have been applied before: this cannot fail, and if it did, nothing would be renamed.
            let _ = step.apply(&mut schema);
        }
        for (from, to) in self.kept.iter().filter(|(from, to)| from != to) {
            let step = Operation::RenameColumn { table: self.to.clone(), from: from.clone(), to: to.clone() };
            let _ = step.apply(&mut schema);
        }
        schema.tables.pop().unwrap_or_default()
    }
}
