//! Transactions inside of transactions, what is done after their end, and those that run again.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::{Db, DbError, Isolation, Tx};

use super::{Engine, blog, suite};
use crate::blog::{NewTag, Tag};

suite!(
    an_inner_failure_undoes_only_the_inner_part,
    nests_several_levels_deep,
    a_cancelled_inner_part_is_undone,
    a_panic_in_the_inner_part_is_undone,
    an_inner_success_falls_with_the_outer,
    refuses_two_nested_at_a_time,
    refuses_a_write_through_the_outer_while_the_inner_is_open,
    does_what_was_said_after_the_commit,
    does_what_was_said_after_the_rollback,
    an_inner_rollback_drops_what_was_to_follow_its_commit,
    a_dropped_transaction_does_what_was_said,
    an_action_that_fails_or_panics_changes_nothing,
    an_action_runs_although_nobody_waits_for_it,
    repeats_after_a_conflict,
    gives_up_after_so_many_attempts,
    does_not_repeat_what_failed_by_itself,
    two_that_meet_both_succeed_in_the_end,
    refuses_a_write_in_a_read_only_transaction,
    keeps_to_the_deadline,
);

async fn add(name: &str, tx: &Tx) -> Result<Tag> {
    NewTag { name: name.into() }.insert(tx).await
}

async fn names(db: &Db) -> Vec<String> {
    let tags = Tag::query().order_by(|t| t.name).all(db).await.unwrap();
    tags.into_iter().map(|tag| tag.name).collect()
}

fn no<T>() -> Result<T> {
    Err(Error::new(StatusCode::IM_A_TEAPOT, "no"))
}

/// Notes down what happens, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn note(&self, what: &'static str) -> impl Future<Output = Result<()>> + Send + 'static {
        let notes = Arc::clone(&self.0);
        async move {
            notes.lock().unwrap().push(what);
            Ok(())
        }
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    async fn has(&self, what: &[&str]) {
        for _ in 0..200 {
            if self.read() == what {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.read(), what);
    }
}

