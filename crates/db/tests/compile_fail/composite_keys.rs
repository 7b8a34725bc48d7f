//! Keys of several fields where one is expected, and the other way round.
use mainstay_db::{BelongsTo, model};

#[model]
pub struct Order {
    #[field(primary_key)]
    pub shop: i64,
    #[field(primary_key)]
    pub number: i32,
}

#[model]
pub struct Line {
    pub id: i64,
    pub shop: i64,
    pub number: String,
    #[belongs_to]
    pub order: BelongsTo<Order>,
}

#[model]
pub struct Note {
    pub id: i64,
    pub shop: i64,
    pub number: String,
    #[belongs_to(fields(shop, number))]
    pub text: BelongsTo<Order>,
}

#[model]
pub struct Receipt {
    pub id: i64,
    pub shop: i64,
    #[belongs_to(fields(shop))]
    pub order: BelongsTo<Order>,
}

fn main() {}
