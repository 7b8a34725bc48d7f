//! Where a server's data is for the while.
//!
//! Below the folder for temporary files, not in the checkout: a fresh clone may lie where only root can go, and then the
//! account that the server runs as could not reach it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::account::Account;
use crate::{Result, process};

const PREFIX: &str = "mainstay-server-";
/// The file in it with the number of the server's process.
pub(crate) const PROCESS: &str = "process";
/// The file in it with what the server has said.
pub(crate) const LOG: &str = "log";

/// A folder that goes with this value. Its name has the process that made it, so that others know whether it is in use.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty one that belongs to `account`.
    ///
    /// # Errors
    /// When there is no place that the account can reach.
    pub fn new(label: &str, account: &Account) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}-{label}", std::process::id());
        let folder = Self(place(*account)?.join(name));
        std::fs::create_dir(&folder.0)
            .map_err(|error| format!("{} cannot be made: {error}", folder.0.display()))?;
        std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o700))?;
        account.give(&folder.0)?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it that belongs to `account`.
    pub(crate) fn write(&self, name: &str, text: &str, account: &Account) -> Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::write(&path, text)?;
        account.give(&path)?;
        Ok(path)
    }

    /// The end of what the server has said.
    pub fn log(&self) -> String {
        let text = std::fs::read(self.0.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the sweep of a later run.
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// The first folder for temporary files that the account can reach.
fn place(account: Account) -> Result<PathBuf> {
    let candidates = [std::env::temp_dir(), "/var/tmp".into(), "/tmp".into()];
    let reached = candidates.into_iter().find(|path| path.is_dir() && (!account.is_other() || is_open(path)));
    reached.ok_or_else(|| "there is no folder for temporary files that everybody can reach".into())
}

/// Whether everybody may pass through a folder and all those above.
fn is_open(path: &Path) -> bool {
    let passes = |folder: &Path| folder.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
    path.is_absolute() && path.ancestors().all(passes)
}

/// Ends the servers and removes the folders of processes that were killed. Whatever fails is left for next time.
pub fn sweep() {
    for place in [std::env::temp_dir(), "/var/tmp".into(), "/tmp".into()] {
        let Ok(entries) = std::fs::read_dir(place) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if let Some(owner) = name.to_str().and_then(owner)
                && !process::lives(owner)
            {
                end_stray(&entry.path());
                let _gone = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// The process that has made a folder, from its name.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}

/// Ends the server of a folder, if it still runs: the number in its file may belong to another process by now, so that the
/// process has to name the folder in its command line.
fn end_stray(folder: &Path) {
    let written = std::fs::read_to_string(folder.join(PROCESS)).unwrap_or_default();
    let Ok(id) = written.trim().parse::<u32>() else { return };
    let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    if String::from_utf8_lossy(&command).contains(&*folder.to_string_lossy()) {
        process::kill_tree(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whose_a_folder_is() {
        assert_eq!(owner("mainstay-server-123-0-postgres"), Some(123));
        assert_eq!(owner("mainstay-server-x-0"), None);
        assert_eq!(owner("systemd-private-1"), None);
    }

    #[test]
    fn everybody_may_pass_through_the_root_but_not_through_a_private_folder() {
        assert!(is_open(Path::new("/")));
        let account = Account::for_user("nobody").unwrap();
        let folder = Folder::new("private", &account).unwrap();
        assert!(!is_open(folder.path()));
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn removes_what_a_killed_process_has_left_and_ends_its_server() {
        let account = Account::for_user("nobody").unwrap();
        let place = place(account).unwrap();
        // No process has this number: the system's own limit is lower.
        let left = place.join(format!("{PREFIX}4194999-{}-sleep", std::process::id()));
        std::fs::create_dir(&left).unwrap();
        let mut stray = std::process::Command::new("sh");
        stray.args(["-c", "sleep 60; exit", &left.to_string_lossy()]);
        let mut stray = stray.spawn().unwrap();
        std::fs::write(left.join(PROCESS), stray.id().to_string()).unwrap();
        // For a moment after its start a process has no command line yet.
        while std::fs::read(format!("/proc/{}/cmdline", stray.id())).unwrap().is_empty() {}
        sweep();
        assert!(!left.exists());
        assert!(!stray.wait().unwrap().success());
    }
}
