//! A batteries-included backend framework.
//!
//! ```no_run
//! use mainstay::prelude::*;
//!
//! #[get("/")]
//! async fn hello() -> &'static str {
//!     "Hello, world!"
//! }
//!
//! #[mainstay::main]
//! fn app() -> App {
//!     App::new().routes(routes![hello])
//! }
//! ```
//!
//! This crate has no logic. Its features choose the layers, which are re-exported as modules ([`core`], [`http`], …);
//! what the core defines is also here, at the root. Applications import the [`prelude`].
//!
//! The book begins with `docs/src/getting-started.md` in the repository; `ARCHITECTURE.md` is the tour of the code.

mod imports;

pub use mainstay_core as core;
pub use mainstay_core::*;

#[cfg(feature = "http")]
pub use ::axum;
#[cfg(feature = "admin")]
pub use mainstay_admin as admin;
#[cfg(feature = "api")]
pub use mainstay_api as api;
#[cfg(feature = "auth")]
pub use mainstay_auth as auth;
#[cfg(feature = "bus")]
pub use mainstay_bus as bus;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use mainstay_db as db;
#[cfg(feature = "http")]
pub use mainstay_http as http;
#[cfg(feature = "images")]
pub use mainstay_images as images;
#[cfg(feature = "jobs")]
pub use mainstay_jobs as jobs;
#[cfg(feature = "mail")]
pub use mainstay_mail as mail;
#[cfg(feature = "notifications")]
pub use mainstay_notifications as notifications;
#[cfg(feature = "outbound")]
pub use mainstay_outbound as outbound;
#[cfg(feature = "api")]
pub use mainstay_resource as resource;
#[cfg(feature = "store")]
pub use mainstay_store as store;
#[cfg(feature = "view")]
pub use mainstay_view as view;

pub mod prelude {
    //! What an application's files use all the time: `use mainstay::prelude::*;`.
    //!
    //! Names that more than one layer has (`Json`, `Query`) are those of `http`.

    pub use crate::imports::*;
}
