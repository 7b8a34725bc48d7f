//! Running migrations, one at a time, each under the lock.
//!
//! After each one the database is asked again what it has: another process may have run the next one meanwhile.

mod one;

use std::time::{Duration, Instant};

use super::fault::MigrateError;
use super::ledger::{self, Entry, State};
use super::lock;
use super::plan::{self, Goal, Planned, Wanted};
use super::set::{Set, Way};
use super::sql::Action;
use crate::db::Db;
use crate::executor::Executor;
use crate::schema::Schema;
use crate::transaction::Tx;

/// What is told of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A migration has been applied.
    Applied {
        /// Its name.
        name: String,
        /// How long it took.
        took: Duration,
    },
    /// A migration has been undone.
    Reverted {
        /// Its name.
        name: String,
        /// How long it took.
        took: Duration,
    },
    /// The tables were there already, as the migration would make them: it counts as applied.
    Adopted {
        /// Its name.
        name: String,
    },
}

/// Migrations of a database.
pub struct Runner<'a> {
    db: &'a Db,
    sets: &'a [Set],
    /// How long one migration may take, and how long another process is waited for.
    limit: Duration,
}

/// One migration, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The crate that it belongs to.
    pub package: String,
    /// Its name.
    pub name: String,
    /// Its entry; `None` while it has not been applied.
    pub entry: Option<Entry>,
    /// Whether its file does something else now than what was applied.
    pub edited: bool,
    /// Whether the program has it.
    pub known: bool,
}

/// One migration, as `plan` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Its name.
    pub name: String,
    /// Applied or undone.
    pub way: Way,
    /// Each step: what it does, what to think of, and what is run for it.
    pub steps: Vec<OutlookStep>,
}

/// One step, or several that are one on this engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlookStep {
    /// What the steps do.
    pub what: Vec<String>,
    /// What to think of.
    pub dangers: Vec<String>,
    /// What is run.
    pub action: Action,
}

impl<'a> Runner<'a> {
    /// Migrations of `db`. Each may take `limit`.
    pub fn new(db: &'a Db, sets: &'a [Set], limit: Duration) -> Self {
        Self { db, sets, limit }
    }

    /// Every migration, applied or not, in order; then those that this program does not have.
    pub async fn status(&self) -> Result<Vec<Standing>, MigrateError> {
        let mut entries = ledger::read(self.db.target()).await?;
        let mut standings = Vec::new();
        for set in self.sets {
            for migration in set.history.migrations() {
                let package = set.migrations.package();
                let entry = entries
                    .iter()
                    .position(|entry| entry.package == package && entry.name == migration.name)
                    .map(|position| entries.remove(position));
                let edited = entry.as_ref().is_some_and(|entry| entry.checksum != migration.checksum());
                let (package, name) = (package.to_owned(), migration.name.clone());
                standings.push(Standing { package, name, entry, edited, known: true });
            }
        }
        standings.extend(entries.into_iter().map(|entry| Standing {
            package: entry.package.clone(),
            name: entry.name.clone(),
            entry: Some(entry),
            edited: false,
            known: false,
        }));
        Ok(standings)
    }

    /// The names of those that are missing from the database, or half-way.
    pub async fn pending(&self) -> Result<Vec<String>, MigrateError> {
        let entries = ledger::read(self.db.target()).await?;
        let wanted = plan::wanted(self.sets, &entries, &Goal::Latest)?;
        Ok(plan::plan(self.sets, &entries, &wanted)?
            .into_iter()
            .map(|planned| planned.migration.name.clone())
            .collect())
    }

    /// What would be run, and nothing is.
    pub async fn outlook(&self, goal: &Goal) -> Result<Vec<Outlook>, MigrateError> {
        self.check()?;
        let entries = ledger::read(self.db.target()).await?;
        let wanted = plan::wanted(self.sets, &entries, goal)?;
        let mut applied: Wanted = entries
            .iter()
            .filter(|entry| entry.state == State::Applied)
            .map(|entry| (entry.package.clone(), entry.name.clone()))
            .collect();
        let mut outlooks = Vec::new();
        for planned in plan::plan(self.sets, &entries, &wanted)? {
            let key =
                (self.sets[planned.set].migrations.package().to_owned(), planned.migration.name.clone());
            applied.remove(&key);
            let work = one::Work::new(self, &planned, &applied)?;
            outlooks.push(work.outlook(&planned));
            if planned.way == Way::Up {
                applied.insert(key);
            }
        }
        Ok(outlooks)
    }

    /// Runs what it takes to reach the goal, and tells of each migration.
    pub async fn run(&self, goal: &Goal, mut tell: impl FnMut(Event)) -> Result<(), MigrateError> {
        self.check()?;
        let entries = ledger::read(self.db.target()).await?;
        let wanted = plan::wanted(self.sets, &entries, goal)?;
        self.refuse_edited(&entries)?;
        if plan::plan(self.sets, &entries, &wanted)?.is_empty() {
            return Ok(());
        }
        loop {
            let tx = lock::take(self.db, self.limit).await?;
            match self.next(&tx, &wanted).await {
                Ok(Some(event)) => {
                    lock::commit(tx).await?;
                    tell(event);
                }
                Ok(None) => return lock::release(tx).await,
                Err(fault) => {
                    // What failed matters more than a lock that the end of the connection gives back too.
                    let _ = lock::release(tx).await;
                    return Err(fault);
                }
            }
        }
    }

