use mainstay_http::get;

#[get("/")]
fn hello() -> &'static str {
    "hello"
}

fn main() {}
