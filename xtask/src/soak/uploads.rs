//! `cargo xtask soak uploads`: 5 GiB through each way of reading an upload, with an eye on the memory.

use std::{process::ExitCode, time::Duration};

use crate::{
    outcome::Result,
    process::{self, Show},
    workspace::Workspace,
};

/// How much each way gets, in MiB.
const MEBIBYTES: u64 = 5 * 1024;
/// How long all of them may take.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

pub(super) fn main() -> Result<ExitCode> {
    let mut command = Workspace::load()?.cargo();
    command.args(["test", "--package", "mainstay-http", "--all-features", "--test", "flat_memory"]);
    command.args(["--", "--nocapture"]).env("MAINSTAY_TEST_UPLOAD", MEBIBYTES.to_string());
    let ended = process::run(command, Show::Live, DEADLINE)?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
