//! Python with a library in it, which `cargo xtask services` has found or installed.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Runs a script of a Python, which reads `input`, and returns what it says.
///
/// # Errors
///
/// When it fails; the message has what it said.
pub fn run(python: OsString, script: &str, input: &str) -> io::Result<Vec<u8>> {
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(output.stdout)
}
