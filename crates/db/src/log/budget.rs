//! How much one piece of work may ask of the database: for tests, where a query in a loop is to be noticed.
//!
//! A page that shows twenty articles and asks for the author of each is fast in a test with one article. What gives it away
//! is the same statement, from the same line, again and again.

use std::fmt;
use std::panic::Location;

use super::{LoggedQuery, QueryLog};
use crate::driver::StatementKind;

/// How often the same line may run the same reading statement, unless it is said.
const REPEATS: usize = 10;

/// How much one piece of work may ask of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most statements; as many as it likes when it is not said.
    pub statements: Option<usize>,
    /// The most times that one line may run one reading statement: 10, unless it is said.
    pub repeats: Option<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { statements: None, repeats: Some(REPEATS) }
    }
}

impl Budget {
    /// Whether what was run keeps to it; else what is too much, and where.
    ///
    /// # Errors
    ///
    /// When there are too many statements, or one is repeated too often.
    pub fn check(&self, queries: &[LoggedQuery]) -> Result<(), Overrun> {
        let mut tallies = tally(queries);
        let too_often = |tally: &Tally| {
            tally.kind == StatementKind::Read && self.repeats.is_some_and(|most| tally.times > most)
        };
        let statements = self.statements.filter(|most| queries.len() > *most);
        if statements.is_none() && !tallies.iter().any(too_often) {
            return Ok(());
        }
        tallies.sort_by_key(|tally| std::cmp::Reverse(tally.times));
        Err(Overrun { total: queries.len(), most: statements, tallies })
    }
}

/// One statement, run from one line.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Its text.
    pub sql: std::sync::Arc<str>,
    /// What it does.
    pub kind: StatementKind,
    /// The line that ran it.
    pub caller: &'static Location<'static>,
    /// How often.
    pub times: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sql, caller, times, .. } = self;
        write!(f, "{times:>5} × {sql}\n        from {}:{}", caller.file(), caller.line())
    }
}

/// Each statement once for each line that ran it, in the order in which they came first.
pub fn tally(queries: &[LoggedQuery]) -> Vec<Tally> {
    let mut tallies: Vec<Tally> = Vec::new();
    for query in queries {
        let place = |tally: &&mut Tally| tally.sql == query.sql && tally.caller == query.caller;
        match tallies.iter_mut().find(place) {
            Some(tally) => tally.times += 1,
            None => tallies.push(Tally {
                sql: query.sql.clone(),
                kind: query.kind,
                caller: query.caller,
                times: 1,
            }),
        }
    }
    tallies
}

/// What was too much.
#[derive(Clone, Debug)]
pub struct Overrun {
    total: usize,
    most: Option<usize>,
    /// The most frequent first.
    tallies: Vec<Tally>,
}

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.most, self.tallies.first()) {
            (Some(most), _) => writeln!(f, "{} statements, and at most {most} are allowed:", self.total)?,
            (None, Some(worst)) => writeln!(f, "the same line runs the same query {} times:", worst.times)?,
            (None, None) => {}
        }
        for tally in &self.tallies {
            writeln!(f, "{tally}")?;
        }
        f.write_str(
            "A query in a loop is slow with many rows. Load what belongs together with the first query (`.with(…)`), or ask \
             for all at once (`is_in`).",
        )
    }
}

/// Watches what the database runs until it is dropped, and then panics if that was too much: see
/// [`Db::budget`](crate::Db::budget).
#[derive(Debug)]
#[must_use = "it watches for as long as it is kept"]
pub struct Watched {
    log: QueryLog,
    budget: Budget,
    place: &'static Location<'static>,
}

impl Watched {
    #[track_caller]
    pub(crate) fn new(log: QueryLog, budget: Budget) -> Self {
        Self { log, budget, place: Location::caller() }
    }

    /// Another limit to how often the same line may run the same reading statement.
    pub fn repeats(mut self, most: usize) -> Self {
        self.budget.repeats = Some(most);
        self
    }

    /// What was run so far.
    pub fn log(&self) -> &QueryLog {
        &self.log
    }

    /// Whether what was run so far keeps to the budget.
    ///
    /// # Errors
    ///
    /// What is too much, and where.
    pub fn check(&self) -> Result<(), Overrun> {
        self.budget.check(&self.log.queries())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Err(overrun) = self.check() {
            panic!("over the budget of {}: {overrun}", self.place);
        }
    }
}
