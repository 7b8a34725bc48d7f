//! Conduit as it is measured: the application itself, with rows to read.
//!
//! `PORT` says where it listens, `DATABASE_URL` where its rows are; an empty database is filled at start. With `STACK=bare` there
//! is nothing around the handlers but what says who asks. With `RESOURCES=by_hand` the articles of `/api/v2` are answered by
//! handlers ([`by_hand`]) and not by the declared resource.
//!
//! Beside it, in `sql`, are the statements of those that it is measured against (`benches/peers`, `express`, `fastapi`).

mod by_hand;
mod rows;

use mainstay::http::stack::Stack;
use mainstay::prelude::*;

#[mainstay::main]
fn app() -> App {
    let chosen = |name: &str, value: &str| std::env::var(name).is_ok_and(|choice| choice == value);
    // The tables are those of the bench, not those of a user: they may be made in production.
    let app = conduit::app().module(rows::module()).set("database.migrate_on_start", "true");
    let app = if chosen("RESOURCES", "by_hand") { app.module(by_hand::module()) } else { app };
    if chosen("STACK", "bare") { app.stack(bare) } else { app }
}

/// What is around the handlers by default, but for what says who asks: without it nobody may write.
const AROUND: [&str; 12] = [
    "request-id",
    "trace",
    "metrics",
    "proxies",
    "hosts",
    "headers",
    "cors",
    "compression",
    "panic",
    "timeout",
    "body-limit",
    "csrf",
];

fn bare(stack: Stack) -> Stack {
    AROUND.into_iter().fold(stack, Stack::remove)
}
