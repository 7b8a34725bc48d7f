//! PostgreSQL.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::folder::Folder;
use crate::{Durability, Result, bare, programs};

/// Makes the data folder.
pub(crate) fn prepare(folder: &Folder) -> Result<Command> {
    let mut command = bare(&programs::POSTGRES.find()?.with_file_name("initdb"));
    command.args(["--username=mainstay", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
    command.arg(format!("--pgdata={}", data(folder)));
    Ok(command)
}

/// Makes the data folder of a replica: a copy of the primary at a port, told to follow it.
pub(crate) fn copy(folder: &Folder, primary: u16) -> Result<Command> {
    let mut command = bare(&programs::POSTGRES.find()?.with_file_name("pg_basebackup"));
    command.args(["--host=127.0.0.1", "--username=mainstay", "--checkpoint=fast", "--wal-method=stream"]);
    command.args(["--write-recovery-conf", "--no-sync"]);
    command.arg(format!("--port={primary}")).arg(format!("--pgdata={}", data(folder)));
    Ok(command)
}

/// The server itself.
pub(crate) fn command(folder: &Folder, port: u16, durability: Durability) -> Result<Command> {
    let mut command = bare(&programs::POSTGRES.find()?);
    command.args(["-D", &data(folder)]).args(["-p", &port.to_string()]);
    let mut settings =
        vec!["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400", "timezone=UTC"];
    // A replica that has lost its primary looks for it again soon.
    settings.push("wal_retrieve_retry_interval=200ms");
    if durability == Durability::Fast {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    Ok(command)
}

fn data(folder: &Folder) -> String {
    folder.path().join("data").display().to_string()
}

/// Whether it lets somebody in: while it starts, it answers with an error.
pub(crate) fn answers(port: u16) -> bool {
    greeting(port).is_ok_and(|kind| kind == b'R')
}

/// The kind of its first message.
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>, `StartupMessage`.
fn greeting(port: u16) -> std::io::Result<u8> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let parameters = b"user\0mainstay\0database\0postgres\0\0";
    let length = u32::try_from(8 + parameters.len()).unwrap_or_default();
    let mut message = length.to_be_bytes().to_vec();
    message.extend([0, 3, 0, 0]);
    message.extend(parameters);
    socket.write_all(&message)?;
    let mut kind = [0];
    socket.read_exact(&mut kind)?;
    Ok(kind[0])
}
