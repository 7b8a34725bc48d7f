//! Filling an empty database.

use std::process::ExitCode;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::command::{Call, Command};
use mainstay_core::config::Config;
use mainstay_core::container::{Dependencies, Factory, Need};
use mainstay_core::error::Context;
use mainstay_core::{Contribution, Contributions, Inject, Module, Resolver, Result};

use super::models;
use crate::db::Db;
use crate::driver::Statement;
use crate::error::Border;
use crate::executor::Executor;

type Run = Arc<dyn Fn(Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A function of dependencies that fills an empty database. Let it write in one transaction: then a seed that fails
/// leaves the database empty, and runs again.
#[derive(Clone)]
pub struct Seed {
    name: &'static str,
    needs: Vec<Need>,
    run: Run,
}

impl Seed {
    /// A seed.
    pub fn new<A, F, Fut>(name: &'static str, fill: F) -> Self
    where
        A: Dependencies,
        F: Factory<A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let shared = Arc::new(fill);
        let run: Run = Arc::new(move |resolver| {
            let fill = Arc::clone(&shared);
            async move { fill.call(A::resolve(&resolver).await?).await }.boxed()
        });
        Self { name, needs: A::needs(), run }
    }
}

impl Contribution for Seed {
    fn installs() -> Option<Module> {
        Some(super::module())
    }

    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}

/// In development, an application that starts on an empty database fills it.
pub(super) async fn seed_if_empty(
    db: Inject<Db>,
    config: Inject<Config>,
    contributions: Inject<Contributions>,
    resolver: Resolver,
) -> Result<()> {
    let seeded = contributions.of::<Seed>().next().is_some();
    if seeded && config.profile().is_development() && is_empty(&db, &contributions).await? {
        run(&contributions, &resolver).await?;
    }
    Ok(())
}

/// Whether the application has no rows. A library may have some of its own already: keys that it has made at start.
async fn is_empty(db: &Db, contributions: &Contributions) -> Result<bool> {
    for model in models::own(contributions) {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", db.dialect().quote(model.table));
        if !db.target().run(Statement::read(sql, Vec::new())).await.at_border()?.rows.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn run(contributions: &Contributions, resolver: &Resolver) -> Result<usize> {
    let mut seeds = 0;
    for seed in contributions.of::<Seed>() {
        tracing::info!(target: "mainstay::db", seed = seed.value.name, module = seed.module.name, "filling the database");
        (seed.value.run)(resolver.of_module(seed.module.id)).await.context(format!(
            "running the seed `{}` of the module `{}`",
            seed.value.name, seed.module.name
        ))?;
        seeds += 1;
    }
    Ok(seeds)
}

/// `seed`
pub(super) fn command() -> Command {
    Command::new("seed", "Fills the database with what the modules bring.", |call: Call| async move {
        let seeds = run(&call.assembly.contributions, &call.resolver()).await?;
        call.print(match seeds {
            0 => "No module brings a seed.".to_owned(),
            1 => "1 seed has run.".to_owned(),
            many => format!("{many} seeds have run."),
        });
        Ok(ExitCode::SUCCESS)
    })
}
