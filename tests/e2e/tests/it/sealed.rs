//! Encrypted fields and their keys: the commands of a program, as its operator runs them.

use std::path::Path;
use std::process::{Command, Output};

use crate::installation::has;

const SECRET: &str = "YwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";
const NEXT: &str = "ZwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";

/// The program, with these secrets: that of now, and the one before.
struct Clinic<'a> {
    home: &'a Path,
    secrets: [&'a str; 2],
}

impl Clinic<'_> {
    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clinic"));
        command.env_clear().env("MAINSTAY_HOME", self.home).env("RUST_BACKTRACE", "0");
        command.env("MAINSTAY__KEYS__RING", "database").current_dir(self.home).args(line.split_whitespace());
        let [secret, previous] = self.secrets;
        if !secret.is_empty() {
            command.env("MAINSTAY__KEYS__SECRET", secret);
        }
        if !previous.is_empty() {
            command.env("MAINSTAY__KEYS__PREVIOUS", previous);
        }
        command.output().unwrap()
    }

    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{line}: {out}{err}");
        out
    }

    fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn rows_are_sealed_anew_before_a_key_is_revoked() {
    let home = tempfile::tempdir().unwrap();
    let clinic = Clinic { home: home.path(), secrets: [SECRET, ""] };
    clinic.ok("seed");
    let first = clinic.ok("keys list").split_whitespace().next().unwrap().to_owned();
    has(&clinic.ok("reseal"), &["Patient: 700 rows, 0 sealed anew"]);
    clinic.ok("keys rotate --now");
    has(&clinic.ok("reseal Patient"), &["Patient: 700 rows, 700 sealed anew"]);
    clinic.ok(&format!("keys revoke {first}"));
    has(&clinic.ok("reseal"), &["Patient: 700 rows, 0 sealed anew"]);
    assert!(!clinic.ok("dumpdata").contains("nuts"));
    has(
        &clinic.refused("reseal Patients"),
        &["no model `Patients` with an encrypted field", "did you mean `Patient`?"],
    );

    // Another secret: it opens the ring that the one before has sealed, and takes new digests.
    let next = Clinic { secrets: [NEXT, SECRET], ..clinic };
    has(&next.ok("reseal"), &["Patient: 700 rows, 700 sealed anew"]);
    next.ok("keys rotate");
    has(&Clinic { secrets: [NEXT, ""], ..next }.ok("reseal"), &["Patient: 700 rows, 0 sealed anew"]);

    // Whoever revokes a key before, has lost what it sealed; the program says which rows.
    let current = next.ok("keys list");
    let current =
        current.lines().find(|line| line.contains("current")).unwrap().split_whitespace().next().unwrap();
    next.ok(&format!("keys revoke {current}"));
    has(
        &next.refused("reseal"),
        &[
            "the encrypted `patients.email` of the row 1 cannot be used",
            "1400 could not be opened, and are as they were",
        ],
    );
    has(&Clinic { secrets: ["", ""], ..next }.refused("seed"), &["keys.E001", "db.E031"]);
}
