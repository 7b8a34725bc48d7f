//! As whom a server runs.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::folder::Folder;

/// A user of the system: nobody in particular, or the one that root becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account(Option<Ids>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    /// The user of this name if this process is root's, else whoever runs it.
    ///
    /// # Errors
    /// When this is root and there is no such user: the package that makes it is not installed.
    pub fn for_user(name: &str) -> Result<Self> {
        if !is_root() {
            return Ok(Self(None));
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        match find(&users, name) {
            Some(ids) => Ok(Self(Some(ids))),
            None => Err(format!("there is no user `{name}` to run as, and root cannot be it").into()),
        }
    }

    /// Whoever runs this process.
    pub fn current() -> Self {
        Self(None)
    }

    /// Gives it a file or a folder.
    pub(crate) fn give(self, path: &Path) -> Result<()> {
        if let Self(Some(ids)) = self {
            std::os::unix::fs::chown(path, Some(ids.user), Some(ids.group))?;
        }
        Ok(())
    }

    /// Makes a command run as this user, in a folder that is open to it.
    pub(crate) fn apply(self, mut command: Command, folder: &Folder) -> Command {
        command.current_dir(folder.path()).env("HOME", folder.path()).env("TMPDIR", folder.path());
        if let Self(Some(ids)) = self {
            command.gid(ids.group).uid(ids.user);
        }
        command
    }

    /// Whether it is another one than that of this process.
    pub(crate) fn is_other(self) -> bool {
        self.0.is_some()
    }
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn find(users: &str, name: &str) -> Option<Ids> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(Ids { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_user_by_its_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgresql:x:7:8::/:\npostgres:x:101:103:,:/var:/bin/bash\n";
        assert_eq!(find(users, "postgres"), Some(Ids { user: 101, group: 103 }));
        assert_eq!(find(users, "post"), None);
    }
}
