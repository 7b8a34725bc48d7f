//! A tenant is one field of a row, and every row has one.

use mainstay_db::model;

#[model]
struct Empty {
    id: i64,
    #[field(tenant)]
    company: Option<i64>,
}

#[model]
struct Twice {
    id: i64,
    #[field(tenant)]
    company: i64,
    #[field(tenant)]
    branch: i64,
}

fn main() {}
