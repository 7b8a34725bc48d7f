//! Tokens that another implementation checks, makes and forges: PyJWT over OpenSSL.

use std::io;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs one of the scripts on a value, and returns what it says.
///
/// # Errors
///
/// When there is no PyJWT, or the script fails; the message has what it said.
pub fn run(script: &str, input: &Value) -> io::Result<Value> {
    let python = std::env::var_os("MAINSTAY_PYJWT").ok_or_else(|| {
        io::Error::other(
            "no PyJWT: `cargo xtask services pyjwt`, or set MAINSTAY_PYJWT to a Python that has it",
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

/// Checks tokens of ours by the keys that we publish: `jwks`, `issuer`, `audience`, `tokens`. Says what they claim, or why not.
pub const CHECK: &str = include_str!("check.py");

/// Makes tokens that must not be good: of `jwks`, `issuer`, `audience` and a good `token`.
pub const FORGE: &str = include_str!("forge.py");

/// Makes keys of its own, and tokens that are good or wrong in one thing: for `issuer`, `audience`, at the time `now`.
pub const ISSUE: &str = include_str!("issue.py");
