//! New rows together with what does not belong to them.
use mainstay_db::{BelongsTo, Db, HasMany, model};

#[model]
pub struct Article {
    pub id: i64,
    pub title: String,
    #[has_many]
    pub comments: HasMany<Comment>,
}

#[model]
pub struct Comment {
    pub id: i64,
    pub text: String,
    #[belongs_to]
    pub article: BelongsTo<Article>,
}

#[model]
pub struct Tag {
    pub id: i64,
    pub with: String,
}

fn main() {}

async fn run(db: &Db) {
    let new = || NewArticle { title: "One".into() };
    let _ = new().with(|a| a.title, |_| [new()]).insert(db).await;
    let _ = new().with(|a| a.comments, |_| [new()]).insert(db).await;
    let _ = new().with(|a| a.comments, |article| [NewComment { article }]).insert(db).await;
}
