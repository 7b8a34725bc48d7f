//! An application whose clients must not pay twice.

#![allow(dead_code, reason = "only what is stored matters")]

use mainstay::prelude::*;

/// What somebody has paid.
#[model]
struct Payment {
    id: i64,
    #[field(max_length = 40)]
    text: String,
}

#[mainstay::main]
fn app() -> App {
    App::new().resource(Resource::<Payment>::new("/payments").policy(Open))
}
