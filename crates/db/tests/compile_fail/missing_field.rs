//! A required field that a new row does not have.
use mainstay_db::model;

#[model]
pub struct Article {
    pub id: i64,
    pub slug: String,
    pub title: String,
}

fn main() {
    let _ = NewArticle { slug: "one".into() };
}
