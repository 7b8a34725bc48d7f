//! Signals: the first asks the application to drain, the second ends it at once.

use std::fmt;

use crate::Result;

/// A request of the operating system to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM: an orchestrator.
    Terminate,
    /// SIGINT: somebody at the keyboard.
    Interrupt,
}

impl Signal {
    /// What a shell expects of a program that such a signal ended: 128 and the signal's number.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Terminate => 143,
            Self::Interrupt => 130,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}

/// The signals that reach this process from now on.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes both signals over from the operating system's default, which is to end the process.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }

    /// Takes Ctrl-C over from the operating system's default, which is to end the process.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {})
    }

    /// The next one.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            // Nobody can be heard, so nobody asks.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use super::*;

    /// Ends by the second signal, and tells of the first. Run by the tests below in a process of its own.
    #[test]
    #[ignore = "ends the process"]
    fn obeys() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let second = runtime.block_on(async {
            let mut signals = Signals::listen().unwrap();
            println!("\nlistening");
            println!("\ndraining: {}", signals.next().await);
            signals.next().await
        });
        std::process::exit(second.exit_code().into());
    }

    struct Process {
        child: Child,
        output: Lines<BufReader<ChildStdout>>,
    }

    impl Process {
        fn start() -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["lifecycle::signal::tests::obeys", "--exact", "--ignored", "--nocapture"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut process = Self { child, output };
            process.expect("listening");
            process
        }

        fn expect(&mut self, line: &str) {
            assert!(self.output.by_ref().any(|said| said.unwrap() == line), "it did not say `{line}`");
        }

        fn send(&self, signal: &str) {
            let status = Command::new("sh")
                .args(["-c", &format!("kill -{signal} {}", self.child.id())])
                .status()
                .unwrap();
            assert!(status.success());
        }

        fn exit_code(mut self) -> Option<i32> {
            self.child.wait().unwrap().code()
        }
    }

    #[test]
    fn the_first_signal_asks_and_the_second_ends() {
        let mut process = Process::start();
        process.send("TERM");
        process.expect("draining: SIGTERM");
        process.send("TERM");
        assert_eq!(process.exit_code(), Some(143));
    }

    #[test]
    fn ctrl_c_ends_a_drain_that_a_service_manager_began() {
        let mut process = Process::start();
        process.send("TERM");
        process.expect("draining: SIGTERM");
        process.send("INT");
        assert_eq!(process.exit_code(), Some(130));
    }
}
