//! A server that speaks S3: [moto], which is a library of Python.
//!
//! [moto]: https://docs.getmoto.org

use std::time::Duration;

use crate::account::Account;
use crate::folder::{self, Folder};
use crate::process::Process;
use crate::{Result, bare, free_port, programs, wait_for};

/// What the server runs.
const SCRIPT: &str = include_str!("s3_server.py");
/// How long it may take to start: Python reads a large library.
const START: Duration = Duration::from_secs(60);

/// One on loopback, with a bucket `mainstay` and a user. It checks signatures. Dropping it ends it, and what it holds goes with it.
#[derive(Debug)]
pub struct S3Server {
    port: u16,
    access_key_id: String,
    secret_access_key: String,
    _process: Process,
    _folder: Folder,
}

impl S3Server {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no moto, or it does not start, with what it says.
    pub fn start() -> Result<Self> {
        folder::sweep();
        let account = Account::current();
        let folder = Folder::new("s3", &account)?;
        let port = free_port()?;
        let script = folder.write("s3_server.py", SCRIPT, &account)?;
        let mut command = bare(&programs::MOTO.find()?);
        command.args(["-W", "ignore"]).arg(script).arg(folder.path()).arg(port.to_string());
        let process = Process::start(command, &account, &folder)?;
        let ready = folder.path().join("ready");
        wait_for(&process, START, || ready.exists())
            .map_err(|why| format!("moto {why}\n{}", folder.log()))?;
        let keys = std::fs::read_to_string(ready)?;
        let (id, secret) = keys.split_once(' ').ok_or("moto has made no keys")?;
        let (access_key_id, secret_access_key) = (id.to_owned(), secret.to_owned());
        Ok(Self { port, access_key_id, secret_access_key, _process: process, _folder: folder })
    }

    /// The address of the bucket, as an application is told it.
    pub fn url(&self) -> String {
        format!("s3://mainstay?region=us-east-1&endpoint=http://127.0.0.1:{}", self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who the user is.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// What the user signs with.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }
}
