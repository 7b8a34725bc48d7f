//! The commands about accounts, as the operator of the program runs them: with bad input too.

use std::process::Command;
use std::time::{Duration, Instant};

use mainstay::core::config::Sources;
use mainstay::db::sql;
use mainstay::jobs::{State, StoredJob};
use mainstay::prelude::*;
use tempfile::TempDir;

const SECRET: &str = "a secret of these tests that is long enough";

/// An installation of the program, with authors and articles.
struct Installation(TempDir);

impl Installation {
    fn filled() -> Self {
        let new = Self(tempfile::tempdir().expect("a temporary folder"));
        new.ok("seed");
        new
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.0.path().join("app.db").display())
    }

    fn command(&self, line: &str, secret: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conduit"));
        command.current_dir(self.0.path()).env("MAINSTAY_HOME", self.0.path()).env("RUST_BACKTRACE", "0");
        command.env("DATABASE_URL", self.database()).env("MAINSTAY__KEYS__SECRET", secret);
        command.args(line.split_whitespace());
        command
    }

    /// The status that a command ends with, and all that it says.
    fn run_with(&self, line: &str, secret: &str) -> (Option<i32>, String) {
        let output = self.command(line, secret).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = match output.status.success() {
            true => text(&output.stdout),
            false => text(&output.stderr) + &text(&output.stdout),
        };
        (output.status.code(), said)
    }

    fn run(&self, line: &str) -> (Option<i32>, String) {
        self.run_with(line, SECRET)
    }

    fn ok(&self, line: &str) -> String {
        let (code, said) = self.run(line);
        assert_eq!(code, Some(0), "{line}: {said}");
        said
    }

    #[track_caller]
    fn refused(&self, line: &str, why: &str) {
        let (code, said) = self.run(line);
        assert_eq!(code, Some(1), "{line}: {said}");
        assert!(said.contains(why), "{line}: {said}");
    }

    /// Changes the database behind the back of the program.
    async fn tamper(&self, statement: &'static str) {
        let app = conduit::app().set("database.url", self.database()).profile(mainstay::Profile::Development);
        let resolver = app.assemble(Sources::isolated()).resolver();
        let db = resolver.get::<Db>().await.expect("a database");
        sql(statement).execute(&*db).await.expect("it is changed");
    }
}

#[tokio::test]
async fn a_schedule_is_run_by_hand_and_a_worker_does_what_it_has_enqueued() {
    let conduit = Installation::filled();
    let listed = conduit.ok("schedule list");
    assert!(listed.starts_with("weekly-digest  (0 7 * * MON): next 20"), "{listed}");
    conduit.refused("schedule run weekly-digst", "did you mean `weekly-digest`");
    conduit.refused("schedule run", "say which");
    assert_eq!(conduit.ok("schedule run weekly-digest"), "`weekly-digest` is enqueued as job 1.\n");

    let mut worker = conduit.command("worker", SECRET).spawn().expect("it runs");
    let db = Db::open(&conduit.database()).await.expect("a database");
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let job = StoredJob::filter(|job| job.id.eq(1)).one(&db).await.expect("a job");
        if job.state == State::Completed {
            break;
        }
        assert!(Instant::now() < until, "the job is {:?} after twenty seconds", job.state);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    db.close().await;
    let asked = Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().expect("it runs");
    assert!(asked.success());
    assert!(worker.wait().expect("it ends").success());
}

#[test]
fn roles_are_made_given_and_taken() {
    let conduit = Installation::filled();
    let all = conduit.ok("roles");
    assert!(all.contains("moderator                0  in code  articles.delete comments.delete"), "{all}");
    for line in [
        "roles create editor",
        "roles grant editor articles.change",
        "roles give editor ann.marlowe@example.com",
        "roles group desk",
        "roles join desk IRYNA.SH@example.com",
        "roles give moderator group:desk",
    ] {
        assert_eq!(conduit.ok(line), "Done.\n", "{line}");
    }
    assert_eq!(conduit.ok("roles list editor"), "User/User/1\n");
    assert_eq!(conduit.ok("roles list moderator"), "group desk\n");
    assert_eq!(conduit.ok("roles list desk"), "User/User/7\n");
    let shown = conduit.ok("policies show article --as iryna.sh@example.com");
    assert!(shown.lines().any(|line| line.contains("delete  all")), "{shown}");
    let permissions = conduit.ok("roles permissions");
    assert!(permissions.contains("comments.delete\n") && !permissions.contains("mainstay_"), "{permissions}");
    assert!(conduit.ok("roles permissions mainstay_audit.").contains("mainstay_audit.view\n"));
    conduit.ok("roles take editor User/User/1");
    conduit.ok("roles leave desk iryna.sh@example.com");
    conduit.ok("roles delete editor");
    let log = conduit.ok("audit list --event role.given --account ann.marlowe@example.com");
    assert!(log.contains("role.given  User/User/1  -  by System//command"), "{log}");
}

