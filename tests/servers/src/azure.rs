//! A server that speaks Azure Blob Storage: [Azurite], which Microsoft makes.
//!
//! [Azurite]: https://github.com/Azure/Azurite

use std::time::Duration;

use crate::account::Account;
use crate::folder::{self, Folder};
use crate::process::Process;
use crate::{Result, bare, free_port, programs, wait_for};

/// What the server runs.
const SCRIPT: &str = include_str!("azure_server.js");
/// How long it may take to start: Node reads a large program.
const START: Duration = Duration::from_secs(60);

/// One on loopback, with an account `mainstay` and a container `mainstay`. It checks signatures. Dropping it ends it, and what it holds
/// goes with it.
#[derive(Debug)]
pub struct AzureServer {
    port: u16,
    account_key: String,
    sas_token: String,
    _process: Process,
    _folder: Folder,
}

impl AzureServer {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no Azurite, or it does not start, with what it says.
    pub fn start() -> Result<Self> {
        folder::sweep();
        let account = Account::current();
        let folder = Folder::new("azure", &account)?;
        let port = free_port()?;
        let script = folder.write("azure_server.js", SCRIPT, &account)?;
        let mut command = bare(&programs::NODE.find()?);
        command.arg(script).arg(programs::AZURITE.find()?).arg(folder.path()).arg(port.to_string());
        let process = Process::start(command, &account, &folder)?;
        let ready = folder.path().join("ready");
        wait_for(&process, START, || ready.exists())
            .map_err(|why| format!("azurite {why}\n{}", folder.log()))?;
        let account_key = std::fs::read_to_string(ready)?;
        let sas_token = std::fs::read_to_string(folder.path().join("share"))?;
        Ok(Self { port, account_key, sas_token, _process: process, _folder: folder })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the account signs with.
    pub fn account_key(&self) -> &str {
        &self.account_key
    }

    /// What somebody has who may do everything in the container, and signs nothing.
    pub fn sas_token(&self) -> &str {
        &self.sas_token
    }
}
