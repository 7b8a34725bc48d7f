use mainstay_core::App;

#[mainstay_core::main]
fn app(port: u16) -> App {
    App::new()
}

fn main() {}
