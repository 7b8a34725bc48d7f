//! From a changed model to a changed database: the commands of a program, as its developer and its operator run them.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A project: a folder with migrations and a database.
struct Project {
    home: TempDir,
}

/// What a command said, and whether it succeeded.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Project {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn migrations(&self) -> PathBuf {
        self.home.path().join("migrations")
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.migrations().join(format!("{name}.toml"))).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.migrations()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command(&self, version: u8, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_migrated"));
        command.env_clear().env("MAINSTAY_HOME", self.home.path()).env("RUST_BACKTRACE", "0");
        command.env("E2E_VERSION", version.to_string()).env("E2E_MIGRATIONS", self.migrations());
        command.env("MAINSTAY_PROFILE", "production").args(line.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, version: u8, line: &str) -> Said {
        said(self.command(version, line).output().unwrap())
    }

    /// Runs it, and expects success.
    fn ok(&self, version: u8, line: &str) -> String {
        let said = self.run(version, line);
        assert_eq!(said.code, Some(0), "{line}: {}{}", said.out, said.err);
        said.out
    }

    /// Runs it, and expects a refusal.
    fn refused(&self, version: u8, line: &str) -> String {
        let said = self.run(version, line);
        assert_eq!(said.code, Some(1), "{line}: {}{}", said.out, said.err);
        format!("{}{}", said.out, said.err)
    }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn has(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
}

#[test]
fn a_changed_model_becomes_a_changed_database_and_goes_back() {
    let project = Project::new();
    let made = project.ok(1, "makemigrations");
    has(&made, &["migrations/0001_initial.toml", "create table articles (id, title)"]);
    assert_eq!(project.files(), ["0001_initial.toml", "snapshot.toml"]);
    has(&project.ok(1, "makemigrations --check"), &["Nothing has changed."]);
    has(&project.ok(1, "migrate status"), &["pending  0001_initial"]);
    has(
        &project.ok(1, "migrate plan"),
        &["apply 0001_initial on SQLite", "CREATE TABLE \"articles\"", "CREATE UNIQUE INDEX"],
    );
    has(&project.ok(1, "migrate"), &["applied  0001_initial"]);
    has(&project.ok(1, "migrate"), &["Nothing to do."]);

    // A model has gained fields: nothing starts, and everything says why and what to do.
    has(
        &project.refused(2, "check"),
        &["error[db.E012]", "add column articles.subtitle", "fix cargo run -- makemigrations"],
    );
    has(&project.refused(2, "makemigrations --check"), &["The models have changed: run `makemigrations`."]);
    assert_eq!(project.files().len(), 2);
    has(
        &project.ok(2, "makemigrations --dry-run"),
        &["add_column = \"articles.stars\"\ntype = \"int\"\nfill = 3"],
    );
    has(&project.ok(2, "makemigrations --name more"), &["migrations/0002_more.toml"]);
    has(
        &project.file("0002_more"),
        &[
            "after = \"0001_initial\"",
            "create_table = \"authors\"",
            "add_column = \"articles.subtitle\"\ntype = \"text\"\nnullable = true",
        ],
    );
    has(&project.file("snapshot"), &["\"0001_initial\",\n    \"0002_more\",\n]"]);
    has(&project.ok(2, "check"), &["Nothing is wrong."]);
    has(
        &project.refused(2, "check --deploy"),
        &["error[db.E013]: the migration `0002_more` has not been applied", "migrate_on_start = true"],
    );
    has(&project.refused(2, "seed"), &["error[db.E013]"]);
    has(&project.ok(2, "migrate up"), &["applied  0002_more"]);
    has(&project.ok(2, "migrate status --json"), &["\"name\":\"0002_more\"", "\"state\":\"applied\""]);
    has(&project.ok(2, "check --deploy"), &["Nothing is wrong."]);
    has(&project.ok(2, "migrate down"), &["undone   0002_more"]);
    has(&project.ok(2, "migrate to zero"), &["undone   0001_initial"]);
    has(&project.ok(2, "seed --set database.migrate_on_start=true"), &["1 seed has run."]);
    has(&project.ok(2, "migrate status"), &["applied  0002_more"]);
}

#[test]
fn a_new_name_is_asked_for_where_nobody_can_answer() {
    let project = Project::new();
    project.ok(1, "makemigrations");
    project.ok(1, "migrate");
    has(
        &project.refused(3, "makemigrations"),
        &[
            "the column `articles.title` is gone and `articles.headline` is new",
            "makemigrations --rename articles.title=headline",
            "makemigrations --no-rename",
        ],
    );
    assert_eq!(project.files().len(), 2);
    let dropped = project.refused(3, "makemigrations --no-rename");
    has(&dropped, &["makemigrations --fill articles.headline=\"''\""]);
    let dry = project.ok(3, "makemigrations --dry-run --no-rename --fill articles.headline=none");
    has(&dry, &["data: the values of `articles.title` are lost", "drop_column = \"articles.title\""]);
    has(
        &project.ok(3, "makemigrations --rename articles.title=headline"),
        &["rename column articles.title to headline"],
    );
    has(&project.file("0002_articles_headline"), &["rename_column = \"articles.title\"\nto = \"headline\""]);
    project.ok(3, "migrate");
    has(&project.ok(3, "check --deploy"), &["Nothing is wrong."]);
}

#[test]
fn branches_are_found_and_merged() {
    let project = Project::new();
    project.ok(1, "makemigrations");
    project.ok(2, "makemigrations --name ours");
    let theirs = "after = \"0001_initial\"\n\n[[operations]]\nrun_sql = \"theirs\"\nup = \"SELECT 1\"\nnothing_to_undo = true\n";
    std::fs::write(project.migrations().join("0002_theirs.toml"), theirs).unwrap();
    let snapshot =
        project.file("snapshot").replace("    \"0002_ours\",", "<<<<<<< HEAD\n\"0002_ours\",\n=======");
    std::fs::write(project.migrations().join("snapshot.toml"), snapshot).unwrap();
    for line in ["check", "makemigrations", "migrate"] {
        has(
            &project.refused(2, line),
            &["`0002_ours` and `0002_theirs` do not come after one another", "makemigrations --merge"],
        );
    }
    has(&project.ok(2, "makemigrations --merge"), &["migrations/0003_merge.toml"]);
    has(&project.file("0003_merge"), &["after = [\"0002_ours\", \"0002_theirs\"]"]);
    assert!(!project.file("snapshot").contains("<<<<"));
    has(&project.ok(2, "migrate"), &["applied  0002_theirs", "applied  0003_merge"]);
}

#[test]
fn a_mistake_in_a_file_is_named_with_its_line() {
    let project = Project::new();
    project.ok(1, "makemigrations");
    let broken = project.file("0001_initial").replace("primary_key", "primary_kee");
    std::fs::write(project.migrations().join("0001_initial.toml"), broken).unwrap();
    for line in ["check", "migrate", "makemigrations"] {
        has(&project.refused(1, line), &["migrations/0001_initial.toml:", "unknown key `primary_kee`"]);
    }
}

#[test]
fn two_programs_that_start_at_once_apply_each_migration_once() {
    let project = Project::new();
    project.ok(1, "makemigrations");
    project.ok(2, "makemigrations");
    project.ok(2, "migrate status");
    let start = || project.command(2, "migrate").spawn().unwrap();
    let running: Vec<_> = (0..4).map(|_| start()).collect();
    let mut lines = Vec::new();
    for child in running {
        let said = said(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        lines.extend(said.out.lines().filter(|line| line.starts_with("applied")).map(str::to_owned));
    }
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn what_the_engine_lacks_keeps_the_program_from_starting_and_is_listed() {
    let project = Project::new();
    let lacks = "error[db.E026]: SQLite has no arrays, and `Article.tags` is one";
    has(&project.refused(4, "check"), &[lacks, "make it a `Json<Vec<…>>`", "migrated.rs:"]);
    has(&project.refused(4, "serve"), &["does not start (", lacks]);
    has(&project.refused(4, "seed"), &["does not start (", lacks]);
    assert_eq!(std::fs::read_dir(project.home.path()).unwrap().count(), 0);
}
