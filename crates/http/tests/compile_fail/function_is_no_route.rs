use mainstay_http::routes;

async fn hello() {}

fn main() {
    let _ = routes![hello];
}
