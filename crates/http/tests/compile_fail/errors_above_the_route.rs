use mainstay_http::get;

use mainstay_http::errors;

#[errors(NotFound)]
#[get("/")]
async fn hello() {}

fn main() {}
