//! Operations of several statements inside of a transaction: one that fails in its middle leaves nothing, and the transaction
//! goes on.

use mainstay_core::{Result, StatusCode};
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, Dialect, Tx, model, schema};

use super::{Engine, blog, suite};
use crate::blog::{
    Article, Comment, NewArticle, NewTag, NewUser, Tag, User, article, comment, draft, tag, user,
};

suite!(
    an_insert_of_many_leaves_nothing,
    an_upsert_of_many_leaves_nothing,
    an_update_that_returns_leaves_nothing,
    a_delete_that_returns_leaves_nothing,
    an_adoption_leaves_nothing,
    a_change_of_links_leaves_nothing,
    a_new_linked_row_leaves_nothing,
);

/// One place in a lane.
#[model]
#[unique(lane, place)]
struct Slot {
    id: i64,
    lane: i64,
    place: i64,
}

/// What holds a slot.
#[model]
struct Pin {
    id: i64,
    #[belongs_to]
    slot: BelongsTo<Slot>,
}

/// Runs what fails inside of a transaction, which then writes something else and is committed.
async fn fails_in_a_transaction<T>(db: &Db, status: StatusCode, work: impl AsyncFnOnce(&Tx) -> Result<T>) {
    let before = User::query().count(db).await.unwrap();
    db.transaction(async |tx| {
        let fault = work(tx).await.err().expect("it fails");
        assert_eq!(fault.status(), status, "{}", fault.report());
        NewUser { name: "afterwards".into() }.insert(tx).await
    })
    .await
    .unwrap();
    assert_eq!(User::query().count(db).await.unwrap(), before + 1);
}

/// Runs what is one statement on some engines: on PostgreSQL one that fails ends the transaction that it is not nested in.
async fn alone<T>(db: &Db, tx: &Tx, work: impl AsyncFnOnce(&Tx) -> Result<T>) -> Result<T> {
    if db.dialect() == Dialect::Postgres { tx.transaction(work).await } else { work(tx).await }
}

/// So many tags, of which the last is there already.
fn tags(count: u32) -> Vec<NewTag> {
    (1..count)
        .map(|number| format!("tag {number}"))
        .chain(["there".to_owned()])
        .map(|name| NewTag { name })
        .collect()
}

async fn an_insert_of_many_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    tag(&db, "there").await;
    fails_in_a_transaction(&db, StatusCode::CONFLICT, async |tx| Tag::insert_all(tags(200), tx).await).await;
    assert_eq!(Tag::query().count(&db).await.unwrap(), 1);
    User::query().delete(&db).await.unwrap();
    let returning = async |tx: &Tx| Tag::insert_all_returning(tags(200), tx).await;
    fails_in_a_transaction(&db, StatusCode::CONFLICT, returning).await;
    assert_eq!(Tag::query().count(&db).await.unwrap(), 1);
}

async fn an_upsert_of_many_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let there = article(&db, &ann, "0").await;
    let mut drafts: Vec<NewArticle> = (0..200).map(|number| draft(&ann, &number.to_string())).collect();
    drafts[0].title = "Another title".into();
    drafts[199].author = (ann.id + 7).into();
    let upsert = async |tx: &Tx| Article::upsert_all(drafts, |a| a.slug, tx).await;
    fails_in_a_transaction(&db, StatusCode::UNPROCESSABLE_ENTITY, upsert).await;
    assert_eq!(Article::query().all(&db).await.unwrap(), [there]);
}

/// More slots than are written at once where a write returns no rows, and two in the first lane.
async fn slots(db: &Db) -> Slot {
    schema::create_tables(&[meta_of::<Slot>(), meta_of::<Pin>()], db).await.unwrap();
    let slots = (1..=1_000).map(|lane| NewSlot { lane, place: 0 });
    Slot::insert_all(slots, db).await.unwrap();
    NewSlot { lane: 1, place: 1 }.insert(db).await.unwrap()
}

async fn an_update_that_returns_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    slots(&db).await;
    let update = async |tx: &Tx| Slot::query().update_returning(|s| s.place(5), tx).await;
    fails_in_a_transaction(&db, StatusCode::CONFLICT, async |tx| alone(&db, tx, update).await).await;
    assert_eq!(Slot::filter(|s| s.place.eq(0)).count(&db).await.unwrap(), 1_000);
}

async fn a_delete_that_returns_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    let last = slots(&db).await;
    NewPin { slot: last.key() }.insert(&db).await.unwrap();
    let delete = async |tx: &Tx| Slot::query().delete_returning(tx).await;
    fails_in_a_transaction(&db, StatusCode::CONFLICT, async |tx| alone(&db, tx, delete).await).await;
    assert_eq!(Slot::query().count(&db).await.unwrap(), 1_001);
}

async fn an_adoption_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let (one, mut two) = (article(&db, &ann, "one").await, article(&db, &ann, "two").await);
    let theirs = comment(&db, &one, &ann, "yes").await.unwrap();
    let add = async |tx: &Tx| two.comments.add([theirs.id, theirs.id + 7], tx).await;
    fails_in_a_transaction(&db, StatusCode::NOT_FOUND, add).await;
    assert_eq!(Comment::query().one(&db).await.unwrap().article.key(), one.key());
}

async fn a_change_of_links_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let mut one = article(&db, &ann, "one").await;
    let (rust, web) = (tag(&db, "rust").await, tag(&db, "web").await);
    one.tags.add([&rust], &db).await.unwrap();
    let nobody = web.id + 7;
    let set = async |tx: &Tx| one.tags.set([web.id, nobody], tx).await;
    fails_in_a_transaction(&db, StatusCode::UNPROCESSABLE_ENTITY, set).await;
    assert_eq!(one.tags.keys(&db).await.unwrap(), [rust.key()]);
}

async fn a_new_linked_row_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let mut gone = article(&db, &ann, "gone").await;
    Article::query().delete(&db).await.unwrap();
    let create = async |tx: &Tx| gone.tags.create(NewTag { name: "new".into() }, tx).await;
    fails_in_a_transaction(&db, StatusCode::UNPROCESSABLE_ENTITY, create).await;
    assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
}
