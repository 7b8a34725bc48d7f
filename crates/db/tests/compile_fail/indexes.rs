//! Indexes and checks that say nothing, or what cannot be.
use mainstay_db::model;

#[model]
#[index()]
#[index]
#[index(title, title)]
#[index(title, wehre = "price > 0")]
#[index(title, expression = "lower(title)")]
#[index(title, using = "gin (title)")]
#[unique(title, where = "")]
#[unique(title, name = "a", name = "b")]
#[check(name = "price_is_positive")]
#[check(price)]
#[renamed_from(1)]
pub struct Product {
    pub id: i64,
    pub title: String,
    pub price: i64,
}

fn main() {}
