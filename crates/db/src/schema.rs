//! Tables from models.
//!
//! - `table`: the statements that make a model's table, with its constraints and indexes.
//! - `holds`: what an engine cannot hold.
//! - `order`: which table has to be there before which.
//! - `drift`: what a table that is there lacks.
//!
//! In development, [`create_tables`] makes what is missing when the application starts. It never changes the columns of a
//! table that is there: it says what is different, and how to mend it. Migrations will do more.

mod drift;
mod holds;
mod of_models;
mod order;
mod render;
mod structure;
mod table;

use mainstay_core::{Finding, Result, Severity};

use crate::db::Db;
use crate::driver::Statement;
use crate::error::Border;
use crate::executor::Executor;
use crate::meta::ModelMeta;

pub use holds::unsupported;
pub use order::in_order;
pub use render::Existing;
pub(crate) use render::{check, create_index, default_sql, foreign_key, limits, text_literal};
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
    let mut script = String::new();
    for model in in_order(models) {
        let mut statements = create_table(model, db.dialect()).at_border()?;
        if let Some(table) = drift::table(model.table, db.target()).await.at_border()? {
            created.findings.extend(drift::compare(model, &table, &statements[0], db.dialect()));
            // Indexes can be added to a table that is there; each statement does nothing when its index is there too.
            statements.remove(0);
        } else {
            created.tables.push(model.table);
        }
        for statement in statements {
            script.push_str(&statement);
            script.push_str(";\n");
        }
    }
    if created.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Ok(created);
    }
    if !script.is_empty() {
        db.target().run(Statement::script(script)).await.at_border()?;
    }
    Ok(created)
}

/// The tables that are missing, and what is wrong with the others, where none may be made.
pub async fn missing_tables(models: &[&'static ModelMeta], db: &Db) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for model in in_order(models) {
        let Some(table) = drift::table(model.table, db.target()).await.at_border()? else {
            let message = format!("the table `{}` of `{}` does not exist", model.table, model.name);
            let fix = "make it, or set database.auto_create = true to have missing tables made at start";
            findings.push(Finding::error("db.E011", message).at(model.place).fix(fix));
            continue;
        };
        let statements = create_table(model, db.dialect()).at_border()?;
        findings.extend(drift::compare(model, &table, &statements[0], db.dialect()));
    }
    Ok(findings)
}
