//! Migrations as an application has them: one set for each crate that brings any.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::{Contribution, Contributions, Module, Result};

use super::file::Migration;
use super::history::{History, Tangle};
use crate::schema::Schema;
use crate::transaction::Tx;

/// The migrations of a crate. Made by [`migrations!`](crate::migrations).
#[derive(Clone)]
pub struct Migrations {
    package: &'static str,
    folder: &'static str,
    source: &'static str,
    files: &'static [(&'static str, &'static str)],
    functions: Vec<Function>,
    of_library: bool,
}

/// A function that a step `run` calls.
#[derive(Clone)]
struct Function {
    name: &'static str,
    up: Run,
    down: Option<Run>,
}

type Run = Arc<dyn for<'a> Step<'a>>;

/// A function of a transaction: `async fn backfill(tx: &Tx) -> Result<()>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a step of a migration",
    label = "expected `async fn(tx: &Tx) -> Result<()>`"
)]
pub trait Step<'a>: Send + Sync + 'static {
    /// Runs it.
    fn run(&self, tx: &'a Tx) -> BoxFuture<'a, Result<()>>;
}

impl<'a, F, Fut> Step<'a> for F
where
    F: Fn(&'a Tx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'a,
{
    fn run(&self, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        self(tx).boxed()
    }
}

impl Migrations {
    /// Those in `files`, by name and text, of the crate `package`; `folder` is where they are made, and `source` the file
    /// that embeds them. For [`migrations!`](crate::migrations).
    pub const fn embedded(
        package: &'static str,
        folder: &'static str,
        source: &'static str,
        files: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { package, folder, source, files, functions: Vec::new(), of_library: false }
    }

    /// Names the functions that a step `run = "…"` calls, and what undoes it.
    #[must_use]
    pub fn run(mut self, name: &'static str, up: impl for<'a> Step<'a>, down: impl for<'a> Step<'a>) -> Self {
        self.functions.push(Function { name, up: Arc::new(up), down: Some(Arc::new(down)) });
        self
    }

    /// Names a function that a step `run = "…"` calls and that nothing undoes.
    #[must_use]
    pub fn run_forward(mut self, name: &'static str, up: impl for<'a> Step<'a>) -> Self {
        self.functions.push(Function { name, up: Arc::new(up), down: None });
        self
    }

    /// Says that they are those of a crate that applications build on. As long as an application has made none of its own, these
    /// tables are made from their models, as its own are.
    #[must_use]
    pub const fn of_library(mut self) -> Self {
        self.of_library = true;
        self
    }

    /// Whether they are those of a crate that applications build on.
    pub(crate) fn are_of_library(&self) -> bool {
        self.of_library
    }

    /// The crate.
    pub fn package(&self) -> &'static str {
        self.package
    }

    /// The folder in the crate's source.
    pub fn folder(&self) -> &'static Path {
        Path::new(self.folder)
    }

    /// The file that embeds them.
    pub(crate) fn source(&self) -> PathBuf {
        PathBuf::from(self.source)
    }

    /// Whether there are none yet.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The migrations in order.
    pub fn history(&self) -> Result<History, Tangle> {
        let read = self
            .files
            .iter()
            .map(|(name, text)| Migration::read(&format!("migrations/{name}.toml"), name, text));
        History::of(read.collect::<Result<_, _>>()?)
    }

    pub(super) fn function(&self, name: &str, way: Way) -> Option<&dyn for<'a> Step<'a>> {
        let function = self.functions.iter().find(|function| function.name == name)?;
        match way {
            Way::Up => Some(&*function.up),
            Way::Down => function.down.as_deref(),
        }
    }

    /// The functions that steps call and nobody has named, with file and line.
    pub(crate) fn unnamed_functions(&self, history: &History) -> Vec<(String, String)> {
        let mut unnamed = Vec::new();
        for migration in history.migrations() {
            for step in &migration.operations {
                if let super::Operation::Run { name, down } = &step.operation {
                    let undone = *down == super::operation::Undo::By(());
                    let way = if undone { Way::Down } else { Way::Up };
                    if self.function(name, way).is_none() {
                        unnamed.push((name.clone(), format!("{}:{}", migration.file, step.line)));
                    }
                }
            }
        }
        unnamed
    }
}

impl Contribution for Migrations {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// In which direction a migration is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is applied.
    Up,
    /// It is undone.
    Down,
}

/// A set with its history, in the order in which sets are applied: those of libraries before the application's.
pub struct Set {
    /// The set.
    pub migrations: Migrations,
    /// Its history.
    pub history: History,
    /// What the sets before it leave.
    pub base: Schema,
}

/// The sets of an application.
pub fn sets(contributions: &Contributions) -> Result<Vec<Set>, Tangle> {
    sets_of(contributions.of::<Migrations>().map(|found| found.value.clone()))
}

/// These sets, one on top of the other.
pub fn sets_of(all: impl IntoIterator<Item = Migrations>) -> Result<Vec<Set>, Tangle> {
    let mut sets: Vec<Set> = Vec::new();
    let mut base = Schema::default();
    for migrations in all {
        if sets.iter().any(|known| known.migrations.package == migrations.package) {
            continue;
        }
        let history = migrations.history()?;
        let after = history.schema(&base)?;
        sets.push(Set { migrations, history, base: std::mem::replace(&mut base, after) });
    }
    Ok(sets)
}

/// The set that is the application's own, if it has one.
pub(crate) fn own(sets: &[Set]) -> Option<&Set> {
    sets.iter().rev().find(|set| !set.migrations.of_library)
}

/// Whether tables come from migrations: some have been made, apart from those of libraries.
pub(crate) fn are_made(sets: &[Set]) -> bool {
    sets.iter().any(|set| !set.migrations.of_library && !set.migrations.is_empty())
}

/// The sets of an application where branches that do not fit one another may be among the last: what comes to mend them
/// reads the folder itself.
pub(crate) fn sets_where_they_are(contributions: &Contributions) -> Result<Vec<Set>, Tangle> {
    let mut all: Vec<Migrations> = Vec::new();
    for found in contributions.of::<Migrations>() {
        if !all.iter().any(|known| known.package == found.value.package) {
            all.push(found.value.clone());
        }
    }
    let Some(own) = all.iter().rposition(|migrations| !migrations.of_library) else { return Ok(Vec::new()) };
    let last = all.remove(own);
    let mut sets = sets_of(all)?;
    let base = match sets.last() {
        Some(before) => before.history.schema(&before.base)?,
        None => Schema::default(),
    };
    sets.push(Set { migrations: last, history: History::default(), base });
    Ok(sets)
}
