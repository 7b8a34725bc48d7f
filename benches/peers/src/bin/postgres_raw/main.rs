//! The database tests by hand, on tokio-postgres.
//!
//! With `ACCESS=pool` a request takes a connection from deadpool and runs its statements one after the other, as most
//! services do. With `ACCESS=pipeline` all requests share one connection, and the statements of a request are sent
//! together: what somebody does who writes everything by hand for speed.

mod database;

use database::Database;
use peers::contest::{Outcome, serve};

#[tokio::main]
async fn main() -> Outcome<()> {
    let (url, access) = (std::env::var("DATABASE_URL")?, std::env::var("ACCESS")?);
    serve(Database::open(&url, &access).await?).await
}
