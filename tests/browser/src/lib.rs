//! Drives the flagship example with a headless Chromium, to see what a person would see: pages whose scripts have run,
//! under the content security policy that the application sends.
//!
//! [`Application`] is a running example in a temporary folder, [`Page`] is a page after its scripts have run. [`Visitor`] is somebody whose
//! browser runs none: they read, click and type.

mod devtools;
mod visitor;

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub use visitor::{Colours, Visitor};

/// How long the application may take until it is ready: it fills its database first.
const START: Duration = Duration::from_secs(60);
/// How long a page may take, as the page's own clock counts. Chromium skips what would be waiting.
const PAGE_TIME: Duration = Duration::from_secs(20);

/// The flagship example, running in an empty temporary folder until it is dropped.
pub struct Application {
    program: PathBuf,
    process: Child,
    port: u16,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Application {
    /// Builds the example, starts it with an empty database, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it does not build, or is not ready in time; the message has what it said.
    pub fn start() -> io::Result<Self> {
        // Whoever sends random requests signs in more often than people do.
        let names = [
            "MAINSTAY__RATE_LIMITS__QUOTAS__CREDENTIALS",
            "MAINSTAY__AUTH__ATTEMPTS",
            "MAINSTAY__AUTH__ATTEMPTS_BY_ACCOUNT",
            "MAINSTAY__AUTH__ATTEMPTS_BY_ADDRESS",
        ];
        Self::with(build()?, free_port()?, &names.map(|name| (name, "100000/m")))
    }

    /// The same at a port that is [free](free_port), with these settings: `MAINSTAY__HTTP__PUBLIC_URL`.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_at(port: u16, variables: &[(&str, &str)]) -> io::Result<Self> {
        Self::with(build()?, port, variables)
    }

    /// Starts another program in the same way.
    ///
    /// # Errors
    ///
    /// When it is not ready in time; the message has what it said.
    pub fn of(program: PathBuf) -> io::Result<Self> {
        Self::with(program, free_port()?, &[])
    }

    fn with(program: PathBuf, port: u16, variables: &[(&str, &str)]) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(text).collect();
        let process = run(&program, folder.path(), port, &variables)?;
        let mut application = Self { program, process, port, folder, variables };
        application.wait_until_ready()?;
        Ok(application)
    }

    /// Kills it with SIGKILL, and starts it again: at the same address, in the same folder.
    ///
    /// # Errors
    ///
    /// When it is not ready in time; the message has what it said.
    pub fn start_again(&mut self) -> io::Result<()> {
        let _already_gone = self.process.kill();
        self.process.wait()?;
        self.process = run(&self.program, self.folder.path(), self.port, &self.variables)?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while !is_ready(self.port) {
            if self.process.try_wait()?.is_some() || start.elapsed() > START {
                return Err(io::Error::other(format!("the application is not ready:\n{}", self.log()?)));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Where it is: `http://127.0.0.1:41234`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Runs a command of its program, in its folder: `openapi`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn command(&self, arguments: &[&str]) -> io::Result<Output> {
        Command::new(&self.program)
            .current_dir(self.folder())
            .env_remove("CARGO_MANIFEST_DIR")
            .env("DATABASE_URL", "sqlite:browser.db")
            .args(arguments)
            .output()
    }

    /// The folder that it runs in, and that goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    ///
    /// # Errors
    ///
    /// When that cannot be read.
    pub fn log(&self) -> io::Result<String> {
        std::fs::read_to_string(self.folder.path().join("output.log"))
    }

    /// Opens a path in a fresh browser and lets its scripts run.
    ///
    /// # Errors
    ///
    /// When there is no Chromium, or it fails.
    pub fn open(&self, path: &str) -> io::Result<Page> {
        let profile = TempDir::new()?;
        let Output { status, stdout, stderr } = Command::new(chromium()?)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            // Nothing but the application: a page that asks anybody else for anything would not work offline.
            .args([
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--disable-background-networking",
            ])
            .args(["--enable-logging=stderr", "--log-level=0", "--window-size=1280,2000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--virtual-time-budget={}", PAGE_TIME.as_millis()))
            .arg("--dump-dom")
            .arg(format!("http://127.0.0.1:{}{path}", self.port))
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&stderr);
        if !status.success() {
            return Err(io::Error::other(format!("chromium failed: {status}\n{said}")));
        }
        let console = said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        Ok(Page { dom: String::from_utf8_lossy(&stdout).into_owned(), console })
    }
}

/// A browser that has opened this address and stays there, in real time. Its profile is in this folder. End it with
/// `kill`.
///
/// # Errors
///
/// When there is no Chromium, or it does not start.
pub fn listening(address: &str, folder: &Path) -> io::Result<Child> {
    listening_with(address, folder, &[])
}

/// The same with further arguments.
///
/// # Errors
///
/// As there.
pub fn listening_with(address: &str, folder: &Path, arguments: &[&str]) -> io::Result<Child> {
    Command::new(chromium()?)
        .args(arguments)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            "--disable-background-networking",
            "--remote-debugging-port=0",
        ])
        .arg(format!("--user-data-dir={}", folder.join("browser").display()))
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// A port that nobody listens at.
///
/// # Errors
///
/// When there is none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Starts a program. What it says is added to `output.log`.
fn run(program: &Path, folder: &Path, port: u16, variables: &[(String, String)]) -> io::Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("output.log"))?;
    Command::new(program)
        .current_dir(folder)
        // Its home is its folder, and not that of the package whose tests these are.
        .env_remove("CARGO_MANIFEST_DIR")
        .env("PORT", port.to_string())
        .env("DATABASE_URL", "sqlite:browser.db")
        .envs(variables.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

impl Drop for Application {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A page after its scripts have run.
#[derive(Debug)]
pub struct Page {
    /// The document as it then is.
    pub dom: String,
    /// What was written to the console, one line each: errors of scripts, refusals of the content security policy.
    pub console: Vec<String>,
}

impl Page {
    /// The lines of the console that tell of a fault.
    #[must_use]
    pub fn complaints(&self) -> Vec<&str> {
        let faults = ["Refused to", "violates", "Uncaught", "Failed to load", "net::ERR", "is not defined"];
        let lines = self.console.iter().map(String::as_str);
        lines.filter(|line| faults.iter().any(|fault| line.contains(fault))).collect()
    }
}

/// Builds the flagship example beside this test; returns the program.
fn build() -> io::Result<PathBuf> {
    // …/target/debug/deps/it-0123 is this program; …/target/debug/conduit is the example.
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or_else(|| io::Error::other("no target folder"))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "conduit"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()?;
    if !built.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&built.stderr)));
    }
    Ok(folder.join("conduit"))
}

/// The Chromium named by `MAINSTAY_CHROMIUM`, or the one on the path.
fn chromium() -> io::Result<PathBuf> {
    if let Some(named) = std::env::var_os("MAINSTAY_CHROMIUM") {
        return Ok(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.is_file());
    found.ok_or_else(|| {
        io::Error::other("no chromium: `cargo xtask services chromium`, or set MAINSTAY_CHROMIUM")
    })
}

fn is_ready(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
