use mainstay_core::App;

#[mainstay_core::main]
fn main() -> App {
    App::new()
}
