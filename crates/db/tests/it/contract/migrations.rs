//! Migrations on real databases: applied, undone, stopped in the middle, by two at once.

use std::time::Duration;

use mainstay_core::Result;
use mainstay_db::driver::Dialect;
use mainstay_db::migrate::ledger::State;
use mainstay_db::migrate::runner::Event;
use mainstay_db::migrate::set::{Set, sets_of};
use mainstay_db::migrate::{
    Decisions, Goal, MigrateError, Migration, Migrations, Operation, Runner, diff, file, text,
};
use mainstay_db::schema::{self, Schema};
use mainstay_db::{Db, Executor, Settings, Tx, sql};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Engine, suite};
use crate::migrations::random;

suite!(
    applies_and_undoes,
    a_step_that_fails_leaves_nothing_or_goes_on,
    two_at_once_apply_each_once,
    rows_and_references_survive_changes,
    functions_run_in_their_migration,
    a_migration_that_is_dropped_gives_its_lock_back,
    any_schema_becomes_any_other,
    tables_that_are_there_are_adopted,
    an_edited_migration_is_refused,
    models_are_printed_from_a_database,
);

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) type Files = &'static [(&'static str, &'static str)];

fn set(files: Files) -> Migrations {
    Migrations::embedded("blog", "/nowhere/migrations", "", files)
}

pub(crate) fn sets(files: Files) -> Vec<Set> {
    sets_of([set(files)]).unwrap()
}

async fn empty(engine: Engine) -> Db {
    Db::over(engine.driver().await, Settings::default())
}

pub(crate) async fn run(db: &Db, sets: &[Set], goal: Goal) -> Result<Vec<String>, MigrateError> {
    let mut told = Vec::new();
    let tell = |event| {
        told.push(match event {
            Event::Applied { name, .. } => format!("+{name}"),
            Event::Reverted { name, .. } => format!("-{name}"),
            Event::Adopted { name } => format!("={name}"),
        });
    };
    Runner::new(db, sets, LIMIT).run(&goal, tell).await?;
    Ok(told)
}

async fn tables(db: &Db) -> Vec<String> {
    let mut names = schema::table_names(db.target()).await.unwrap();
    names.retain(|name| name != "mainstay_migrations");
    names.sort();
    names
}

pub(crate) async fn count(db: &Db, query: &str) -> i64 {
    sql(query.to_owned()).rows(db).await.unwrap().first().unwrap().get(0).unwrap()
}

pub(crate) const INITIAL: &str = r#"
after = []

[[operations]]
create_table = "authors"
columns = [
    { name = "id", type = "bigint", generated = true },
    { name = "name", type = "text(60)" },
]
primary_key = ["id"]

[[operations]]
create_table = "books"
columns = [
    { name = "id", type = "bigint", generated = true },
    { name = "title", type = "text(120)" },
    { name = "pages", type = "int", nullable = true },
    { name = "author_id", type = "bigint" },
]
primary_key = ["id"]
indexes = [{ name = "books_author_id_idx", columns = ["author_id"] }]
foreign_keys = [
    { name = "books_author_id_fkey", columns = ["author_id"], to = "authors", keys = ["id"], on_delete = "cascade" },
]
"#;

const SUBTITLE: &str = r#"
after = "0001_initial"

[[operations]]
add_column = "books.subtitle"
type = "text(60)"
fill = "none: it's new"

[[operations]]
rename_column = "books.pages"
to = "length"
"#;

const UNIQUE: &str = r#"
after = "0002_subtitle"

[[operations]]
create_table = "tags"
columns = [{ name = "id", type = "bigint", generated = true }]
primary_key = ["id"]

[[operations]]
add_index = "authors"
name = "authors_name_key"
columns = ["name"]
unique = true
"#;

const THREE: Files = &[("0001_initial", INITIAL), ("0002_subtitle", SUBTITLE), ("0003_unique", UNIQUE)];

