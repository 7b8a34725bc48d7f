//! Redis.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::folder::Folder;
use crate::{Durability, Result, bare, programs};

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
    let pong = || {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(format!("AUTH {PASSWORD}\r\nPING\r\n").as_bytes())?;
        let mut answer = [0; 12];
        socket.read_exact(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    pong().is_ok_and(|answer| &answer == b"+OK\r\n+PONG\r\n")
}
