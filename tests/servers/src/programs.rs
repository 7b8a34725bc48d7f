//! Where the programs are: named by a variable, on the path, or where Debian puts them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Result;

/// A program that a suite may need.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The environment variable that says where it is; set by hand, it is taken as it is.
    pub variable: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// The names that it may have.
    pub binaries: &'static [&'static str],
}

/// The server of PostgreSQL. The programs that belong to it are beside it.
pub const POSTGRES: Program =
    Program { variable: "MAINSTAY_POSTGRES", package: "postgresql", binaries: &["postgres"] };
/// The server of MariaDB.
pub const MARIADB: Program =
    Program { variable: "MAINSTAY_MARIADB", package: "mariadb-server", binaries: &["mariadbd"] };
/// The server of Redis.
pub const REDIS: Program =
    Program { variable: "MAINSTAY_REDIS", package: "redis-server", binaries: &["redis-server"] };
/// The connection pooler of PostgreSQL.
pub const PGBOUNCER: Program =
    Program { variable: "MAINSTAY_PGBOUNCER", package: "pgbouncer", binaries: &["pgbouncer"] };

/// The Python that has moto, which no package of Debian has: `cargo xtask services moto` installs it.
pub const MOTO: Program = Program { variable: "MAINSTAY_MOTO", package: "python3-venv", binaries: &[] };

/// What runs programs of npm.
pub const NODE: Program =
    Program { variable: "MAINSTAY_NODE", package: "nodejs", binaries: &["node", "nodejs"] };
/// A file of Azurite, which no package of Debian has: `cargo xtask services azurite` installs it.
pub const AZURITE: Program = Program { variable: "MAINSTAY_AZURITE", package: "npm", binaries: &[] };

impl Program {
    /// Where it is.
    ///
    /// # Errors
    /// When it is nowhere, with what to do.
    pub fn find(&self) -> Result<PathBuf> {
        if let Some(named) = std::env::var_os(self.variable) {
            let path = PathBuf::from(named);
            let missing = || format!("{}={} is no file", self.variable, path.display()).into();
            return if path.is_file() { Ok(path) } else { Err(missing()) };
        }
        let found =
            folders().into_iter().flat_map(|folder| self.binaries.iter().map(move |name| folder.join(name)));
        // The link that Debian's administrators like to make has no `initdb` beside it, its target has.
        let found = found.filter_map(|path| path.canonicalize().ok()).find(|path| path.is_file());
        found.ok_or_else(|| {
            format!("install the Debian package `{}`, or set {}", self.package, self.variable).into()
        })
    }
}

/// The folders of `PATH`, those of administrators, and those of the installed versions of PostgreSQL, newest first.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from));
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.extend(versions.into_iter().map(|folder| folder.join("bin")));
    folders
}

fn version(folder: &Path) -> Option<u32> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// The program that `variable` names.
///
/// # Errors
///
/// When it names none: the message says how to come by the service.
pub fn named(variable: &str, service: &str) -> std::io::Result<OsString> {
    std::env::var_os(variable).ok_or_else(|| {
        std::io::Error::other(format!("no {service}: `cargo xtask services {service}`, or set {variable}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_program_on_the_path_and_says_what_to_do_about_one_that_is_not() {
        let shell =
            Program { variable: "MAINSTAY_TEST_SHELL", package: "dash", binaries: &["no-such-shell", "sh"] };
        assert!(shell.find().is_ok());
        let missing = Program { binaries: &["no-such-shell"], ..shell }.find().unwrap_err().to_string();
        assert_eq!(missing, "install the Debian package `dash`, or set MAINSTAY_TEST_SHELL");
    }

    #[test]
    fn a_newer_version_goes_first() {
        assert!(version(Path::new("/usr/lib/postgresql/15")) > version(Path::new("/usr/lib/postgresql/9")));
    }
}
