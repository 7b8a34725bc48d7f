//! What can go wrong when migrations are planned and run.

use mainstay_core::Error;

use super::apply::Misfit;
use super::history::Tangle;
use crate::error::DbError;

/// A failure of migrations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The files do not fit one another.
    #[error("{0}\n    fix {fix}", fix = .0.fix())]
    Tangle(#[from] Tangle),
    /// A step does not fit what is there.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// There is no migration of that name, or several begin with it.
    #[error("no migration is called `{name}`, and none, or several, begin with it; there are: {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A file was changed after it was applied.
    #[error(
        "`{file}` has been changed since it was applied\n    \
         fix put it back as it was and make a new migration; or, if the database is as the file says now: \
         migrate adopt {name}"
    )]
    Edited {
        /// The file.
        file: String,
        /// The migration.
        name: String,
    },
    /// A migration has been applied that the application does not have.
    #[error("`{name}` has been applied and is not in this program: it cannot be undone by it")]
    Lost {
        /// The migration.
        name: String,
    },
    /// A step cannot be undone.
    #[error("{file}:{line}: this step cannot be undone: {step}")]
    Irreversible {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The step.
        step: String,
    },
    /// A step calls a function that nobody has named.
    #[error(
        "{place}: no function is called `{name}`\n    \
         fix name it where the migrations are contributed: .migrations(migrations!().run(\"{name}\", up, down))"
    )]
    NoFunction {
        /// File and line.
        place: String,
        /// The name.
        name: String,
    },
    /// A step failed.
    #[error("{file}:{line}: {step}: {source}\n    {left}")]
    Step {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The step.
        step: String,
        /// What is left of the migration.
        left: String,
        /// What the engine, or the function, said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process is migrating, and has not finished in time.
    #[error("another process has been migrating this database for {0:?}")]
    Locked(std::time::Duration),
    /// The tables are there already, made otherwise.
    #[error(
        "the first migration makes tables that are there already, and they are not as it would make them:\n{0}\n    \
         fix change them; or, if the database is as the file says: migrate adopt"
    )]
    NotAsMade(String),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl MigrateError {
    /// The status-bearing error that leaves the crate. Its words are all that there is to say: it names no cause besides.
    #[track_caller]
    pub fn into_error(self) -> Error {
        match self {
            Self::Database(fault) => fault.into_error(),
            fault => {
                let code = match &fault {
                    Self::Locked(_) => "migration_locked",
                    Self::Step { .. } => "migration_failed",
                    _ => "migration_refused",
                };
                Error::internal(fault.to_string()).code(code)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_once() {
        let unknown = MigrateError::Unknown { name: "nowhere".into(), known: vec!["0001_first".into()] };
        let cause = DbError::Unavailable { detail: "the disk is full".into() };
        let (file, step, left) =
            ("0001.sql".into(), "add column `x`".into(), "Nothing of it is left.".into());
        let step = MigrateError::Step { file, line: 7, step, left, source: cause.into() };
        for (fault, words) in [(unknown, "nowhere"), (step, "the disk is full")] {
            let report = fault.into_error().report();
            assert_eq!(report.matches(words).count(), 1, "{report}");
        }
    }
}
