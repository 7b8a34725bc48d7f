//! Tests of applications.
//!
//! A [`TestApp`] is the very application that serves users, started without a socket: its modules, configuration,
//! checks, providers, hooks and background services, and a database of its own that is gone with it.
//!
//! ```
//! use mainstay_core::App;
//! use mainstay_http::{Json, RoutesExt, get, routes};
//! use mainstay_test::TestApp;
//! use serde_json::{Value, json};
//!
//! /// One article.
//! #[get("/articles/{slug}")]
//! async fn show(mainstay_http::Path(slug): mainstay_http::Path<String>) -> Json<Value> {
//!     Json(json!({ "slug": slug, "tags": ["rust"] }))
//! }
//!
//! fn app() -> App {
//!     App::new().routes(routes![show])
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = TestApp::start(app()).await;
//!
//! let response = app.get("/articles/hello").send().await;
//! response.assert_status(200).assert_json(json!({ "slug": "hello", "tags": ["rust"] }));
//!
//! app.get("/nothing").header("accept", "application/json").send().await.assert_problem(404, "not_found");
//! app.stop().await;
//! # }
//! ```
//!
//! In reading order:
//!
//! 1. [`Setup`]: what is different in a test: settings, providers, the folder of the configuration.
//! 2. [`TestApp`]: the application, started; it is stopped, or else falls with the test.
//! 3. [`Client`]: somebody who sends requests and keeps cookies; an application can have many.
//! 4. [`TestRequest`], [`Upload`] and [`TestResponse`]: what is sent, and what is claimed of the answer; [`TestStream`]: an
//!    answer piece by piece.
//! 5. `Queries` (feature `db`): which statements the database ran meanwhile; `Factory`: rows for a test, of which it says only
//!    what matters; `on_each_engine`.
//! 6. `mails` and `jobs` (features `mail`, `jobs`): what was sent, what waits to be run, and what is claimed of it; `inbound` (feature
//!    `inbound-mail`): mails that arrive.
//! 7. [`contracts`]: what drivers promise, for tests of drivers of one's own.
//!
//! When a claim fails, the panic shows the whole response. What the application logged is in the output of the test.

mod app;
mod client;
pub mod contracts;
mod cookies;
#[cfg(feature = "db")]
mod database;
mod difference;
#[cfg(feature = "db")]
mod engines;
#[cfg(feature = "inbound-mail")]
mod inbound;
#[cfg(feature = "jobs")]
mod jobs;
#[cfg(feature = "mail")]
mod mails;
#[cfg(feature = "db")]
mod queries;
mod request;
mod response;
mod setup;
mod stream;
mod upload;

pub use app::TestApp;
pub use client::Client;
#[cfg(feature = "db")]
pub use engines::on_each_engine;
#[cfg(feature = "inbound-mail")]
pub use inbound::Incoming;
#[cfg(feature = "db")]
pub use mainstay_db::factory::{Factory, Fake, Make};
#[cfg(feature = "db")]
pub use mainstay_db::scratch::{Engine, Scratch};
#[cfg(feature = "db")]
pub use queries::Queries;
pub use request::TestRequest;
pub use response::TestResponse;
pub use setup::Setup;
pub use stream::TestStream;
pub use upload::Upload;
