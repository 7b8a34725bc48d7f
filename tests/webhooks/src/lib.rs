//! Webhooks that another implementation checks and signs: the library of the Standard Webhooks project for Python.

use std::io;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs one of the scripts on a value, and returns what it says.
///
/// # Errors
///
/// When there is no such library, or the script fails; the message has what it said.
pub fn run(script: &str, input: &Value) -> io::Result<Value> {
    let python = std::env::var_os("MAINSTAY_STANDARDWEBHOOKS").ok_or_else(|| {
        io::Error::other(
            "no standardwebhooks: `cargo xtask services standardwebhooks`, or set MAINSTAY_STANDARDWEBHOOKS to a Python that has it",
        )
    })?;
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        io::Write::write_all(&mut stdin, input.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(io::Error::other)
}

/// Checks messages by a `secret`: a list of `headers` and `body`. Says of each whether it is believed.
pub const CHECK: &str = include_str!("check.py");

/// Signs messages by a `secret`: a list of `id`, `timestamp` and `body`. Says the signature of each.
pub const SIGN: &str = include_str!("sign.py");
