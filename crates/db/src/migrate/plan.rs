//! What has to be run so that a database has the migrations that it should have.

use std::collections::HashSet;

use super::fault::MigrateError;
use super::file::Migration;
use super::ledger::{Entry, State};
use super::operation::Operation;
use super::set::{Set, Way};
use super::sql::{self, Part};
use crate::driver::Dialect;
use crate::schema::Schema;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Everything.
    Latest,
    /// Everything up to this one, of its set, and nothing after it.
    To(String),
    /// Nothing of the application's own set.
    Nothing,
    /// So many fewer than there are.
    Back(usize),
}

/// The migrations that are to be there, by crate and name.
pub(super) type Wanted = HashSet<(String, String)>;

/// One migration that has to be run.
#[derive(Clone, Debug)]
pub struct Planned<'a> {
    /// Its set.
    pub set: usize,
    /// The migration.
    pub migration: &'a Migration,
    /// Applied or undone.
    pub way: Way,
    /// What was begun before and not finished: so many statements have been run.
    pub resumed_at: Option<u32>,
}

/// Which migrations are to be there.
pub(super) fn wanted(sets: &[Set], entries: &[Entry], goal: &Goal) -> Result<Wanted, MigrateError> {
    let key = |set: &Set, name: &str| (set.migrations.package().to_owned(), name.to_owned());
    let everything = |sets: &[Set]| -> Wanted {
        sets.iter()
            .flat_map(|set| set.history.migrations().iter().map(|migration| key(set, &migration.name)))
            .collect()
    };
    let Some((last, libraries)) = sets.split_last() else { return Ok(Wanted::new()) };
    match goal {
        Goal::Latest => Ok(everything(sets)),
        Goal::Nothing => Ok(everything(libraries)),
        Goal::Back(steps) => {
            let mut wanted: Wanted =
                entries.iter().map(|entry| (entry.package.clone(), entry.name.clone())).collect();
            let there = last.history.migrations().iter().rev().map(|migration| key(last, &migration.name));
            let undone: Vec<_> = there.filter(|key| wanted.contains(key)).take(*steps).collect();
            for key in undone {
                wanted.remove(&key);
            }
            Ok(wanted)
        }
        Goal::To(name) => {
            let found = sets.iter().rev().find_map(|set| set.history.find(name).map(|found| (set, found)));
            let Some((set, found)) = found else {
                let known = sets.iter().flat_map(|set| set.history.migrations());
                return Err(MigrateError::Unknown {
                    name: name.clone(),
                    known: known.map(|migration| migration.name.clone()).collect(),
                });
            };
            let within = set.history.within(&found.name);
            let others = sets.iter().filter(|other| !std::ptr::eq(*other, set));
            let mut wanted: Wanted = others
                .flat_map(|other| {
                    other.history.migrations().iter().map(|migration| key(other, &migration.name))
                })
                .collect();
            wanted.extend(within.iter().map(|name| key(set, name)));
            Ok(wanted)
        }
    }
}

/// What has to be run, in order: first what is half-way, then what is to go, last first, then what is to come.
pub(super) fn plan<'a>(
    sets: &'a [Set],
    entries: &[Entry],
    wanted: &Wanted,
) -> Result<Vec<Planned<'a>>, MigrateError> {
    let entry = |set: &Set, migration: &Migration| {
        entries
            .iter()
            .find(|entry| entry.package == set.migrations.package() && entry.name == migration.name)
            .map(|entry| entry.state)
    };
    let is_wanted = |set: &Set, migration: &Migration| {
        wanted.contains(&(set.migrations.package().to_owned(), migration.name.clone()))
    };
    let (mut half, mut down, mut up) = (Vec::new(), Vec::new(), Vec::new());
    for (position, set) in sets.iter().enumerate() {
        for migration in set.history.migrations() {
            let planned = |way, resumed_at| Planned { set: position, migration, way, resumed_at };
            match (entry(set, migration), is_wanted(set, migration)) {
                (Some(State::Applying(done)), wanted) => {
                    half.push(planned(Way::Up, Some(done)));
                    if !wanted {
                        down.push(planned(Way::Down, None));
                    }
                }
                (Some(State::Reverting(done)), wanted) => {
                    half.push(planned(Way::Down, Some(done)));
                    if wanted {
                        up.push(planned(Way::Up, None));
                    }
                }
                (Some(State::Applied), false) => down.push(planned(Way::Down, None)),
                (None, true) => up.push(planned(Way::Up, None)),
                (Some(State::Applied), true) | (None, false) => {}
            }
        }
    }
    down.reverse();
    half.extend(down);
    half.extend(up);
    Ok(half)
}

/// The schema that the applied migrations leave: those of which `is_in` says so.
pub(super) fn schema_of(
    sets: &[Set],
    is_in: impl Fn(&Set, &Migration) -> bool,
) -> Result<Schema, MigrateError> {
    let mut schema = Schema::default();
    for set in sets {
        schema = set.history.schema_after(&schema, |migration| is_in(set, migration))?;
    }
    Ok(schema)
}

/// The steps of a migration in a direction, with the lines where they are written.
pub(super) fn steps(
    migration: &Migration,
    way: Way,
    before_up: &Schema,
) -> Result<Vec<(usize, Operation)>, MigrateError> {
    let mut now = before_up.clone();
    let mut steps = Vec::with_capacity(migration.operations.len());
    for step in &migration.operations {
        match way {
            Way::Up => steps.push((step.line, step.operation.clone())),
            Way::Down => {
                let reversed = step.operation.reversed(&now).ok_or_else(|| MigrateError::Irreversible {
                    file: migration.file.clone(),
                    line: step.line,
                    step: step.operation.to_string(),
                })?;
                steps.insert(0, (step.line, reversed));
            }
        }
        step.operation.apply(&mut now)?;
    }
    Ok(steps)
}

/// What is run for the steps, given the schema before the first of them.
pub(super) fn parts_of(
    steps: &[(usize, Operation)],
    before: &Schema,
    dialect: Dialect,
) -> Result<Vec<Part>, MigrateError> {
    let steps: Vec<Operation> = steps.iter().map(|(_, step)| step.clone()).collect();
    Ok(sql::parts(before, &steps, dialect)?)
}
