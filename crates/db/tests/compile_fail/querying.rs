//! Queries that say what the model does not have, or are not run by anything.
use mainstay_db::{BelongsTo, Db, model};

#[model]
pub struct User {
    pub id: i64,
    pub name: String,
}

#[model]
pub struct Tag {
    pub id: i64,
    pub name: String,
}

#[model]
pub struct Article {
    pub id: i64,
    pub title: String,
    pub views: i32,
    #[belongs_to]
    pub author: BelongsTo<User>,
}

fn main() {}

async fn run(db: &Db, tag: Tag) {
    let _ = Article::query().all().await;
    let _ = Article::filter(|a| a.title).all(db).await;
    let _ = Article::filter(|a| a.author.eq(tag.key())).all(db).await;
    let _ = Article::filter(|a| a.author.is(|u| u.title.eq("x"))).all(db).await;
    let _ = Article::filter(|a| a.views.contains("1")).all(db).await;
    let _ = Article::query().select(|_| "title").all(db).await;
    let _ = Article::query().order_by(|a| a.author).all(db).await;
    let _ = Article::query().update_with(|a| a.views.set("many"), db).await;
}