#[test]
fn whoever_slips_is_told_what_is_wrong() {
    let conduit = Installation::filled();
    for (line, why) in [
        ("roles list moderater", "There is no role `moderater`, and no group."),
        ("roles give", "Something is missing: `roles give ROLE WHO`."),
        ("roles grant moderator", "`roles grant ROLE PERMISSION`"),
        ("roles create", "`roles create ROLE`"),
        ("roles create a/b", "from 1 to 100 letters"),
        ("roles give moderater ann.marlowe@example.com", "There is no role `moderater`."),
        ("roles give moderator anne@example.com", "Nobody signs in as `anne@example.com`."),
        ("roles give moderator User/User/999", "There is no account `User/User/999`."),
        ("roles give moderator User/Usr/1", "There is no account `User/Usr/1`."),
        ("roles give moderator User/User/one", "There is no account `User/User/one`."),
        ("roles give moderator group:desk", "There is no group `desk`."),
        ("roles take moderator ann.marlowe@example.com", "has no role `moderator`"),
        ("roles grant moderator articles.change", "written in the code"),
        ("roles delete moderator", "written in the code"),
        ("policies show articel", "did you mean `Article`?"),
        ("policies show --role moderater", "There is no role `moderater`."),
        ("policies show --as User/User/999", "There is no account `User/User/999`."),
        ("audit list --since yesterday", "`--since yesterday` is no time: write 24h"),
        ("audit list --limit many", "`--limit many` is no number."),
        ("audit list --account anne@example.com", "Nobody signs in as `anne@example.com`."),
        ("audit verify --anchor nothing", "`--anchor nothing` is no anchor"),
        ("token nobody", "nobody is called `nobody`"),
    ] {
        conduit.refused(line, why);
    }
    conduit.ok("roles create editor");
    conduit.refused("roles create editor", "There is a role `editor` already.");
    conduit.refused("roles grant editor articles.chnge", "did you mean `articles.change`?");
    let (code, said) = conduit.run("roles frobnicate");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("possible values: list, permissions"), "{said}");
    assert_eq!(conduit.ok("roles list moderator"), "", "nobody was given anything");
}

#[test]
fn shows_who_may_do_what() {
    let conduit = Installation::filled();
    let shown = conduit.ok("policies show comments");
    for line in [
        "  nobody           view    all; fields: all",
        "  nobody           delete  none",
        "  somebody         delete  where \"t0\".\"author_id\" = ?; fields: all",
        "  role moderator   delete  all; fields: all",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n---\n{shown}");
    }
    let shown = conduit.ok("policies show");
    let (_, routes) = shown.split_once("Routes with guards\n").expect("routes with guards");
    for line in [
        "  GET     /account/profile  being signed in",
        "  POST    /account/picture  being signed in",
        "  GET     /jobs  jobs.see",
        "  POST    /jobs/{id}/retry  jobs.see, and jobs.act",
    ] {
        assert!(routes.lines().any(|shown| shown == line), "{line}\n---\n{routes}");
    }
}

#[tokio::test]
async fn the_audit_log_tells_who_has_changed_it() {
    let conduit = Installation::filled();
    for line in ["roles create editor", "roles create chief", "roles create intern"] {
        conduit.ok(line);
    }
    let verified = conduit.ok("audit verify");
    assert!(verified.starts_with("The audit log is as it was written: 3 entries.\nanchor 3:"), "{verified}");
    let anchor = verified.trim().rsplit(' ').next().expect("an anchor").to_owned();
    conduit.ok(&format!("audit verify --anchor {anchor}"));
    let exported = conduit.ok("audit export");
    let entries: Vec<serde_json::Value> =
        exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((entries.len(), &entries[1]["details"]["role"]), (3, &serde_json::json!("chief")));

    let (code, said) = conduit.run_with("audit verify", "another secret of these tests, long enough too");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("entry 1 is not sealed by a key of this application"), "{said}");

    conduit.tamper("UPDATE mainstay_audit SET event = 'role.deleted' WHERE position = 2").await;
    conduit.refused("audit verify", "not as it was written: entry 2 was changed.");
    conduit.tamper("UPDATE mainstay_audit SET event = 'role.created' WHERE position = 2").await;
    conduit.ok("audit verify");
    conduit.tamper("DELETE FROM mainstay_audit WHERE position = 2").await;
    conduit.refused("audit verify", "entry 2 is missing.");
    // Who is clever and cuts off the end is found by who has kept the anchor.
    conduit.tamper("DELETE FROM mainstay_audit WHERE position > 1").await;
    conduit.refused(&format!("audit verify --anchor {anchor}"), "not as it was written");
}
