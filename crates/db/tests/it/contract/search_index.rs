//! The index that rows are found by: made, changed, dropped, and kept right whatever happens to its table.

use std::path::Path;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mainstay_db::meta::meta_of;
use mainstay_db::migrate::Goal;
use mainstay_db::transfer::{self, Chosen, Source};
use mainstay_db::{BelongsTo, Db, Dialect, Executor, ModelMeta, Settings, model, schema, sql};

use super::made_migrations::{embedded, make};
use super::migrations::{INITIAL, add_books, run, sets};
use super::search::{NewNote, NewPaper, Note, Paper};
use super::{Engine, suite};

suite!(
    migrations_add_change_and_drop_it,
    a_table_that_is_written_anew_keeps_it,
    it_is_made_for_rows_that_are_there,
    its_index_is_built_beside_those_who_write,
    it_is_printed_with_the_model,
    rows_that_go_with_others_leave_it,
    rows_that_are_deleted_softly_stay_in_it,
    a_dump_brings_it_back,
);

/// The same table, as time goes by.
macro_rules! versions {
    ($($module:ident { $($model:item)* })*) => {
        $(mod $module {
            use mainstay_db::model;
            $($model)*
        })*
    };
}

versions! {
    plain {
        #[model(table = "posts")]
        pub(super) struct Post { pub id: i64, pub title: String, pub body: Option<String> }
    }
    by_title {
        #[model(table = "posts")]
        #[search(title)]
        pub(super) struct Post { pub id: i64, pub title: String, pub body: Option<String> }
    }
    by_both {
        #[model(table = "posts")]
        #[search(body, title, language = "english")]
        pub(super) struct Post { pub id: i64, pub title: String, pub body: Option<String> }
    }
    renamed {
        #[model(table = "articles")]
        #[renamed_from(posts)]
        #[search(text, title, language = "english")]
        pub(super) struct Article {
            pub id: i64,
            pub title: String,
            #[renamed_from(body)]
            pub text: Option<String>,
        }
    }
    unsearched {
        #[model(table = "articles")]
        pub(super) struct Article { pub id: i64, pub title: String, pub text: Option<String> }
    }
    limited {
        #[model(table = "posts")]
        #[search(body, title, language = "english")]
        pub(super) struct Post {
            pub id: i64,
            #[field(max_length = 80)]
            pub title: String,
            #[field(max_length = 5000)]
            pub body: Option<String>,
            pub source: Option<String>,
        }
    }
}

async fn fits(models: &[&'static ModelMeta], db: &Db) {
    let expected = schema::Schema::of_models(models);
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
}

async fn step(folder: &Path, db: &Db, model: &'static ModelMeta) -> Vec<String> {
    let steps = make(folder, &[model]);
    run(db, &embedded(folder), Goal::Latest).await.unwrap();
    fits(&[model], db).await;
    steps
}

async fn migrations_add_change_and_drop_it(engine: Engine) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let db = Db::over(engine.driver().await, Settings::default());
    step(&folder, &db, meta_of::<plain::Post>()).await;
    plain::NewPost { title: "Herons".into() }.body("They stand.".to_owned()).insert(&db).await.unwrap();

    let added = step(&folder, &db, meta_of::<by_title::Post>()).await;
    assert_eq!(added, ["add search posts_search on posts (title)"]);
    let by_title = async |words: &str| by_title::Post::query().search(words).count(&db).await.unwrap();
    assert_eq!((by_title("herons").await, by_title("stand").await), (1, 0));
    by_title::NewPost { title: "Egrets".into() }.body("They fly.".to_owned()).insert(&db).await.unwrap();
    assert_eq!(by_title("egrets").await, 1);

    let changed = step(&folder, &db, meta_of::<by_both::Post>()).await;
    assert_eq!(
        changed,
        ["drop index posts_search on posts", "add search posts_search on posts (body, title)"]
    );
    let by_both = async |words: &str| by_both::Post::query().search(words).count(&db).await.unwrap();
    assert_eq!((by_both("herons stand").await, by_both("fly").await), (1, 1));

    // The names follow, and so does what is written from now on.
    step(&folder, &db, meta_of::<renamed::Article>()).await;
    let renamed = async |words: &str| renamed::Article::query().search(words).count(&db).await.unwrap();
    assert_eq!((renamed("herons stand").await, renamed("egrets").await), (1, 1));
    let mut egrets = renamed::Article::filter(|a| a.matches("egrets")).one(&db).await.unwrap();
    egrets.update(|a| a.text("They wade.".to_owned()), &db).await.unwrap();
    assert_eq!((renamed("fly").await, renamed("wade").await), (0, 1));

    let dropped = step(&folder, &db, meta_of::<unsearched::Article>()).await;
    assert_eq!(dropped, ["drop index articles_search on articles"]);
    unsearched::NewArticle { title: "Storks".into() }.insert(&db).await.unwrap();

    // And all the way back.
    let sets = embedded(&folder);
    let back = async |to: &str, model: &'static ModelMeta| {
        run(&db, &sets, Goal::To(to.into())).await.unwrap();
        fits(&[model], &db).await;
    };
    back("0004", meta_of::<renamed::Article>()).await;
    assert_eq!((renamed("storks").await, renamed("wade").await), (1, 1));
    back("0003", meta_of::<by_both::Post>()).await;
    assert_eq!((by_both("storks").await, by_both("egrets wade").await), (1, 1));
    back("0002", meta_of::<by_title::Post>()).await;
    assert_eq!((by_title("storks").await, by_title("wade").await), (1, 0));
    back("0001", meta_of::<plain::Post>()).await;
    assert_eq!(plain::Post::query().count(&db).await.unwrap(), 3);
    run(&db, &sets, Goal::Nothing).await.unwrap();
    let left = schema::table_names(db.target()).await.unwrap();
    assert!(!left.iter().any(|name| name.starts_with("posts")), "{left:?}");
}

