use mainstay_http::get;

struct Session;

#[get("/{id}")]
async fn show(_id: axum::extract::Path<u32>, _session: Session) {}

fn main() {}
