//! A program in the background that ends with whoever started it, however that ends.
//!
//! A destructor does not run after Ctrl-C or `kill -9`. So a small shell stands between: it starts the program and waits for
//! the end of its own input, a pipe that the system closes when this process is gone; then it kills the program.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::account::Account;
use crate::folder::{Folder, LOG, PROCESS};

/// How long a program may take to end.
const END: Duration = Duration::from_secs(30);

/// The file goes into place in one step, so that nobody reads half of a number.
const GUARD: &str = r#"
"$@" </dev/null >>log 2>&1 &
echo $! >process.new && mv process.new process
read -r nothing
kill -KILL $! 2>/dev/null
wait $!
"#;

/// A program in the background.
#[derive(Debug)]
pub struct Process {
    guard: Child,
    id: u32,
}

impl Process {
    /// Starts it as `account`, in `folder`, with its output in the file `log` there.
    pub(crate) fn start(program: Command, account: &Account, folder: &Folder) -> Result<Self> {
        let file = folder.path().join(PROCESS);
        let _none_yet = std::fs::remove_file(&file);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path().join(LOG))?;
        account.give(&folder.path().join(LOG))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(program.get_program()).args(program.get_args());
        guard.env_clear();
        guard.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut guard = account.apply(guard, folder);
        // A group of its own: Ctrl-C must reach the guard as the end of its input, not as a signal that ends it first.
        guard.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let guard = guard.spawn().map_err(|error| format!("a shell does not start: {error}"))?;
        let start = Instant::now();
        loop {
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(id) = written.trim().parse() {
                return Ok(Self { guard, id });
            }
            if start.elapsed() > END {
                return Err(format!("the server has not been started:\n{}", folder.log()).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        lives(self.id)
    }

    /// Kills it and everything that it has started, and waits until they are gone.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Sends it a signal and waits for its end.
    pub(crate) fn stop(self, signal_name: &str) -> Result<()> {
        signal(self.id, signal_name);
        if ends_within(self.id, END) {
            return Ok(());
        }
        Err(format!("it still ran {} s after SIG{signal_name}", END.as_secs()).into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        kill_tree(self.id);
        // The guard has read the end of its input, and has nobody left to wait for.
        drop(self.guard.stdin.take());
        let _reaped = self.guard.wait();
    }
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(mut command: Command, deadline: Duration) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (mut reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().map_err(|error| format!("{program} does not start: {error}"))?;
    drop(command); // it holds the writing ends: without this the output would never end
    let output = std::thread::spawn(move || {
        let mut text = String::new();
        let _as_far_as_it_goes = reader.read_to_string(&mut text);
        text
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > deadline {
            kill_tree(child.id());
            break child.wait()?;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    if status.success() {
        return Ok(());
    }
    Err(format!("{program} ended with {status}:\n{}", output.join().unwrap_or_default()).into())
}

/// Sends a signal by name. The `kill` of the shell, because the standard library only knows `KILL` and this workspace
/// forbids unsafe code.
pub fn signal(process: u32, name: &str) {
    let script = format!("kill -{name} {process}");
    let _already_gone = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
}

/// Whether there is such a process. One that has ended and that nobody has asked about yet does not count.
pub(crate) fn lives(process: u32) -> bool {
    match state(process) {
        Some(state) => !matches!(state, b'Z' | b'X'),
        None if std::path::Path::new("/proc/self").exists() => false,
        None => {
            let script = format!("kill -0 {process}");
            Command::new("sh")
                .args(["-c", &script])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        }
    }
}

/// The letter by which the system says what a process does: `R` runs, `T` is stopped, `Z` has ended.
fn state(process: u32) -> Option<u8> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // It follows the name, which stands in parentheses and may have any in it.
    stat.rsplit(')').next()?.trim_start().bytes().next()
}

/// Kills a process and everything that it has started, and waits until they are gone: what is left of a killed PostgreSQL
/// keeps the next one from starting.
pub(crate) fn kill_tree(process: u32) {
    let mut all = vec![process];
    let mut next = 0;
    while let Some(&parent) = all.get(next) {
        // Whoever is stopped starts nobody more, whom the list would miss.
        signal(parent, "STOP");
        let _stopped = comes_within(END, || !matches!(state(parent), Some(b'R' | b'S' | b'D')));
        all.extend(children(parent));
        next += 1;
    }
    let list: Vec<String> = all.iter().map(u32::to_string).collect();
    let script = format!("kill -KILL {}", list.join(" "));
    let _already_gone = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
    for process in all {
        let _gone = ends_within(process, END);
    }
}

fn ends_within(process: u32, deadline: Duration) -> bool {
    comes_within(deadline, || !lives(process))
}

fn comes_within(deadline: Duration, happened: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !happened() {
        if start.elapsed() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that never ends by itself, with a child.
    fn restless(folder: &Folder) -> Command {
        let mut command = crate::bare("sh".as_ref());
        command.args(["-c", "sleep 600 & echo started; wait"]).arg(folder.path());
        command
    }

    #[test]
    fn a_program_ends_with_its_value() {
        let account = Account::for_user("nobody").unwrap();
        let folder = Folder::new("restless", &account).unwrap();
        let process = Process::start(restless(&folder), &account, &folder).unwrap();
        let id = process.id;
        while !folder.log().contains("started") {
            assert!(process.is_alive());
            std::thread::sleep(Duration::from_millis(5));
        }
        let child = children(id);
        assert_eq!(child.len(), 1);
        drop(process);
        assert!(!lives(id) && !lives(child[0]));
    }

    #[test]
    fn a_program_that_starts_others_all_the_time_leaves_none() {
        let account = Account::for_user("nobody").unwrap();
        let folder = Folder::new("forks", &account).unwrap();
        let mut forks = crate::bare("sh".as_ref());
        forks.args(["-c", "while :; do sleep 61 & done"]).arg(folder.path());
        let process = Process::start(forks, &account, &folder).unwrap();
        while children(process.id).len() < 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let group = process.guard.id();
        drop(process);
        assert_eq!(members(group), Vec::<u32>::new());
    }

    /// The processes of a group that have not ended.
    fn members(group: u32) -> Vec<u32> {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        ids.filter(|&id| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // Behind the name: state, parent, group.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            fields.nth(2).and_then(|field| field.parse().ok()) == Some(group) && lives(id)
        })
        .collect()
    }

    #[test]
    fn a_program_ends_when_whoever_started_it_is_killed() {
        let account = Account::for_user("nobody").unwrap();
        let folder = Folder::new("orphan", &account).unwrap();
        let mut sleep = crate::bare("sleep".as_ref());
        sleep.arg("600");
        let mut process = Process::start(sleep, &account, &folder).unwrap();
        // What the system does for a process that is gone: its end of the pipe is closed.
        drop(process.guard.stdin.take());
        assert!(ends_within(process.id, Duration::from_secs(10)));
    }

    #[test]
    fn says_what_a_failing_program_says() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo because; exit 3"]);
        let error = run(command, Duration::from_secs(10)).unwrap_err().to_string();
        assert!(error.contains("because") && error.contains('3'), "{error}");
    }
}
