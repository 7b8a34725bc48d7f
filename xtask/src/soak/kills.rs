//! `cargo xtask soak db`, `jobs`, `events`: the kill tests of a crate, with many more kills than `cargo xtask test` has time for.

use std::{process::ExitCode, time::Duration};

use crate::{
    outcome::Result,
    process::{self, Show},
    services::Running,
    workspace::Workspace,
};

/// Tests of a crate that kill.
pub(super) struct Suite {
    package: &'static str,
    /// What their names begin with.
    tests: &'static str,
    /// How often each of them kills, unless it is said.
    kills: u64,
    /// What else is larger than usual.
    variables: &'static [(&'static str, &'static str)],
}

/// The crash tests of the model layer.
pub(super) const DB: Suite = Suite { package: "mainstay-db", tests: "crash::", kills: 50, variables: &[] };
/// Those of background jobs, with ten thousand of them.
pub(super) const JOBS: Suite = Suite {
    package: "mainstay-jobs",
    tests: "kills::",
    kills: 100,
    variables: &[("MAINSTAY_TEST_JOBS", "10000")],
};

/// Those of events and their relays.
pub(super) const BUS: Suite = Suite { package: "mainstay-bus", tests: "killed::", kills: 50, variables: &[] };

/// How long all of them may take.
const DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);

impl Suite {
    pub(super) fn run(&self, kills: Option<u64>) -> Result<ExitCode> {
        let running = Running::start();
        for why in running.missing() {
            println!("MISSING {why}");
        }
        let mut command = Workspace::load()?.cargo();
        command.args(["test", "--package", self.package, "--all-features", "--test", "it", self.tests]);
        command.envs(running.variables()).envs(self.variables.iter().copied());
        command.env("MAINSTAY_TEST_KILLS", kills.unwrap_or(self.kills).to_string());
        let ended = process::run(command, Show::Live, DEADLINE)?;
        let sound = ended.success() && running.missing().is_empty();
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
