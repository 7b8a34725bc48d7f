//! The smallest application.
use mainstay::prelude::*;

#[mainstay::main]
fn app() -> App {
    App::new().route(Route::new(Method::GET, "/", async || "Hello, world!"))
}