pub(crate) async fn add_books(db: &Db) {
    for statement in [
        "INSERT INTO authors (id, name) VALUES (1, 'ann'), (2, 'bob')",
        "INSERT INTO books (id, title, pages, author_id) VALUES (1, 'one', 10, 1), (2, 'two', NULL, 2)",
    ] {
        sql(statement).execute(db).await.unwrap();
    }
}

async fn applies_and_undoes(engine: Engine) {
    let (db, sets) = (empty(engine).await, sets(THREE));
    let runner = Runner::new(&db, &sets, LIMIT);
    assert_eq!(runner.pending().await.unwrap().len(), 3);
    assert_eq!(run(&db, &sets, Goal::To("0001".into())).await.unwrap(), ["+0001_initial"]);
    add_books(&db).await;
    assert_eq!(run(&db, &sets, Goal::Latest).await.unwrap(), ["+0002_subtitle", "+0003_unique"]);
    assert_eq!(run(&db, &sets, Goal::Latest).await.unwrap(), Vec::<String>::new());
    assert_eq!(tables(&db).await, ["authors", "books", "tags"]);
    assert_eq!(count(&db, "SELECT count(*) FROM books WHERE subtitle = 'none: it''s new'").await, 2);
    assert_eq!(count(&db, "SELECT length FROM books WHERE id = 1").await, 10);
    let standings = runner.status().await.unwrap();
    assert!(standings.iter().all(|standing| standing.entry.as_ref().unwrap().state == State::Applied));

    let outlook = runner.outlook(&Goal::Back(2)).await.unwrap();
    let names: Vec<&str> = outlook.iter().map(|planned| planned.name.as_str()).collect();
    assert_eq!(names, ["0003_unique", "0002_subtitle"]);
    assert_eq!(run(&db, &sets, Goal::Back(2)).await.unwrap(), ["-0003_unique", "-0002_subtitle"]);
    assert_eq!(tables(&db).await, ["authors", "books"]);
    assert_eq!(count(&db, "SELECT pages FROM books WHERE id = 1").await, 10);
    assert_eq!(run(&db, &sets, Goal::Nothing).await.unwrap(), ["-0001_initial"]);
    assert_eq!(tables(&db).await, Vec::<String>::new());
    assert!(matches!(
        run(&db, &sets, Goal::To("0009".into())).await.unwrap_err(),
        MigrateError::Unknown { .. }
    ));
}

async fn a_step_that_fails_leaves_nothing_or_goes_on(engine: Engine) {
    let (db, sets) = (empty(engine).await, sets(THREE));
    run(&db, &sets, Goal::To("0002".into())).await.unwrap();
    for id in [1, 2] {
        let insert = format!("INSERT INTO authors (id, name) VALUES ({id}, 'twin')");
        sql(insert).execute(&db).await.unwrap();
    }
    let fault = run(&db, &sets, Goal::Latest).await.unwrap_err();
    let words = fault.to_string();
    assert!(words.contains("migrations/0003_unique.toml:10: add unique index authors_name_key"), "{words}");
    let whole = matches!(db.dialect(), Dialect::Sqlite | Dialect::Postgres);
    if whole {
        assert!(words.contains("nothing of this migration is left"), "{words}");
        assert_eq!(tables(&db).await, ["authors", "books"]);
        assert_eq!(Runner::new(&db, &sets, LIMIT).pending().await.unwrap(), ["0003_unique"]);
    } else {
        assert!(words.contains("1 of 2 statements of this migration have been run"), "{words}");
        let status = Runner::new(&db, &sets, LIMIT).status().await.unwrap();
        assert_eq!(status[2].entry.as_ref().unwrap().state, State::Applying(1));
    }
    sql("DELETE FROM authors WHERE id = 2").execute(&db).await.unwrap();
    assert_eq!(run(&db, &sets, Goal::Latest).await.unwrap(), ["+0003_unique"]);
    assert_eq!(tables(&db).await, ["authors", "books", "tags"]);
}

