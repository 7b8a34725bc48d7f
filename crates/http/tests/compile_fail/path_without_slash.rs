use mainstay_http::get;

#[get("articles")]
async fn list() {}

fn main() {}
