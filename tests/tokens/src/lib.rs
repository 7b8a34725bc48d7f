//! Tokens that another implementation checks, makes and forges: PyJWT over OpenSSL.

use std::io;

use serde_json::Value;

/// Runs one of the scripts on a value, and returns what it says.
///
/// # Errors
///
/// When there is no PyJWT, or the script fails; the message has what it said.
pub fn run(script: &str, input: &Value) -> io::Result<Value> {
    let python = servers::programs::named("MAINSTAY_PYJWT", "pyjwt")?;
    let said = servers::python::run(python, script, &input.to_string())?;
    serde_json::from_slice(&said).map_err(io::Error::other)
}

/// Checks tokens of ours by the keys that we publish: `jwks`, `issuer`, `audience`, `tokens`. Says what they claim, or why not.
pub const CHECK: &str = include_str!("check.py");

/// Makes tokens that must not be good: of `jwks`, `issuer`, `audience` and a good `token`.
pub const FORGE: &str = include_str!("forge.py");

/// Makes keys of its own, and tokens that are good or wrong in one thing: for `issuer`, `audience`, at the time `now`.
pub const ISSUE: &str = include_str!("issue.py");