async fn a_table_that_is_written_anew_keeps_it(engine: Engine) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let db = Db::over(engine.driver().await, Settings::default());
    step(&folder, &db, meta_of::<by_both::Post>()).await;
    by_both::NewPost { title: "Herons".into() }.insert(&db).await.unwrap();
    if db.dialect() == Dialect::Sqlite {
        // What somebody has added by hand stays too.
        sql("CREATE TABLE seen (title TEXT)").execute(&db).await.unwrap();
        let trigger =
            "CREATE TRIGGER seen_posts AFTER INSERT ON posts BEGIN INSERT INTO seen VALUES (new.title); END";
        sql(trigger).execute(&db).await.unwrap();
    }
    step(&folder, &db, meta_of::<limited::Post>()).await;
    limited::NewPost { title: "Egrets".into() }.body("They fly.".to_owned()).insert(&db).await.unwrap();
    let found = async |words: &str| limited::Post::query().search(words).count(&db).await.unwrap();
    assert_eq!((found("herons").await, found("egrets fly").await), (1, 1));
    run(&db, &embedded(&folder), Goal::Back(1)).await.unwrap();
    fits(&[meta_of::<by_both::Post>()], &db).await;
    assert_eq!(by_both::Post::query().search("herons OR egrets").count(&db).await.unwrap(), 2);
    if db.dialect() == Dialect::Sqlite {
        let seen: Vec<(String,)> = sql("SELECT title FROM seen").fetch(&db).await.unwrap();
        assert_eq!(seen, [("Egrets".to_owned(),)]);
        sql("VACUUM").execute(&db).await.unwrap();
        let check = "INSERT INTO posts_search (posts_search, rank) VALUES ('integrity-check', 1)";
        sql(check).execute(&db).await.unwrap();
    }
}

async fn it_is_made_for_rows_that_are_there(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<plain::Post>()], &db).await.unwrap();
    plain::NewPost { title: "Herons".into() }.insert(&db).await.unwrap();
    let lacks = schema::missing_tables(&[meta_of::<by_both::Post>()], &db).await.unwrap();
    assert!(
        lacks.len() == 1 && lacks[0].message.contains("the index `posts_search` is not there"),
        "{lacks:?}"
    );
    let created = schema::create_tables(&[meta_of::<by_both::Post>()], &db).await.unwrap();
    assert!(created.tables.is_empty() && created.findings.is_empty());
    assert_eq!(by_both::Post::query().search("herons").count(&db).await.unwrap(), 1);
    fits(&[meta_of::<by_both::Post>()], &db).await;
    // Another search is not taken for it.
    let other = schema::missing_tables(&[meta_of::<by_title::Post>()], &db).await.unwrap();
    assert!(other.len() == 1 && other[0].message.contains("or another one"), "{other:?}");
    // A model without a search has nothing against it, and writes as before.
    fits(&[meta_of::<plain::Post>()], &db).await;
    plain::NewPost { title: "Egrets".into() }.insert(&db).await.unwrap();
    if db.dialect() == Dialect::Sqlite {
        // Half an index is none: it is made whole.
        sql("DROP TRIGGER posts_search_insert").execute(&db).await.unwrap();
        plain::NewPost { title: "Storks".into() }.insert(&db).await.unwrap();
        let lacks = schema::missing_tables(&[meta_of::<by_both::Post>()], &db).await.unwrap();
        assert_eq!(lacks.len(), 1, "{lacks:?}");
        schema::create_tables(&[meta_of::<by_both::Post>()], &db).await.unwrap();
        assert_eq!(by_both::Post::query().search("storks").count(&db).await.unwrap(), 1);
    }
}

