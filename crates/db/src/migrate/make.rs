//! Making migration files: what `makemigrations` does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::danger::dangers;
use super::decide::Decisions;
use super::diff::{Undecided, diff};
use super::file::{Located, Migration};
use super::history::{History, Tangle};
use super::operation::{Backfill, Operation, Script, Undo};
use super::set::Set;
use super::text::{read_snapshot_list, write_migration, write_snapshot};
use crate::driver::Dialect;
use crate::meta::{Fill, ModelMeta};
use crate::schema::{ColumnType, Schema};
use crate::value::Value;

/// Why no migration was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The files do not fit one another.
    #[error("{0}\n    fix {fix}", fix = .0.fix())]
    Tangle(#[from] Tangle),
    /// Something has to be said first.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Undecided(Vec<Undecided>),
    /// A file cannot be read or written.
    #[error("`{}`: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        what: std::io::Error,
    },
    /// The program is not where its source is.
    #[error("the folder `{}` is not there: migrations are made where the source is, by `cargo run -- makemigrations`", .0.display())]
    NoSource(PathBuf),
    /// The models cannot be tables.
    #[error(transparent)]
    Models(#[from] crate::error::DbError),
}

/// What a migration that was made, or would be, looks like.
#[derive(Clone, Debug)]
pub struct Made {
    /// The migration.
    pub migration: Migration,
    /// What it does, step by step.
    pub notes: Vec<Note>,
    /// The text of its file.
    pub text: String,
}

/// A step, for people.
#[derive(Clone, Debug)]
pub struct Note {
    /// What it does.
    pub what: String,
    /// What to think of.
    pub dangers: Vec<String>,
}

/// The folder of a set, as it is on disk: newer than what the program has embedded when a file was just added.
pub struct Folder<'a> {
    set: &'a Set,
    path: &'a Path,
    history: History,
}

