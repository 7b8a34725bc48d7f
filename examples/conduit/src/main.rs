//! Conduit as a program: `cargo run`, then <http://127.0.0.1:8000>.

use mainstay::App;

#[mainstay::main]
fn app() -> App {
    conduit::app()
}
