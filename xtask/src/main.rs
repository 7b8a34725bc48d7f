//! Every developer command of this workspace: `cargo xtask <command>`.
//!
//! | Command | File | What it does |
//! |---|---|---|
//! | `test` | [`mod@test`] | everything that must hold before a commit lands; what continuous integration runs |
//! | `layers` | [`layers`] | which crate may depend on which, as data, and the check |
//! | `services` | [`services`] | finds or installs the programs that suites and benches need, and starts servers |
//! | `bench` | [`mod@bench`] | speed against peers, and the compile-time budgets |
//! | `soak` | [`soak`] | the flagship example under load, told to stop and killed in between |
//! | `docs` | [`docs`] | API documentation and the book |
//!
//! Only the standard library and `serde_json` are used (and `servers`, which uses the same), so that the first `cargo xtask` on a fresh clone answers
//! within seconds. [`process`] runs other programs, [`workspace`] reads `cargo metadata`, [`outcome`] is what a step
//! reports.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is this program's interface")]

mod arguments;
mod bench;
mod docs;
mod http;
mod layers;
mod outcome;
mod process;
mod services;
mod soak;
mod test;
mod workspace;

use std::process::ExitCode;

use arguments::Arguments;
use outcome::Result;

/// One developer command.
struct Task {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(Arguments) -> Result<ExitCode>,
}

const TASKS: &[Task] = &[
    Task {
        name: "test",
        usage: "test [--only STEP]… [--skip STEP]… [--list] [--verbose]",
        about: "Everything that must hold before a commit lands.",
        run: test::main,
    },
    Task {
        name: "layers",
        usage: "layers",
        about: "Print which crate may depend on which, and check it.",
        run: layers::main,
    },
    Task {
        name: "services",
        usage: "services [NAME]… | services run [-- COMMAND…]",
        about: "Find, or install as root, what suites and benches need; run a command, or a shell, with database servers.",
        run: services::main,
    },
    Task {
        name: "bench",
        usage: "bench http|db [ENGINE]|api [ENGINE]|auth|build [--rounds N] [--seconds N] [--connections N] [--load wrk|own] [--only NAME]… \
                [--no-build] [--enforce]",
        about: "Measure speed against peers, or compile times, and compare with the budgets.",
        run: bench::main,
    },
    Task {
        name: "soak",
        usage: "soak [db | events | jobs | uploads] [--seconds N] [--kills N] [--connections N] [--dev]",
        about: "Put the flagship example under load, tell it to stop, kill it, and look what was lost; \
                or kill the database's clients and servers.",
        run: soak::main,
    },
    Task {
        name: "docs",
        usage: "docs [--open]",
        about: "Build the API documentation, and the book where mdbook is installed.",
        run: docs::main,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        let asked = matches!(name.as_str(), "" | "help" | "--help" | "-h");
        if !asked {
            eprintln!("there is no `cargo xtask {name}`\n");
        }
        help();
        return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match (task.run)(Arguments::new(task.usage, words)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn help() {
    println!("Usage: cargo xtask <command>\n");
    for task in TASKS {
        println!("  {}\n      {}", task.usage, task.about);
    }
}
