//! Packages from npm, in folders below `target/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    outcome::Result,
    services::{find, programs::expect},
};

/// Installs what the `package.json` of a folder asks for, unless that was done. What packages want to run is run: some are built.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let wanted = fs::read_to_string(folder.join("package.json"))?;
    once(folder, &wanted, |command| command.args(["--omit=dev", "--no-package-lock"]))
}

/// Installs one package, `typescript@7.0.2`, in a folder that it has to itself. What it wants to run is not run. Returns where its
/// programs are.
pub(crate) fn add(folder: &Path, package: &str) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    // Without a manifest of its own, npm would look for one further up.
    fs::write(folder.join("package.json"), "{ \"private\": true }\n")?;
    once(folder, package, |command| command.args(["--save-exact", "--ignore-scripts", package]))?;
    Ok(folder.join("node_modules").join(".bin"))
}

fn once(folder: &Path, wanted: &str, how: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
    // The mark is made last: a folder without it was left half-made.
    let mark = folder.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    println!("installing from npm, into {}", folder.display());
    let mut command = Command::new(find("npm").ok_or("npm is not on the list")?.provide()?);
    command.current_dir(folder).args(["install", "--no-audit", "--no-fund", "--loglevel", "error"]);
    how(&mut command);
    expect(command, "npm install")?;
    fs::write(&mark, wanted)?;
    Ok(())
}
