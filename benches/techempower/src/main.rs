//! The TechEmpower tests on Mainstay, as that project's rules ask: the server that is measured.
//!
//! `PORT` says where it listens. With `STACK=bare` there is nothing around the handlers; otherwise it is the full
//! default stack.

mod plain;
mod server_header;

use mainstay_core::{App, main};
use mainstay_http::{RoutesExt, routes, stack::Stack};
use server_header::ServerHeader;

#[main]
fn app() -> App {
    App::new().routes(routes![plain::plaintext, plain::json]).stack(around)
}

fn around(stack: Stack) -> Stack {
    let bare = std::env::var("STACK").is_ok_and(|choice| choice == "bare");
    let stack = if bare { stack.clear() } else { stack };
    stack.push("server-header", ServerHeader)
}