    /// Runs the next migration under the lock that `tx` is; `None` when there is none left.
    async fn next(&self, tx: &Tx, wanted: &Wanted) -> Result<Option<Event>, MigrateError> {
        let entries = ledger::read(tx.target()).await?;
        let planned = plan::plan(self.sets, &entries, wanted)?.into_iter().next();
        let Some(planned) = planned else { return Ok(None) };
        let begun = Instant::now();
        let name = planned.migration.name.clone();
        if let Some(adopted) = self.adopts(&planned, &entries, tx).await? {
            self.make_ledger(tx).await?;
            ledger::write(tx.target(), &adopted).await?;
            return Ok(Some(Event::Adopted { name }));
        }
        let applied: Wanted = entries
            .iter()
            .filter(|entry| entry.state == State::Applied && entry.name != planned.migration.name)
            .map(|entry| (entry.package.clone(), entry.name.clone()))
            .collect();
        one::Work::new(self, &planned, &applied)?.run(&planned, tx).await?;
        let took = begun.elapsed();
        Ok(Some(match planned.way {
            Way::Up => Event::Applied { name, took },
            Way::Down => Event::Reverted { name, took },
        }))
    }

    /// In the transaction where it can be; elsewhere making a table would end it.
    async fn make_ledger(&self, tx: &Tx) -> Result<(), MigrateError> {
        let whole = ledger::is_transactional(self.db.dialect());
        ledger::make(if whole { tx.target() } else { self.db.target() }).await?;
        Ok(())
    }

    /// Notes that the database is as the migrations up to `name` (or all) leave it, and runs nothing.
    pub async fn adopt(&self, name: Option<&str>, mut tell: impl FnMut(Event)) -> Result<(), MigrateError> {
        let goal = name.map_or(Goal::Latest, |name| Goal::To(name.to_owned()));
        let tx = lock::take(self.db, self.limit).await?;
        match self.note(&tx, &goal).await {
            Ok(noted) => {
                lock::commit(tx).await?;
                noted.into_iter().for_each(|name| tell(Event::Adopted { name }));
                Ok(())
            }
            Err(fault) => {
                let _ = lock::release(tx).await;
                Err(fault)
            }
        }
    }

    async fn note(&self, tx: &Tx, goal: &Goal) -> Result<Vec<String>, MigrateError> {
        let entries = ledger::read(tx.target()).await?;
        let wanted = plan::wanted(self.sets, &entries, goal)?;
        self.make_ledger(tx).await?;
        let mut noted = Vec::new();
        for set in self.sets {
            for migration in set.history.migrations() {
                let key = (set.migrations.package().to_owned(), migration.name.clone());
                let checksum = migration.checksum();
                let same = |entry: &Entry| {
                    (&entry.package, &entry.name, &entry.checksum) == (&key.0, &key.1, &checksum)
                        && entry.state == State::Applied
                };
                if wanted.contains(&key) && !entries.iter().any(same) {
                    ledger::write(tx.target(), &self.entry(&key.0, migration, State::Applied)).await?;
                    noted.push(key.1);
                }
            }
        }
        Ok(noted)
    }

    fn entry(&self, package: &str, migration: &super::Migration, state: State) -> Entry {
        Entry {
            package: package.to_owned(),
            name: migration.name.clone(),
            checksum: migration.checksum(),
            state,
            at: self.db.now(),
        }
    }

    /// What can be known to fail before anything is run.
    fn check(&self) -> Result<(), MigrateError> {
        for set in self.sets {
            set.history.refuse_branches()?;
            if let Some((name, place)) = set.migrations.unnamed_functions(&set.history).into_iter().next() {
                return Err(MigrateError::NoFunction { place, name });
            }
        }
        Ok(())
    }

    fn refuse_edited(&self, entries: &[Entry]) -> Result<(), MigrateError> {
        for set in self.sets {
            for migration in set.history.migrations() {
                let edited = entries.iter().any(|entry| {
                    entry.package == set.migrations.package()
                        && entry.name == migration.name
                        // One that is half-way may be mended: what has been run of it is not run again.
                        && entry.state == State::Applied
                        && entry.checksum != migration.checksum()
                });
                if edited {
                    let (file, name) = (migration.file.clone(), migration.name.clone());
                    return Err(MigrateError::Edited { file, name });
                }
            }
        }
        Ok(())
    }

    /// A first migration whose tables are there, made from the models before there were migrations, is not run.
    async fn adopts(
        &self,
        planned: &Planned<'_>,
        entries: &[Entry],
        tx: &Tx,
    ) -> Result<Option<Entry>, MigrateError> {
        let set = &self.sets[planned.set];
        let first = planned.way == Way::Up
            && planned.migration.after.is_empty()
            && !entries.iter().any(|entry| entry.package == set.migrations.package());
        let mut makes = Schema::default();
        for step in &planned.migration.operations {
            if !matches!(
                step.operation,
                super::Operation::CreateTable(_) | super::Operation::AddForeignKey { .. }
            ) || step.operation.apply(&mut makes).is_err()
            {
                return Ok(None);
            }
        }
        if !first || makes.tables.is_empty() {
            return Ok(None);
        }
        let there = crate::schema::table_names(tx.target()).await?;
        if !makes.tables.iter().all(|table| there.contains(&table.name)) {
            return Ok(None);
        }
        let differences = crate::schema::differences(&makes, tx.target()).await?;
        if !differences.is_empty() {
            return Err(MigrateError::NotAsMade(differences.join("\n")));
        }
        Ok(Some(self.entry(set.migrations.package(), planned.migration, State::Applied)))
    }
}
