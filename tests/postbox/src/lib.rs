//! Mails as a server of somebody else's making gets them: [aiosmtpd], which has its own parser of messages.
//!
//! [aiosmtpd]: https://aiosmtpd.aio-libs.org

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempDir;

/// What the server runs.
const SCRIPT: &str = include_str!("server.py");
/// How long the server may take to say something.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a connection becomes private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    Never,
    /// After STARTTLS.
    StartTls,
    /// From the beginning.
    Always,
}

/// A mail server. Dropping it ends it.
#[derive(Debug)]
pub struct Postbox {
    child: Child,
    port: u16,
    said: Receiver<String>,
    folder: TempDir,
}

/// A mail as the server got it.
#[derive(Debug, Deserialize)]
pub struct Received {
    /// The sender that the server was told.
    pub from: String,
    /// The recipients that the server was told.
    pub to: Vec<String>,
    /// Its headers, decoded.
    pub headers: Vec<(String, String)>,
    /// Its text.
    pub text: Option<String>,
    /// Its page.
    pub html: Option<String>,
    /// The types of its parts.
    pub parts: Vec<String>,
    /// What Python's parser finds wrong with it.
    pub defects: Vec<String>,
    /// All of it, byte by byte.
    pub raw: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// Who logged in.
    pub login: Option<String>,
    /// The port that the client sent it from.
    pub peer: u16,
    /// The files that came with it, and the pictures that its page shows.
    pub files: Vec<ReceivedFile>,
}

/// A file as the server got it.
#[derive(Debug, Deserialize)]
pub struct ReceivedFile {
    /// What it is called.
    pub name: Option<String>,
    /// What it is.
    pub content_type: String,
    /// By what a page shows it, in `<…>`.
    pub content_id: Option<String>,
    /// Whether it stands beside the mail (`attachment`) or in it (`inline`).
    pub disposition: String,
    /// The file.
    pub base64: String,
}

impl Postbox {
    /// Starts a server that lets in whoever has this name and password, or everybody.
    ///
    /// # Errors
    ///
    /// When there is no aiosmtpd, or it does not start.
    pub fn start(tls: Tls, login: Option<(&str, &str)>) -> io::Result<Self> {
        Self::start_at(0, tls, login)
    }

    /// The same at a port: for a server that comes back.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and when somebody has the port.
    pub fn start_at(port: u16, tls: Tls, login: Option<(&str, &str)>) -> io::Result<Self> {
        let program = std::env::var_os("MAINSTAY_AIOSMTPD").ok_or_else(|| {
            io::Error::other("no aiosmtpd: `cargo xtask services aiosmtpd`, or set MAINSTAY_AIOSMTPD")
        })?;
        let folder = tempfile::tempdir()?;
        let (certificate, key) = issue(folder.path()).map_err(io::Error::other)?;
        let tls = match tls {
            Tls::Never => "never",
            Tls::StartTls => "starttls",
            Tls::Always => "always",
        };
        let options =
            json!({ "port": port, "tls": tls, "login": login, "certificate": certificate, "key": key });
        let mut child = Command::new(PathBuf::from(program).with_file_name("python"))
            .args(["-W", "ignore", "-c", SCRIPT, &options.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
        let (say, said) = sync_channel(64);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        let mut postbox = Self { child, port: 0, said, folder };
        postbox.port = postbox.hear()?;
        Ok(postbox)
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the certificate is of whoever vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join(AUTHORITY)
    }

    /// The next mail.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn next(&self) -> io::Result<Received> {
        self.hear()
    }

    /// Whether a mail has come.
    pub fn is_empty(&self) -> bool {
        self.said.try_recv().is_err()
    }

    fn hear<T: DeserializeOwned>(&self) -> io::Result<T> {
        let line = self.said.recv_timeout(PATIENCE).map_err(io::Error::other)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Postbox {
    fn drop(&mut self) {
        let _it_has_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

const AUTHORITY: &str = "authority.pem";

/// Makes an authority, and a certificate of it for `localhost`. Returns where certificate and key are.
fn issue(folder: &Path) -> Result<(PathBuf, PathBuf), Box<dyn std::error::Error + Send + Sync>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    std::fs::write(folder.join(AUTHORITY), authority.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let paths = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&paths.0, certificate.pem())?;
    std::fs::write(&paths.1, key.serialize_pem())?;
    Ok(paths)
}
