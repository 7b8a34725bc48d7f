//! The built-in module `jobs`.
//!
//! | id | what |
//! |---|---|
//! | `jobs.E001` | two kinds of jobs are stored under one name |
//! | `jobs.E002` | a schedule cannot be read: its pattern, its time zone, its period, the arguments of its job |
//! | `jobs.E003` | two schedules have one name |
//! | `jobs.E004` | a schedule enqueues a job that the application does not run |

use mainstay_core::check::Check;
use mainstay_core::{Assembly, Contribute, CoreContributions, Finding, Findings, Module, Provider};
use mainstay_db::{ModelsExt, migrations, models};

use crate::command;
use crate::config::JobsConfig;
use crate::jobs::Jobs;
use crate::ledger::Ledger;
use crate::registration::Registration;
use crate::schedule::{self, Schedule, Timetable};
use crate::stats::StoredStats;
use crate::stored::{
    StoredBatch, StoredFailure, StoredJob, StoredLimit, StoredPause, StoredSchedule, StoredWorker,
};
use crate::threads::Threads;
use crate::worker::{self, Duty};

/// The module: the section `jobs`, [`Jobs`], the worker and its command.
pub fn module() -> Module {
    Module::new("jobs")
        .global()
        .import(mainstay_db::module::module())
        .config::<JobsConfig>()
        .models(models![
            StoredJob,
            StoredFailure,
            StoredWorker,
            StoredPause,
            StoredLimit,
            StoredSchedule,
            StoredBatch,
            StoredStats
        ])
        .migrations(migrations!("jobs").of_library())
        .provide(Provider::singleton(Ledger::new).on_demand())
        .provide(Provider::singleton(Threads::new).on_demand())
        .provide(Provider::singleton(Duty::default))
        .provide(Provider::singleton(Timetable::new).on_demand())
        .provide(Provider::singleton(Jobs::new).on_demand())
        .export::<Jobs>()
        // For workers, and for the commands, which see what the application sees.
        .export::<Threads>()
        .export::<Duty>()
        .export::<Timetable>()
        .service(worker::service())
        .command(command::worker())
        .command(schedule::command())
        .check(Check::at_start(find_shared_names))
        .check(Check::at_start(find_mistaken_schedules))
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

fn find_mistaken_schedules(assembly: &Assembly, findings: &mut Findings) {
    let mut known: Vec<&str> = Vec::new();
    for schedule in assembly.contributions.of::<Schedule>().map(|found| found.value) {
        let name = schedule.name;
        let mut wrong = |what: &dyn std::fmt::Display, fix: &str| {
            findings.add(Finding::error("jobs.E002", format!("the schedule `{name}`: {what}")).fix(fix));
        };
        for mistake in schedule.rhythm.mistakes() {
            wrong(mistake, mistake.fix());
        }
        match &schedule.entry {
            Err(error) => wrong(error, "give it a job whose arguments can be written as JSON"),
            Ok(entry) => {
                let mut kinds = assembly.contributions.of::<Registration>();
                if !kinds.any(|found| found.value.spec.name == entry.spec.name) {
                    let told =
                        format!("the schedule `{name}` enqueues a `{}`, which nobody runs", entry.spec.name);
                    findings.add(Finding::error("jobs.E004", told).fix("add it: .jobs(jobs![…])"));
                }
            }
        }
        if known.contains(&name) {
            let told = format!("two schedules are called `{name}`");
            let fix = "give one of them another name: what it has done is kept under it";
            findings.add(Finding::error("jobs.E003", told).fix(fix));
        }
        known.push(name);
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
