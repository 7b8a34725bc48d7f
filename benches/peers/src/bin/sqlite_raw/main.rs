//! The database tests by hand, on rusqlite, with threads as the model layer has them.
//!
//! [`database`] has the reader threads and the group-committing writer, with the same durability (WAL,
//! `synchronous=FULL`). A statement is one visit to a thread, as in the model layer, which knows nothing of the
//! statement after it; with `VISITS=request` the statements of a request share one visit, which is what somebody who
//! writes everything by hand would do in the end. [`queries`] is the SQL. With `TESTS=articles` it serves Conduit's articles
//! instead ([`articles`]).

mod articles;
mod database;
mod queries;

use database::Database;
use peers::contest::{Outcome, serve};

#[tokio::main]
async fn main() -> Outcome<()> {
    let database = Database::open(&std::env::var("DATABASE_URL")?)?;
    if std::env::var("TESTS").is_ok_and(|tests| tests == "articles") {
        return peers::articles::serve(database).await;
    }
    serve(database).await
}
