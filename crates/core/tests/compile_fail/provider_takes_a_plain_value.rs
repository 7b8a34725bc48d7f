use mainstay_core::{App, CoreContributions};

struct Db;
struct Users(Db);

fn main() {
    let _ = App::new().provide(|db: Db| Users(db));
}
