//! PgBouncer, the connection pooler of PostgreSQL.

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::account::Account;
use crate::folder::{self, Folder};
use crate::process::Process;
use crate::{Result, bare, free_port, programs, wait_for};

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);

/// One in front of a server, in the mode in which a connection of the server is lent for one transaction. Dropping it ends
/// it.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _process: Process,
    _folder: Folder,
}

impl PgBouncer {
    /// Starts one for the PostgreSQL at a port of loopback, where it is the user `mainstay`.
    ///
    /// # Errors
    /// When the program is not there or does not start, with what it says.
    pub fn start(server: u16) -> Result<Self> {
        folder::sweep();
        let account = Account::for_user("postgres")?;
        let folder = Folder::new("pgbouncer", &account)?;
        let port = free_port()?;
        let settings = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={server} user=mainstay\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = 4\n\
             max_client_conn = 200\n"
        );
        let settings = folder.write("pgbouncer.ini", &settings, &account)?;
        let mut command = bare(&programs::PGBOUNCER.find()?);
        command.arg(settings);
        let process = Process::start(command, &account, &folder)?;
        let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        wait_for(&process, START, answers).map_err(|why| format!("pgbouncer {why}\n{}", folder.log()))?;
        Ok(Self { port, _process: process, _folder: folder })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}
