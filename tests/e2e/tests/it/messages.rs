//! Events and webhooks, as an operator sees them.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::installation::has;

struct Messages(tempfile::TempDir);

impl Messages {
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_messages"));
        command.env_clear().env("MAINSTAY_HOME", self.0.path()).env("RUST_BACKTRACE", "0");
        command.env("MAINSTAY__KEYS__SECRET", "a secret of these tests, which is long enough for them");
        command.current_dir(self.0.path()).args(line.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it. What it says, and whether it has succeeded.
    fn run(&self, line: &str) -> (String, bool) {
        let output = self.command(line).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.success())
    }

    fn ok(&self, line: &str) -> String {
        let (said, succeeded) = self.run(line);
        assert!(succeeded, "{line}: {said}");
        said
    }

    fn refused(&self, line: &str) -> String {
        let (said, succeeded) = self.run(line);
        assert!(!succeeded, "{line}: {said}");
        said
    }

    /// Serves until `outbox list` says so.
    fn serve_until(&self, says: &str, change: impl FnOnce(&mut Command)) {
        let mut command = self.command("serve");
        change(&mut command);
        let mut serving = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(100));
            said = self.ok("outbox list");
            if said.contains(says) {
                break;
            }
        }
        serving.kill().unwrap();
        serving.wait().unwrap();
        has(&said, &[says]);
    }
}

#[test]
fn what_waits_and_what_is_dead_is_shown_and_tried_again() {
    let messages = Messages(tempfile::tempdir().unwrap());
    messages.ok("publish");
    has(&messages.ok("outbox"), &["1 events wait for a relay."]);
    messages.serve_until("confirm: order.placed, 0 waiting, 1 dead", |_| {});
    has(&messages.ok("outbox list"), &["confirm  order.placed  after 1 attempts: no mail for order 7"]);
    has(&messages.refused("outbox retry"), &["Say what to try again"]);
    has(&messages.ok("outbox retry 99"), &["0 dead deliveries are tried again."]);
    has(&messages.ok("outbox retry --subscriber confirm"), &["1 dead deliveries are tried again."]);
    has(&messages.ok("outbox list"), &["confirm: order.placed, 1 waiting, 0 dead"]);
    messages.serve_until("confirm: order.placed, 0 waiting, 0 dead", |command| {
        command.env("REPAIRED", "1");
    });
    has(&messages.refused("outbox forget --subscriber confirm"), &["would be there again at the next start"]);
    has(&messages.refused("outbox forget --subscriber nobody"), &["There is no subscriber `nobody`."]);
}

#[test]
fn endpoints_of_webhooks_are_shown() {
    let messages = Messages(tempfile::tempdir().unwrap());
    messages.ok("register");
    let said = messages.ok("webhooks");
    has(&said, &["customer/7  https://customer.invalid/hooks  on"]);
    assert!(!said.contains("whsec_"), "{said}");
    assert_eq!(messages.ok("webhooks log 1"), "");
    has(&messages.refused("webhooks log"), &["Say which endpoint"]);
    has(
        &messages.refused("webhooks replay 1 019b796d-d600-7000-8000-3b1c8e7f0a11"),
        &["There is no such message"],
    );
    has(
        &messages.ok("webhooks enable 1"),
        &["https://customer.invalid/hooks gets what is sent from now on."],
    );
}
