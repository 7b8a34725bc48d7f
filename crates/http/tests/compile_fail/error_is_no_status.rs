use mainstay_http::get;

#[get("/")]
#[errors(NotFund)]
async fn hello() {}

fn main() {}
