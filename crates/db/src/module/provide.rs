//! Opening the database of an application, and its tables.
//!
//! In two steps, so that a ring of keys can be kept in the database whose fields its keys seal: [`driver`] opens it and looks at
//! nothing, [`database`] sees to the tables and, where a model has encrypted fields, takes the keys.

use std::sync::Arc;

use mainstay_core::clock::Clock;
use mainstay_core::config::Config;
use mainstay_core::keys::Keys;
use mainstay_core::metrics::Metrics;
use mainstay_core::{Contributions, Error, Finding, Findings, Inject, Profile, Resolver, Result, Severity};

use super::config::DatabaseConfig;
use super::{migrations, models};
use crate::db::{Db, Settings};
use crate::driver::Driver;
use crate::log::{Meters, watch_pool};
use crate::schema::{create_tables, missing_tables};

/// A database that is open, whatever is in it.
pub(super) struct Opened(pub(super) Arc<dyn Driver>);

/// Opens the database.
pub(super) async fn driver(
    config: Inject<DatabaseConfig>,
    loaded: Inject<Config>,
    metrics: Inject<Metrics>,
) -> Result<Opened> {
    let driver = config.open(loaded.home()).await?;
    watch_pool(&metrics, Arc::downgrade(&driver));
    if let Some(replicas) = driver.replicas() {
        replicas.watch(&metrics);
    }
    Ok(Opened(driver))
}

/// Sees to the tables, so that whoever takes a [`Db`] finds them: the server, a command, a test.
pub(super) async fn database(
    opened: Inject<Opened>,
    config: Inject<DatabaseConfig>,
    loaded: Inject<Config>,
    contributions: Inject<Contributions>,
    clock: Inject<dyn Clock>,
    metrics: Inject<Metrics>,
    resolver: Resolver,
) -> Result<Db> {
    let models = models::all(&contributions);
    // Only where they are needed, since production has none without a secret.
    let keys = match models.iter().any(|model| model.has_encrypted) {
        true => Some((*resolver.get::<Keys>().await?).clone()),
        false => None,
    };
    let settings = Settings {
        slow_query: config.slow_query,
        comments: config.comments,
        clock: clock.into_arc(),
        meters: Some(Meters::new(&metrics)),
        keys,
    };
    let db = Db::over(Arc::clone(&opened.0), settings);
    let findings = if let Some(sets) = migrations::made(&contributions) {
        let missing = migrations::at_start(&sets, &db, &config, &loaded).await?;
        // A table that is missing because a migration is would be named twice.
        if missing.iter().any(|finding| finding.severity == Severity::Error) {
            missing
        } else {
            missing.into_iter().chain(missing_tables(&models, &db).await?).collect()
        }
    } else if config.auto_create.unwrap_or(!loaded.profile().is_production()) {
        let created = create_tables(&models, &db).await?;
        if !created.tables.is_empty() {
            tracing::info!(target: "mainstay::db", tables = created.tables.join(", "), "tables made from the models");
        }
        created.findings
    } else {
        missing_tables(&models, &db).await?
    };
    refuse(findings, loaded.profile())?;
    // What the tables were given above, a replica may not have yet.
    if let Some(set) = db.replica_set() {
        set.catch_up();
    }
    Ok(db)
}

/// Opens the database, and looks at nothing in it: for commands that see to the tables themselves.
pub(super) async fn open(config: &DatabaseConfig, loaded: &Config) -> Result<Db> {
    let settings = Settings { slow_query: config.slow_query, ..Settings::default() };
    Ok(Db::over(config.without_replicas().open(loaded.home()).await?, settings))
}

/// Errors keep the application from starting; warnings are logged.
fn refuse(found: Vec<Finding>, profile: &Profile) -> Result<()> {
    let mut findings = Findings::default();
    for finding in found {
        match finding.severity {
            Severity::Warning => tracing::warn!(target: "mainstay::db", "{finding}"),
            Severity::Error => findings.add(finding),
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    let text = format!("the database does not fit the models (profile `{profile}`)\n{findings}");
    Err(Error::internal(text).code("database_does_not_fit"))
}
