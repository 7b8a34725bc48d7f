//! One migration: as a whole where the engine can, statement by statement with a note after each where it cannot.

use super::{Outlook, OutlookStep, Runner};
use crate::driver::{Dialect, Statement};
use crate::error::DbError;
use crate::executor::{Executor, Target};
use crate::migrate::danger::dangers;
use crate::migrate::fault::MigrateError;
use crate::migrate::ledger::{self, State};
use crate::migrate::operation::Operation;
use crate::migrate::plan::{Planned, Wanted, parts_of, schema_of, steps};
use crate::migrate::set::{Set, Way};
use crate::migrate::sql::{Action, Part, is_rebuild, refuses_transactions};
use crate::schema::Schema;
use crate::transaction::Tx;
use crate::value::Value;

/// What is to be done for a migration.
pub(super) struct Work<'a> {
    runner: &'a Runner<'a>,
    set: &'a Set,
    /// The schema before the first step.
    before: Schema,
    /// The steps, each with its line.
    steps: Vec<(usize, Operation)>,
    parts: Vec<Part>,
    dialect: Dialect,
}

/// One thing that is run by itself where a migration cannot be run as a whole.
enum Unit<'a> {
    Statement(&'a str),
    Script(&'a str),
    Function(&'a str),
}

impl<'a> Work<'a> {
    /// `applied`: what the database has beside this migration.
    pub(super) fn new(
        runner: &'a Runner<'a>,
        planned: &Planned<'_>,
        applied: &Wanted,
    ) -> Result<Self, MigrateError> {
        let set = &runner.sets[planned.set];
        let is_applied = |set: &Set, migration: &crate::migrate::Migration| {
            applied.contains(&(set.migrations.package().to_owned(), migration.name.clone()))
        };
        let without = schema_of(runner.sets, is_applied)?;
        let steps = steps(planned.migration, planned.way, &without)?;
        let mut before = without;
        if planned.way == Way::Down {
            for step in &planned.migration.operations {
                step.operation.apply(&mut before)?;
            }
        }
        let dialect = runner.db.dialect();
        let parts = parts_of(&steps, &before, dialect)?;
        Ok(Self { runner, set, before, steps, parts, dialect })
    }

    pub(super) fn outlook(&self, planned: &Planned<'_>) -> Outlook {
        let mut now = self.before.clone();
        let mut shown = Vec::new();
        for part in &self.parts {
            let mut step = OutlookStep { what: Vec::new(), dangers: Vec::new(), action: part.action.clone() };
            for (_, operation) in &self.steps[part.first..part.first + part.count] {
                step.what.push(operation.to_string());
                let here = dangers(operation, &now).into_iter().filter(|danger| danger.is_of(self.dialect));
                for danger in here.map(|danger| danger.to_string()) {
                    if !step.dangers.contains(&danger) {
                        step.dangers.push(danger);
                    }
                }
                // The parts were made by the same steps: they fit.
                let _ = operation.apply(&mut now);
            }
            shown.push(step);
        }
        Outlook { name: planned.migration.name.clone(), way: planned.way, steps: shown }
    }

    /// Runs it, under the lock that `tx` is.
    pub(super) async fn run(&self, planned: &Planned<'_>, tx: &Tx) -> Result<(), MigrateError> {
        let beside = self.steps.iter().any(|(_, step)| refuses_transactions(step, self.dialect));
        let whole = ledger::is_transactional(self.dialect) && !beside && planned.resumed_at.is_none();
        if whole {
            return self.as_a_whole(planned, tx).await;
        }
        if self.dialect == Dialect::Postgres {
            // What was read last in `tx` keeps its snapshot until something else is run, and an index that is built beside
            // those who write waits for older snapshots: for this very transaction, for ever.
            run(tx.target(), "SELECT 1").await?;
        }
        self.bit_by_bit(planned).await
    }

    async fn as_a_whole(&self, planned: &Planned<'_>, tx: &Tx) -> Result<(), MigrateError> {
        let left = || "nothing of this migration is left: the database is as it was before it".to_owned();
        let package = self.set.migrations.package();
        ledger::make(tx.target()).await?;
        for part in &self.parts {
            let done = match &part.action {
                Action::Sql(statements) => self.statements(part, statements, tx).await,
                Action::Script(sql) => run(tx.target(), sql).await.map_err(boxed),
                Action::Function(name) => self.function(planned, part, name)?.run(tx).await.map_err(reported),
            };
            done.map_err(|source| self.failed(planned, part, left(), source))?;
        }
        if self.dialect == Dialect::Sqlite {
            let broken = broken_references(tx.target()).await?;
            if let (Some(broken), Some(part)) = (broken, self.parts.last()) {
                return Err(self.failed(planned, part, left(), broken.into()));
            }
        }
        match planned.way {
            Way::Up => {
                let entry = self.runner.entry(package, planned.migration, State::Applied);
                ledger::write(tx.target(), &entry).await?;
            }
            Way::Down => ledger::remove(tx.target(), package, &planned.migration.name).await?,
        }
        Ok(())
    }

    /// The statements of a part. On SQLite a table that is rebuilt keeps its triggers, and the indexes that somebody made by
    /// hand.
    async fn statements(&self, part: &Part, statements: &[String], tx: &Tx) -> Result<(), Failure> {
        let table = self.steps[part.first].1.table();
        let rebuilt = self.dialect == Dialect::Sqlite && is_rebuild(statements);
        let mut again = Vec::new();
        if let Some(table) = table.filter(|_| rebuilt) {
            let sql = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('trigger', 'index') \
                       AND sql IS NOT NULL";
            let named = vec![Value::Text(table.to_owned())];
            let reply = tx.target().run(Statement::read(sql, named)).await.map_err(boxed)?;
            let known = schema_before(&self.before, &self.steps[..part.first]);
            for row in reply.rows.iter() {
                let (name, sql): (String, String) = (row.get(0).map_err(boxed)?, row.get(1).map_err(boxed)?);
                let ours = known.table(table).is_some_and(|table| {
                    table.indexes.iter().any(|index| index.name == name || index.has_trigger(&name))
                });
                if !ours {
                    again.push(sql);
                }
            }
        }
        for sql in statements.iter().chain(&again) {
            run(tx.target(), sql).await.map_err(boxed)?;
        }
        Ok(())
    }

    /// Each statement by itself, with a note after it: a migration that fails goes on where it stopped.
    async fn bit_by_bit(&self, planned: &Planned<'_>) -> Result<(), MigrateError> {
        let (db, package, name) = (self.runner.db, self.set.migrations.package(), &planned.migration.name);
        let state = |done| match planned.way {
            Way::Up => State::Applying(done),
            Way::Down => State::Reverting(done),
        };
        ledger::make(db.target()).await?;
        if planned.resumed_at.is_none() {
            match planned.way {
                Way::Up => {
                    let entry = self.runner.entry(package, planned.migration, state(0));
                    ledger::write(db.target(), &entry).await?;
                }
                Way::Down => ledger::note(db.target(), package, name, state(0)).await?,
            }
        }
        let units = self.units();
        let total = units.len();
        let mut done = planned.resumed_at.unwrap_or(0) as usize;
        if let Some((_, Unit::Statement(sql))) = units.get(done)
            && self.dialect == Dialect::Postgres
            && sql.contains(" INDEX CONCURRENTLY ")
            && sql.starts_with("CREATE")
        {
            // One that failed has left an index that is there and invalid. What stands before drops it.
            done = done.saturating_sub(1);
        }
        for (position, (part, unit)) in units.into_iter().enumerate().skip(done) {
            let number = u32::try_from(position).unwrap_or(u32::MAX);
            let resumed = planned.resumed_at == Some(number);
            let outcome = match unit {
                Unit::Statement(sql) => match run(db.target(), sql).await {
                    // It was run before, and the program ended before that was noted.
                    Err(fault) if resumed && says_it_is_done(&fault) => Ok(()),
                    outcome => outcome.map_err(boxed),
                },
                Unit::Script(sql) => run(db.target(), sql).await.map_err(boxed),
                Unit::Function(function) => {
                    let step = self.function(planned, part, function)?;
                    self.function_noted(step, package, name, state(number + 1)).await
                }
            };
            if let Err(source) = outcome {
                let left = format!(
                    "{position} of {total} statements of this migration have been run: `migrate up` goes on from here"
                );
                return Err(self.failed(planned, part, left, source));
            }
            ledger::note(db.target(), package, name, state(number + 1)).await?;
        }
        match planned.way {
            Way::Up => ledger::note(db.target(), package, name, State::Applied).await?,
            Way::Down => ledger::remove(db.target(), package, name).await?,
        }
        Ok(())
    }

    /// A function and the note that it was run, together.
    async fn function_noted(
        &self,
        step: &dyn for<'b> crate::migrate::set::Step<'b>,
        package: &str,
        name: &str,
        state: State,
    ) -> Result<(), Failure> {
        let how = crate::driver::Begin { limit: Some(self.runner.limit), ..Default::default() };
        let tx = Tx::begin(self.runner.db, how).await.map_err(boxed)?;
        step.run(&tx).await.map_err(reported)?;
        ledger::note(tx.target(), package, name, state).await.map_err(boxed)?;
        tx.commit().await.map_err(reported)
    }

    fn units(&self) -> Vec<(&Part, Unit<'_>)> {
        let mut units = Vec::new();
        for part in &self.parts {
            match &part.action {
                Action::Sql(statements) => {
                    units.extend(statements.iter().map(|sql| (part, Unit::Statement(sql.as_str()))));
                }
                Action::Script(sql) => units.push((part, Unit::Script(sql))),
                Action::Function(name) => units.push((part, Unit::Function(name))),
            }
        }
        units
    }

    fn function(
        &self,
        planned: &Planned<'_>,
        part: &Part,
        name: &str,
    ) -> Result<&dyn for<'b> crate::migrate::set::Step<'b>, MigrateError> {
        let line = self.steps[part.first].0;
        self.set.migrations.function(name, planned.way).ok_or_else(|| MigrateError::NoFunction {
            place: format!("{}:{line}", planned.migration.file),
            name: name.to_owned(),
        })
    }

    fn failed(&self, planned: &Planned<'_>, part: &Part, left: String, source: Failure) -> MigrateError {
        let steps = &self.steps[part.first..part.first + part.count];
        let words: Vec<String> = steps.iter().map(|(_, step)| step.to_string()).collect();
        MigrateError::Step {
            file: planned.migration.file.clone(),
            line: steps.iter().map(|(line, _)| *line).min().unwrap_or(0),
            step: words.join("; "),
            left,
            source,
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn boxed(fault: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Box::new(fault)
}

/// The whole chain of what a function of the application says.
fn reported(error: mainstay_core::Error) -> Failure {
    error.report().into()
}

async fn run(target: Target<'_>, sql: &str) -> Result<(), DbError> {
    target.run(Statement::script(sql)).await.map(|_| ())
}

/// The schema after the first of the steps.
fn schema_before(before: &Schema, steps: &[(usize, Operation)]) -> Schema {
    let mut now = before.clone();
    for (_, step) in steps {
        // They have been applied when the parts were made: they fit.
        let _ = step.apply(&mut now);
    }
    now
}

/// What SQLite says of references that lead nowhere: it did not look while tables were rebuilt.
async fn broken_references(target: Target<'_>) -> Result<Option<String>, DbError> {
    let sql = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 1";
    let reply = target.run(Statement::read(sql, Vec::new())).await?;
    let Some(row) = reply.rows.first() else { return Ok(None) };
    let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
    let row: Option<i64> = row.get(1)?;
    let row = row.map(|row| format!(" (rowid {row})")).unwrap_or_default();
    Ok(Some(format!("a row of `{table}`{row} would point to a row of `{parent}` that is not there")))
}

/// Whether the engine refuses because what is asked for is there already, or gone already.
fn says_it_is_done(fault: &DbError) -> bool {
    const WORDS: [&str; 8] = [
        "already exists",
        "Duplicate column name",
        "Duplicate key name",
        "Duplicate foreign key",
        "Duplicate check constraint",
        "check that column/key exists",
        "check that it exists",
        "Unknown table",
    ];
    matches!(fault, DbError::Statement { detail, .. } if WORDS.iter().any(|words| detail.contains(words)))
}
