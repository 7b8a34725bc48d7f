//! An application whose clients must not pay twice.

use mainstay::prelude::*;

/// What somebody has paid.
#[model]
pub struct Payment {
    pub id: i64,
    #[field(max_length = 40)]
    pub text: String,
}

#[mainstay::main]
fn app() -> App {
    App::new().resource(Resource::<Payment>::new("/payments").policy(Open))
}
