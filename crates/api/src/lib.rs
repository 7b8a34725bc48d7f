//! Typed APIs: write a handler, and its documentation writes itself.
//!
//! - [`openapi`]: an OpenAPI 3.1 document from what handlers say about themselves.
//! - [`valid`]: [`Valid<Json<T>>`](Valid), an extractor whose value keeps its rules.
//! - [`rest`]: the rows of a model over REST, by `.resource(…)`.
//! - [`transaction`]: a transaction for each request, committed when the answer is a success.
//! - [`replicas`]: requests that only read, on read replicas.
//! - [`rate_limit`]: how many requests somebody may send in a while.
//! - [`module`]: [`Api`] and [`ApiExt`]: the document at `/openapi.json`, Swagger UI at `/docs`, ReDoc at `/redoc`, the
//!   command `openapi`.

pub mod module;
pub mod openapi;
mod pages;
pub mod rate_limit;
pub mod replicas;
pub mod rest;
pub mod transaction;
pub mod valid;
mod versions;

pub use module::{Api, ApiExt, OpenApi};
pub use rate_limit::RateLimit;
pub use replicas::ReplicasExt;
pub use rest::ResourcesExt;
pub use transaction::RequestTx;
pub use valid::Valid;
