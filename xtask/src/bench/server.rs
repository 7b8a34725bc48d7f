//! A server under measurement: started on a processor of its own, watched through `/proc`.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    http,
    outcome::Result,
    process::{self, Background},
};

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    pub(crate) port: u16,
    /// From the start of the process to its first answer.
    pub(crate) start_to_answer: Duration,
    process: Background,
}

/// A program that serves, with what it finds in its environment, and the folder that it runs in.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    pub(crate) path: &'a Path,
    pub(crate) variables: &'a [(&'a str, &'a str)],
    pub(crate) folder: &'a Path,
}

/// What a server may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processors {
    /// One, by one worker thread: what a request costs is seen best then.
    One,
    /// All that there are.
    All,
}

impl Server {
    /// Starts a program, and waits until `path` answers.
    pub(crate) fn start(program: Program<'_>, processors: Processors, path: &str) -> Result<Self> {
        let Program { path: program, variables, folder } = program;
        std::fs::create_dir_all(folder)?;
        let port = http::free_port()?;
        let mut command = match processors {
            Processors::One => pinned(program, 0),
            Processors::All => Command::new(program),
        };
        if processors == Processors::One {
            command.env("TOKIO_WORKER_THREADS", "1");
        }
        command.current_dir(folder).env("PORT", port.to_string());
        command.envs(variables.iter().copied());
        command.stdout(Stdio::null()).stderr(std::fs::File::create(folder.join("errors.log"))?);
        let start = Instant::now();
        let mut process = Background::start(command)?;
        loop {
            match http::get(port, path, Duration::from_secs(2)) {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) => {
                    return Err(format!("{}: {path} answered {}", program.display(), answer.status).into());
                }
                Err(_) if process.is_alive() && start.elapsed() < START => {
                    std::thread::sleep(Duration::from_micros(500));
                }
                Err(error) => {
                    let said = std::fs::read_to_string(folder.join("errors.log"))?;
                    return Err(format!("{} did not answer: {error}\n{said}", program.display()).into());
                }
            }
        }
        Ok(Self { port, start_to_answer: start.elapsed(), process })
    }

    /// Processor time that it and what it has started have used so far, all threads, in user mode and in the kernel.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut time = Duration::ZERO;
        for process in process::family(self.process.id()) {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
            time +=
                ticks(&stat).map(|ticks| Duration::from_millis(ticks * 10)).ok_or("unknown /proc/…/stat")?;
        }
        Ok(time)
    }

    /// Memory that is resident now, in megabytes.
    pub(crate) fn memory(&self) -> Result<f64> {
        process::family(self.process.id()).into_iter().map(process::resident_megabytes).sum()
    }

    pub(crate) fn stop(self) -> Result<()> {
        // Peers know no graceful end; what is measured is over.
        self.process
            .stop("KILL", Duration::from_secs(5))?
            .map(drop)
            .ok_or_else(|| "a server does not end".into())
    }
}

/// A command on one processor, when there are several and `taskset` is there to choose.
pub(crate) fn pinned(program: &Path, processor: usize) -> Command {
    let several = std::thread::available_parallelism().is_ok_and(|count| count.get() > 1);
    if !(several && Path::new("/usr/bin/taskset").is_file()) {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/taskset");
    command.args(["--cpu-list", &processor.to_string()]).arg(program);
    command
}

/// Fields 14 and 15 of `/proc/…/stat`, in hundredths of a second (`USER_HZ`, which is 100 on every Linux platform that
/// Rust supports). The second field is a name in parentheses that may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_processor_time_behind_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 2 0 100 1000 10";
        assert_eq!(ticks(stat), Some(300));
    }
}