impl<'a> Folder<'a> {
    /// Reads it.
    pub fn read(set: &'a Set) -> Result<Self, MakeError> {
        let path = set.migrations.folder();
        if !path.parent().is_some_and(Path::is_dir) {
            return Err(MakeError::NoSource(path.to_owned()));
        }
        let mut migrations = Vec::new();
        let failed = |what| MakeError::File { path: path.to_owned(), what };
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(failed)?,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(fault) => return Err(failed(fault)),
        };
        for file in entries.iter().map(std::fs::DirEntry::path) {
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if file.extension().is_none_or(|ending| ending != "toml") || name == "snapshot" {
                continue;
            }
            let text = std::fs::read_to_string(&file)
                .map_err(|what| MakeError::File { path: file.clone(), what })?;
            migrations.push(
                Migration::read(&format!("migrations/{name}.toml"), name, &text).map_err(Tangle::from)?,
            );
        }
        Ok(Self { set, path, history: History::of(migrations)? })
    }

    /// Whether the list in `snapshot.toml` is what is in the folder. A conflict of git is no list.
    pub fn is_listed(&self) -> bool {
        let listed = std::fs::read_to_string(self.path.join("snapshot.toml"))
            .ok()
            .and_then(|text| read_snapshot_list("migrations/snapshot.toml", &text).ok());
        listed.unwrap_or_default() == self.names()
    }

    /// The migration from what there is to what the models need; `None` when that is the same.
    pub fn next(
        &self,
        models: &[&'static ModelMeta],
        name: Option<&str>,
        decisions: &mut Decisions<'_>,
    ) -> Result<Option<Made>, MakeError> {
        self.history.refuse_branches()?;
        let now = self.history.schema(&self.set.base)?;
        let wanted = self.wanted(models)?;
        hints(models, decisions);
        let steps = diff(&now, &wanted, decisions).map_err(MakeError::Undecided)?;
        if steps.is_empty() {
            return Ok(None);
        }
        let name = name.map_or_else(|| self.name_for(&steps), str::to_owned);
        Ok(Some(self.made(&name, steps, &now)))
    }

    /// A migration with nothing in it but an example of a step by hand.
    pub fn empty(&self, name: Option<&str>) -> Result<Made, MakeError> {
        self.history.refuse_branches()?;
        let now = self.history.schema(&self.set.base)?;
        let step = Operation::RunSql {
            what: "say what for".to_owned(),
            up: Script::same("SELECT 1"),
            down: Undo::By(Script::same("SELECT 1")),
        };
        Ok(self.made(name.unwrap_or("by_hand"), vec![step], &now))
    }

    /// The migration that joins branches; `None` when there are none. It fails where they do not fit one another.
    pub fn merge(&self, name: Option<&str>) -> Result<Option<Made>, MakeError> {
        let now = self.history.schema(&self.set.base)?;
        if self.history.heads().len() < 2 {
            return Ok(None);
        }
        Ok(Some(self.made(name.unwrap_or("merge"), Vec::new(), &now)))
    }

    /// Writes the file, the list and the snapshot. Says what was written.
    pub fn write(&self, made: &Made) -> Result<PathBuf, MakeError> {
        let new = !self.path.is_dir();
        std::fs::create_dir_all(self.path)
            .map_err(|what| MakeError::File { path: self.path.to_owned(), what })?;
        let file = self.path.join(format!("{}.toml", made.migration.name));
        put(&file, &made.text)?;
        let mut migrations = self.history.migrations().to_vec();
        migrations.push(made.migration.clone());
        self.write_snapshot(History::of(migrations)?)?;
        if new {
            // The folder was not there when the program was compiled, so cargo does not look at it yet.
            touch(&self.set.migrations.source());
        }
        Ok(file)
    }

    /// Writes the list and the snapshot of what is there.
    pub fn list(&self) -> Result<(), MakeError> {
        self.write_snapshot(self.history.clone())
    }

    fn write_snapshot(&self, history: History) -> Result<(), MakeError> {
        let names: Vec<String> =
            history.migrations().iter().map(|migration| migration.name.clone()).collect();
        let mut schema = history.schema(&self.set.base)?;
        schema.tables.retain(|table| self.set.base.table(&table.name).is_none());
        put(&self.path.join("snapshot.toml"), &write_snapshot(&names, &schema))
    }

    fn names(&self) -> Vec<String> {
        self.history.migrations().iter().map(|migration| migration.name.clone()).collect()
    }

    /// What is there from libraries stays; all else is to be as the models say.
    fn wanted(&self, models: &[&'static ModelMeta]) -> Result<Schema, MakeError> {
        Ok(wanted(models, &self.set.base)?)
    }

    fn made(&self, name: &str, steps: Vec<Operation>, before: &Schema) -> Made {
        let after = self.history.heads().into_iter().map(|head| head.name.clone()).collect();
        let highest = self.history.migrations().iter().filter_map(Migration::number).max().unwrap_or(0);
        let name = format!("{:04}_{name}", highest + 1);
        let notes = notes(&steps, before);
        let comments: Vec<Vec<String>> = notes.iter().map(|note| note.dangers.clone()).collect();
        let operations = steps.into_iter().map(|operation| Located { line: 0, operation }).collect();
        let migration = Migration { file: format!("migrations/{name}.toml"), name, after, operations };
        let text = write_migration(&migration, &comments);
        Made { migration, notes, text }
    }

    /// A name that says what it does: `initial`, `articles_subtitle`, `articles_and_2_more`.
    fn name_for(&self, steps: &[Operation]) -> String {
        if self.history.migrations().is_empty() {
            return "initial".to_owned();
        }
        let subject = |step: &Operation| match step {
            Operation::AddColumn { table, column, .. } | Operation::AlterColumn { table, column, .. } => {
                format!("{table}_{}", column.name)
            }
            Operation::DropColumn { table, column } => format!("{table}_without_{column}"),
            Operation::RenameColumn { table, to, .. } => format!("{table}_{to}"),
            Operation::RenameTable { to, .. } => to.clone(),
            Operation::DropTable(table) => format!("without_{table}"),
            other => other.table().unwrap_or("change").to_owned(),
        };
        let mut tables: Vec<&str> = steps.iter().filter_map(Operation::table).collect();
        tables.dedup();
        tables.sort_unstable();
        tables.dedup();
        let columns = steps.iter().filter(|step| {
            !matches!(
                step,
                Operation::AddIndex { .. } | Operation::AddForeignKey { .. } | Operation::AddCheck { .. }
            )
        });
        match (tables.as_slice(), columns.count(), steps.first()) {
            (_, 0 | 1, Some(first)) => {
                let main = steps
                    .iter()
                    .find(|step| matches!(step, Operation::AddColumn { .. } | Operation::AlterColumn { .. }));
                subject(main.unwrap_or(first))
            }
            ([only], _, _) => (*only).to_owned(),
            ([first, rest @ ..], _, _) => format!("{first}_and_{}_more", rest.len()),
            ([], _, _) => "change".to_owned(),
        }
    }
}

/// What the models need, on top of what is there from libraries.
pub(crate) fn wanted(models: &[&'static ModelMeta], base: &Schema) -> Result<Schema, crate::error::DbError> {
    let mut wanted = base.clone();
    let of_models = Schema::of_models(models);
    wanted.tables.extend(of_models.tables.into_iter().filter(|table| base.table(&table.name).is_none()));
    Ok(wanted)
}

/// What each step does, with what to think of: for the terminal, and for the comments of the file.
fn notes(steps: &[Operation], before: &Schema) -> Vec<Note> {
    let mut now = before.clone();
    let mut notes = Vec::new();
    for step in steps {
        // A table that is made here is empty: what it costs is nothing.
        let of_old_table = step.table().is_none_or(|table| before.table(table).is_some());
        let mut dangers: Vec<String> = dangers(step, &now).iter().map(ToString::to_string).collect();
        dangers.retain(|_| of_old_table);
        notes.push(Note { what: step.to_string(), dangers });
        // The differ has applied them before: they fit.
        let _ = step.apply(&mut now);
    }
    notes
}

/// What the models say about new names and about rows that are there.
fn hints(models: &[&'static ModelMeta], decisions: &mut Decisions<'_>) {
    let fills: HashMap<String, Backfill> = models
        .iter()
        .flat_map(|model| model.fields.iter().map(move |field| (model, field)))
        .filter_map(|(model, field)| {
            let fill = match field.fill {
                // It would be there for everybody to read.
                _ if field.encrypted.is_some() => return None,
                Fill::Default(value) => backfill(value(), &ColumnType::of(field.sql_type, None))?,
                Fill::CreatedAt | Fill::UpdatedAt => Backfill::Now,
                _ => return None,
            };
            Some((format!("{}.{}", model.table, field.column), fill))
        })
        .collect();
    for (name, fill) in fills {
        decisions.fills.entry(name).or_insert(fill);
    }
    for model in models {
        let table = || model.table.to_owned();
        decisions.tables.extend(model.renamed_from.map(|old| (table(), old.to_owned())));
        for field in model.fields {
            let new = (table(), field.column.to_owned());
            decisions.columns.extend(field.renamed_from.map(|old| (new, old.to_owned())));
        }
    }
}

/// A default of the code as migration files write it, where it is the same for every row.
fn backfill(value: Value, kind: &ColumnType) -> Option<Backfill> {
    Some(match value {
        Value::Bool(value) => Backfill::Bool(value),
        Value::Int(value) => Backfill::Int(value),
        Value::Float(value) if value.is_finite() => Backfill::Number(value.to_string()),
        Value::Decimal(value) => Backfill::Number(value.to_string()),
        Value::Text(text) | Value::Json(text) => Backfill::Text(text),
        Value::Date(day) => Backfill::Text(day.to_string()),
        Value::Time(time) => Backfill::Text(time.to_string()),
        Value::DateTime(_) if *kind == ColumnType::DateTime => Backfill::Now,
        Value::List(values) => Backfill::Text(list(values, kind)?),
        // A new identifier for each row is not one value.
        _ => return None,
    })
}

/// A list as PostgreSQL reads it: `{"a","b"}`.
fn list(values: Vec<Value>, kind: &ColumnType) -> Option<String> {
    let mut written = Vec::with_capacity(values.len());
    for value in values {
        written.push(match backfill(value, kind)? {
            Backfill::Bool(value) => value.to_string(),
            Backfill::Int(value) => value.to_string(),
            Backfill::Number(value) => value,
            Backfill::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Backfill::Now | Backfill::Sql(_) => return None,
        });
    }
    Some(format!("{{{}}}", written.join(",")))
}

fn put(file: &Path, text: &str) -> Result<(), MakeError> {
    std::fs::write(file, text).map_err(|what| MakeError::File { path: file.to_owned(), what })
}

/// Makes cargo compile a source file again. Where that fails, the next edit does it.
fn touch(file: &Path) {
    if let Ok(file) = std::fs::File::options().append(true).open(file) {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Whether a danger is of this engine.
impl super::danger::Danger {
    pub(crate) fn is_of(&self, dialect: Dialect) -> bool {
        match self {
            Self::Loss(_) => true,
            Self::Lock(of, _) => *of == dialect || (*of == Dialect::MySql && dialect == Dialect::MariaDb),
        }
    }
}
