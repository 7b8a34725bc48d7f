//! Typed APIs: write a handler, and its documentation writes itself.
//!
//! - [`openapi`]: an OpenAPI 3.1 document from what handlers say about themselves.
//! - [`client`]: a typed client, generated from such a document.
//! - [`valid`]: [`Valid<Json<T>>`](Valid), an extractor whose value keeps its rules.
//! - [`Verified<Json<T>>`](Verified): the same with rules that ask the database; [`fastapi`]: errors in FastAPI's shape.
//! - [`rest`]: the rows of a model over REST, by `.resource(…)`.
//! - [`idempotency`]: requests that may be sent again, and happen once.
//! - [`transaction`]: a transaction for each request, committed when the answer is a success.
//! - [`tenancy`]: for which tenant a request is.
//! - [`replicas`]: requests that only read, on read replicas.
//! - [`rate_limit`]: how many requests somebody may send in a while.
//! - [`output_cache`]: answers that are kept for a while.
//! - `files`: files by URLs that hold for a while (feature `files`).
//! - [`module`]: [`Api`] and [`ApiExt`]: the document at `/openapi.json`, Swagger UI at `/docs`, ReDoc at `/redoc`, the
//!   command `openapi`.

pub mod client;
pub mod fastapi;
#[cfg(feature = "files")]
pub mod files;
pub mod idempotency;
pub mod module;
pub mod openapi;
pub mod output_cache;
mod pages;
pub mod rate_limit;
pub mod replicas;
pub mod rest;
pub mod tenancy;
pub mod transaction;
pub mod valid;
mod versions;

#[cfg(feature = "files")]
pub use files::{AttachmentsOverHttp, FilesExt, FilesOverHttp};
pub use module::{Api, ApiExt, OpenApi};
pub use output_cache::OutputCache;
pub use rate_limit::RateLimit;
pub use replicas::ReplicasExt;
pub use rest::{Authorized, ResourcesExt};
pub use tenancy::{TenancyExt, TenantDb, TenantFrom};
pub use transaction::RequestTx;
pub use valid::{Valid, Verified, Verify};
