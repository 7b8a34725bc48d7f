//! Redis.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::folder::Folder;
use crate::{Durability, Result, Server, bare, free_port, programs};

/// What it asks of whoever comes, so that suites notice where a password is shown or left out.
pub(crate) const PASSWORD: &str = "mainstay";

/// The program by its name: Debian has it in one file with another, which it is unless it is called so.
const PROGRAM: &str = "redis-server";

/// Its settings, in a file, since others can read the words of a command. Among those stays the folder, by which a stray one is
/// known.
pub(crate) fn prepare(folder: &Folder, account: &Account) -> Result<()> {
    std::os::unix::fs::symlink(programs::REDIS.find()?, folder.path().join(PROGRAM))?;
    let settings = format!("requirepass {PASSWORD}\nbind 127.0.0.1\nsave \"\"\nset-proc-title no\n");
    folder.write("redis.conf", &settings, account)?;
    Ok(())
}

/// The server itself.
pub(crate) fn command(folder: &Folder, port: u16, durability: Durability) -> Command {
    let mut command = bare(&folder.path().join(PROGRAM));
    command.arg(folder.path().join("redis.conf")).args(["--port", &port.to_string()]);
    command.arg("--dir").arg(folder.path());
    match durability {
        Durability::Durable => command.args(["--appendonly", "yes", "--appendfsync", "always"]),
        Durability::Fast => command.args(["--appendonly", "no"]),
    };
    command
}

/// Whether it lets somebody in: while it reads its log after a crash, it answers with an error.
/// <https://redis.io/docs/latest/develop/reference/protocol-spec/>, inline commands.
pub(crate) fn answers(port: u16) -> bool {
    tell(port, "PING", "+PONG\r\n").is_ok()
}

/// Says something to it, which it has to answer like this.
fn tell(port: u16, command: &str, expected: &str) -> Result<()> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.write_all(format!("AUTH {PASSWORD}\r\n{command}\r\n").as_bytes())?;
    let expected = format!("+OK\r\n{expected}");
    let mut answer = vec![0; expected.len()];
    socket.read_exact(&mut answer)?;
    if answer == expected.as_bytes() {
        return Ok(());
    }
    Err(format!("redis answers with {}", String::from_utf8_lossy(&answer)).into())
}

impl Server {
    /// Lets a Redis server speak TLS at another port, too, until it ends: at this one, or at any, with this certificate and its key,
    /// in PEM. It asks clients for none.
    ///
    /// # Errors
    /// When it does not take them.
    pub fn encrypt(&self, port: Option<u16>, certificate: &str, key: &str) -> Result<u16> {
        let certificate = self.folder.write("certificate.pem", certificate, &self.account)?;
        let key = self.folder.write("key.pem", key, &self.account)?;
        let port = port.map_or_else(free_port, Ok)?;
        let (certificate, key) = (certificate.display(), key.display());
        // Nobody is vouched for by a certificate that is no authority, in case a test lets it ask for some.
        let files = format!("tls-cert-file {certificate} tls-key-file {key} tls-ca-cert-file {certificate}");
        tell(self.port, &format!("CONFIG SET {files} tls-auth-clients no tls-port {port}"), "+OK\r\n")?;
        Ok(port)
    }
}
