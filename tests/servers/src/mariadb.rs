//! MariaDB.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::folder::Folder;
use crate::{Durability, Result, Role, bare, programs};

/// What it runs before it lets anybody in. Whoever follows it does the same by itself.
const USERS: &str = "SET sql_log_bin = 0;\n\
                     CREATE USER IF NOT EXISTS 'mainstay'@'%' IDENTIFIED BY 'mainstay';\n\
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
pub(crate) fn command(folder: &Folder, port: u16, durability: Durability, role: Role) -> Result<Command> {
    let mut start = USERS.to_owned();
    if let Role::Replica(primary) = role {
        start.push_str(&follow(primary));
    }
    let start = folder.write("start.sql", &start, &Account::for_user("mysql")?)?;
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
        .arg(format!("--init-file={}", start.display()));
    match role {
        Role::Alone => {}
        // Servers that follow each other are told apart by their numbers; the port is one.
        Role::Primary => {
            command.arg(format!("--server-id={port}")).arg(format!("--log-bin={}", path("data/log")));
        }
        Role::Replica(_) => {
            command.arg(format!("--server-id={port}")).args(["--read-only", "--skip-slave-start"]);
            command.args(["--master-retry-count=0", "--slave-net-timeout=10"]);
        }
    }
    match durability {
        Durability::Durable => command.args(["--innodb-flush-log-at-trx-commit=1"]),
        Durability::Fast => command.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]),
    };
    Ok(command)
}

/// Makes it follow the primary at a port, from where it is.
fn follow(primary: u16) -> String {
    format!(
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {primary}, MASTER_USER = 'mainstay', \
         MASTER_PASSWORD = 'mainstay', MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos;\n\
         START SLAVE;\n"
    )
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
