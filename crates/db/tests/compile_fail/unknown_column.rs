//! A column that the model does not have, and a value of another type.
use mainstay_db::model;

#[model]
pub struct Article {
    pub id: i64,
    pub slug: String,
}

fn main() {
    let _ = Article::filter(|a| a.sulg.eq("one"));
    let _ = Article::filter(|a| a.id.eq("one"));
    let _ = Article::query().with(|a| a.slug);
}
