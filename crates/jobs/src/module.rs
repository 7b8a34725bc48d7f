//! The built-in module `jobs`.
//!
//! | id | what |
//! |---|---|
//! | `jobs.E001` | two kinds of jobs are stored under one name |

use mainstay_core::check::Check;
use mainstay_core::{Assembly, Contribute, CoreContributions, Finding, Findings, Module, Provider};
use mainstay_db::{ModelsExt, migrations, models};

use crate::command;
use crate::config::JobsConfig;
use crate::jobs::Jobs;
use crate::ledger::Ledger;
use crate::registration::Registration;
use crate::stored::{StoredBatch, StoredFailure, StoredJob, StoredLimit, StoredPause, StoredWorker};
use crate::threads::Threads;
use crate::worker::{self, Duty};

/// The module: the section `jobs`, [`Jobs`], the worker and its command.
pub fn module() -> Module {
    Module::new("jobs")
        .global()
        .import(mainstay_db::module::module())
        .config::<JobsConfig>()
        .models(models![StoredJob, StoredFailure, StoredWorker, StoredPause, StoredLimit, StoredBatch])
        .migrations(migrations!("jobs").of_library())
        .provide(Provider::singleton(Ledger::new).on_demand())
        .provide(Provider::singleton(Threads::new).on_demand())
        .provide(Provider::singleton(Duty::default))
        .provide(Provider::singleton(Jobs::new).on_demand())
        .export::<Jobs>()
        .export::<Threads>()
        .service(worker::service())
        .command(command::worker())
        .check(Check::at_start(find_shared_names))
}

fn find_shared_names(assembly: &Assembly, findings: &mut Findings) {
    let mut known: Vec<&str> = Vec::new();
    for found in assembly.contributions.of::<Registration>() {
        let spec = found.value.spec;
        for name in spec.formerly.iter().chain([&spec.name]) {
            if known.contains(name) {
                let told = format!("two kinds of jobs are stored as `{name}`");
                let fix = "give one of them another name: #[job(name = \"…\")]";
                findings.add(Finding::error("jobs.E001", told).fix(fix));
            }
            known.push(name);
        }
    }
}

/// Adds jobs to an application or a module. In the prelude.
pub trait JobsExt: Contribute {
    /// The application runs these kinds of jobs: `.jobs(jobs![NotifyFollowers, Digest])`.
    #[must_use]
    fn jobs(self, kinds: impl IntoIterator<Item = Registration>) -> Self {
        kinds.into_iter().fold(self, Self::contribute)
    }
}

impl<C: Contribute> JobsExt for C {}
