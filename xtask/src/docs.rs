//! `cargo xtask docs`: the API documentation, and the book where `mdbook` is installed.
//!
//! The book's snippets are compiled and run by `cargo xtask test --only doctests`, for which no `mdbook` is needed.

use std::{process::Command, process::ExitCode, time::Duration};

use crate::{
    arguments::Arguments,
    outcome::Result,
    process::{self, Show},
    workspace::Workspace,
};

const DEADLINE: Duration = Duration::from_secs(30 * 60);

pub(crate) fn main(mut arguments: Arguments) -> Result<ExitCode> {
    let open = arguments.flag("--open");
    arguments.end()?;
    let workspace = Workspace::load()?;

    let mut command = workspace.cargo();
    command.args(["doc", "--workspace", "--all-features", "--no-deps"]);
    if open {
        command.arg("--open");
    }
    if !process::run(command, Show::Live, DEADLINE)?.success() {
        return Ok(ExitCode::FAILURE);
    }

    let mut mdbook = Command::new("mdbook");
    mdbook.arg("build").arg(workspace.root.join("docs"));
    match process::run(mdbook, Show::Live, DEADLINE) {
        Ok(ended) if ended.success() => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::FAILURE),
        Err(why) => {
            println!("the book was not built: {why} (`cargo install mdbook` brings it)");
            Ok(ExitCode::FAILURE)
        }
    }
}
