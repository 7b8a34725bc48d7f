//! The database as a part of an application.

use std::path::Path;
use std::sync::Arc;

use mainstay_core::assembly::Assembly;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::{Hook, Services};
use mainstay_core::{App, CoreContributions, Inject, Module, Profile, Result};
use mainstay_db::{Db, Migrations, ModelsExt, model, models};

use crate::blog::{Article, ArticleTag, Comment, NewUser, Tag, User};

fn blog() -> Module {
    Module::new("blog").models(models![Article, ArticleTag, Comment, Tag]).models(models![User, Tag])
}

async fn fill(db: Inject<Db>) -> Result<()> {
    NewUser { name: "ann".into() }.insert(&db).await?;
    Ok(())
}

fn assemble(app: App, home: &Path, profile: Profile) -> Arc<Assembly> {
    app.profile(profile).set("log.level", "off").assemble(Sources::isolated().home(home))
}

fn faults(assembly: &Assembly) -> String {
    assembly.findings().to_string()
}

async fn users(assembly: &Arc<Assembly>) -> u64 {
    let db = assembly.resolver().get::<Db>().await.unwrap();
    User::query().count(&db).await.unwrap()
}

#[tokio::test]
async fn makes_tables_and_fills_them_once_in_development() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let app = App::new().module(blog().seed("people", fill));
        let assembly = assemble(app, home.path(), Profile::Development);
        assert!(assembly.findings().is_empty(), "{}", faults(&assembly));
        let started = assembly.start(Services::Background).await.unwrap();
        assert_eq!(users(&assembly).await, 1);
        started.stop().await;
    }
    assert!(home.path().join("data/app.db").exists());
}

#[model]
struct Device {
    id: i64,
}

/// A library that has rows of its own before anybody comes.
fn devices() -> Module {
    async fn remember(db: Inject<Db>) -> Result<()> {
        NewDevice {}.insert(&db).await.map(drop)
    }
    let migrations = Migrations::embedded("devices", "/nowhere", "src/lib.rs", &[]).of_library();
    let module = Module::new("devices").models(models![Device]).migrations(migrations);
    module.hook(Hook::on_start("remember this device", remember))
}

#[tokio::test]
async fn rows_of_a_library_keep_nobody_from_filling_the_database() {
    let home = tempfile::tempdir().unwrap();
    let library = assemble(App::new().module(devices()), home.path(), Profile::Development);
    library.start(Services::Background).await.unwrap().stop().await;
    let app = App::new().module(devices()).module(blog().seed("people", fill));
    let assembly = assemble(app, home.path(), Profile::Development);
    let started = assembly.start(Services::Background).await.unwrap();
    assert_eq!(users(&assembly).await, 1);
    started.stop().await;
}

