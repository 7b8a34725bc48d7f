//! From two schemas to the steps between them.
//!
//! What looks like a new name for something is asked for, never guessed: the two readings lead to different data. The
//! order of the steps is one that every engine accepts: foreign keys that go or are in the way come first, then new tables,
//! then each table's own changes together, then the foreign keys that are left, and dropped tables last.

use super::decide::{Decisions, Question};
use super::operation::{Backfill, Build, Operation};
use crate::schema::{Column, ColumnType, ForeignKey, Index, Schema, Table};

/// What cannot be done, or not without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Nobody has said which reading is right.
    #[error("{0}")]
    Unanswered(String),
    /// No steps lead there.
    #[error("{0}")]
    Impossible(String),
}

/// The steps from one schema to another.
pub fn diff(
    from: &Schema,
    to: &Schema,
    decide: &mut Decisions<'_>,
) -> Result<Vec<Operation>, Vec<Undecided>> {
    let mut differ = Differ { now: from.clone(), steps: Vec::new(), open: Vec::new() };
    differ.rename_tables(to, decide);
    differ.rename_columns(to, decide);
    differ.compare(to, decide);
    if differ.open.is_empty() { Ok(differ.steps) } else { Err(differ.open) }
}

struct Differ {
    /// What the steps so far lead to.
    now: Schema,
    steps: Vec<Operation>,
    open: Vec<Undecided>,
}

impl Differ {
    fn step(&mut self, step: Operation) {
        match step.apply(&mut self.now) {
            Ok(()) => self.steps.push(step),
            Err(misfit) => self.open.push(Undecided::Impossible(format!("{step}: {misfit}"))),
        }
    }

    fn rename_tables(&mut self, to: &Schema, decide: &mut Decisions<'_>) {
        let gone: Vec<String> = missing(&self.now.tables, &to.tables, |table| &table.name);
        let mut new: Vec<&Table> =
            to.tables.iter().filter(|table| self.now.table(&table.name).is_none()).collect();
        for old in gone {
            let Some(before) = self.now.table(&old).cloned() else { continue };
            let likely = |table: &&&Table| {
                let same =
                    before.columns.iter().filter(|column| table.column(&column.name).is_some()).count();
                same * 2 >= before.columns.len().max(table.columns.len())
            };
            let mut candidates: Vec<&Table> = new.iter().filter(likely).copied().collect();
            if let Some(said) = decide.named_table(&old) {
                candidates = new.iter().filter(|table| table.name == said).copied().collect();
            }
            for candidate in candidates {
                let question = Question::Table { from: &old, to: &candidate.name };
                match decide.renamed(question) {
                    Ok(true) => {
                        self.step(Operation::RenameTable { from: old.clone(), to: candidate.name.clone() });
                        new.retain(|table| table.name != candidate.name);
                        break;
                    }
                    Ok(false) => {}
                    Err(undecided) => self.open.push(undecided),
                }
            }
        }
    }

    fn rename_columns(&mut self, to: &Schema, decide: &mut Decisions<'_>) {
        for after in &to.tables {
            let Some(before) = self.now.table(&after.name).cloned() else { continue };
            let gone: Vec<String> = missing(&before.columns, &after.columns, |column| &column.name);
            let mut new: Vec<&Column> =
                after.columns.iter().filter(|column| before.column(&column.name).is_none()).collect();
            for old in gone {
                let Some(was) = before.column(&old) else { continue };
                let mut candidates: Vec<&Column> =
                    new.iter().filter(|column| same_family(&was.kind, &column.kind)).copied().collect();
                if let Some(said) = decide.named_column(&after.name, &old) {
                    candidates = new.iter().filter(|column| column.name == said).copied().collect();
                }
                for candidate in candidates {
                    let question = Question::Column { table: &after.name, from: &old, to: &candidate.name };
                    match decide.renamed(question) {
                        Ok(true) => {
                            self.step(Operation::RenameColumn {
                                table: after.name.clone(),
                                from: old.clone(),
                                to: candidate.name.clone(),
                            });
                            new.retain(|column| column.name != candidate.name);
                            break;
                        }
                        Ok(false) => {}
                        Err(undecided) => self.open.push(undecided),
                    }
                }
            }
        }
    }

