#[mainstay_core::main]
fn app() {}

fn main() {}
