//! Database servers of their own for suites: started, killed, started again, and gone at the end.
//!
//! `cargo xtask services` and `cargo xtask test` start one of each engine for everything that needs one. A test that kills
//! its server, or needs another that follows it, has them to itself. Only the standard library is used, because `xtask` is.
//!
//! - [`programs`]: where the programs are.
//! - [`account`]: as whom they run. PostgreSQL refuses to run as root, and containers are root.
//! - [`folder`]: where their data is for the while.
//! - [`process`]: a program in the background that ends with whoever started it, however that ends.
//! - [`postgres`], [`mariadb`], [`redis`], [`pgbouncer`], [`s3`], [`gcs`], [`azure`]: what is particular to each.
//! - [`python`]: no server, but other people's libraries, by which suites check what this one makes.
//!
//! ```no_run
//! use servers::{Durability, Engine, Server};
//!
//! let mut server = Server::start(Engine::Postgres, Durability::Durable)?;
//! println!("{}", server.url());
//! server.kill();
//! server.start_again()?;
//! # Ok::<(), servers::Error>(())
//! ```

pub mod account;
pub mod azure;
pub mod folder;
pub mod gcs;
pub mod mariadb;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod python;
pub mod redis;
pub mod s3;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use account::Account;
use folder::Folder;
use process::Process;

/// What can go wrong, in words for whoever reads the output of a test.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// How long a server may take to make its data folder.
const PREPARATION: Duration = Duration::from_secs(120);
/// How long a server may take until it answers; after a crash it reads its log first.
const START: Duration = Duration::from_secs(90);
/// How often another port is tried when somebody else has taken the free one in the meantime.
const ATTEMPTS: usize = 3;

/// Says aloud that something has not run.
///
/// # Panics
///
/// Under continuous integration (`CI` is set): there everything runs.
pub fn not_run(why: &str) {
    let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    assert!(!ci, "{why}");
    say_not_run(why);
}

/// The same where it depends on who runs the test.
pub fn say_not_run(why: &str) {
    // Not `eprintln!`: that is kept back when a test passes.
    let _closed = writeln!(std::io::stderr(), "NOT RUN: {why}");
}

/// A server that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// Redis, which is alone: no other follows it here.
    Redis,
}

/// Whether a commit is on the disk when it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is, as in production.
    Durable,
    /// It is not: faster, for what does not outlive the test anyway.
    Fast,
}

/// What a server is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    Alone,
    /// Others may follow it.
    Primary,
    /// It follows the one at this port.
    Replica(u16),
}

/// A server on loopback, with a data folder of its own. Dropping it ends it, and removes the folder.
#[derive(Debug)]
pub struct Server {
    engine: Engine,
    durability: Durability,
    role: Role,
    // Before the folder: a process ends before its files go.
    process: Option<Process>,
    port: u16,
    account: Account,
    folder: Folder,
}

impl Engine {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Redis => "redis",
        }
    }

    /// The user that its Debian package makes.
    fn user(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mysql",
            Self::Redis => "redis",
        }
    }
}

impl Server {
    /// Makes a data folder, starts a server on it, and waits until it answers.
    ///
    /// # Errors
    /// When the program is not there or does not start, with what it says.
    pub fn start(engine: Engine, durability: Durability) -> Result<Self> {
        Self::start_as(engine, durability, Role::Alone)
    }

    /// The same for a server that others may follow.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_primary(engine: Engine, durability: Durability) -> Result<Self> {
        Self::start_as(engine, durability, Role::Primary)
    }

    /// Starts a replica that follows this server, which was started as a primary: on PostgreSQL a copy of it that streams its
    /// log, on MariaDB a server that reads its binary log from the beginning.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_replica(&self) -> Result<Self> {
        Self::start_as(self.engine, self.durability, Role::Replica(self.port))
    }

    fn start_as(engine: Engine, durability: Durability, role: Role) -> Result<Self> {
        folder::sweep();
        let account = Account::for_user(engine.user())?;
        let folder = Folder::new(engine.name(), &account)?;
        let prepare = match (engine, role) {
            (Engine::Postgres, Role::Replica(primary)) => Some(postgres::copy(&folder, primary)?),
            (Engine::Postgres, _) => Some(postgres::prepare(&folder)?),
            (Engine::MariaDb, _) => Some(mariadb::prepare(&folder)?),
            (Engine::Redis, Role::Alone) => {
                redis::prepare(&folder, &account)?;
                None
            }
            (Engine::Redis, _) => return Err("no server follows a Redis here".into()),
        };
        if let Some(prepare) = prepare {
            process::run(account.apply(prepare, &folder), PREPARATION)?;
        }
        let mut server = Self { engine, durability, role, process: None, port: 0, account, folder };
        for attempt in 1.. {
            server.port = free_port()?;
            match server.start_again() {
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => {}
                Ok(()) => break,
            }
        }
        Ok(server)
    }

    /// The address of a database of it, as a user who may do everything.
    pub fn url(&self) -> String {
        match self.engine {
            Engine::Postgres => format!("postgres://mainstay@127.0.0.1:{}/postgres", self.port),
            Engine::MariaDb => format!("mysql://mainstay:mainstay@127.0.0.1:{}/mysql", self.port),
            Engine::Redis => format!("redis://:{}@127.0.0.1:{}/0", redis::PASSWORD, self.port),
        }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it on the same port and data, after [`kill`](Self::kill) or [`stop`](Self::stop), and waits until it answers.
    ///
    /// # Errors
    /// When it does not start, with the end of its log.
    pub fn start_again(&mut self) -> Result<()> {
        let command = match self.engine {
            Engine::Postgres => postgres::command(&self.folder, self.port, self.durability)?,
            Engine::MariaDb => mariadb::command(&self.folder, self.port, self.durability, self.role)?,
            Engine::Redis => redis::command(&self.folder, self.port, self.durability),
        };
        let answers = match self.engine {
            Engine::Postgres => postgres::answers,
            Engine::MariaDb => mariadb::answers,
            Engine::Redis => redis::answers,
        };
        let process = self.process.insert(Process::start(command, &self.account, &self.folder)?);
        let outcome = wait_for(process, START, || answers(self.port));
        outcome.map_err(|why| format!("{} {why}\n{}", self.engine.name(), self.folder.log()).into())
    }

    /// Ends it as a power cut would: `kill -9` of all its processes.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends it as an administrator would who does not wait for clients, and waits for that.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub fn stop(&mut self) -> Result<()> {
        let signal = match self.engine {
            Engine::Postgres => "INT",
            Engine::MariaDb | Engine::Redis => "TERM",
        };
        self.process.take().map_or(Ok(()), |process| process.stop(signal))
    }
}

/// Waits until something answers, or its process has ended.
fn wait_for(process: &Process, patience: Duration, answers: impl Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while !answers() {
        if !process.is_alive() {
            return Err("has ended by itself:".into());
        }
        if start.elapsed() > patience {
            return Err(format!("does not answer after {} s:", patience.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    Ok(())
}

/// A port of loopback that nobody listens on now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A command without the settings of whoever runs the suite: variables such as `PGDATA` lead programs elsewhere.
fn bare(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
    command
}
