//! Awkward uses of transactions: in handlers and spawned tasks, with borrowed and moved values, behind traits. That they
//! compile is most of what is tested. Where a future goes into a task, it has to be `Send`, and nothing is boxed for that.

use std::collections::HashMap;
use std::num::ParseIntError;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all, try_join_all};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use mainstay_core::error::Context;
use mainstay_core::{Error, Result};
use mainstay_db::{Db, Executor, Tx, schema};
use tokio::sync::RwLock;

use crate::blog::{self, Article, NewTag, NewUser, Tag, User, draft};

async fn blog() -> Db {
    let db = Db::open("sqlite::memory:").await.unwrap();
    schema::create_tables(&blog::models(), &db).await.unwrap();
    db
}

async fn add(name: &str, executor: &impl Executor) -> Result<Tag> {
    NewTag { name: name.to_owned() }.insert(executor).await
}

async fn count(executor: &impl Executor) -> Result<u64> {
    Tag::query().count(executor).await
}

/// What `tokio::spawn` wants, and axum of a handler's future.
async fn spawned<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> T {
    tokio::spawn(work).await.unwrap().unwrap()
}

#[tokio::test]
async fn in_a_spawned_task_with_moved_values() {
    let db = blog().await;
    let names = vec![String::from("one"), String::from("two")];
    let many = spawned(async move {
        db.transaction(async |tx| {
            for name in &names {
                add(name, tx).await?;
            }
            Ok(names.len())
        })
        .await
    });
    assert_eq!(many.await, 2);
}

#[tokio::test]
async fn in_a_spawned_task_with_borrowed_locals() {
    let db = blog().await;
    spawned(async move {
        let name = String::from("one");
        let (borrowed, numbers) = (name.as_str(), [1, 2, 3]);
        db.transaction(async |tx| {
            for number in &numbers {
                add(&format!("{borrowed} {number}"), tx).await?;
            }
            Ok(())
        })
        .await?;
        assert_eq!(name, "one");
        assert_eq!(count(&db).await?, 3);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_at_a_time_over_one_borrowed_handle() {
    let db = blog().await;
    let names: Vec<String> = (0..8).map(|number| format!("tag {number}")).collect();
    let all = join_all(names.iter().map(|name| db.transaction(async move |tx| add(name, tx).await))).await;
    assert!(all.iter().all(Result::is_ok));
    let tasks = (8..16).map(|number| {
        let db = db.clone();
        tokio::spawn(async move { db.transaction(async |tx| add(&format!("tag {number}"), tx).await).await })
    });
    let tags = join_all(tasks).await;
    assert!(tags.into_iter().all(|tag| tag.unwrap().is_ok()));
    assert_eq!(count(&db).await.unwrap(), 16);
}

struct State {
    db: Db,
    prefix: String,
    seen: RwLock<HashMap<String, i64>>,
}

impl State {
    /// `self`, its fields, an argument by reference, and a lock that is held over `await`.
    async fn remember(&self, name: &str) -> Result<i64> {
        let mut seen = self.seen.write().await;
        let tag = self
            .db
            .transaction(async |tx| {
                let tag = add(&format!("{}{name}", self.prefix), tx).await?;
                seen.insert(name.to_owned(), tag.id);
                Ok(tag)
            })
            .await?;
        Ok(tag.id)
    }
}

#[tokio::test]
async fn in_a_method_over_shared_state() {
    let state = Arc::new(State { db: blog().await, prefix: "blog:".into(), seen: RwLock::default() });
    let shared = Arc::clone(&state);
    let id = spawned(async move { shared.remember("one").await }).await;
    assert_eq!(state.seen.read().await.get("one"), Some(&id));
    let again = Arc::clone(&state);
    // A reference into what an `Arc` holds.
    let name = spawned(async move {
        let State { db, prefix, .. } = &*again;
        db.transaction(async |tx| Ok(add(prefix, tx).await?.name)).await
    });
    assert_eq!(name.await, "blog:");
}

#[tokio::test]
async fn with_errors_of_other_kinds() {
    let db = blog().await;
    let fault = db
        .transaction(async |tx| {
            let number: i64 = "nine".parse()?;
            add(&number.to_string(), tx).await.context("adding a number")
        })
        .await
        .unwrap_err();
    assert!(fault.source_as::<ParseIntError>().is_some());
    let text = "12";
    let number = spawned(async move {
        db.transaction(async |tx| {
            let number = text.parse::<i64>().map_err(|_| Error::bad_request("no number"))?;
            add(text, tx).await?;
            std::str::from_utf8(b"fine")?;
            Ok(number)
        })
        .await
    });
    assert_eq!(number.await, 12);
}

/// A helper of one's own around transactions.
async fn audited<T, F>(db: &Db, what: &str, work: F) -> Result<T>
where
    F: AsyncFnOnce(&Tx) -> Result<T>,
{
    db.transaction(async |tx| {
        let value = work(tx).await?;
        add(&format!("audit: {what}"), tx).await?;
        Ok(value)
    })
    .await
}

#[tokio::test]
async fn through_helpers_that_take_the_work() {
    let db = blog().await;
    let kept = db.clone();
    spawned(async move {
        let name = String::from("one");
        audited(&db, "adding", async |tx| add(&name, tx).await).await
    })
    .await;
    assert_eq!(count(&kept).await.unwrap(), 2);
}

async fn seed(tx: &Tx) -> Result<u64> {
    add("seeded", tx).await?;
    count(tx).await
}

#[tokio::test]
async fn with_a_function_in_the_place_of_a_closure() {
    let db = blog().await;
    assert_eq!(spawned(async move { db.transaction(seed).await }).await, 1);
}

/// Behind a trait that is used as an object, with futures that borrow everything.
trait Store: Send + Sync {
    fn save<'a>(&'a self, name: &'a str, tx: &'a Tx) -> BoxFuture<'a, Result<i64>>;
}

struct Tags(String);

impl Store for Tags {
    fn save<'a>(&'a self, name: &'a str, tx: &'a Tx) -> BoxFuture<'a, Result<i64>> {
        async move { Ok(add(&format!("{}{name}", self.0), tx).await?.id) }.boxed()
    }
}

