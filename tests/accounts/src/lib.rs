//! Accounts that come from other frameworks, whose own code has made their hashes, and codes that somebody else's program makes.

use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Makes hashes of the passwords that it is given, by each of Django's hashers and by bcrypt itself: a JSON object of lists.
const SCRIPT: &str = r#"
import bcrypt, json, sys
from django.conf import settings
names = ["PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptSHA256PasswordHasher", "BCryptPasswordHasher", "ScryptPasswordHasher"]
settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers." + name for name in names])
from django.contrib.auth.hashers import get_hashers
made = {}
passwords = json.load(sys.stdin)
# As Django makes them, only not as dear: what is checked here is built without optimisation.
for hasher in get_hashers():
    hasher.iterations, hasher.rounds, hasher.memory_cost = 20_000, 6, 1_024
    made[hasher.algorithm] = [hasher.encode(password, hasher.salt()) for password in passwords]
plain = [bcrypt.hashpw(password.encode(), bcrypt.gensalt(6)).decode() for password in passwords]
made["2b"] = plain
# As PHP writes it.
made["2y"] = [hash.replace("$2b$", "$2y$") for hash in plain]
print(json.dumps(made))
"#;

/// Writes out the list of common passwords.
const LIST: &str = r#"
import sys
from django.contrib.auth.password_validation import CommonPasswordValidator
sys.stdout.write("\n".join(sorted(CommonPasswordValidator().passwords)))
"#;

/// What Django's Python says of these passwords, a JSON list of texts.
///
/// # Errors
///
/// When there is no Django, or it fails; the message has what it said.
pub fn hashes(passwords: &str) -> io::Result<String> {
    run(SCRIPT, passwords)
}

/// The list of common passwords that Django has, one a line.
///
/// # Errors
///
/// When there is no Django, or it fails; the message has what it said.
pub fn common_passwords() -> io::Result<String> {
    run(LIST, "")
}

fn run(script: &str, input: &str) -> io::Result<String> {
    let admin = servers::programs::named("MAINSTAY_DJANGO", "django-admin")?;
    let python = PathBuf::from(admin).with_file_name("python");
    let said = servers::python::run(python.into(), script, input)?;
    String::from_utf8(said).map_err(io::Error::other)
}

/// The code that `oathtool` shows for a secret, in base 32, at a time in seconds since 1970.
///
/// # Errors
///
/// When there is no such program, or it fails.
pub fn one_time_code(secret: &str, seconds: u64) -> io::Result<String> {
    let program = servers::programs::named("MAINSTAY_OATHTOOL", "oathtool")?;
    let output = Command::new(program)
        .args(["--totp", "--base32", "--now", &format!("@{seconds}"), secret])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
