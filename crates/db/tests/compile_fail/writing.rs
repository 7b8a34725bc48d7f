//! Writes that a model does not have.
use mainstay_db::{Db, model, on_conflict};

#[model(hooks)]
pub struct Page {
    pub id: i64,
    #[field(unique)]
    pub title: String,
}

fn main() {}

async fn run(db: &Db) {
    let _ = Page::query().with_deleted().all(db).await;
    let _ = NewPage { title: "one".into() }.upsert(|p| p.titel, db).await;
    let _ = NewPage { title: "one".into() }.upsert(|_| "title", db).await;
    let _ = NewPage { title: "one".into() }.upsert(|p| on_conflict(p.title).update(1), db).await;
}
