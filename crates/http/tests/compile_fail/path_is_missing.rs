use mainstay_http::get;

#[get]
async fn hello() {}

fn main() {}
