//! `mail receive`, as Postfix, Exim or procmail calls it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

const MAIL: &str = "From ann@example.org  Mon Jan  5 10:00:00 2026\nFrom: ann@example.org\nTo: support@shop.example\nSubject: Help\n\nHello\n";

struct Inbox(tempfile::TempDir);

impl Inbox {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inbox"));
        command.env_clear().env("MAINSTAY_HOME", self.0.path()).env("RUST_BACKTRACE", "0");
        command.env("MAINSTAY__KEYS__SECRET", "a secret of these tests, which is long enough for them");
        command.current_dir(self.0.path()).args(line.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Calls it with a mail: the code that it ends with, and what it says.
    fn receive(&self, line: &str, mail: &[u8], change: impl FnOnce(&mut Command)) -> (i32, String) {
        let mut command = self.command(line);
        change(&mut command);
        let mut program = command.spawn().unwrap();
        // It may have seen enough before the end.
        let _gone = program.stdin.take().unwrap().write_all(mail);
        let output = program.wait_with_output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    }
}

#[test]
fn a_mail_that_a_program_hands_over_is_taken_by_the_application() {
    let inbox = Inbox::new();
    let (code, said) =
        inbox.receive("mail receive --from MAILER-DAEMON support@shop.example", MAIL.as_bytes(), |_| ());
    assert_eq!(code, 0, "{said}");
    let (code, shown) = inbox.receive("mail show 1", b"", |_| ());
    assert!(code == 0 && shown.ends_with(MAIL.split_once('\n').unwrap().1), "{shown}");
    let (code, said) = inbox.receive("mail show 7", b"", |_| ());
    assert!(code == 1 && said.contains("There is no such mail."), "{said}");
    let mut worker = inbox.command("worker").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let taken = inbox.0.path().join("taken.txt");
    for _ in 0..300 {
        std::thread::sleep(Duration::from_millis(100));
        if taken.metadata().is_ok_and(|file| file.len() > 0) {
            break;
        }
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(std::fs::read_to_string(taken).unwrap(), "support@shop.example from Some(\"\"): Help\n");
}

#[test]
fn what_it_ends_with_says_to_the_server_what_to_do() {
    let inbox = Inbox::new();
    let large = [MAIL.as_bytes(), &[b'x'; 64 << 10]].concat();
    for (line, mail, expected, told) in [
        ("mail receive", MAIL.as_bytes(), 0, ""),
        ("mail receive --from= -- support@shop.example", MAIL.as_bytes(), 0, ""),
        ("mail receive -- --set=x@other.example", MAIL.as_bytes(), 67, ""),
        ("mail receive support@other.example who@other.example", MAIL.as_bytes(), 0, ""),
        ("mail receive who@other.example", MAIL.as_bytes(), 67, "Nobody takes mails to this address."),
        ("mail receive", b" \n", 65, "The mail is empty."),
        ("mail receive", &large, 65, "The mail is larger than 64 KiB."),
    ] {
        let (code, said) = inbox.receive(line, mail, |_| ());
        assert!(code == expected && said.contains(told), "{line}: {code}\n{said}");
    }
    // What somebody has to mend sends no mail back.
    let (code, said) = inbox.receive("mail receive", MAIL.as_bytes(), |command| {
        command.env("FAULT", "1");
    });
    assert!(code == 75 && said.contains("inbound_mail.E001"), "{code}\n{said}");
    let (code, said) = inbox.receive("mail receive", MAIL.as_bytes(), |command| {
        command.env("MAINSTAY__DATABASE__URL", "sqlite:/proc/nothing/app.db");
    });
    assert_eq!(code, 75, "{said}");
}
