//! axum with nothing around the handlers.

use axum::{Json, Router, routing::get, serve::ListenerExt};
use peers::{Message, PLAINTEXT};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/plaintext", get(plaintext)).route("/json", get(json));
    let listener = peers::listen().await?.tap_io(|stream| {
        let _delayed_at_worst = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

async fn plaintext() -> &'static str {
    PLAINTEXT
}

async fn json() -> Json<Message> {
    Json(Message::hello())
}
