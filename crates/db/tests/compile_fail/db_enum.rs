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

#[derive(DbEnum, Clone)]
#[db(integer)]
pub enum Place {
    First = 1,
    Second,
}

const TEN: isize = 10;

#[derive(DbEnum, Clone)]
#[db(integer)]
pub enum Score {
    Ten = TEN,
}

#[derive(DbEnum, Clone)]
#[db(number)]
pub enum Level {
    Low = 1,
}

#[derive(DbEnum, Clone)]
#[db(integer)]
pub enum Same {
    One = 1,
    Another = 1,
}

fn main() {}