#[tokio::test]
async fn with_trait_objects() {
    let db = blog().await;
    let stores: Vec<Box<dyn Store>> = vec![Box::new(Tags("a:".into())), Box::new(Tags("b:".into()))];
    let kept = db.clone();
    spawned(async move {
        db.transaction(async |tx| {
            for store in &stores {
                store.save("one", tx).await?;
            }
            Ok(())
        })
        .await
    })
    .await;
    assert_eq!(count(&kept).await.unwrap(), 2);
}

/// Recursion needs a box, as everywhere in async Rust. Each level is a nested transaction.
fn grow<'a>(name: &'a str, depth: u32, tx: &'a Tx) -> BoxFuture<'a, Result<u32>> {
    async move {
        add(&format!("{name}{depth}"), tx).await?;
        if depth == 0 {
            return Ok(1);
        }
        let below = tx.transaction(async |tx| grow(name, depth - 1, tx).await).await?;
        Ok(below + 1)
    }
    .boxed()
}

#[tokio::test]
async fn in_recursion() {
    let db = blog().await;
    let grown = spawned(async move {
        let name = String::from("level ");
        db.transaction(async |tx| grow(&name, 5, tx).await).await
    });
    assert_eq!(grown.await, 6);
}

#[tokio::test]
async fn in_a_select_and_under_a_time_out() {
    let db = blog().await;
    let kept = db.clone();
    spawned(async move {
        let slow = db.transaction(async |tx| {
            add("lost", tx).await?;
            std::future::pending::<Result<()>>().await
        });
        tokio::select! {
            _ = slow => panic!("it never ends"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        let quick = db.transaction(async |tx| add("kept", tx).await);
        tokio::time::timeout(Duration::from_secs(4), quick).await??;
        Ok(())
    })
    .await;
    assert_eq!(count(&kept).await.unwrap(), 1);
}

#[tokio::test]
async fn in_closures_within_closures() {
    let db = blog().await;
    let done = spawned(async move {
        let prefix = String::from("p");
        let mut names = Vec::new();
        db.transaction(async |tx| {
            let suffix = String::from("s");
            let middle = tx
                .transaction(async |tx| {
                    let named = async |name: &str| add(&format!("{prefix}{name}{suffix}"), tx).await;
                    names.push(named("1").await?.name);
                    names.push(named("2").await?.name);
                    Ok(names.len())
                })
                .await?;
            assert_eq!(middle, 2);
            Ok(())
        })
        .await?;
        Ok(names)
    });
    assert_eq!(done.await, ["p1s", "p2s"]);
}

#[tokio::test]
async fn that_change_what_they_borrow() {
    let db = blog().await;
    let counted = spawned(async move {
        let (mut count, mut last) = (0, None);
        for name in ["one", "two", "one"] {
            let outcome = db.transaction(async |tx| {
                count += 1;
                last = Some(add(name, tx).await?);
                Ok(())
            });
            if outcome.await.is_err() {
                break;
            }
        }
        Ok((count, last.map(|tag| tag.name)))
    });
    assert_eq!(counted.await, (3, Some("two".to_owned())));
}

#[tokio::test]
async fn that_return_what_they_borrow() {
    let db = blog().await;
    let names = vec![String::from("one"), String::from("three")];
    let longest: &str = db
        .transaction(async |tx| {
            for name in &names {
                add(name, tx).await?;
            }
            Ok(names.iter().max_by_key(|name| name.len()).map_or("", |name| name))
        })
        .await
        .unwrap();
    assert_eq!(longest, "three");
    let cloned = spawned(async move {
        let first = db.transaction(async |_| Ok(names.first().cloned())).await?;
        Ok(first)
    });
    assert_eq!(cloned.await.as_deref(), Some("one"));
}

#[tokio::test]
async fn with_a_stream_inside() {
    let db = blog().await;
    let kept = db.clone();
    let many = spawned(async move {
        db.transaction(async |tx| {
            for number in 0..300 {
                add(&format!("tag {number}"), tx).await?;
            }
            let mut many = 0;
            let mut tags = Tag::query().stream(tx);
            while let Some(tag) = tags.try_next().await? {
                many += usize::from(tag.name.ends_with('7'));
            }
            let names: Vec<String> = Tag::query().stream(tx).map_ok(|tag| tag.name).try_collect().await?;
            Ok((many, names.len()))
        })
        .await
    });
    assert_eq!(many.await, (30, 300));
    let total = spawned(async move {
        Tag::query().stream(&kept).try_fold(0, async |sum, tag| Ok(sum + tag.id.signum())).await
    });
    assert_eq!(total.await, 300);
}

#[tokio::test]
async fn with_several_queries_at_a_time_inside() {
    let db = blog().await;
    let kept = db.clone();
    let names = ["a", "b", "c"].map(String::from);
    spawned(async move {
        db.transaction(async |tx| {
            let ann = NewUser { name: "ann".into() }.insert(tx).await?;
            let (users, articles) =
                tokio::try_join!(User::query().all(tx), Article::filter(|a| a.author.eq(&ann)).count(tx))?;
            assert_eq!((users.len(), articles), (1, 0));
            try_join_all(names.iter().map(|name| add(name, tx))).await?;
            stream::iter(0..6)
                .map(|number| draft(&users[0], &format!("{number}")))
                .map(|draft| async move { draft.insert(tx).await })
                .buffer_unordered(3)
                .try_collect::<Vec<_>>()
                .await?;
            Ok(())
        })
        .await
    })
    .await;
    assert_eq!((count(&kept).await.unwrap(), Article::query().count(&kept).await.unwrap()), (3, 6));
}

/// What a handler of axum is: a function that can be cloned, whose future can be sent.
fn handler<H, F, T>(handler: H) -> impl Fn(Db, String) -> BoxFuture<'static, Result<T>> + Clone + Send + Sync
where
    H: Fn(Db, String) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    move |db, body| handler(db, body).boxed()
}

type Route = Box<dyn Fn(Db, String) -> BoxFuture<'static, Result<i64>> + Send + Sync>;

async fn create(db: Db, name: String) -> Result<i64> {
    let tag = db
        .transaction(async |tx| {
            let tag = add(&name, tx).await?;
            let other = db.clone();
            tx.after_commit(async move {
                add(&format!("{name} is there"), &other).await?;
                Ok(())
            });
            Ok(tag)
        })
        .await?;
    Ok(tag.id)
}

#[tokio::test]
async fn in_handlers() {
    let db = blog().await;
    let create = handler(create);
    assert_eq!(create(db.clone(), "one".into()).await.unwrap(), 1);
    let inline = handler(|db: Db, name: String| async move {
        db.transaction(async |tx| {
            let longer = format!("{name}!");
            tx.transaction(async |tx| add(&longer, tx).await).await
        })
        .await
    });
    assert_eq!(inline(db.clone(), "two".into()).await.unwrap().name, "two!");
    let routes: Vec<Route> = vec![Box::new(create)];
    routes[0](db.clone(), "three".into()).await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 5);
}

