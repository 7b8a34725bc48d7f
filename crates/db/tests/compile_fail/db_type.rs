//! Structs that are no type of a column.
use mainstay_db::DbType;

#[derive(DbType)]
struct Two(i32, i32);

#[derive(DbType)]
struct Named {
    value: i32,
}

#[derive(DbType)]
struct Of<T>(T);

#[derive(DbType)]
enum Choice {
    One,
}

#[derive(DbType)]
#[db(tryfrom)]
struct Email(String);

fn main() {}
