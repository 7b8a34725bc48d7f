//! Running other programs: output captured in order, a deadline on every wait, nothing left behind.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use crate::outcome::Result;

/// Whether the output of a program appears while it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Live,
    Captured,
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Standard output and error, in the order in which they were written.
    pub(crate) output: String,
    /// Set when the deadline ended it.
    pub(crate) timed_out: bool,
}

impl Ended {
    pub(crate) fn success(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// The last lines of the output, for a failure that nothing else explains.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let all: Vec<&str> = self.output.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// How long output may stay open after the program itself has ended, because of a process that it left behind.
const LINGER: Duration = Duration::from_secs(3);

/// Runs a program to its end, or to the deadline: then it and all its descendants are killed.
pub(crate) fn run(mut command: Command, show: Show, deadline: Duration) -> Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (mut reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
    drop(command); // it holds the writing ends: without this the output would never end

    let (send, chunks) = mpsc::sync_channel::<Vec<u8>>(64);
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            if send.send(buffer[..read].to_vec()).is_err() {
                break;
            }
        }
    });

    let start = Instant::now();
    let mut output = Vec::new();
    let mut timed_out = false;
    let mut ended_at = None;
    loop {
        match chunks.recv_timeout(Duration::from_millis(100)) {
            Ok(chunk) => {
                if show == Show::Live {
                    std::io::stdout().write_all(&chunk)?;
                }
                output.extend(chunk);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended_at.is_none() && child.try_wait()?.is_some() {
            ended_at = Some(Instant::now());
        }
        if ended_at.is_some_and(|at: Instant| at.elapsed() > LINGER) {
            break;
        }
        if !timed_out && start.elapsed() > deadline {
            timed_out = true;
            kill_tree(child.id());
        }
    }
    let status = child.wait()?;
    Ok(Ended { status, output: String::from_utf8_lossy(&output).into_owned(), timed_out })
}

/// The standard output of a short program that must succeed.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let program = format!("{command:?}");
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} failed:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Kills a process and everything that it started.
pub(crate) fn kill_tree(process: u32) {
    for child in children(process) {
        kill_tree(child);
    }
    signal(process, "KILL");
}

/// Sends a signal by name. The `kill` of the shell, because the standard library only knows `KILL` and this workspace
/// forbids unsafe code.
pub(crate) fn signal(process: u32, name: &str) {
    let _already_gone =
        Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).stderr(Stdio::null()).status();
}

/// A process and everything that it started and that still runs.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut family = vec![process];
    family.extend(children(process).into_iter().flat_map(self::family));
    family
}

fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The memory of a process that is resident now, in megabytes.
pub(crate) fn resident_megabytes(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    resident(&status).ok_or_else(|| "unknown /proc/…/status".into())
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// A process in the background that dies with this value.
pub(crate) struct Background {
    child: Child,
}

impl Background {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal and waits for the end. `None` when it still runs at the deadline.
    pub(crate) fn stop(mut self, signal_name: &str, deadline: Duration) -> Result<Option<ExitStatus>> {
        signal(self.id(), signal_name);
        let start = Instant::now();
        while start.elapsed() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.is_alive() {
            kill_tree(self.id());
            let _reaped = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn keeps_output_and_errors_in_order() {
        let ended =
            run(shell("echo a; echo b >&2; echo c; exit 3"), Show::Captured, Duration::from_secs(9)).unwrap();
        assert_eq!(ended.output, "a\nb\nc\n");
        assert_eq!(ended.status.code(), Some(3));
    }

    #[test]
    fn kills_the_whole_family_at_the_deadline() {
        let start = Instant::now();
        let ended = run(shell("sleep 60 & sleep 60; echo never"), Show::Captured, Duration::from_millis(300))
            .unwrap();
        assert!(ended.timed_out && !ended.success());
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn reads_resident_memory_in_megabytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   10240 kB\n"), Some(10.0));
    }

    #[test]
    fn does_not_wait_for_a_process_that_was_left_behind() {
        let start = Instant::now();
        let ended = run(shell("sleep 20 & echo done"), Show::Captured, Duration::from_secs(60)).unwrap();
        assert_eq!(ended.output, "done\n");
        assert!(start.elapsed() < Duration::from_secs(15));
    }
}