async fn two_at_once_apply_each_once(engine: Engine) {
    let (db, sets) = (empty(engine).await, sets(THREE));
    let (one, two) = tokio::join!(run(&db, &sets, Goal::Latest), run(&db, &sets, Goal::Latest));
    let mut told = one.unwrap();
    told.extend(two.unwrap());
    told.sort();
    assert_eq!(told, ["+0001_initial", "+0002_subtitle", "+0003_unique"]);
}

const CHANGES: &str = r#"
after = "0001_initial"

[[operations]]
alter_column = "authors.name"
type = "text"
nullable = true

[[operations]]
alter_column = "books.pages"
type = "bigint"
fill = 7
min = "1"

[[operations]]
rename_table = "books"
to = "novels"

[[operations]]
rename_column = "novels.author_id"
to = "writer_id"
"#;

async fn rows_and_references_survive_changes(engine: Engine) {
    let db = empty(engine).await;
    let sets = sets(&[("0001_initial", INITIAL), ("0002_changes", CHANGES)]);
    run(&db, &sets, Goal::To("0001".into())).await.unwrap();
    add_books(&db).await;
    if db.dialect() == Dialect::Sqlite {
        let trigger =
            "CREATE TRIGGER watch AFTER DELETE ON authors BEGIN UPDATE authors SET name = 'gone'; END";
        sql(trigger).execute(&db).await.unwrap();
        sql("CREATE INDEX by_hand ON authors (name)").execute(&db).await.unwrap();
    }
    run(&db, &sets, Goal::Latest).await.unwrap();
    let expected = sets[0].history.schema(&Schema::default()).unwrap();
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
    assert_eq!(count(&db, "SELECT sum(pages) FROM novels").await, 17);
    assert_eq!(count(&db, "SELECT count(*) FROM novels n JOIN authors a ON a.id = n.writer_id").await, 2);
    let refused = sql("INSERT INTO novels (id, title, pages, writer_id) VALUES (3, 'x', 1, 9)");
    refused.execute(&db).await.unwrap_err();
    let refused = sql("INSERT INTO novels (id, title, pages, writer_id) VALUES (3, 'x', 0, 1)");
    refused.execute(&db).await.unwrap_err();
    if db.dialect() != Dialect::Postgres {
        // The engine goes on counting where it was. (PostgreSQL does not count the keys that it is given.)
        sql("INSERT INTO authors (name) VALUES ('cay')").execute(&db).await.unwrap();
        assert_eq!(count(&db, "SELECT max(id) FROM authors").await, 3);
    }
    sql("DELETE FROM authors WHERE id = 2").execute(&db).await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM novels").await, 1);
    if db.dialect() == Dialect::Sqlite {
        assert_eq!(count(&db, "SELECT count(*) FROM authors WHERE name = 'gone'").await, 2);
        assert_eq!(count(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'by_hand'").await, 1);
    }
    sql("DELETE FROM authors WHERE id NOT IN (1)").execute(&db).await.unwrap();
    run(&db, &sets, Goal::Back(1)).await.unwrap();
    let expected = sets[0].history.schema_after(&Schema::default(), |it| it.name == "0001_initial").unwrap();
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
    assert_eq!(count(&db, "SELECT count(*) FROM books").await, 1);
}

const BACKFILL: &str = r#"
after = "0001_initial"

[[operations]]
run = "shout"
reversible = true

[[operations]]
run_sql = "a second author"
up = "INSERT INTO authors (id, name) VALUES (50, 'SQL')"
down = "DELETE FROM authors WHERE id = 50"
"#;

async fn shout(tx: &Tx) -> Result<()> {
    sql("UPDATE authors SET name = upper(name)").execute(tx).await?;
    Ok(())
}

async fn whisper(tx: &Tx) -> Result<()> {
    sql("UPDATE authors SET name = lower(name)").execute(tx).await?;
    Ok(())
}

async fn functions_run_in_their_migration(engine: Engine) {
    let db = empty(engine).await;
    let files: Files = &[("0001_initial", INITIAL), ("0002_backfill", BACKFILL)];
    let unnamed = sets(files);
    let fault = run(&db, &unnamed, Goal::Latest).await.unwrap_err().to_string();
    assert!(fault.contains("migrations/0002_backfill.toml:5: no function is called `shout`"), "{fault}");
    let sets = sets_of([set(files).run("shout", shout, whisper)]).unwrap();
    run(&db, &sets, Goal::To("0001".into())).await.unwrap();
    sql("INSERT INTO authors (id, name) VALUES (1, 'ann')").execute(&db).await.unwrap();
    run(&db, &sets, Goal::Latest).await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM authors WHERE name IN ('ANN', 'SQL')").await, 2);
    run(&db, &sets, Goal::Back(1)).await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM authors").await, 1);
}

async fn wait_for_ever(_: &Tx) -> Result<()> {
    std::future::pending().await
}

async fn a_migration_that_is_dropped_gives_its_lock_back(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let url = engine.lasting_url(folder.path()).await;
    // Two handles, as two processes have them: what one keeps, the other waits for.
    let (db, other) = (Db::open(&url).await.unwrap(), Db::open(&url).await.unwrap());
    let files: Files = &[("0001_initial", INITIAL), ("0002_backfill", BACKFILL)];
    let stuck = sets_of([set(files).run("shout", wait_for_ever, wait_for_ever)]).unwrap();
    tokio::time::timeout(Duration::from_secs(2), run(&db, &stuck, Goal::Latest)).await.unwrap_err();
    let (sets, mut told) = (sets_of([set(files).run("shout", shout, whisper)]).unwrap(), Vec::new());
    let next = Runner::new(&other, &sets, Duration::from_secs(5));
    next.run(&Goal::Latest, |event| told.push(event)).await.unwrap();
    assert!(matches!(&*told, [Event::Applied { name, .. }] if name == "0002_backfill"), "{told:?}");
    other.close().await;
    db.close().await;
}

async fn tables_that_are_there_are_adopted(engine: Engine) {
    let (db, sets) = (empty(engine).await, sets(&[("0001_initial", INITIAL)]));
    let made = sets[0].history.schema(&Schema::default()).unwrap();
    for table in &made.tables {
        for statement in table.create(db.dialect(), schema::Existing::Refuse) {
            sql(statement).execute(&db).await.unwrap();
        }
    }
    assert_eq!(run(&db, &sets, Goal::Latest).await.unwrap(), ["=0001_initial"]);
    add_books(&db).await;
}

async fn an_edited_migration_is_refused(engine: Engine) {
    let db = empty(engine).await;
    run(&db, &sets(&[("0001_initial", INITIAL)]), Goal::Latest).await.unwrap();
    let edited = INITIAL.replace("text(60)", "text(61)");
    let edited = sets(Box::leak(Box::new([("0001_initial", &*edited.leak())])));
    let fault = run(&db, &edited, Goal::Latest).await.unwrap_err();
    assert!(matches!(fault, MigrateError::Edited { .. }), "{fault}");
    let runner = Runner::new(&db, &edited, LIMIT);
    assert!(runner.status().await.unwrap()[0].edited);
    runner.adopt(None, |_| ()).await.unwrap();
    assert_eq!(run(&db, &edited, Goal::Latest).await.unwrap(), Vec::<String>::new());
}

fn written(name: &str, after: &[&str], steps: Vec<Operation>) -> (&'static str, &'static str) {
    let operations = steps.into_iter().map(|operation| file::Located { line: 0, operation }).collect();
    let after = after.iter().map(|name| (*name).to_owned()).collect();
    let migration = Migration { name: name.to_owned(), file: String::new(), after, operations };
    (name.to_owned().leak(), text::write_migration(&migration, &[]).leak())
}

/// Leads an empty database from each of these schemas to the next one, and all the way back, by what the differ finds, written
/// to files and read from them.
pub(super) async fn walk(db: &Db, schemas: &[Schema]) {
    let mut files = Vec::new();
    let mut before = Schema::default();
    for (number, schema) in schemas.iter().enumerate() {
        let steps = diff::diff(&before, schema, &mut Decisions::default());
        let steps = steps.unwrap_or_else(|open| panic!("{open:?}"));
        let name = |number: usize| format!("{number:04}_step");
        let after: Vec<String> = number.checked_sub(1).map(|before| name(before + 1)).into_iter().collect();
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        files.push(written(&name(number + 1), &after, steps));
        before = schema.clone();
    }
    let sets = sets(files.leak());
    assert_eq!(sets[0].history.schema(&Schema::default()).unwrap().sorted(), before.sorted());
    for (number, schema) in schemas.iter().enumerate() {
        run(db, &sets, Goal::To(format!("{:04}", number + 1))).await.unwrap();
        assert_eq!(schema::differences(schema, db.target()).await.unwrap(), Vec::<String>::new());
    }
    for schema in schemas.iter().rev().skip(1) {
        run(db, &sets, Goal::Back(1)).await.unwrap();
        assert_eq!(schema::differences(schema, db.target()).await.unwrap(), Vec::<String>::new());
    }
    run(db, &sets, Goal::Nothing).await.unwrap();
    assert_eq!(tables(db).await, Vec::<String>::new());
}

/// What the differ finds, written to a file and read from it, leads a real database to a schema and back to the other. The
/// property tests in `migrations/random.rs` try far more pairs on SQLite.
async fn any_schema_becomes_any_other(engine: Engine) {
    let db = empty(engine).await;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..12 {
        let (from, to) = (random::schema(), random::schema()).new_tree(&mut runner).unwrap().current();
        let first = written("0001_from", &[], random::steps(&Schema::default(), &from));
        let second = written("0002_to", &["0001_from"], random::steps(&from, &to));
        let sets = sets(Box::leak(Box::new([first, second])));
        for (goal, expected) in [
            (Goal::To("0001".into()), &from),
            (Goal::Latest, &to),
            (Goal::Back(1), &from),
            (Goal::Latest, &to),
            (Goal::Nothing, &Schema::default()),
        ] {
            let done = run(&db, &sets, goal.clone()).await;
            done.unwrap_or_else(|fault| panic!("{goal:?}: {fault}\n{}\n{}", first.1, second.1));
            let differences = schema::differences(expected, db.target()).await.unwrap();
            assert!(differences.is_empty(), "{goal:?}: {differences:?}\n{}\n{}", first.1, second.1);
            let mut names: Vec<String> = expected.tables.iter().map(|table| table.name.clone()).collect();
            names.sort();
            assert_eq!(tables(&db).await, names);
        }
    }
}

async fn models_are_printed_from_a_database(engine: Engine) {
    let (db, sets) = (empty(engine).await, sets(&[("0001_initial", INITIAL)]));
    run(&db, &sets, Goal::Latest).await.unwrap();
    let mut live = schema::live(db.target()).await.unwrap().recognised(db.dialect());
    live.tables.retain(|table| table.name == "books");
    let source = schema::source(&live);
    for expected in [
        "#[model(table = \"books\")]\npub struct Book {",
        "    pub id: i64,",
        "    #[belongs_to(on_delete = cascade)]\n    pub author: BelongsTo<Author>,",
    ] {
        assert!(source.contains(expected), "{expected}\n---\n{source}");
    }
    // SQLite has one type for integers, and none for texts of a length.
    let typed = if db.dialect() == Dialect::Sqlite {
        ["pub pages: Option<i64>,", "    pub title: String,"]
    } else {
        ["pub pages: Option<i32>,", "    #[field(max_length = 120)]\n    pub title: String,"]
    };
    assert!(typed.iter().all(|expected| source.contains(expected)), "{source}");
}
