use mainstay_http::get;

struct Article;

#[get("/")]
async fn show() -> Article {
    Article
}

fn main() {}
