//! Large results, as code reads them.

use futures_util::TryStreamExt;
use mainstay_core::{Result, StatusCode};
use mainstay_db::{Db, Dialect, sql};

use super::{Engine, blog, suite};
use crate::blog::{Article, Comment, NewTag, Tag, comment, draft, user};

suite!(
    streams_models_in_order_and_by_filter,
    streams_what_is_loaded_with_them,
    streams_rows_of_raw_sql,
    streams_what_the_transaction_wrote,
    writes_while_it_streams,
    a_stream_ends_after_an_error,
    a_stream_may_own_its_database,
);

async fn tags(db: &Db, many: usize) {
    db.transaction(async |tx| {
        for number in 0..many {
            NewTag { name: format!("tag {number:05}") }.insert(tx).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

async fn streams_models_in_order_and_by_filter(engine: Engine) {
    let db = blog(engine).await;
    tags(&db, 1_000).await;
    let mut stream = Tag::filter(|t| t.name.lt("tag 00900")).order_by(|t| t.name.desc()).stream(&db);
    assert_eq!(stream.try_next().await.unwrap().unwrap().name, "tag 00899");
    let rest: Vec<Tag> = stream.try_collect().await.unwrap();
    assert_eq!((rest.len(), rest[898].name.as_str()), (899, "tag 00000"));
}

async fn streams_what_is_loaded_with_them(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    for number in 0..5 {
        let article = draft(&ann, &format!("{number}")).insert(&db).await.unwrap();
        comment(&db, &article, &ann, "good").await.unwrap();
    }
    let mut articles = Article::query().with(|a| a.author).with(|a| a.comments).stream(&db);
    let mut many = 0;
    while let Some(article) = articles.try_next().await.unwrap() {
        assert_eq!(article.author.get().unwrap().name, "ann");
        let comments: &[Comment] = article.comments.get().unwrap();
        assert_eq!(comments.len(), 1);
        many += 1;
    }
    assert_eq!(many, 5);
}

async fn streams_rows_of_raw_sql(engine: Engine) {
    let db = blog(engine).await;
    tags(&db, 700).await;
    let text = format!("SELECT name FROM tags WHERE name > {} ORDER BY name", db.dialect().placeholder(0));
    let mut batches = sql(text).bind("tag 00099".to_owned()).stream(&db);
    let mut names: Vec<String> = Vec::new();
    while let Some(rows) = batches.try_next().await.unwrap() {
        assert!(!rows.is_empty());
        for row in rows.iter() {
            names.push(row.get(0).unwrap());
        }
    }
    assert_eq!((names.len(), names[0].as_str()), (600, "tag 00100"));
}

async fn streams_what_the_transaction_wrote(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |tx| {
        NewTag { name: "own".into() }.insert(tx).await?;
        let read: Vec<Tag> = Tag::query().stream(tx).try_collect().await?;
        assert_eq!(read[0].name, "own");
        Ok(())
    })
    .await
    .unwrap();
}

async fn writes_while_it_streams(engine: Engine) {
    let db = blog(engine).await;
    tags(&db, 600).await;
    if matches!(db.dialect(), Dialect::Sqlite | Dialect::Postgres) {
        let changed: Result<u32> = db
            .transaction(async |tx| {
                let mut changed = 0;
                let mut stream = Tag::query().order_by(|t| t.id).stream(tx);
                while let Some(mut tag) = stream.try_next().await? {
                    if tag.name.ends_with('7') {
                        let name = tag.name.replace("tag", "seven");
                        tag.update(|t| t.name(name), tx).await?;
                        changed += 1;
                    }
                }
                Ok(changed)
            })
            .await;
        assert_eq!(changed.unwrap(), 60);
        assert_eq!(Tag::filter(|t| t.name.starts_with("seven")).count(&db).await.unwrap(), 60);
    }
    let mut stream = Tag::query().stream(&db);
    while let Some(tag) = stream.try_next().await.unwrap() {
        if tag.name.ends_with("99") {
            tag.delete(&db).await.unwrap();
        }
    }
    assert_eq!(Tag::query().count(&db).await.unwrap(), 594);
}

async fn a_stream_ends_after_an_error(engine: Engine) {
    let db = blog(engine).await;
    let mut stream = sql("SELECT nothing FROM nowhere").stream(&db);
    let fault = stream.try_next().await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(stream.try_next().await.unwrap().is_none());
}

async fn a_stream_may_own_its_database(engine: Engine) {
    let db = blog(engine).await;
    tags(&db, 1_000).await;
    let ann = user(&db, "ann").await;
    draft(&ann, "one").insert(&db).await.unwrap();
    let all = || Tag::query().order_by(|t| t.name);
    // It goes where its maker does not.
    let stream = all().into_stream(db.clone());
    let names: Vec<Tag> = tokio::spawn(stream.try_collect()).await.unwrap().unwrap();
    assert_eq!((names.len(), names[999].name.as_str()), (1_000, "tag 00999"));
    let names: Vec<String> = all().select(|t| t.name).into_stream(db.clone()).try_collect().await.unwrap();
    assert_eq!((names.len(), names[0].as_str()), (1_000, "tag 00000"));
    let mut loaded = Article::query().with(|a| a.author).into_stream(db.clone());
    assert_eq!(loaded.try_next().await.unwrap().unwrap().author.get().unwrap().name, "ann");
    // Dropping it in the middle gives the connection back, however often.
    for _ in 0..40 {
        let mut cut = all().into_stream(db.clone());
        assert_eq!(cut.try_next().await.unwrap().unwrap().name, "tag 00000");
    }
    assert_eq!(Tag::query().count(&db).await.unwrap(), 1_000);
}
