//! Rows out of one database and into another: the commands of a program, as its operator runs them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use crate::installation::{Installation, has};

#[test]
fn a_database_is_carried_to_another_installation() {
    let (one, other) = (Installation::filled(), Installation::new());
    let dump = one.path("dump.jsonl");
    has(&one.ok("dumpdata --output dump.jsonl"), &["1012 rows written to dump.jsonl"]);
    has(&other.ok(&format!("loaddata {}", dump.display())), &["1012 rows loaded"]);
    let text = other.ok("dumpdata");
    assert_eq!(text, fs::read_to_string(&dump).unwrap());
    has(
        &text,
        &[
            "\"password_hash\":\"secret\"",
            "{\"model\":\"EssayTopics\",\"fields\":{\"essay\":100,\"topic\":1}}",
        ],
    );
    // Nobody else reads it, and nothing is left beside it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&dump).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!one.path("dump.jsonl.part").exists());
    has(
        &other.refused(&format!("loaddata {}", dump.display())),
        &["dump.jsonl, line 1: another Writer has the same "],
    );
}

#[test]
fn one_program_writes_and_the_other_reads() {
    let (one, other) = (Installation::filled(), Installation::new());
    let mut dumping = one.command("dumpdata").spawn().unwrap();
    let loaded = other.command("loaddata -").stdin(dumping.stdout.take().unwrap()).output().unwrap();
    assert!(dumping.wait().unwrap().success());
    assert_eq!(String::from_utf8(loaded.stdout).unwrap(), "1012 rows loaded\n");
    assert_eq!(other.ok("dumpdata"), one.ok("dumpdata"));
    // Whoever has seen enough goes away.
    let mut dumping = one.command("dumpdata").spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, dumping.stdout.take().unwrap()).read_line(&mut first).unwrap();
    has(&first, &["\"model\":\"Writer\""]);
    let ended = dumping.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn some_models_are_dumped() {
    let one = Installation::filled();
    assert_eq!(one.ok("dumpdata Writer topics").lines().count(), 2);
    assert_eq!(one.ok("dumpdata --exclude Essay -e essay_topics").lines().count(), 2);
    assert_eq!(
        one.ok("dumpdata -m Topic"),
        "{\"model\":\"Topic\",\"fields\":{\"id\":1,\"name\":\"gardens\"}}\n"
    );
    has(&one.refused("dumpdata Wrter"), &["there is no model `Wrter`; there are: Writer, "]);
    has(&one.refused("dumpdata dump.jsonl"), &["to write to a file: --output dump.jsonl"]);
    assert!(!one.path("dump.jsonl").exists());
    has(&one.refused("dumpdata --output nowhere/dump.jsonl"), &["writing `nowhere/dump.jsonl`"]);
}

#[test]
fn fixtures_are_loaded_by_their_names_all_or_none() {
    let one = Installation::new();
    fs::create_dir(one.path("fixtures")).unwrap();
    let fixture = |name: &str, text: &str| fs::write(one.path("fixtures").join(name), text).unwrap();
    fixture("writers.jsonl", "{\"model\":\"Writer\",\"fields\":{\"name\":\"Bob\"}}\n");
    fixture(
        "essays.jsonl",
        "{\"model\":\"Topic\",\"fields\":{\"name\":\"rain\"}}\n\
         {\"model\":\"Essay\",\"fields\":{\"title\":\"On rain\",\"writer\":{\"name\":\"Bob\"},\"topics\":[{\"name\":\"rain\"}]}}\n",
    );
    has(
        &one.refused("loaddata essays"),
        &["essays.jsonl, line 2: {\"name\":\"Bob\"} of `Writer`: no row is like that; it must stand before"],
    );
    assert_eq!(one.ok("dumpdata"), "");
    has(&one.ok("loaddata writers essays"), &["3 rows loaded"]);
    assert_eq!(one.ok("dumpdata").lines().count(), 4);
    // What the application has becomes a fixture, and a fixture is loaded again.
    let (blog, other) = (one.path("fixtures/all.jsonl"), Installation::filled());
    has(&one.ok("dumpdata --natural -o fixtures/all.jsonl"), &["4 rows written"]);
    has(&fs::read_to_string(&blog).unwrap(), &["{\"title\":\"On rain\",\"writer\":{\"name\":\"Bob\"}}"]);
    has(&other.ok(&format!("loaddata {}", blog.display())), &["4 rows loaded"]);
    has(
        &other.refused(&format!("loaddata {}", blog.display())),
        &["all.jsonl, line 1: another Writer has the same name"],
    );
    has(&other.ok(&format!("loaddata --update {}", blog.display())), &["4 rows loaded"]);
    assert_eq!(other.ok("dumpdata").lines().count(), 1016);
    has(&one.refused("loaddata poems"), &["there is no fixture `poems`", "there are: all, essays, writers"]);
    has(&one.refused("loaddata poems.jsonl"), &["`poems.jsonl` cannot be read"]);
    File::create(one.path("empty.jsonl")).unwrap();
    has(&one.ok("loaddata empty.jsonl"), &["0 rows loaded"]);
}

#[test]
fn a_database_is_backed_up_and_restored() {
    let (one, other) = (Installation::filled(), Installation::new());
    let copy = one.path("copy.db");
    has(&one.ok("db backup copy.db"), &["data/app.db copied to copy.db: ", " bytes, checked"]);
    has(&one.refused("db backup copy.db"), &["`copy.db` is there already; `--replace` writes over it"]);
    one.ok("db backup copy.db --replace");
    let line = format!("db restore {}", copy.display());
    has(&other.ok(&line), &["data/app.db is now as "]);
    assert_eq!(other.ok("dumpdata"), one.ok("dumpdata"));
    has(&other.refused(&line), &["is a database already; `--replace` writes over it"]);

    // A program that has it open: it writes to somebody who does not read on.
    let mut dumping = other.command("dumpdata").spawn().unwrap();
    let mut reading = BufReader::with_capacity(64, dumping.stdout.take().unwrap());
    reading.read_line(&mut String::new()).unwrap();
    has(
        &other.refused(&format!("{line} --replace")),
        &["is open in another process: stop it, and try again"],
    );
    drop(reading);
    dumping.wait().unwrap();
    other.ok(&format!("{line} --replace"));

    has(&one.refused("db backup"), &["say which file: `db backup FILE`"]);
    has(&one.refused("db restore nowhere.db"), &["`nowhere.db` is not there"]);
    has(&one.refused("db backup x.db --set database.url=sqlite::memory:"), &["belongs to its process alone"]);
}
