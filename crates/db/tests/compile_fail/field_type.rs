//! A type that no column can hold.
use mainstay_db::model;

#[model]
pub struct Article {
    pub id: i64,
    pub size: std::time::Duration,
    pub sizes: Vec<std::time::Duration>,
}

fn main() {}
