//! Programs from outside that suites and benches need, as Debian packages: found, or installed when run as root.
//!
//! Nothing here is needed to build, to run the examples, or for the suites of the crates themselves. A program that is
//! missing is said aloud by whoever needs it, and fails under continuous integration.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    time::Duration,
};

use crate::{
    arguments::Arguments,
    outcome::Result,
    process::{self, Show},
};

/// A program that a suite or a bench runs.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The Debian package that has it.
    pub(crate) package: &'static str,
    /// The names under which it may be on the path.
    pub(crate) binaries: &'static [&'static str],
    /// The environment variable that tells a suite where it is; set by hand, it is taken as it is.
    pub(crate) variable: &'static str,
    pub(crate) purpose: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "chromium",
        package: "chromium",
        binaries: &["chromium", "chromium-browser", "google-chrome"],
        variable: "MAINSTAY_CHROMIUM",
        purpose: "browser tests",
    },
    Program {
        name: "wrk",
        package: "wrk",
        binaries: &["wrk"],
        variable: "MAINSTAY_WRK",
        purpose: "load for `cargo xtask bench http` (there is a load generator in the repository for want of it)",
    },
];

/// How long apt-get may take.
const INSTALLATION: Duration = Duration::from_secs(10 * 60);

/// `cargo xtask services`: all of them, or those named.
pub(crate) fn main(arguments: Arguments) -> Result<ExitCode> {
    let names = arguments.rest()?;
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        return Err(format!("nothing is known about `{unknown}`").into());
    }
    let chosen =
        PROGRAMS.iter().filter(|program| names.is_empty() || names.iter().any(|name| name == program.name));
    let mut complete = true;
    for program in chosen {
        let place = program.provide();
        complete &= place.is_ok();
        match place {
            Ok(path) => println!("{:<10} {} ({})", program.name, path.display(), program.purpose),
            Err(why) => println!("{:<10} MISSING for {}: {why}", program.name, program.purpose),
        }
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

impl Program {
    /// Where it is: named by its variable, on the path, or freshly installed.
    pub(crate) fn provide(&self) -> Result<PathBuf> {
        if let Some(named) = std::env::var_os(self.variable) {
            let path = PathBuf::from(named);
            let missing = || format!("{}={} is no file", self.variable, path.display()).into();
            return if path.is_file() { Ok(path) } else { Err(missing()) };
        }
        if let Some(path) = self.on_path() {
            return Ok(path);
        }
        if !is_root()? {
            return Err(
                format!("install the Debian package `{}`, or set {}", self.package, self.variable).into()
            );
        }
        println!("installing the Debian package `{}` for {}", self.package, self.purpose);
        install(self.package)?;
        self.on_path()
            .ok_or_else(|| format!("the package `{}` came without the program", self.package).into())
    }

    fn on_path(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        let candidates =
            self.binaries.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        candidates.into_iter().find(|candidate| candidate.is_file())
    }
}

fn is_root() -> Result<bool> {
    let mut id = Command::new("id");
    id.arg("-u");
    Ok(process::output(id)?.trim() == "0")
}

fn install(package: &str) -> Result<()> {
    let install = || apt_get(&["install", "--yes", "--no-install-recommends", package]);
    // A machine that never fetched the package lists finds nothing: fetch them, then try once more.
    install().or_else(|_| apt_get(&["update"]).and_then(|()| install()))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "-o", "DPkg::Lock::Timeout=120"]);
    command.args(arguments);
    let ended = process::run(command, Show::Captured, INSTALLATION)?;
    if !ended.success() {
        return Err(format!("apt-get {} failed:\n{}", arguments.join(" "), ended.tail(5)).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_program_on_the_path_and_says_what_to_do_about_one_that_is_not() {
        let shell = Program {
            name: "shell",
            package: "dash",
            binaries: &["no-such-shell", "sh"],
            variable: "MAINSTAY_TEST_SHELL",
            purpose: "this test",
        };
        assert!(shell.provide().unwrap().ends_with("sh"));
        assert!(Program { binaries: &["no-such-shell"], ..shell }.on_path().is_none());
    }
}