async fn an_inner_failure_undoes_only_the_inner_part(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |tx| {
        add("outer", tx).await?;
        let fault = tx
            .transaction::<(), _>(async |tx| {
                add("inner", tx).await?;
                add("outer", tx).await?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(fault.status(), StatusCode::CONFLICT);
        assert_eq!(Tag::query().count(tx).await?, 1);
        add("after", tx).await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["after", "outer"]);
}

async fn nests_several_levels_deep(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |tx| {
        add("0", tx).await?;
        tx.transaction(async |tx| {
            add("1", tx).await?;
            let lost: Result<()> = tx
                .transaction(async |tx| {
                    add("2", tx).await?;
                    tx.transaction(async |tx| add("3", tx).await).await?;
                    no()
                })
                .await;
            assert!(lost.is_err());
            tx.transaction(async |tx| add("2 again", tx).await).await?;
            Ok(())
        })
        .await
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["0", "1", "2 again"]);
}

async fn a_cancelled_inner_part_is_undone(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |tx| {
        add("outer", tx).await?;
        let endless = tx.transaction::<(), _>(async |tx| {
            add("inner", tx).await?;
            tx.transaction::<(), _>(async |tx| {
                add("innermost", tx).await?;
                pending().await
            })
            .await
        });
        assert!(tokio::time::timeout(Duration::from_millis(100), endless).await.is_err());
        assert_eq!(Tag::query().count(tx).await?, 1);
        tx.transaction(async |tx| add("inner", tx).await).await?;
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["inner", "outer"]);
}

async fn a_panic_in_the_inner_part_is_undone(engine: Engine) {
    use futures_util::FutureExt;
    use std::panic::AssertUnwindSafe;
    let db = blog(engine).await;
    db.transaction(async |tx| {
        add("outer", tx).await?;
        let panicking = tx.transaction::<(), _>(async |tx| {
            add("inner", tx).await?;
            panic!("on purpose")
        });
        assert!(AssertUnwindSafe(panicking).catch_unwind().await.is_err());
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["outer"], "what was dropped last is undone before the commit");
}

async fn an_inner_success_falls_with_the_outer(engine: Engine) {
    let db = blog(engine).await;
    let outcome: Result<()> = db
        .transaction(async |tx| {
            tx.transaction(async |tx| add("inner", tx).await).await?;
            no()
        })
        .await;
    assert_eq!(outcome.unwrap_err().status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(names(&db).await, [""; 0]);
}

async fn refuses_two_nested_at_a_time(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |tx| {
        let one = tx.transaction(async |tx| {
            tokio::task::yield_now().await;
            add("one", tx).await
        });
        let two = tx.transaction(async |tx| add("two", tx).await);
        let (one, two) = futures_util::future::join(one, two).await;
        assert_eq!(one?.name, "one");
        assert!(two.unwrap_err().report().contains("one nested transaction at a time"));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["one"]);
}

async fn refuses_a_write_through_the_outer_while_the_inner_is_open(engine: Engine) {
    let db = blog(engine).await;
    db.transaction(async |outer| {
        outer
            .transaction(async |inner| {
                add("inner", inner).await?;
                assert_eq!(Tag::query().count(outer).await?, 1, "reading is fine");
                assert!(add("outer", outer).await.unwrap_err().report().contains("pass the inner `tx`"));
                Ok(())
            })
            .await?;
        add("after", outer).await
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["after", "inner"]);
}

async fn does_what_was_said_after_the_commit(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    let (seen, other) = (diary.clone(), db.clone());
    db.transaction(async |tx| {
        add("one", tx).await?;
        tx.after_commit(diary.note("first"));
        tx.after_rollback(diary.note("never"));
        tx.after_commit(async move {
            assert_eq!(Tag::query().count(&other).await?, 1, "others see what was committed");
            NewTag { name: "two".into() }.insert(&other).await?;
            seen.note("second").await
        });
        assert!(diary.read().is_empty());
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(diary.read(), ["first", "second"]);
    let tx = db.begin().await.unwrap();
    tx.after_commit(diary.note("third"));
    tx.commit().await.unwrap();
    assert_eq!(diary.read(), ["first", "second", "third"]);
    assert_eq!(names(&db).await, ["one", "two"]);
}

async fn does_what_was_said_after_the_rollback(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    let outcome: Result<()> = db
        .transaction(async |tx| {
            tx.after_commit(diary.note("never"));
            tx.after_rollback(diary.note("undone"));
            no()
        })
        .await;
    assert!(outcome.is_err());
    assert_eq!(diary.read(), ["undone"]);
}

async fn an_inner_rollback_drops_what_was_to_follow_its_commit(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    db.transaction(async |tx| {
        tx.after_commit(diary.note("outer"));
        let inner: Result<()> = tx
            .transaction(async |tx| {
                tx.after_commit(diary.note("never"));
                tx.after_rollback(diary.note("inner undone"));
                no()
            })
            .await;
        assert!(inner.is_err());
        assert!(diary.read().is_empty(), "only after the outermost end");
        tx.transaction(async |tx| {
            tx.after_commit(diary.note("inner"));
            tx.after_rollback(diary.note("never"));
            Ok(())
        })
        .await
    })
    .await
    .unwrap();
    assert_eq!(diary.read(), ["outer", "inner undone", "inner"]);
}

async fn a_dropped_transaction_does_what_was_said(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    let tx = db.begin().await.unwrap();
    add("gone", &tx).await.unwrap();
    tx.after_commit(diary.note("never"));
    tx.after_rollback(diary.note("undone"));
    drop(tx);
    diary.has(&["undone"]).await;
    assert_eq!(names(&db).await, [""; 0]);
}

async fn an_action_that_fails_or_panics_changes_nothing(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    db.transaction(async |tx| {
        add("one", tx).await?;
        tx.after_commit(async { no() });
        tx.after_commit(async { panic!("on purpose") });
        tx.after_commit(diary.note("still"));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(diary.read(), ["still"]);
    assert_eq!(names(&db).await, ["one"]);
}

async fn an_action_runs_although_nobody_waits_for_it(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    let end = diary.clone();
    let (begun, wait) = tokio::sync::oneshot::channel();
    let work = db.transaction(async |tx| {
        add("one", tx).await?;
        tx.after_commit(async move {
            let _ = begun.send(());
            tokio::time::sleep(Duration::from_millis(50)).await;
            end.note("done").await
        });
        Ok(())
    });
    tokio::select! {
        _ = work => panic!("the action takes longer"),
        _ = wait => {}
    }
    diary.has(&["done"]).await;
    assert_eq!(names(&db).await, ["one"]);
}

fn deadlock() -> Error {
    DbError::Deadlock { detail: "for a test".into() }.into_error()
}

async fn repeats_after_a_conflict(engine: Engine) {
    let (db, diary) = (blog(engine).await, Diary::default());
    let attempts = AtomicUsize::new(0);
    db.transaction_retry(async |tx| {
        add("one", tx).await?;
        tx.after_rollback(diary.note("undone"));
        tx.after_commit(diary.note("done"));
        if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err(deadlock().context("while testing"));
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(attempts.into_inner(), 3);
    assert_eq!(diary.read(), ["undone", "undone", "done"]);
    assert_eq!(names(&db).await, ["one"]);
}

async fn gives_up_after_so_many_attempts(engine: Engine) {
    let db = blog(engine).await;
    let attempts = AtomicUsize::new(0);
    let work = async |_: &Tx| {
        attempts.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(deadlock())
    };
    let fault = db.transactions().attempts(3).retry(work).await.unwrap_err();
    assert_eq!(attempts.into_inner(), 3);
    assert_eq!((fault.status(), fault.machine_code()), (StatusCode::SERVICE_UNAVAILABLE, "deadlock"));
}

async fn does_not_repeat_what_failed_by_itself(engine: Engine) {
    let db = blog(engine).await;
    let attempts = AtomicUsize::new(0);
    let outcome: Result<()> = db
        .transaction_retry(async |_| {
            attempts.fetch_add(1, Ordering::Relaxed);
            no()
        })
        .await;
    assert_eq!(outcome.unwrap_err().status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(attempts.into_inner(), 1);
}

async fn two_that_meet_both_succeed_in_the_end(engine: Engine) {
    let db = blog(engine).await;
    let id = NewTag { name: "0".into() }.insert(&db).await.unwrap().id;
    let workers = (0..4).map(|_| {
        let db = db.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                let counting = db.transactions().isolation(Isolation::Serializable).attempts(40);
                counting
                    .retry(async |tx| {
                        let mut tag = Tag::get(id, tx).await?.unwrap();
                        let next = tag.name.parse::<i64>().unwrap() + 1;
                        tag.update(|t| t.name(next.to_string()), tx).await
                    })
                    .await
                    .unwrap();
            }
        })
    });
    for worker in futures_util::future::join_all(workers).await {
        worker.unwrap();
    }
    assert_eq!(names(&db).await, ["20"]);
}

async fn refuses_a_write_in_a_read_only_transaction(engine: Engine) {
    let db = blog(engine).await;
    let reading = db.transactions().read_only();
    reading
        .run(async |tx| {
            assert_eq!(Tag::query().count(tx).await?, 0);
            assert!(add("one", tx).await.unwrap_err().report().contains("read-only"));
            // It holds no writer, so that this is no write that waits for itself.
            NewTag { name: "beside".into() }.insert(&db).await?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(names(&db).await, ["beside"]);
}

async fn keeps_to_the_deadline(engine: Engine) {
    let db = blog(engine).await;
    let fault = db
        .transactions()
        .deadline(Duration::from_millis(80))
        .run(async |tx| {
            add("one", tx).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            add("two", tx).await
        })
        .await
        .unwrap_err();
    assert!(matches!(fault.source_as(), Some(DbError::TransactionExpired { .. })), "{}", fault.report());
    assert_eq!(names(&db).await, [""; 0]);
}
