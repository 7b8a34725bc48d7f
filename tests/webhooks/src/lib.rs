//! Webhooks that another implementation checks and signs: the library of the Standard Webhooks project for Python.

use std::io;

use serde_json::Value;

/// Runs one of the scripts on a value, and returns what it says.
///
/// # Errors
///
/// When there is no such library, or the script fails; the message has what it said.
pub fn run(script: &str, input: &Value) -> io::Result<Value> {
    let python = servers::programs::named("MAINSTAY_STANDARDWEBHOOKS", "standardwebhooks")?;
    let said = servers::python::run(python, script, &input.to_string())?;
    serde_json::from_slice(&said).map_err(io::Error::other)
}

/// Checks messages by a `secret`: a list of `headers` and `body`. Says of each whether it is believed.
pub const CHECK: &str = include_str!("check.py");

/// Signs messages by a `secret`: a list of `id`, `timestamp` and `body`. Says the signature of each.
pub const SIGN: &str = include_str!("sign.py");
