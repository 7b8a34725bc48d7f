//! Tables from models.
//!
//! - `structure`: what a database looks like, as a value; `of_models`: what models need it to be.
//! - `holds`: what an engine cannot hold.
//! - `order`: which table has to be there before which.
//! - `render`: the words and statements of each dialect; `search`: those of what is searched.
//! - `live`: what a database does look like; `drift`: how that differs; `models`: the models that it would
//!   be made from.
//!
//! In development, an application without migrations has [`create_tables`] make what is missing when it starts. It never
//! changes the columns of a table that is there: it says what is different, and how to mend it. [`migrate`](crate::migrate)
//! does more.

mod drift;
mod holds;
mod live;
mod models;
mod of_models;
mod order;
mod render;
mod search;
mod structure;
mod table;

use mainstay_core::{Finding, Result, Severity};

use crate::db::Db;
use crate::driver::{Dialect, Statement};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::meta::ModelMeta;

pub use holds::unsupported;
pub use live::{live, table_names};
pub use models::source;
pub use order::in_order;
pub use render::Existing;
pub(crate) use render::{check, create_index, default_sql, foreign_key, limits, text_literal};
pub(crate) use search::{config, drop as drop_search, plain};
pub use structure::{Action, Check, Column, ColumnType, ForeignKey, Index, Schema, Table};
pub use table::create_table;

/// What [`create_tables`] did.
#[derive(Debug, Default)]
pub struct Created {
    /// The tables that were not there.
    pub tables: Vec<&'static str>,
    /// What is wrong with those that were.
    pub findings: Vec<Finding>,
}

/// Makes the tables and indexes that are missing, and looks at the tables that are there. When one of those does not fit,
/// nothing is made.
pub async fn create_tables(models: &[&'static ModelMeta], db: &Db) -> Result<Created> {
    let mut created = Created::default();
    let (mut script, mut circles) = (Vec::new(), Vec::new());
    let live = live_tables(models, db).await.at_border()?;
    for model in in_order(models) {
        let mut expected = Table::of_model(model);
        if live.table(model.table).is_none() && db.dialect() != Dialect::Sqlite {
            // In a circle of references, one leads to a table that is made later. SQLite does not mind.
            let is_there = |name: &str| created.tables.contains(&name) || live.table(name).is_some();
            let waits = |key: &mut ForeignKey| key.table != model.table && !is_there(&key.table);
            let add = |key: ForeignKey| {
                let (table, key) = (db.dialect().quote(model.table), foreign_key(&key, db.dialect()));
                format!("ALTER TABLE {table} ADD {key}")
            };
            circles.extend(expected.foreign_keys.extract_if(.., waits).map(add));
        }
        if let Some(table) = live.table(model.table) {
            created.findings.extend(drift::compare(
                &without_new_indexes(&expected, table),
                table,
                Some(model),
                db.dialect(),
            ));
            // Indexes can be added to a table that is there.
            expected.indexes.retain(|index| table.index(&index.name).is_none());
            script.extend(table::statements(&expected, model, db.dialect()).at_border()?.split_off(1));
        } else {
            created.tables.push(model.table);
            script.extend(table::statements(&expected, model, db.dialect()).at_border()?);
        }
    }
    if created.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Ok(created);
    }
    script.extend(circles);
    if !script.is_empty() {
        let script = script.join(";\n");
        db.target().run(Statement::script(script)).await.at_border()?;
    }
    Ok(created)
}

/// The tables that are missing, and what is wrong with the others, where none may be made.
pub async fn missing_tables(models: &[&'static ModelMeta], db: &Db) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let live = live_tables(models, db).await.at_border()?;
    for model in in_order(models) {
        let expected = Table::of_model(model);
        let Some(table) = live.table(model.table) else {
            let message = format!("the table `{}` of `{}` does not exist", model.table, model.name);
            let fix = "make it, or set database.auto_create = true to have missing tables made at start";
            findings.push(Finding::error("db.E011", message).at(model.place).fix(fix));
            continue;
        };
        findings.extend(drift::compare(&expected, table, Some(model), db.dialect()));
    }
    Ok(findings)
}

/// How the tables of a schema differ from those of a database, in words.
pub async fn differences(expected: &Schema, target: Target<'_>) -> Result<Vec<String>, DbError> {
    let live = live(target).await?;
    let mut differences = Vec::new();
    for table in &expected.tables {
        match live.table(&table.name) {
            None => differences.push(format!("the table `{}` is not there", table.name)),
            Some(is) => {
                let findings = drift::compare(table, is, None, target.dialect());
                differences.extend(findings.into_iter().map(|finding| finding.message));
            }
        }
    }
    Ok(differences)
}

/// The live schema, read only when one of the models' tables is there at all.
async fn live_tables(models: &[&'static ModelMeta], db: &Db) -> Result<Schema, DbError> {
    let names = table_names(db.target()).await?;
    if models.iter().any(|model| names.iter().any(|name| name == model.table)) {
        live(db.target()).await
    } else {
        Ok(Schema::default())
    }
}

fn without_new_indexes(expected: &Table, live: &Table) -> Table {
    let mut expected = expected.clone();
    expected.indexes.retain(|index| live.index(&index.name).is_some());
    expected
}
