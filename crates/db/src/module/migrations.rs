//! Migrations as a part of an application: at start, in the checks, and before a deployment.

use std::sync::Arc;

use mainstay_core::assembly::Assembly;
use mainstay_core::config::Config;
use mainstay_core::{Contributions, Finding, Findings, Result};

use super::config::DatabaseConfig;
use super::models;
use crate::db::Db;
use crate::driver::Dialect;
use crate::meta::ModelMeta;
use crate::migrate::decide::{Ask, Decisions, Question};
use crate::migrate::diff::diff;
use crate::migrate::make::wanted;
use crate::migrate::plan::Goal;
use crate::migrate::runner::{Event, Runner};
use crate::migrate::set::{Set, are_made, own, sets};
use crate::schema::Column;

/// The sets of an application; none while no migration has been made.
pub(super) fn made(contributions: &Contributions) -> Option<Vec<Set>> {
    let sets = sets(contributions).ok()?;
    are_made(&sets).then_some(sets)
}

/// What the migrations leave, and models that have changed since. No database is asked.
pub(super) fn check(assembly: &Assembly, findings: &mut Findings) {
    let sets = match sets(&assembly.contributions) {
        Ok(sets) => sets,
        Err(tangle) => {
            return findings.add(Finding::error("db.E015", tangle.to_string()).fix(tangle.fix()));
        }
    };
    for set in &sets {
        if let Err(tangle) = set.history.refuse_branches() {
            findings.add(Finding::error("db.E015", tangle.to_string()).fix(tangle.fix()));
        }
        for (name, place) in set.migrations.unnamed_functions(&set.history) {
            let fix = format!(
                "name it where the migrations are contributed: .migrations(migrations!().run(\"{name}\", up, down))"
            );
            findings.add(
                Finding::error("db.E016", format!("no function is called `{name}`, which a migration runs"))
                    .at(place)
                    .fix(fix),
            );
        }
    }
    let Some(own) = own(&sets).filter(|_| are_made(&sets)) else {
        return;
    };
    if let Some(changed) = changed(own, &models::all(&assembly.contributions)) {
        let message = format!("the models have changed since the last migration: {changed}");
        findings.add(
            Finding::error("db.E012", message)
                .at(own.migrations.folder().display().to_string())
                .fix("cargo run -- makemigrations"),
        );
    }
}

/// What has changed, in a few words.
fn changed(set: &Set, models: &[&'static ModelMeta]) -> Option<String> {
    let now = set.history.schema(&set.base).ok()?;
    let wanted = wanted(models, &set.base).ok()?;
    if now.clone().sorted() == wanted.clone().sorted() {
        return None;
    }
    let mut any = Any;
    let mut decisions = Decisions { ask: Some(&mut any), ..Decisions::default() };
    let words = match diff(&now, &wanted, &mut decisions) {
        Ok(steps) => steps.iter().map(ToString::to_string).collect::<Vec<_>>(),
        Err(open) => open.iter().map(ToString::to_string).collect(),
    };
    const SHOWN: usize = 5;
    let more = words.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(format!("{}{more}", words.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ")))
}

/// Answers anything: only the number of changes matters.
struct Any;

impl Ask for Any {
    fn renamed(&mut self, _: Question<'_>) -> Option<bool> {
        Some(false)
    }

    fn fill(&mut self, _: &str, _: &Column) -> Option<String> {
        Some("now".to_owned())
    }
}

/// Applies what is missing, or says that it is.
pub(super) async fn at_start(
    sets: &[Set],
    db: &Db,
    config: &DatabaseConfig,
    loaded: &Config,
) -> Result<Vec<Finding>> {
    let runner = Runner::new(db, sets, config.migration_timeout);
    let failed = crate::migrate::MigrateError::into_error;
    if !config.migrate_on_start.unwrap_or(!loaded.profile().is_production()) {
        return Ok(findings(&runner.status().await.map_err(failed)?));
    }
    if db.dialect() == Dialect::Sqlite || runner.pending().await.map_err(failed)?.is_empty() {
        runner.run(&Goal::Latest, log).await.map_err(failed)?;
    } else {
        // A server ends a statement of the application's connections long before a large table is changed.
        let patient = super::provide::open(&config.for_migrations(), loaded).await?;
        let outcome = Runner::new(&patient, sets, config.migration_timeout).run(&Goal::Latest, log).await;
        patient.close().await;
        outcome.map_err(failed)?;
    }
    Ok(Vec::new())
}

fn log(event: Event) {
    match event {
        Event::Applied { name, took } => {
            tracing::info!(target: "mainstay::db", migration = name, took_ms = took.as_millis(), "migration applied");
        }
        Event::Reverted { name, took } => {
            tracing::info!(target: "mainstay::db", migration = name, took_ms = took.as_millis(), "migration undone");
        }
        Event::Adopted { name } => {
            tracing::info!(target: "mainstay::db", migration = name, "migration noted: its tables were there already");
        }
    }
}

/// What is wrong with a database, seen in its list of migrations.
fn findings(standings: &[crate::migrate::runner::Standing]) -> Vec<Finding> {
    use crate::migrate::ledger::State;
    let mut findings = Vec::new();
    for standing in standings {
        let name = &standing.name;
        match &standing.entry {
            None => findings.push(
                Finding::error("db.E013", format!("the migration `{name}` has not been applied to the database"))
                    .fix("run the command `migrate`, or set database.migrate_on_start = true"),
            ),
            Some(entry) if entry.state != State::Applied => findings.push(
                Finding::error("db.E014", format!("the migration `{name}` has stopped half-way"))
                    .fix("run the command `migrate`: it goes on from there, or says what is in its way"),
            ),
            Some(_) if standing.edited => findings.push(
                Finding::error("db.E017", format!("the file of `{name}` has been changed since it was applied"))
                    .at(format!("migrations/{name}.toml"))
                    .fix(format!(
                        "put it back and make a new migration; if the database is as it says now: migrate adopt {name}"
                    )),
            ),
            Some(_) if !standing.known => findings.push(
                Finding::warning("db.W013", format!("the database has the migration `{name}`, which this program does not"))
                    .fix("a newer version of the program has run here: deploy that one"),
            ),
            Some(_) => {}
        }
    }
    findings
}

/// `check --deploy`: what the database still lacks.
pub(super) async fn before_deployment(assembly: Arc<Assembly>) -> Findings {
    let mut found = Findings::default();
    let Some(sets) = made(&assembly.contributions) else { return found };
    let Ok(config) = assembly.config.section::<DatabaseConfig>() else { return found };
    let looked = async {
        let db = super::provide::open(&config, &assembly.config).await?;
        let runner = Runner::new(&db, &sets, config.migration_timeout);
        let standings = runner.status().await.map_err(crate::migrate::MigrateError::into_error);
        db.close().await;
        standings
    };
    match looked.await {
        Ok(standings) => found.extend(findings(&standings)),
        Err(error) => found.add(
            Finding::error(
                "db.E018",
                format!("the database cannot be asked for its migrations: {}", error.report()),
            )
            .at("database.url"),
        ),
    }
    found
}
