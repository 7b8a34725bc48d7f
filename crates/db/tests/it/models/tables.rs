//! The tables that models become, and the SQL of writes.

use std::path::Path;

use mainstay_core::Severity;
use mainstay_db::Dialect::{MySql, Postgres, Sqlite};
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, DbEnum, Dialect, model, schema};

use crate::blog::{self, Article, ArticleTag, Comment, Tag, User, article, draft, tag, user};

fn tables(dialect: Dialect) -> String {
    let statements = schema::in_order(&blog::models())
        .into_iter()
        .flat_map(|model| schema::create_table(model, dialect).unwrap())
        .collect::<Vec<_>>();
    statements.join(";\n")
}

#[test]
fn a_model_becomes_a_table_with_its_constraints_and_indexes() {
    insta::assert_snapshot!("tables_sqlite", tables(Sqlite));
    insta::assert_snapshot!("tables_postgres", tables(Postgres));
    insta::assert_snapshot!("tables_mysql", tables(MySql));
}

#[tokio::test]
async fn writes_and_loads_in_the_fewest_statements() {
    let db = Db::open("sqlite::memory:").await.unwrap();
    schema::create_tables(&blog::models(), &db).await.unwrap();
    let (ann, rust) = (user(&db, "ann").await, tag(&db, "rust").await);
    let log = db.record();
    let mut one = article(&db, &ann, "one").await;
    draft(&ann, "two").id(7).insert(&db).await.unwrap();
    Article::insert_all((0..3).map(|n| draft(&ann, &format!("a{n}"))), &db).await.unwrap();
    one.update(|a| a.title("New"), &db).await.unwrap();
    Article::filter(|a| a.author.is(|u| u.name.eq("ann"))).update(|a| a.body("x"), &db).await.unwrap();
    one.tags.add([&rust], &db).await.unwrap();
    // One relation to many at a time: several are loaded side by side, and replied to in any order.
    Article::query()
        .with(|a| a.comments.order_by(|c| c.id.desc()).limit(2).with(|c| c.author))
        .all(&db)
        .await
        .unwrap();
    Article::query().with(|a| a.tags.filter(|t| t.name.ne("x"))).all(&db).await.unwrap();
    ArticleTag::find((one.key(), rust.key()), &db).await.unwrap().delete(&db).await.unwrap();
    Comment::filter(|c| c.article.is(|a| a.slug.eq("one"))).delete(&db).await.unwrap();
    Tag::query().exists(&db).await.unwrap();
    User::query().order_by(|u| u.id).offset(3).paginate(2, &db).await.unwrap();
    let statements: Vec<String> = log.queries().iter().map(|query| query.sql.to_string()).collect();
    insta::assert_snapshot!("statements_sqlite", statements.join("\n"));
}

mod yesterday {
    use super::{BelongsTo, DbEnum, User, model};

    #[derive(DbEnum, Clone, Copy, Debug)]
    pub(super) enum Size {
        Small,
    }

    #[model(table = "things")]
    pub(super) struct Thing {
        pub id: i64,
        pub size: Size,
        pub name: String,
        #[belongs_to]
        pub owner: BelongsTo<User>,
    }
}

mod today {
    use super::{BelongsTo, DbEnum, User, model};

    #[derive(DbEnum, Clone, Copy, Debug)]
    pub(super) enum Size {
        Small,
        Large,
    }

    #[model(table = "things")]
    pub(super) struct Thing {
        pub id: i64,
        pub size: Size,
        #[field(index)]
        pub name: String,
        #[belongs_to]
        pub owner: BelongsTo<User>,
    }
}

async fn open(path: &Path) -> Db {
    Db::open(&format!("sqlite:{}", path.display())).await.unwrap()
}

#[tokio::test]
async fn an_older_table_gets_new_indexes_and_a_warning_of_old_constraints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let users = meta_of::<User>();
    let db = open(&path).await;
    let made = schema::create_tables(&[users, meta_of::<yesterday::Thing>()], &db).await.unwrap();
    assert_eq!(made.tables, ["users", "things"]);
    let again = schema::create_tables(&[users, meta_of::<yesterday::Thing>()], &db).await.unwrap();
    assert!(again.tables.is_empty() && again.findings.is_empty(), "{again:?}");
    db.close().await;

    let db = open(&path).await;
    let today = schema::create_tables(&[users, meta_of::<today::Thing>()], &db).await.unwrap();
    assert!(today.tables.is_empty());
    let [finding] = &*today.findings else { panic!("{today:?}") };
    assert_eq!((finding.id, finding.severity), ("db.W010", Severity::Warning));
    let index = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = 'things_name_idx'";
    assert_eq!(mainstay_db::sql(index).rows(&db).await.unwrap().len(), 1);
}
