//! The database as a part of an application.
//!
//! Contributing [`Models`] or a [`Seed`] installs this module: the configuration section `database`, an injectable
//! [`Db`], a place for the ring of keys (`keys.ring = "database"`), the readiness probe `db`, checks of the models, and the commands `seed`, `dumpdata`, `loaddata`, `migrate`,
//! `makemigrations`, `inspectdb`, `reseal` and `db`.

mod checks;
mod config;
mod data;
mod db_command;
mod encryption;
mod inspect_command;
pub(crate) mod key_ring;
mod make_command;
mod migrate_command;
mod migrations;
mod models;
mod provide;
mod replicas;
mod reseal_command;
mod seed;
mod shell;

use std::sync::Arc;

use mainstay_core::check::{Check, Inspection};
use mainstay_core::health::{ProbeBinding, ProbeKind};
use mainstay_core::lifecycle::Hook;
use mainstay_core::{Contribute, CoreContributions, Inject, Module, Provider};

use crate::db::Db;
use crate::migrate::Migrations;

pub use config::DatabaseConfig;
pub use models::Models;
pub(crate) use models::all as all_models;
pub use replicas::ReadsFromReplicas;
pub use seed::Seed;

/// The module's name.
const NAME: &str = "db";

/// The module. It is installed by what needs it; import it where a module takes a `Db` and contributes no models.
pub fn module() -> Module {
    let probe =
        ProbeBinding::new("db", ProbeKind::Readiness, |db: Inject<Db>| async move { db.ping().await });
    Module::new(NAME)
        .global()
        .config::<DatabaseConfig>()
        .provide(Provider::asynchronous(provide::driver).on_demand().dispose(close))
        .provide(Provider::asynchronous(provide::database))
        .export::<Db>()
        .export::<provide::Opened>()
        .contribute(key_ring::driver())
        .check(Check::at_start(checks::check))
        .check(Check::at_start(migrations::check))
        .check(Check::at_start(replicas::check))
        .check(Check::at_deploy(encryption::check))
        .inspection(Inspection::new(migrations::before_deployment))
        .inspection(Inspection::new(replicas::before_deployment))
        .command(seed::command())
        .command(db_command::command())
        .command(migrate_command::command())
        .command(make_command::command())
        .command(inspect_command::command())
        .command(reseal_command::command())
        .command(data::dump())
        .command(data::load())
        .hook(Hook::on_start("seed an empty database", seed::seed_if_empty))
        .probe(probe)
}

async fn close(opened: Arc<provide::Opened>) {
    opened.0.close().await;
}

/// What modules contribute to the database. In the prelude.
pub trait ModelsExt: Contribute {
    /// Adds models: `.models(models![User, Article])`. Their tables are made in development.
    #[must_use]
    fn models(self, models: Models) -> Self {
        self.contribute(models)
    }

    /// Adds the migrations of this crate: `.migrations(migrations!())`.
    #[must_use]
    fn migrations(self, migrations: Migrations) -> Self {
        self.contribute(migrations)
    }

    /// Adds a function of dependencies that fills an empty database: run by the command `seed`, and in development when
    /// the application starts and no table has a row.
    #[must_use]
    fn seed<A, F, Fut>(self, name: &'static str, fill: F) -> Self
    where
        A: mainstay_core::container::Dependencies,
        F: mainstay_core::container::Factory<A, Output = Fut>,
        Fut: Future<Output = mainstay_core::Result<()>> + Send + 'static,
    {
        self.contribute(Seed::new(name, fill))
    }
}

impl<C: Contribute> ModelsExt for C {}
