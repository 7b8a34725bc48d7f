use mainstay_http::get;

use std::rc::Rc;

#[get("/")]
async fn show() {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}