    fn compare(&mut self, to: &Schema, decide: &mut Decisions<'_>) {
        let before = self.now.clone();
        let dropped: Vec<&Table> =
            before.tables.iter().filter(|table| to.table(&table.name).is_none()).collect();
        self.drop_foreign_keys(&before, to, &dropped);
        self.create_tables(&before, to);
        for table in &to.tables {
            if before.table(&table.name).is_some() {
                self.change_table(table, to, decide);
            }
        }
        for table in &to.tables {
            self.add_foreign_keys(table, |_| true);
        }
        // Those that point come before those that are pointed to; a circle has been cut above.
        let mut left: Vec<&Table> = dropped;
        while !left.is_empty() {
            let free = left.iter().position(|table| {
                let pointed = |other: &&&Table| {
                    other.name != table.name
                        && self.now.table(&other.name).is_some_and(|now| points_to(now, &table.name))
                };
                left.iter().find(pointed).is_none()
            });
            let table = left.remove(free.unwrap_or(0));
            self.step(Operation::DropTable(table.name.clone()));
        }
    }

    /// Those that go, those that change, and those in the way of a column that changes its type or goes.
    fn drop_foreign_keys(&mut self, before: &Schema, to: &Schema, dropped: &[&Table]) {
        for table in &before.tables {
            for key in &table.foreign_keys {
                let to_dropped = dropped.iter().any(|gone| gone.name == key.table && gone.name != table.name);
                let step = Operation::DropForeignKey { table: table.name.clone(), name: key.name.clone() };
                let Some(after) = to.table(&table.name) else {
                    // Both tables go: only a circle needs the cut.
                    let circle = to_dropped
                        && dropped
                            .iter()
                            .any(|other| other.name == key.table && reaches(before, other, &table.name));
                    if circle
                        || (to.table(&key.table).is_some() && retyped(before, to, &key.table, &key.keys))
                    {
                        self.step(step);
                    }
                    continue;
                };
                let stays = after.foreign_key(&key.name).is_some_and(|other| other == key);
                let in_the_way = retyped(before, to, &table.name, &key.columns)
                    || retyped(before, to, &key.table, &key.keys);
                if !stays || in_the_way || to_dropped {
                    self.step(step);
                }
            }
        }
    }

    /// New tables, each after those that it points to; the foreign keys of a circle wait.
    fn create_tables(&mut self, before: &Schema, to: &Schema) {
        let mut left: Vec<&Table> =
            to.tables.iter().filter(|table| before.table(&table.name).is_none()).collect();
        while !left.is_empty() {
            let ready = left.iter().position(|table| {
                let mut keys = table.foreign_keys.iter();
                keys.all(|key| key.table == table.name || self.can_point_to(key))
            });
            let mut table = left.remove(ready.unwrap_or(0)).clone();
            table.foreign_keys.retain(|key| key.table == table.name || self.can_point_to(key));
            self.step(Operation::CreateTable(table));
        }
    }

    /// Whether what a foreign key points to is there as it will be.
    fn can_point_to(&self, key: &ForeignKey) -> bool {
        self.now
            .table(&key.table)
            .is_some_and(|table| key.keys.iter().all(|name| table.column(name).is_some()))
    }

    fn change_table(&mut self, after: &Table, to: &Schema, decide: &mut Decisions<'_>) {
        let Some(before) = self.now.table(&after.name).cloned() else { return };
        let table = || after.name.clone();
        if before.primary_key != after.primary_key {
            self.open.push(Undecided::Impossible(format!(
                "the primary key of `{}` changes from ({}) to ({}): make a new table, copy the rows with `run_sql`, and \
                 drop the old one",
                after.name,
                before.primary_key.join(", "),
                after.primary_key.join(", ")
            )));
            return;
        }
        // MySQL does not let go of an index that a foreign key needs before there is another.
        let needed = |index: &Index| {
            let mut keys = after.foreign_keys.iter().filter(|key| before.foreign_keys.contains(key));
            after.index(&index.name).is_none() && keys.any(|key| index.columns.starts_with(&key.columns))
        };
        let (late, early): (Vec<&Index>, Vec<&Index>) = before
            .indexes
            .iter()
            .filter(|index| after.index(&index.name) != Some(index))
            .partition(|index| needed(index));
        for index in early {
            self.step(Operation::DropIndex { table: table(), name: index.name.clone() });
        }
        for check in &before.checks {
            if after.check(&check.name) != Some(check) {
                self.step(Operation::DropCheck { table: table(), name: check.name.clone() });
            }
        }
        for column in &after.columns {
            let was = before.column(&column.name);
            if was == Some(column) {
                continue;
            }
            let demanded = !column.nullable
                && column.default.is_none()
                && !column.generated
                && column.computed.is_none()
                && was.is_none_or(|was| was.nullable);
            let fill = match demanded.then(|| decide.fill(&after.name, column)).transpose() {
                Ok(fill) => fill,
                Err(undecided) => {
                    self.open.push(undecided);
                    continue;
                }
            };
            let (table, column) = (table(), column.clone());
            self.step(match was {
                None => Operation::AddColumn { table, column, fill },
                Some(_) => Operation::AlterColumn { table, column, fill },
            });
        }
        for column in &before.columns {
            if after.column(&column.name).is_none() {
                self.step(Operation::DropColumn { table: table(), column: column.name.clone() });
            }
        }
        for check in &after.checks {
            if before.check(&check.name) != Some(check) {
                self.step(Operation::AddCheck { table: table(), check: check.clone() });
            }
        }
        for index in &after.indexes {
            if before.index(&index.name) != Some(index) {
                self.step(Operation::AddIndex {
                    table: table(),
                    index: index.clone(),
                    build: Build::Locking,
                });
            }
        }
        for index in late {
            self.step(Operation::DropIndex { table: table(), name: index.name.clone() });
        }
        // Here rather than at the end where it can be: SQLite rebuilds the table once then, and not twice.
        self.add_foreign_keys(after, |key| {
            to.table(&key.table).is_some_and(|target| {
                key.keys.iter().all(|name| {
                    let column = |schema: &Table| schema.column(name).cloned();
                    key.table == after.name || column(target).is_some()
                })
            })
        });
    }

