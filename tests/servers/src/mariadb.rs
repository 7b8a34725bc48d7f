//! MariaDB.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::folder::Folder;
use crate::{Durability, Result, bare, programs};

/// What it runs before it lets anybody in.
const USERS: &str = "CREATE USER IF NOT EXISTS 'mainstay'@'%' IDENTIFIED BY 'mainstay';\n\
                     GRANT ALL ON *.* TO 'mainstay'@'%' WITH GRANT OPTION;\n";

/// Makes the data folder.
pub(crate) fn prepare(folder: &Folder) -> Result<Command> {
    // The script is in another folder than the server, so it is looked for by itself.
    let script = programs::Program {
        binaries: &["mariadb-install-db"],
        variable: "MAINSTAY_MARIADB_INSTALL_DB",
        ..programs::MARIADB
    };
    let mut command = bare(&script.find()?);
    command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    command.arg(format!("--datadir={}", folder.path().join("data").display()));
    Ok(command)
}

/// The server itself.
pub(crate) fn command(folder: &Folder, port: u16, durability: Durability) -> Result<Command> {
    let users = folder.write("users.sql", USERS, &Account::for_user("mysql")?)?;
    let mut command = bare(&programs::MARIADB.find()?);
    command.args([
        "--no-defaults",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--max-connections=400",
    ]);
    command.args([
        "--character-set-server=utf8mb4",
        "--default-time-zone=+00:00",
        "--innodb-log-file-size=32M",
    ]);
    command.arg(format!("--port={port}"));
    let path = |name: &str| folder.path().join(name).display().to_string();
    command.arg(format!("--datadir={}", path("data"))).arg(format!("--socket={}", path("socket")));
    command
        .arg(format!("--pid-file={}", path("mariadb.pid")))
        .arg(format!("--init-file={}", users.display()));
    match durability {
        Durability::Durable => command.args(["--innodb-flush-log-at-trx-commit=1"]),
        Durability::Fast => command.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]),
    };
    Ok(command)
}

/// Whether it greets: a packet whose first byte is the version of the protocol, and not that of an error.
/// <https://mariadb.com/kb/en/connection/#initial-handshake-packet>
pub(crate) fn answers(port: u16) -> bool {
    let greeting = || {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut head = [0; 5];
        socket.read_exact(&mut head)?;
        std::io::Result::Ok(head[4])
    };
    greeting().is_ok_and(|version| version == 10)
}
