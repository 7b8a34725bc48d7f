//! Packages from npm, in a folder below `target/`.

use std::{path::Path, process::Command};

use crate::{
    outcome::Result,
    services::{find, programs::expect},
};

/// Installs what the `package.json` of a folder asks for, unless that was done.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(folder.join("package.json"))?;
    // The mark is made last: a folder without it was left half-made.
    let mark = folder.join("installed.json");
    if std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    println!("installing from npm, into {}", folder.display());
    let mut command = Command::new(find("npm").ok_or("npm is not on the list")?.provide()?);
    command.current_dir(folder).args([
        "install",
        "--omit=dev",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
    ]);
    expect(command, "npm install")?;
    std::fs::write(&mark, wanted)?;
    Ok(())
}