    fn add_foreign_keys(&mut self, after: &Table, wanted: impl Fn(&ForeignKey) -> bool) {
        for key in &after.foreign_keys {
            let there = self.now.table(&after.name).is_some_and(|now| now.foreign_key(&key.name).is_some());
            let settled = self
                .now
                .table(&key.table)
                .is_some_and(|now| key.keys.iter().all(|name| now.column(name).is_some()));
            if !there && wanted(key) && settled {
                self.step(Operation::AddForeignKey { table: after.name.clone(), key: key.clone() });
            }
        }
    }
}

/// The names in `before` that are not in `after`.
fn missing<T>(before: &[T], after: &[T], name: impl Fn(&T) -> &String) -> Vec<String> {
    before
        .iter()
        .map(&name)
        .filter(|known| !after.iter().any(|other| name(other) == *known))
        .cloned()
        .collect()
}

fn points_to(table: &Table, name: &str) -> bool {
    table.foreign_keys.iter().any(|key| key.table == name)
}

/// Whether foreign keys lead from `table` to `name`, however far.
fn reaches(schema: &Schema, table: &Table, name: &str) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    let mut next: Vec<&Table> = vec![table];
    while let Some(table) = next.pop() {
        for key in &table.foreign_keys {
            if key.table == name {
                return true;
            }
            if !seen.contains(&key.table.as_str()) {
                seen.push(&key.table);
                next.extend(schema.table(&key.table));
            }
        }
    }
    false
}

/// Whether one of these columns gets another type, or goes.
fn retyped(before: &Schema, to: &Schema, table: &str, columns: &[String]) -> bool {
    let (Some(before), Some(after)) = (before.table(table), to.table(table)) else { return false };
    columns.iter().any(|name| {
        let kind = |table: &Table| table.column(name).map(|column| column.kind.clone());
        kind(before) != kind(after)
    })
}

/// Whether a value of the one may well have become a value of the other.
fn same_family(one: &ColumnType, other: &ColumnType) -> bool {
    if let (ColumnType::Array(one), ColumnType::Array(other)) = (one, other) {
        return same_family(one, other);
    }
    let family = |kind: &ColumnType| match kind {
        ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt => 0,
        ColumnType::Real | ColumnType::Double | ColumnType::Decimal(_) => 1,
        ColumnType::Bool => 2,
        ColumnType::Text(_) => 3,
        ColumnType::Bytes => 4,
        ColumnType::DateTime | ColumnType::Date => 5,
        ColumnType::Time => 6,
        ColumnType::Json => 7,
        ColumnType::Uuid => 8,
        ColumnType::Other(_) => 9,
        ColumnType::Array(_) => 10,
    };
    family(one) == family(other)
}

/// What a value given on the command line means: `true`, `7`, `now`, `'text'`, `sql:lower(title)`.
pub(crate) fn backfill(text: &str) -> Backfill {
    if let Some(sql) = text.strip_prefix("sql:") {
        return Backfill::Sql(sql.to_owned());
    }
    if let Some(quoted) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Backfill::Text(quoted.to_owned());
    }
    match text {
        "true" => Backfill::Bool(true),
        "false" => Backfill::Bool(false),
        "now" => Backfill::Now,
        number if number.parse::<i64>().is_ok() => Backfill::Int(number.parse().unwrap_or_default()),
        number if number.parse::<f64>().is_ok_and(f64::is_finite) => Backfill::Number(number.to_owned()),
        text => Backfill::Text(text.to_owned()),
    }
}
