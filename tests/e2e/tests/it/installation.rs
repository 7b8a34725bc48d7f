//! A program whose commands are run, as its operator runs them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An installation of the program, with a database of its own.
pub(crate) struct Installation {
    pub(crate) home: TempDir,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// One whose database has been filled.
    pub(crate) fn filled() -> Self {
        let filled = Self::new();
        filled.ok("seed");
        filled
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_library"));
        command.env_clear().env("MAINSTAY_HOME", self.home.path()).env("RUST_BACKTRACE", "0");
        command.current_dir(self.home.path()).args(line.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it, and expects success.
    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{line}: {out}{err}");
        out
    }

    /// Runs it, and expects a refusal.
    pub(crate) fn refused(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {err}");
        err
    }
}

#[track_caller]
pub(crate) fn has(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
}
