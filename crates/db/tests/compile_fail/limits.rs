//! Limits that contradict the field or each other.
use mainstay_db::{BelongsTo, Decimal, Uuid, model};

#[model]
pub struct User {
    pub id: i64,
}

#[model]
pub struct Product {
    pub id: i64,
    #[field(min = 1)]
    pub title: String,
    #[field(max = 1.5)]
    pub count: i32,
    #[field(min = "one")]
    pub weight: f64,
    #[field(min = 5, max = -5)]
    pub level: i16,
    #[field(max_length = 5)]
    pub active: bool,
    #[field(min = 1)]
    pub token: Uuid,
    #[field(scale = 2)]
    pub price: Decimal,
    #[field(precision = 2, scale = 3)]
    pub tax: Decimal,
    #[field(precision = 0)]
    pub fee: Decimal,
    #[field(max = 99999999999999999999999999999)]
    pub much: Decimal,
    #[field(precision = 4)]
    pub size: i32,
    #[field(default = 1, default_sql = "2")]
    pub rank: i32,
    #[field(min_length = 5, max_length = 4)]
    pub code: String,
    #[field(max_length = 10)]
    pub tags: Vec<String>,
    #[field(min = 0)]
    pub scores: Option<Vec<i32>>,
    #[unique]
    pub slug: String,
    #[belongs_to(on_update = set_null)]
    pub owner: BelongsTo<User>,
    #[belongs_to(on_change = cascade)]
    pub maker: BelongsTo<User>,
    #[field(version)]
    pub version: String,
    #[field(deleted_at)]
    pub deleted_at: i64,
}

#[model]
pub struct Twice {
    pub id: i64,
    #[field(version)]
    pub one: i32,
    #[field(version)]
    pub two: i32,
}

fn main() {}
