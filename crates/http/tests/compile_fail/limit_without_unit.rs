use mainstay_http::get;

#[get("/", body_limit = "10")]
async fn hello() {}

fn main() {}
