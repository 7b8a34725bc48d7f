//! `cargo xtask soak db`: the crash tests of the model layer, with many more crashes.

use std::{process::ExitCode, time::Duration};

use crate::{
    outcome::Result,
    process::{self, Show},
    services::Running,
    workspace::Workspace,
};

/// How often each test kills, unless it is said.
const KILLS: u64 = 50;
/// How long all of them may take.
const DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);

pub(super) fn main(kills: Option<u64>) -> Result<ExitCode> {
    let running = Running::start();
    for why in running.missing() {
        println!("MISSING {why}");
    }
    let mut command = Workspace::load()?.cargo();
    command.args(["test", "--package", "mainstay-db", "--all-features", "--test", "it", "crash::"]);
    command.envs(running.variables()).env("MAINSTAY_TEST_KILLS", kills.unwrap_or(KILLS).to_string());
    let ended = process::run(command, Show::Live, DEADLINE)?;
    let sound = ended.success() && running.missing().is_empty();
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
