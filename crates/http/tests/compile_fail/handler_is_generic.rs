use mainstay_http::get;

#[get("/")]
async fn hello<T: Default>() -> String {
    String::new()
}

fn main() {}