#[tokio::test]
async fn that_repeat_in_a_spawned_task() {
    let db = blog().await;
    let (name, tries) = (String::from("one"), Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let (counted, id) = (Arc::clone(&tries), 7_i64);
    let tag = spawned(async move {
        let borrowed = &name;
        let moved = vec![1, 2];
        db.transaction_retry(async move |tx| {
            let moved: Vec<i64> = moved.into_iter().map(|number| number + id).collect();
            let tag = add(&format!("{borrowed}{moved:?}"), tx).await?;
            if counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                return Err(mainstay_db::DbError::Deadlock { detail: "for a test".into() }.into_error());
            }
            Ok(tag)
        })
        .await
    });
    assert_eq!(tag.await.name, "one[8, 9]");
    assert_eq!(tries.load(std::sync::atomic::Ordering::Relaxed), 2);
}

/// The guard as a part of something else, ended by whoever has it at last.
struct Unit {
    tx: Tx,
    done: Vec<i64>,
}

impl Unit {
    async fn add(&mut self, name: &str) -> Result<&mut Self> {
        self.done.push(add(name, &self.tx).await?.id);
        Ok(self)
    }

    async fn finish(self) -> Result<usize> {
        self.tx.commit().await?;
        Ok(self.done.len())
    }
}

#[tokio::test]
async fn with_a_guard_that_is_passed_on() {
    let db = blog().await;
    let many = spawned(async move {
        let mut unit = Unit { tx: db.begin().await?, done: Vec::new() };
        unit.add("one").await?.add("two").await?;
        let boxed: BoxFuture<'static, Result<usize>> = unit.finish().boxed();
        boxed.await
    });
    assert_eq!(many.await, 2);
}

#[tokio::test]
async fn with_what_cannot_be_sent_on_one_thread() {
    let db = blog().await;
    let names = Rc::new(vec!["one", "two"]);
    let shared = Rc::clone(&names);
    let many = db
        .transaction(async move |tx| {
            for name in shared.iter() {
                add(name, tx).await?;
            }
            Ok(shared.len())
        })
        .await
        .unwrap();
    assert_eq!(many, names.len());
}

/// Either the database or a transaction, chosen at run time.
enum Where<'a> {
    Db(&'a Db),
    Tx(&'a Tx),
}

impl Executor for Where<'_> {
    fn target(&self) -> mainstay_db::executor::Target<'_> {
        match self {
            Self::Db(db) => db.target(),
            Self::Tx(tx) => tx.target(),
        }
    }
}

#[tokio::test]
async fn with_an_executor_that_is_chosen_at_run_time() {
    let db = blog().await;
    let many = spawned(async move {
        add("beside", &Where::Db(&db)).await?;
        db.transaction(async |tx| {
            let inside = Where::Tx(tx);
            add("inside", &inside).await?;
            count(&inside).await
        })
        .await
    });
    assert_eq!(many.await, 2);
}
