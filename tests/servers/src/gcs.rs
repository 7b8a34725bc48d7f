//! A server that speaks the XML API of Google Cloud Storage: what differs from S3 is a script, and [moto] keeps the objects.
//!
//! [moto]: https://docs.getmoto.org

use std::time::Duration;

use crate::account::Account;
use crate::folder::{self, Folder};
use crate::process::Process;
use crate::{Result, bare, free_port, programs, wait_for};

/// What the server runs.
const SCRIPT: &str = include_str!("gcs_server.py");
/// How long it may take to start: Python reads a large library.
const START: Duration = Duration::from_secs(60);

/// One on loopback, with a bucket `mainstay` and a service account. It checks tokens and signatures. Dropping it ends it, and what it
/// holds goes with it.
#[derive(Debug)]
pub struct GcsServer {
    port: u16,
    service_account: String,
    stranger: String,
    _process: Process,
    _folder: Folder,
}

impl GcsServer {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no moto, or it does not start, with what it says.
    pub fn start() -> Result<Self> {
        folder::sweep();
        let account = Account::current();
        let folder = Folder::new("gcs", &account)?;
        let port = free_port()?;
        let script = folder.write("gcs_server.py", SCRIPT, &account)?;
        let mut command = bare(&programs::MOTO.find()?);
        command.args(["-W", "ignore"]).arg(script).arg(folder.path()).arg(port.to_string());
        let process = Process::start(command, &account, &folder)?;
        let ready = folder.path().join("ready");
        wait_for(&process, START, || ready.exists())
            .map_err(|why| format!("the server {why}\n{}", folder.log()))?;
        let service_account = std::fs::read_to_string(ready)?;
        let stranger = std::fs::read_to_string(folder.path().join("stranger"))?;
        Ok(Self { port, service_account, stranger, _process: process, _folder: folder })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who may come in, as JSON.
    pub fn service_account(&self) -> &str {
        &self.service_account
    }

    /// The same account with a key that the server does not know.
    pub fn stranger(&self) -> &str {
        &self.stranger
    }
}
