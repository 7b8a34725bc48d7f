use mainstay_http::get;

#[get("/", body_limt = "10MB")]
async fn hello() {}

fn main() {}
