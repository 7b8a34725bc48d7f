use mainstay_http::get;

use axum::Json;
use axum::extract::Path;

#[get("/{id}")]
async fn update(_body: Json<String>, _id: Path<u32>) {}

fn main() {}
