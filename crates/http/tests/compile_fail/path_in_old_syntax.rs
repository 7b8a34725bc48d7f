use mainstay_http::get;

#[get("/articles/:slug")]
async fn show() {}

fn main() {}
