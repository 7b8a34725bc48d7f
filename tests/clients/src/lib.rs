//! Generated clients, checked by `tsc`, run by Node, and documents, read by linters.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The programs that use a client, beside this.
const CONSUMERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/consumers");
/// What linters are told.
const LINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lint");

/// A folder with a client, and a program that uses it.
pub struct Consumer {
    folder: TempDir,
    name: String,
}

impl Consumer {
    /// Puts the program of this name beside a client.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn new(name: &str, client: &str) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let program = format!("{name}.ts");
        for file in ["package.json", "tsconfig.json", "expect.ts", &program] {
            std::fs::copy(Path::new(CONSUMERS).join(file), folder.path().join(file))?;
        }
        std::fs::write(folder.path().join("client.ts"), client)?;
        Ok(Self { folder, name: name.to_owned() })
    }

    /// Puts a program of this text beside a client.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn of(text: &str, client: &str) -> io::Result<Self> {
        let consumer = Self::new("conduit", client)?;
        std::fs::write(consumer.folder.path().join("conduit.ts"), text)?;
        Ok(consumer)
    }

    /// Checks all types, strictly, and writes JavaScript.
    ///
    /// # Errors
    ///
    /// When there is no `tsc`.
    pub fn check(&self) -> io::Result<Output> {
        Command::new(program("MAINSTAY_TSC", "tsc"))
            .current_dir(self.folder.path())
            .args(["--project", "."])
            .output()
    }

    /// Runs what [`check`](Self::check) has written against the application at this address.
    ///
    /// # Errors
    ///
    /// When there is no Node.
    pub fn run(&self, address: &str) -> io::Result<Output> {
        let script = self.folder.path().join(format!("{}.js", self.name));
        Command::new(program("MAINSTAY_NODE", "node")).arg(script).arg(address).output()
    }
}

/// Begins to send a file to this address by tus-js-client, which has its notes in this folder, or goes on with it. What it says
/// can be read.
///
/// # Errors
///
/// When there is no Node.
pub fn tus(address: &str, file: &Path, notes: &Path) -> io::Result<Child> {
    Command::new(program("MAINSTAY_NODE", "node"))
        .arg(Path::new(CONSUMERS).join("tus.mjs"))
        .arg(address)
        .arg(file)
        .arg(notes.join("uploads.json"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// What the book shows of clients: the lines of its TypeScript.
///
/// # Errors
///
/// When the page is not there.
pub fn book() -> io::Result<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/clients.md"))?;
    let blocks = page.split("```ts\n").skip(1);
    Ok(blocks.filter_map(|block| block.split("```").next()).collect())
}

/// What Redocly says of a document.
///
/// # Errors
///
/// When it is not there.
pub fn redocly(document: &Path) -> io::Result<Output> {
    Command::new(program("MAINSTAY_REDOCLY", "redocly"))
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .arg("lint")
        .arg(document)
        .args(["--config", &format!("{LINT}/redocly.yaml"), "--format", "json"])
        .output()
}

/// What Spectral says of a document, by the rules of this file.
///
/// # Errors
///
/// When it is not there.
pub fn spectral(document: &Path, rules: &str) -> io::Result<Output> {
    Command::new(program("MAINSTAY_SPECTRAL", "spectral"))
        .arg("lint")
        .arg(document)
        .args(["--ruleset", &format!("{LINT}/{rules}"), "--fail-severity", "warn"])
        .output()
}

/// The program that a variable names, or the one of this name on the path.
fn program(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| name.into(), PathBuf::from)
}
