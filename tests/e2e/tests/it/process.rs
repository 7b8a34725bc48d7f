//! The program under test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// So long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A program that is about to be started, in a folder and an environment of its own.
pub(crate) struct Setup {
    pub(crate) home: TempDir,
    command: Command,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_e2e"));
        command.env_clear().env("MAINSTAY_HOME", home.path()).env("PORT", "0").env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { home, command }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// Starts it, and waits until it serves.
    pub(crate) fn serve(mut self) -> Program {
        let mut child = self.command.spawn().unwrap();
        let log = Log::default();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let copy = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                copy.add(line.unwrap());
            }
        });
        let program = Program { child, log, home: self.home };
        program.log.wait("is ready");
        program
    }

    /// Runs it to its end, which has to be a refusal.
    pub(crate) fn refuses(mut self) -> String {
        let mut child = Guard(self.command.spawn().unwrap());
        let mut stderr = child.0.stderr.take().unwrap();
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let status = child.end();
        let text = reading.join().unwrap();
        assert_eq!(status.code(), Some(1), "{text}");
        text
    }
}

/// The program, serving. It ends with this value at the latest.
pub(crate) struct Program {
    child: Child,
    pub(crate) log: Log,
    pub(crate) home: TempDir,
}

impl Program {
    /// With every setting at its default, in development.
    pub(crate) fn start() -> Self {
        Setup::new().serve()
    }

    /// Where it says that it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let line = self.log.wait("listening");
        let (_, rest) = line.split_once("://").expect(&line);
        let end = rest.find(|c: char| c == '"' || c == '/' || c.is_whitespace()).unwrap_or(rest.len());
        let (_, port) = rest[..end].rsplit_once(':').expect(&line);
        SocketAddr::from(([127, 0, 0, 1], port.parse().expect(&line)))
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        end(&mut self.child, &self.log)
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its memory at the moment, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Program {
    #[expect(clippy::print_stdout, reason = "what the harness captures, and shows with the test that failed")]
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            println!("--- what the program said\n{}", self.log.text());
        }
    }
}

struct Guard(Child);

impl Guard {
    fn end(&mut self) -> ExitStatus {
        end(&mut self.0, &Log::default())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn end(child: &mut Child, log: &Log) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "the program does not end\n{}", log.text());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the program says.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    fn add(&self, line: String) {
        self.0.0.lock().unwrap().push(line);
        self.0.1.notify_all();
    }

    pub(crate) fn text(&self) -> String {
        self.0.0.lock().unwrap().join("\n")
    }

    /// Waits for a line with this in it.
    pub(crate) fn wait(&self, part: &str) -> String {
        self.wait_for(&[part])
    }

    /// Waits for a line with all of these in it.
    pub(crate) fn wait_for(&self, parts: &[&str]) -> String {
        let find = |lines: &Vec<String>| {
            lines.iter().find(|line| parts.iter().all(|part| line.contains(part))).cloned()
        };
        let (lines, more) = &*self.0;
        let waiting = more.wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| find(lines).is_none());
        let (lines, _) = waiting.unwrap();
        find(&lines).unwrap_or_else(|| panic!("it never said {parts:?}:\n{}", lines.join("\n")))
    }
}
