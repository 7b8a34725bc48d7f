use mainstay_http::get;

struct Articles;

impl Articles {
    #[get("/")]
    async fn list(&self) {}
}

fn main() {}
