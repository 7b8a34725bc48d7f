//! Packages from PyPI, in a virtual environment that they have to themselves.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use servers::account;

use crate::{
    outcome::Result,
    services::programs::{expect, install as install_debian},
};

/// The Debian package that makes virtual environments.
const VENV: &str = "python3-venv";

/// Makes a folder an environment with these packages (`fastapi==0.165.0`), unless it is one. Returns where their programs are.
pub(crate) fn install(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let programs = folder.join("bin");
    // The mark is made last: a folder without it was left half-made.
    let mark = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) && programs.is_dir() {
        return Ok(programs);
    }
    println!("installing from PyPI: {}", packages.join(", "));
    let make = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(folder);
        expect(command, "python3 -m venv")
    };
    make().or_else(
        |why| if account::is_root() { install_debian(VENV).and_then(|()| make()) } else { Err(why) },
    )?;
    let mut command = Command::new(programs.join("pip"));
    command.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages);
    expect(command, &format!("pip install {}", packages.join(" ")))?;
    std::fs::write(&mark, wanted)?;
    Ok(programs)
}
