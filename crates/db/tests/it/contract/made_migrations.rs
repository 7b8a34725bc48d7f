//! Migrations as `makemigrations` writes them, on real databases.

use std::path::Path;
use std::time::Duration;

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Module, Profile};
use mainstay_db::meta::meta_of;
use mainstay_db::migrate::make::Folder;
use mainstay_db::migrate::set::{Set, sets_of};
use mainstay_db::migrate::{Decisions, Goal, Migrations};
use mainstay_db::{Db, Dialect, Executor, ModelMeta, ModelsExt, Settings, schema, sql};

use super::migrations::{INITIAL, add_books, count, run, sets};
use super::{Engine, suite};

suite!(
    a_new_name_keeps_the_rows,
    a_part_of_a_new_name_keeps_the_rows,
    an_index_is_built_beside_those_who_write,
    an_index_that_could_not_be_built_is_built_again,
    a_statement_may_take_as_long_as_a_migration,
);

mod before {
    use mainstay_db::model;

    #[model]
    pub(super) struct Post {
        pub id: i64,
        #[field(max_length = 40, index)]
        pub name: String,
    }
}

mod after {
    use mainstay_db::model;

    #[model]
    #[renamed_from(posts)]
    pub(super) struct Article {
        pub id: i64,
        #[field(max_length = 40, index)]
        #[renamed_from(name)]
        pub title: String,
    }
}

mod parts {
    use mainstay_db::{embedded, model};

    #[embedded]
    pub(super) struct Place {
        #[field(max_length = 40)]
        pub street: String,
        #[field(max_length = 40)]
        pub city: String,
    }

    #[embedded]
    pub(super) struct Address {
        #[field(max_length = 40)]
        #[renamed_from(street)]
        pub road: String,
        #[field(max_length = 40, default = "Bonn")]
        pub city: String,
        #[field(max_length = 2, default = "DE")]
        pub country: String,
    }

    #[model(table = "customers")]
    pub(super) struct Before {
        pub id: i64,
        #[embedded]
        pub invoice: Place,
        #[embedded]
        pub shipping: Option<Place>,
    }

    #[model(table = "customers")]
    pub(super) struct After {
        pub id: i64,
        #[embedded]
        #[renamed_from(invoice)]
        pub billing: Address,
        #[embedded(prefix = "to_")]
        #[renamed_from("shipping_")]
        pub delivery: Option<Place>,
    }
}

/// The migrations of a folder, as a program that is built then has them.
pub(super) fn embedded(folder: &Path) -> Vec<Set> {
    let mut files: Vec<(&'static str, &'static str)> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        files.push((path.file_stem().unwrap().to_str().unwrap().to_owned().leak(), text.leak()));
    }
    files.sort_unstable();
    let place = folder.to_str().unwrap().to_owned().leak();
    sets_of([Migrations::embedded("blog", place, "", files.leak())]).unwrap()
}

/// Writes the next migration into the folder. Returns its steps.
pub(super) fn make(folder: &Path, models: &[&'static ModelMeta]) -> Vec<String> {
    let sets = embedded(folder);
    let made = Folder::read(&sets[0]).unwrap().next(models, None, &mut Decisions::default()).unwrap();
    let Some(made) = made else { return Vec::new() };
    std::fs::write(folder.join(format!("{}.toml", made.migration.name)), made.text).unwrap();
    made.notes.into_iter().map(|note| note.what).collect()
}

async fn a_new_name_keeps_the_rows(engine: Engine) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let db = Db::over(engine.driver().await, Settings::default());
    make(&folder, &[meta_of::<before::Post>()]);
    run(&db, &embedded(&folder), Goal::Latest).await.unwrap();
    before::NewPost { name: "kept".into() }.insert(&db).await.unwrap();

    let steps = make(&folder, &[meta_of::<after::Article>()]);
    let renames = steps.iter().filter(|step| step.starts_with("rename")).count();
    assert!(renames >= 2 && !steps.iter().any(|step| step.starts_with("drop table")), "{steps:?}");
    let sets = embedded(&folder);
    run(&db, &sets, Goal::Latest).await.unwrap();
    assert_eq!(after::Article::query().one(&db).await.unwrap().title, "kept");
    let expected = schema::Schema::of_models(&[meta_of::<after::Article>()]);
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
    // What the model was called before says nothing any more.
    assert_eq!(make(&folder, &[meta_of::<after::Article>()]), Vec::<String>::new());

    run(&db, &sets, Goal::Back(1)).await.unwrap();
    assert_eq!(before::Post::query().one(&db).await.unwrap().name, "kept");
}

