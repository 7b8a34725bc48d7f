//! Scratch.
#![allow(missing_docs)]
use http::Method;
use mainstay_core::App;
use mainstay_http::{Route, RoutesExt, files::File};
fn main() -> std::process::ExitCode {
    let dir = std::env::var("SITE").unwrap_or_else(|_| "/tmp/site".into());
    let app = App::new()
        .route(Route::new(Method::GET, "/json", async || {
            axum::Json(serde_json::json!({"message": "Hello, World!"}))
        }))
        .route(Route::new(Method::GET, "/plaintext", async || "Hello, World!"))
        .route(Route::new(Method::GET, "/slow", async || {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            "slow"
        }))
        .route(Route::new(Method::GET, "/long", async || axum::Json(vec!["word"; 10000])))
        .route(Route::new(Method::GET, "/panic", async || {
            if true {
                panic!("oh")
            }
            "x"
        }))
        .route(Route::new(Method::POST, "/echo", async |b: mainstay_http::extract::Text| b.0))
        .route(Route::new(Method::GET, "/file", async || File::open("/tmp/site/big.bin").await))
        .single_page_app("/", dir);
    mainstay_core::lifecycle::run(app, "scratch", "0.1.0")
}
