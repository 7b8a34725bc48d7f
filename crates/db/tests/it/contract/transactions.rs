//! Transactions, as code sees them.

use mainstay_core::{Error, StatusCode};
use mainstay_db::{Db, Tx};

use super::{Engine, blog, suite};
use crate::blog::{Article, User, article, draft, tag, user};

suite!(
    commits_what_succeeds,
    rolls_back_what_fails,
    rolls_back_what_panics_or_is_dropped,
    reads_through_the_transaction,
    a_guard_rolls_back_unless_it_is_committed,
    stays_send_in_spawned_tasks,
    a_write_beside_its_own_transaction_does_not_hang,
);

async fn commits_what_succeeds(engine: Engine) {
    let db = blog(engine).await;
    let ann = db
        .transaction(async |tx| {
            let ann = crate::blog::NewUser { name: "ann".into() }.insert(tx).await?;
            let mut text = draft(&ann, "one").insert(tx).await?;
            let rust = crate::blog::NewTag { name: "rust".into() }.insert(tx).await?;
            text.tags.set([&rust], tx).await?;
            Ok(ann)
        })
        .await
        .unwrap();
    let text = Article::filter(|a| a.author.eq(&ann)).with(|a| a.tags).one(&db).await.unwrap();
    assert_eq!(text.tags.get().unwrap().len(), 1);
}

async fn rolls_back_what_fails(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let fault = db
        .transaction(async |tx| {
            draft(&ann, "one").insert(tx).await?;
            draft(&ann, "one").insert(tx).await?;
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT);
    assert_eq!(Article::query().count(&db).await.unwrap(), 0);
    let teapot = db
        .transaction::<(), _>(async |tx| {
            draft(&ann, "one").insert(tx).await?;
            Err(Error::new(StatusCode::IM_A_TEAPOT, "no"))
        })
        .await
        .unwrap_err();
    assert_eq!(teapot.status(), StatusCode::IM_A_TEAPOT, "its own error comes out");
    article(&db, &ann, "one").await;
}

async fn rolls_back_what_panics_or_is_dropped(engine: Engine) {
    let db = blog(engine).await;
    let other = db.clone();
    let panicking = tokio::spawn(async move {
        other
            .transaction::<(), _>(async |tx| {
                crate::blog::NewUser { name: "ann".into() }.insert(tx).await?;
                panic!("on purpose");
            })
            .await
    });
    assert!(panicking.await.unwrap_err().is_panic());
    let slow = db.transaction(async |tx| {
        crate::blog::NewUser { name: "ann".into() }.insert(tx).await?;
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        Ok(())
    });
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), slow).await.is_err());
    user(&db, "ann").await;
    assert_eq!(User::query().count(&db).await.unwrap(), 1);
}

async fn reads_through_the_transaction(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |tx| {
        let ann = crate::blog::NewUser { name: "ann".into() }.insert(tx).await?;
        let text = draft(&ann, "one").insert(tx).await?;
        let read = Article::query().with(|a| a.author).with(|a| a.comments).all(tx).await?;
        assert_eq!(read[0].key(), text.key());
        assert_eq!(read[0].author.get()?.name, "ann");
        assert_eq!(Article::query().count(&db).await?, 0, "others do not see it");
        Ok(())
    })
    .await
    .unwrap();
}

async fn a_guard_rolls_back_unless_it_is_committed(engine: Engine) {
    let db = blog(engine).await;
    let tx = db.begin().await.unwrap();
    crate::blog::NewTag { name: "one".into() }.insert(&tx).await.unwrap();
    drop(tx);
    let tx = db.begin().await.unwrap();
    crate::blog::NewTag { name: "two".into() }.insert(&tx).await.unwrap();
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    crate::blog::NewTag { name: "three".into() }.insert(&tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(crate::blog::Tag::query().one(&db).await.unwrap().name, "three");
}

async fn helper(tx: &Tx, name: &str) -> mainstay_core::Result<User> {
    User::filter(|u| u.name.eq(name)).one(tx).await
}

async fn awkward(db: Db, moved: Vec<u8>) -> mainstay_core::Result<usize> {
    let needle = String::from("ann");
    let borrowed = &needle;
    let names = ["ann", "bob"];
    db.transaction(async |tx| {
        drop(moved);
        for name in names {
            crate::blog::NewUser { name: name.into() }.insert(tx).await?;
            tokio::task::yield_now().await;
        }
        let found = helper(tx, borrowed).await?;
        let mut text = draft(&found, "one").insert(tx).await?;
        let (one, two) = futures_util::future::join(
            Article::filter(|a| a.title.contains(borrowed)).count(tx),
            Article::filter(|a| a.author.is(|u| u.name.eq(borrowed))).all(tx),
        )
        .await;
        text.update(|a| a.title("New"), tx).await?;
        let tagged = crate::blog::NewTag { name: "t".into() }.insert(tx).await?;
        text.tags.add([&tagged], tx).await?;
        if let Some(gone) = User::get(12_345, tx).await? {
            gone.delete(tx).await?;
        }
        Ok(usize::try_from(one?).unwrap_or(0) + two?.len())
    })
    .await
}

async fn stays_send_in_spawned_tasks(engine: Engine) {
    let db = blog(engine).await;
    assert_eq!(tokio::spawn(awkward(db, vec![1])).await.unwrap().unwrap(), 1);
}

async fn a_write_beside_its_own_transaction_does_not_hang(engine: Engine) {
    let db = blog(engine).await;
    let started = std::time::Instant::now();
    let outcome = db
        .transaction(async |tx| {
            crate::blog::NewTag { name: "in".into() }.insert(tx).await?;
            Ok(crate::blog::NewTag { name: "out".into() }.insert(&db).await.err())
        })
        .await
        .unwrap();
    assert!(started.elapsed().as_secs() < 2);
    if db.dialect() == mainstay_db::Dialect::Sqlite {
        assert!(outcome.unwrap().report().contains("pass `tx`"));
    }
    tag(&db, "after").await;
}