async fn a_part_of_a_new_name_keeps_the_rows(engine: Engine) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let db = Db::over(engine.driver().await, Settings::default());
    make(&folder, &[meta_of::<parts::Before>()]);
    run(&db, &embedded(&folder), Goal::Latest).await.unwrap();
    let place = || parts::Place { street: "Main".into(), city: "Ulm".into() };
    parts::NewBefore { invoice: place() }.shipping(place()).insert(&db).await.unwrap();
    parts::NewBefore { invoice: place() }.insert(&db).await.unwrap();

    let steps = make(&folder, &[meta_of::<parts::After>()]);
    assert!(!steps.iter().any(|step| step.starts_with("drop column")), "{steps:?}");
    let sets = embedded(&folder);
    run(&db, &sets, Goal::Latest).await.unwrap();
    let rows = parts::After::query().order_by(|c| c.id).all(&db).await.unwrap();
    let billing = parts::Address { road: "Main".into(), city: "Ulm".into(), country: "DE".into() };
    assert_eq!((&rows[0].billing, &rows[0].delivery), (&billing, &Some(place())));
    assert_eq!((&rows[1].billing, &rows[1].delivery), (&billing, &None));
    let expected = schema::Schema::of_models(&[meta_of::<parts::After>()]);
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
    assert_eq!(make(&folder, &[meta_of::<parts::After>()]), Vec::<String>::new());

    run(&db, &sets, Goal::Back(1)).await.unwrap();
    let rows = parts::Before::query().order_by(|c| c.id).all(&db).await.unwrap();
    assert_eq!((&rows[0].shipping, &rows[1].shipping), (&Some(place()), &None));
}

pub(crate) const BESIDE: &str = r#"
after = "0001_initial"

[[operations]]
add_index = "books"
name = "books_title_key"
columns = ["title"]
unique = true
concurrently = true
"#;

async fn is_unique(db: &Db) -> bool {
    let twin = "INSERT INTO books (id, title, author_id) VALUES (3, 'one', 1)";
    let refused = sql(twin).execute(db).await.is_err();
    sql("DELETE FROM books WHERE id = 3").execute(db).await.unwrap();
    refused
}

async fn an_index_is_built_beside_those_who_write(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let sets = sets(&[("0001_initial", INITIAL), ("0002_beside", BESIDE)]);
    run(&db, &sets, Goal::To("0001".into())).await.unwrap();
    add_books(&db).await;
    if db.dialect() == Dialect::Postgres {
        // The index waits for whoever has written and not committed, and nobody waits for the index.
        let writer = db.begin().await.unwrap();
        sql("UPDATE books SET pages = 11 WHERE id = 1").execute(&writer).await.unwrap();
        let (build, write) = tokio::join!(run(&db, &sets, Goal::Latest), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let write = sql("UPDATE books SET pages = 12 WHERE id = 2");
            let written = tokio::time::timeout(Duration::from_secs(5), write.execute(&db)).await;
            writer.commit().await.unwrap();
            written
        });
        assert_eq!((build.unwrap(), write.unwrap().unwrap()), (vec!["+0002_beside".to_owned()], 1));
    } else {
        run(&db, &sets, Goal::Latest).await.unwrap();
    }
    assert!(is_unique(&db).await);
    run(&db, &sets, Goal::Back(1)).await.unwrap();
    assert!(!is_unique(&db).await);
}

async fn an_index_that_could_not_be_built_is_built_again(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let sets = sets(&[("0001_initial", INITIAL), ("0002_beside", BESIDE)]);
    run(&db, &sets, Goal::To("0001".into())).await.unwrap();
    add_books(&db).await;
    sql("UPDATE books SET title = 'one'").execute(&db).await.unwrap();
    let fault = run(&db, &sets, Goal::Latest).await.unwrap_err().to_string();
    assert!(fault.contains("0002_beside.toml:5: add unique index books_title_key"), "{fault}");
    sql("UPDATE books SET title = 'two' WHERE id = 2").execute(&db).await.unwrap();
    assert_eq!(run(&db, &sets, Goal::Latest).await.unwrap(), ["+0002_beside"]);
    assert!(is_unique(&db).await);
    let expected = sets[0].history.schema(&schema::Schema::default()).unwrap();
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
}

async fn a_statement_may_take_as_long_as_a_migration(engine: Engine) {
    let home = tempfile::tempdir().unwrap();
    let url = engine.lasting_url(home.path()).await;
    let wait = match Db::open(&url).await.unwrap().dialect() {
        Dialect::Sqlite => "SELECT 1",
        Dialect::Postgres => "SELECT pg_sleep(2)",
        _ => "SELECT SLEEP(2)",
    };
    let step = format!("[[operations]]\nrun_sql = \"wait\"\nup = \"{wait}\"\nnothing_to_undo = true\n");
    let text = format!("after = []\n\n{step}").leak();
    let migrations =
        Migrations::embedded("blog", "/nowhere/migrations", "", vec![("0001_wait", &*text)].leak());
    let app = App::new()
        .module(Module::new("blog").migrations(migrations))
        .profile(Profile::Test)
        .set("log.level", "off")
        .set("database.url", url.as_str())
        .set("database.statement_timeout", "1s");
    let assembly = app.assemble(Sources::isolated().home(home.path()));
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
    let started = assembly.start(Services::Background).await;
    let started = started.unwrap_or_else(|faults| panic!("{}", faults[0].report()));
    let db = assembly.resolver().get::<Db>().await.unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM mainstay_migrations WHERE state = 'applied'").await, 1);
    // The application's own statements are held to their limit.
    let own = sql(wait).execute(&*db).await;
    assert_eq!(own.is_err(), db.dialect() != Dialect::Sqlite, "{own:?}");
    started.stop().await;
}
