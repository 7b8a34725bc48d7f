#[derive(mainstay_core::Inject)]
enum Either {
    Left,
    Right,
}

fn main() {}
