//! Typed APIs: write a handler, and its documentation writes itself.
//!
//! - [`openapi`]: an OpenAPI 3.1 document from what handlers say about themselves.
//! - [`client`]: a typed client, generated from such a document.
//! - [`valid`]: [`Valid<Json<T>>`](Valid), an extractor whose value keeps its rules.
//! - [`rest`]: the rows of a model over REST, by `.resource(…)`.
//! - [`transaction`]: a transaction for each request, committed when the answer is a success.
//! - [`replicas`]: requests that only read, on read replicas.
//! - [`module`]: [`Api`] and [`ApiExt`]: the document at `/openapi.json`, Swagger UI at `/docs`, ReDoc at `/redoc`, the
//!   command `openapi`.

pub mod client;
pub mod module;
pub mod openapi;
mod pages;
pub mod replicas;
pub mod rest;
pub mod transaction;
pub mod valid;

pub use module::{Api, ApiExt, OpenApi};
pub use replicas::ReplicasExt;
pub use rest::ResourcesExt;
pub use transaction::RequestTx;
pub use valid::Valid;
