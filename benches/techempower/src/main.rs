//! The TechEmpower tests on Mainstay, as that project's rules ask: the server that is measured.
//!
//! `PORT` says where it listens. With `DATABASE_URL` the tests with a database are there as well, and an empty database
//! is filled at start. With `STACK=bare` there is nothing around the handlers; otherwise it is the full default stack.

mod blog;
mod database;
mod fortunes;
mod notes;
mod plain;
mod random;
mod server_header;
mod world;

use mainstay::http::stack::Stack;
use mainstay::prelude::*;
use server_header::ServerHeader;

#[mainstay::main]
fn app() -> App {
    let app = App::new().routes(routes![plain::plaintext, plain::json]).stack(around);
    if std::env::var_os("DATABASE_URL").is_none() {
        return app;
    }
    // These are the tables of the tests, not those of a user: they may be made in production.
    app.module(database::module()).set("database.auto_create", "true")
}

fn around(stack: Stack) -> Stack {
    let bare = std::env::var("STACK").is_ok_and(|choice| choice == "bare");
    let stack = if bare { stack.clear() } else { stack };
    stack.push("server-header", ServerHeader)
}
