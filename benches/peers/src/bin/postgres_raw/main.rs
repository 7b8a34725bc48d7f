//! The database tests by hand, on tokio-postgres; with `TESTS=articles` Conduit's articles instead ([`articles`]).
//!
//! With `ACCESS=pool` a request takes a connection from deadpool and runs its statements one after the other, as most
//! services do. With `ACCESS=pipeline` all requests share one connection, and the statements of a request are sent
//! together: what somebody does who writes everything by hand for speed.

mod articles;
mod database;

use articles::Store;
use database::Database;
use peers::contest::{Outcome, serve};

#[tokio::main]
async fn main() -> Outcome<()> {
    let url = std::env::var("DATABASE_URL")?;
    if std::env::var("TESTS").is_ok_and(|tests| tests == "articles") {
        return peers::articles::serve(Store::open(&url)?).await;
    }
    let access = std::env::var("ACCESS")?;
    serve(Database::open(&url, &access).await?).await
}