const BESIDE: &str = r#"
after = "0001_initial"

[[operations]]
add_index = "books"
name = "books_search"
columns = ["title"]
search = "english"
concurrently = true
"#;

async fn its_index_is_built_beside_those_who_write(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let sets = sets(&[("0001_initial", INITIAL), ("0002_beside", BESIDE)]);
    run(&db, &sets, Goal::To("0001".into())).await.unwrap();
    add_books(&db).await;
    run(&db, &sets, Goal::Latest).await.unwrap();
    let expected = sets[0].history.schema(&schema::Schema::default()).unwrap();
    assert_eq!(schema::differences(&expected, db.target()).await.unwrap(), Vec::<String>::new());
    run(&db, &sets, Goal::Back(1)).await.unwrap();
    let live = schema::live(db.target()).await.unwrap();
    assert!(live.table("books").unwrap().index("books_search").is_none());
}

async fn it_is_printed_with_the_model(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<by_both::Post>()], &db).await.unwrap();
    let live = schema::live(db.target()).await.unwrap().recognised(db.dialect());
    let source = schema::source(&live);
    // MySQL knows no language.
    let language = if matches!(db.dialect(), Dialect::MySql | Dialect::MariaDb) {
        ""
    } else {
        ", language = \"english\""
    };
    let expected = format!(
        "#[model(table = \"posts\")]\n#[search(body, title{language})]\npub struct Post {{\n    pub id: i64,"
    );
    assert!(source.contains(&expected), "{source}");
    assert_eq!(source.matches("pub struct").count(), 1, "{source}");
    assert!(!source.contains("posts_search"), "{source}");
}

/// Something that is thrown away with its owner.
#[model]
#[search(text)]
struct Leaf {
    id: i64,
    text: String,
    #[belongs_to(on_delete = cascade)]
    paper: BelongsTo<Paper>,
}

async fn rows_that_go_with_others_leave_it(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Paper>(), meta_of::<Note>(), meta_of::<Leaf>()], &db).await.unwrap();
    let paper = NewPaper { title: "Willow".into() }.insert(&db).await.unwrap();
    NewNote { text: "Noted.".into(), paper: paper.key() }.insert(&db).await.unwrap();
    NewLeaf { text: "A narrow leaf".into(), paper: paper.key() }.insert(&db).await.unwrap();
    let found = || Leaf::query().search("narrow").count(&db);
    assert_eq!(found().await.unwrap(), 1);
    paper.delete(&db).await.unwrap();
    assert_eq!(found().await.unwrap(), 0);
    if db.dialect() == Dialect::Sqlite {
        // Not the rows alone: their words have gone.
        let left: i64 = sql("SELECT count(*) FROM leafs_search('narrow')").fetch_one(&db).await.unwrap();
        assert_eq!(left, 0);
    }
}

#[model]
#[search(text)]
struct Post {
    id: i64,
    text: String,
    #[field(deleted_at)]
    deleted_at: Option<DateTime<Utc>>,
}

async fn rows_that_are_deleted_softly_stay_in_it(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Post>()], &db).await.unwrap();
    let post = NewPost { text: "Herons".into() }.insert(&db).await.unwrap();
    post.delete(&db).await.unwrap();
    assert_eq!(Post::query().search("herons").count(&db).await.unwrap(), 0);
    assert_eq!(Post::query().search("herons").only_deleted().count(&db).await.unwrap(), 1);
    assert_eq!(Post::query().search("herons").only_deleted().all(&db).await.unwrap().len(), 1);
}

async fn a_dump_brings_it_back(engine: Engine) {
    let from = Db::over(engine.driver().await, Settings::default());
    let models = [meta_of::<by_both::Post>()];
    schema::create_tables(&models, &from).await.unwrap();
    by_both::NewPost { title: "Herons".into() }.body("They stand.".to_owned()).insert(&from).await.unwrap();
    let snapshot = transfer::snapshot(&from).await.unwrap();
    let pieces: Vec<String> = transfer::dump(&Chosen::all(&models), &snapshot).try_collect().await.unwrap();
    snapshot.rollback().await.unwrap();
    let to = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&models, &to).await.unwrap();
    transfer::load(&models, &to, [Source::text("rows", pieces.concat())]).await.unwrap();
    assert_eq!(by_both::Post::query().search("herons stand").count(&to).await.unwrap(), 1);
}
