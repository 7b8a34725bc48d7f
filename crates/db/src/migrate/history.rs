//! The migrations of a folder in order, and the schema after each.

use std::fmt;

use super::file::Migration;
use super::text::Mistake;
use crate::schema::Schema;

/// The migrations of one folder, each after those that it comes after.
#[derive(Clone, Debug, Default)]
pub struct History {
    migrations: Vec<Migration>,
}

/// What is wrong with migrations taken together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tangle {
    /// A file cannot be read, or does not fit what comes before it.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// One comes after one that is not there.
    #[error("{file}: it comes after `{missing}`, which is not there")]
    Missing {
        /// The file.
        file: String,
        /// What it comes after.
        missing: String,
    },
    /// They come after one another in a circle.
    #[error("these come after one another in a circle: {}", .0.join(", "))]
    Circle(Vec<String>),
    /// Two branches have gone on from one point.
    #[error("{} do not come after one another: two branches have made migrations", Names(.0))]
    Branches(Vec<String>),
}

struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(|name| format!("`{name}`")).collect();
        f.write_str(&names.join(" and "))
    }
}

impl Tangle {
    /// How to mend it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Mistake(_) => "mend the file at this line",
            Self::Missing { .. } => "bring the file back, or name in `after` the one that it comes after now",
            Self::Circle(_) => "mend `after` in one of them",
            Self::Branches(_) => "cargo run -- makemigrations --merge",
        }
    }
}

impl History {
    /// Puts migrations in order. Branches are allowed here: see [`History::heads`].
    pub fn of(mut migrations: Vec<Migration>) -> Result<Self, Tangle> {
        migrations.sort_by(|a, b| a.name.cmp(&b.name));
        for migration in &migrations {
            let known = |name: &&String| migrations.iter().any(|other| other.name == **name);
            if let Some(missing) = migration.after.iter().find(|name| !known(name)) {
                return Err(Tangle::Missing { file: migration.file.clone(), missing: missing.clone() });
            }
        }
        let mut ordered: Vec<Migration> = Vec::with_capacity(migrations.len());
        while !migrations.is_empty() {
            let is_done = |name: &String| ordered.iter().any(|done| done.name == *name);
            let next = migrations.iter().position(|migration| migration.after.iter().all(is_done));
            let Some(next) = next else {
                return Err(Tangle::Circle(migrations.into_iter().map(|left| left.name).collect()));
            };
            ordered.push(migrations.remove(next));
        }
        Ok(Self { migrations: ordered })
    }

    /// Every one, in order.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Those that nothing comes after. There should be one.
    pub fn heads(&self) -> Vec<&Migration> {
        let followed = |name: &String| self.migrations.iter().any(|other| other.after.contains(name));
        self.migrations.iter().filter(|migration| !followed(&migration.name)).collect()
    }

    /// Fails when two branches have gone on from one point.
    pub fn refuse_branches(&self) -> Result<(), Tangle> {
        let heads: Vec<String> = self.heads().into_iter().map(|head| head.name.clone()).collect();
        if heads.len() > 1 { Err(Tangle::Branches(heads)) } else { Ok(()) }
    }

    /// The schema that all of them leave on top of `base`.
    pub fn schema(&self, base: &Schema) -> Result<Schema, Tangle> {
        self.schema_after(base, |_| true)
    }

    /// The schema that those leave of which `is_in` says so.
    pub fn schema_after(&self, base: &Schema, is_in: impl Fn(&Migration) -> bool) -> Result<Schema, Tangle> {
        let mut schema = base.clone();
        for migration in self.migrations.iter().filter(|migration| is_in(migration)) {
            for step in &migration.operations {
                step.operation.apply(&mut schema).map_err(|misfit| Mistake {
                    file: migration.file.clone(),
                    line: step.line,
                    what: misfit.to_string(),
                })?;
            }
        }
        Ok(schema)
    }

    /// The one whose name is `name` or begins with it.
    pub fn find(&self, name: &str) -> Option<&Migration> {
        let exactly = self.migrations.iter().find(|migration| migration.name == name);
        let mut starting = self.migrations.iter().filter(|migration| migration.name.starts_with(name));
        exactly.or_else(|| starting.next().filter(|_| starting.next().is_none()))
    }

    /// `name` and everything that it comes after.
    pub fn within<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let mut within = vec![name];
        // Each stands before those that come after it, so one way back finds all.
        for migration in self.migrations.iter().rev() {
            if within.contains(&migration.name.as_str()) {
                within.extend(migration.after.iter().map(String::as_str));
            }
        }
        within
    }
}
