//! A query run by what is no database.
use mainstay_db::model;

#[model]
pub struct Tag {
    pub id: i64,
}

fn main() {
    let _ = Tag::query().all(&"sqlite:app.db");
}
