//! Enums that cannot be a column.
use mainstay_db::DbEnum;

#[derive(DbEnum, Clone)]
pub enum Shape {
    Circle(f64),
}

#[derive(DbEnum, Clone)]
pub enum Twice {
    One,
    #[db(rename = "one")]
    Two,
}

fn main() {}
