//! A batteries-included backend framework.
//!
//! ```no_run
//! # mod app {
//! use mainstay::prelude::*;
//!
//! /// Says hello.
//! #[get("/")]
//! async fn hello() -> &'static str {
//!     "Hello, world!"
//! }
//!
//! #[mainstay::main]
//! fn app() -> App {
//!     App::new().routes(routes![hello])
//! }
//! # }
//! ```
//!
//! This crate has no logic of its own: it chooses the layers by feature, and has one [`prelude`] for all of them. Each
//! layer is a module here under its own name: [`core`], and with their features `http`, `db`, `resource`, `api`.

pub use mainstay_core as core;
pub use mainstay_core::{App, Error, Inject, Module, Result, main};

#[cfg(feature = "api")]
pub use mainstay_api as api;
#[cfg(feature = "sqlite")]
pub use mainstay_db as db;
#[cfg(feature = "http")]
pub use mainstay_http as http;
#[cfg(feature = "api")]
pub use mainstay_resource as resource;

/// What nearly every file of an application names.
pub mod prelude {
    pub use mainstay_core::check::Check;
    pub use mainstay_core::command::{Call, Command};
    pub use mainstay_core::config::Section;
    pub use mainstay_core::error::{Context, OrNotFound};
    pub use mainstay_core::keys::Keys;
    pub use mainstay_core::lifecycle::Hook;
    pub use mainstay_core::principal::Principal;
    pub use mainstay_core::service::{Running, Service};
    pub use mainstay_core::{
        App, Contribute, Contribution, Contributions, CoreContributions, Error, Fault, Finding, Findings,
        Inject, Injectable, Module, Profile, Provider, Result, StatusCode,
    };

    #[cfg(feature = "http")]
    pub use mainstay_http::{
        Cookies, Form, Group, Header, Headers, Json, Multipart, Next, Path, Query, Route, Routes, RoutesExt,
        delete, errors, get, head, options, patch, post, put, route, routes,
    };

    #[cfg(feature = "api")]
    pub use mainstay_api::{Api, ApiExt, Valid};
}
