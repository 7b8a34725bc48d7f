//! The contenders in other languages: their sources from `benches/api`, their packages in a folder below `target/`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::{
    bench::compare::Contender,
    outcome::Result,
    services::{self, npm, pypi},
    workspace::Workspace,
};

pub(super) const EXPRESS: Contender = Contender {
    name: "Express 5",
    binary: "xtask/peers/express/serve",
    variables: &[("NODE_ENV", "production")],
};
pub(super) const FASTAPI: Contender =
    Contender { name: "FastAPI", binary: "xtask/peers/fastapi/serve", variables: &[] };

/// Installs them. Those that cannot be had are named, with the reason, and told to the caller.
pub(super) fn provide(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let mut absent = Vec::new();
    for (contender, provided) in [(&EXPRESS, express(workspace)), (&FASTAPI, fastapi(workspace))] {
        if let Err(why) = provided {
            println!("MISSING {}: {why}", contender.name);
            absent.push(contender.name);
        }
    }
    Ok(absent)
}

fn express(workspace: &Workspace) -> Result<()> {
    let node = services::find("node").ok_or("node is not on the list")?.provide()?;
    let folder = workspace.target.join("xtask/peers/express");
    copy(&workspace.root.join("benches/api/express"), &folder)?;
    npm::install(&folder)?;
    launcher(&folder, &format!("{} {}", quoted(&node), quoted(&folder.join("server.js"))))
}

fn fastapi(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("xtask/peers/fastapi");
    copy(&workspace.root.join("benches/api/fastapi"), &folder)?;
    let wanted = fs::read_to_string(folder.join("requirements.txt"))?;
    let packages: Vec<&str> = wanted.lines().collect();
    let programs = pypi::install(&folder.join("python"), &packages)?;
    launcher(&folder, &format!("{} {}", quoted(&programs.join("python")), quoted(&folder.join("server.py"))))
}

/// The files of a folder, which has no folders.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// A program that becomes another: it is the other's processor time that is measured.
fn launcher(folder: &Path, command: &str) -> Result<()> {
    let program = folder.join("serve");
    fs::write(&program, format!("#!/bin/sh\nexec {command}\n"))?;
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    Ok(())
}

/// As a word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
