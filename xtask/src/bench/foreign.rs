//! Contenders in other languages: their sources from `benches/`, their packages in a folder below `target/`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::{
    outcome::Result,
    services::{self, npm, pypi},
    workspace::Workspace,
};

/// Where contenders are, below the target folder: each has a folder with a program `serve`.
pub(crate) const FOLDER: &str = "xtask/peers";

/// A program in another language, as `benches/` has it.
pub(crate) struct Foreign {
    /// The folder of its sources.
    pub(crate) sources: &'static str,
    /// The folder that it is put into, below [`FOLDER`].
    pub(crate) name: &'static str,
    pub(crate) language: Language,
    /// The file that is run.
    pub(crate) main: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Language {
    /// On Node, with the packages of `package.json`.
    JavaScript,
    /// With the packages of `requirements.txt`.
    Python,
}

impl Foreign {
    /// Installs it. One that cannot be had is named, with the reason, and told to the caller.
    pub(crate) fn provide(&self, workspace: &Workspace, shown: &str) -> bool {
        match self.install(workspace) {
            Ok(()) => true,
            Err(why) => {
                println!("MISSING {shown}: {why}");
                false
            }
        }
    }

    fn install(&self, workspace: &Workspace) -> Result<()> {
        let folder = workspace.target.join(FOLDER).join(self.name);
        copy(&workspace.root.join(self.sources), &folder)?;
        let interpreter = match self.language {
            Language::JavaScript => {
                let node = services::find("node").ok_or("node is not on the list")?.provide()?;
                npm::install(&folder)?;
                node
            }
            Language::Python => {
                let wanted = fs::read_to_string(folder.join("requirements.txt"))?;
                let packages: Vec<&str> = wanted.lines().collect();
                pypi::install(&folder.join("python"), &packages)?.join("python")
            }
        };
        launcher(&folder, &format!("{} {} \"$@\"", quoted(&interpreter), quoted(&folder.join(self.main))))
    }
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
