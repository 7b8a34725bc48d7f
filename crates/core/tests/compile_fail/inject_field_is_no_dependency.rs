#[derive(mainstay_core::Inject)]
struct Users {
    table: String,
}

fn main() {}
