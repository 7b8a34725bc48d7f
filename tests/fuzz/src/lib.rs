//! Drives [Schemathesis](https://schemathesis.io) against the flagship example: requests made from its own document, valid ones
//! and broken ones, one after the other and in the order in which operations lead to each other.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};

use browser::Application;

/// With what the authors of the seed sign in.
const PASSWORD: &str = "conduit-demo";

/// A token of the user with this address.
///
/// # Errors
///
/// When the application does not answer with one.
pub fn token(application: &Application, email: &str) -> io::Result<String> {
    let body = serde_json::json!({ "user": { "email": email, "password": PASSWORD } }).to_string();
    let host = application.address().replace("http://", "");
    let mut socket = TcpStream::connect(&host)?;
    write!(
        socket,
        "POST /api/users/login HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let json = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: serde_json::Value = serde_json::from_str(json)?;
    let token = json["user"]["token"].as_str();
    token.map(str::to_owned).ok_or_else(|| io::Error::other(answer))
}

/// Runs it with every check on; the arguments say against which operations.
///
/// # Errors
///
/// When it is not there.
pub fn run(application: &Application, token: &str, operations: &[&str]) -> io::Result<Output> {
    let program =
        std::env::var_os("MAINSTAY_SCHEMATHESIS").map_or_else(|| "schemathesis".into(), PathBuf::from);
    Command::new(program)
        // It leaves notes where it runs.
        .current_dir(application.folder())
        .args(["--config-file", concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis.toml"), "run"])
        .arg(format!("{}/openapi.json", application.address()))
        .args(["--header", &format!("Authorization: Token {token}"), "--checks", "all"])
        // The same requests each time: what CI finds, anybody finds.
        .args([
            "--seed",
            "1",
            "--generation-database",
            "none",
            "--max-examples",
            "40",
            "--workers",
            "1",
            "--no-color",
        ])
        .args(operations)
        .output()
}