#[tokio::test]
async fn a_test_gets_tables_and_no_seeds() {
    let home = tempfile::tempdir().unwrap();
    let app = App::new().module(blog().seed("people", fill)).set("database.url", "sqlite::memory:");
    let assembly = assemble(app, home.path(), Profile::Test);
    let started = assembly.start(Services::Background).await.unwrap();
    assert_eq!(users(&assembly).await, 0);
    started.stop().await;
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn production_says_which_tables_are_missing_and_makes_none() {
    let home = tempfile::tempdir().unwrap();
    let app = || App::new().module(blog()).set("keys.secret", "0123456789abcdef0123456789abcdef");
    let assembly = assemble(app(), home.path(), Profile::Production);
    let faults = assembly.start(Services::Background).await.err().unwrap();
    let text = faults.iter().map(mainstay_core::Error::report).collect::<Vec<_>>().join("\n");
    assert!(text.contains("error[db.E011]: the table `articles` of `Article` does not exist"), "{text}");
    assert!(text.contains("`users`") && text.contains("database.auto_create = true"), "{text}");

    let assembly = assemble(app().set("database.auto_create", "true"), home.path(), Profile::Production);
    let started = assembly.start(Services::Background).await.unwrap();
    assert_eq!(users(&assembly).await, 0);
    started.stop().await;
}

#[tokio::test]
async fn says_how_a_table_differs_from_its_model() {
    let home = tempfile::tempdir().unwrap();
    let table = "CREATE TABLE tags (id INTEGER PRIMARY KEY, color TEXT NOT NULL)";
    let articles = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, password_hash TEXT NOT NULL,
                                        active TEXT NOT NULL)";
    std::fs::create_dir(home.path().join("data")).unwrap();
    let file = rusqlite::Connection::open(home.path().join("data/app.db")).unwrap();
    file.execute_batch(&format!("{table}; {articles}")).unwrap();
    let assembly = assemble(App::new().module(blog()), home.path(), Profile::Development);
    let faults = assembly.start(Services::Background).await.err().unwrap();
    let text = faults.iter().map(mainstay_core::Error::report).collect::<Vec<_>>().join("\n");
    for expected in [
        "the table `tags` has no column for `Tag.name`",
        "the table `tags` demands a value for `color`, which `Tag` does not have",
        "ALTER TABLE \"tags\" DROP COLUMN \"color\";",
        "the column `users.name` may be NULL, and `User.name` is no `Option`",
        "the column `users.active` is `TEXT`; `User.active` needs `INTEGER`",
        "ALTER TABLE \"users\" ADD COLUMN \"score\" REAL;",
        "tests/it/blog.rs:",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
}

#[tokio::test]
async fn an_address_of_no_known_engine_is_a_finding() {
    let home = tempfile::tempdir().unwrap();
    let app = App::new().module(blog()).set("database.url", "oracle://x");
    let assembly = assemble(app, home.path(), Profile::Test);
    assert!(
        faults(&assembly).contains("names no known engine; the known ones are: `sqlite:`"),
        "{}",
        faults(&assembly)
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_keeps_the_application_from_starting() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("data/app.db")).unwrap();
    let assembly = assemble(App::new().module(blog()), home.path(), Profile::Development);
    let faults = assembly.start(Services::Background).await.err().unwrap();
    assert_eq!(faults.len(), 1);
    let text = faults[0].report();
    assert!(text.contains("opening the database") && text.contains("cannot be opened"), "{text}");
}

mod broken {
    use super::model;
    use mainstay_db::embedded;
    use mainstay_db::{BelongsTo, HasMany, HasOne};

    #[model]
    pub(super) struct Owner {
        pub id: i64,
        #[has_many]
        pub things: HasMany<Thing>,
        #[has_many]
        pub doubles: HasMany<Double>,
        #[has_one(by = one)]
        pub double: HasOne<Double>,
    }

    #[model]
    pub(super) struct Thing {
        pub id: i64,
        #[field(column = "name")]
        pub title: String,
        pub name: String,
    }

    #[embedded]
    pub(super) struct Place {
        pub city: String,
    }

    #[model]
    pub(super) struct Twice {
        pub id: i64,
        #[embedded(prefix = "")]
        pub billing: Place,
        #[embedded(prefix = "")]
        pub shipping: Place,
    }

    #[model(table = "things")]
    pub(super) struct Double {
        pub id: i64,
        #[belongs_to]
        pub one: BelongsTo<Owner>,
        #[belongs_to]
        pub two: BelongsTo<Owner>,
    }
}

#[tokio::test]
async fn finds_what_is_wrong_with_models() {
    use broken::{Double, Owner, Thing, Twice};
    let home = tempfile::tempdir().unwrap();
    let app = App::new().module(Module::new("m").models(models![Owner, Thing, Double, Twice]));
    let text = faults(&assemble(app, home.path(), Profile::Test));
    for expected in [
        "error[db.E002]: the relation `Owner.things` does not work: `Thing` has no `#[belongs_to]` relation to `Owner`",
        "error[db.E002]: the relation `Owner.doubles` does not work: `Double` has several relations to `Owner`",
        "warning[db.W009]: `Owner.double` is one row, and nothing keeps several `Double` from belonging to one `Owner`",
        "put `#[field(unique)]` above `Double.one`",
        "error[db.E003]: `Thing` and `Double` have the same table, `things`",
        "error[db.E004]: `Thing.title` and `name` have the same column, `name`",
        "error[db.E004]: `Twice.billing.city` and `shipping.city` have the same column, `city`",
        "let the columns of `shipping` begin with something else: #[embedded(prefix = \"shipping_\")]",
        "tests/it/app.rs:",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
    let app = App::new().module(Module::new("m").models(models![Comment]));
    let text = faults(&assemble(app, home.path(), Profile::Test));
    assert!(
        text.contains("error[db.E001]: `Comment.article` leads to `Article`, which no module has"),
        "{text}"
    );
    assert!(text.contains(".models(models![Article])"), "{text}");
}

mod demanding {
    use super::model;
    use mainstay_db::Decimal;

    #[model]
    #[unique(code, where = "level > 0")]
    #[index(expression = "lower(name)")]
    #[index(tags, using = "gin")]
    pub(super) struct Demanding {
        pub id: i64,
        pub code: String,
        pub level: i32,
        #[field(unique)]
        pub name: String,
        #[field(index)]
        pub digest: Vec<u8>,
        pub tags: Vec<String>,
        #[field(precision = 70, scale = 2)]
        pub price: Decimal,
        #[field(column = "a_name_that_is_much_longer_than_what_any_engine_takes_for_a_column")]
        pub long: i32,
        #[field(generated = "level + 1")]
        pub next: i32,
        #[field(generated = "next + id")]
        pub after: i64,
    }
}

/// What an engine lacks is known by the address of the database, before anybody has reached it, and keeps the application from
/// starting.
#[tokio::test]
async fn says_before_it_starts_what_the_engine_lacks() {
    let home = tempfile::tempdir().unwrap();
    let found = |url: &str| {
        let app = App::new().models(models![demanding::Demanding]).set("database.url", url);
        let assembly = assemble(app, home.path(), Profile::Development);
        assert!(assembly.findings().has_errors(), "{}", faults(&assembly));
        let mut ids: Vec<&str> = assembly.findings().iter().map(|finding| finding.id).collect();
        ids.sort_unstable();
        ids.dedup();
        (ids.join(" "), faults(&assembly))
    };
    let (ids, text) = found("mysql://nobody@127.0.0.1:1/nothing");
    assert_eq!(ids, "db.E020 db.E021 db.E022 db.E023 db.E024 db.E026 db.E027", "{text}");
    assert!(text.contains("tests/it/app.rs:") && text.contains("make it a `Json<Vec<…>>`"), "{text}");
    let (ids, text) = found("postgres://nobody@127.0.0.1:1/nothing");
    assert_eq!(ids, "db.E022 db.E027", "{text}");
    let (ids, text) = found("sqlite::memory:");
    assert_eq!(ids, "db.E021 db.E026", "{text}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
