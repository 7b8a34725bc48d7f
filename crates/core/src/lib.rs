//! The value that describes an application, and what runs it.
//!
//! Read in this order:
//!
//! 1. [`app`] and [`module`]: an [`App`] is a tree of [`Module`]s, and building one does no I/O.
//! 2. [`contribution`]: the one, open, typed slot through which every other crate adds its own kind of part.
//! 3. [`container`]: dependency injection by type; the whole graph is known and verified before anything is built.
//! 4. [`config`]: layered settings with the origin of each value.
//! 5. [`check`]: findings with stable ids, all reported together, before the first request.
//! 6. [`assembly`]: an application put together, its faults found.
//! 7. [`service`] and [`lifecycle`]: supervised background tasks; start, ready, drain, stop in reverse.
//! 8. [`command`]: the subcommands of the application's own binary.
//!
//! Beside them stand the small contracts that every layer shares: [`error`], [`keys`], [`principal`], [`clock`],
//! [`random`], [`driver`], [`health`], [`redaction`], [`whole_file`], [`metrics`], [`logging`], [`origin`], [`mod@pointer`],
//! [`call_context`], [`recent`]: what a process remembers for a moment, [`projection`]: what of a value may be seen from outside, and
//! `media_type`: what a file is (feature `media-types`).

// So that what the macros write (`::mainstay_core::…`) holds within this crate as well.
extern crate self as mainstay_core;

pub mod app;
pub mod assembly;
#[cfg(feature = "axum")]
mod axum;
mod builtin;
pub mod call_context;
pub mod check;
pub mod clock;
pub mod command;
pub mod config;
pub mod container;
pub mod contribution;
pub mod driver;
pub mod error;
pub mod health;
pub mod keys;
pub mod lifecycle;
pub mod logging;
#[cfg(feature = "media-types")]
pub mod media_type;
pub mod metrics;
pub mod module;
pub mod origin;
pub mod pointer;
pub mod principal;
pub mod profile;
pub mod projection;
pub mod random;
pub mod recent;
pub mod redaction;
pub mod service;
pub mod whole_file;

pub use app::{App, AppInfo};
pub use assembly::Assembly;
pub use check::{Finding, Findings, Severity};
pub use container::{Inject, Injectable, Provider, Resolver};
pub use contribution::{Contribute, Contributed, Contribution, Contributions};
pub use error::{Error, Fault, Result, StatusCode};
pub use mainstay_macros::{Inject, Projection, main};
pub use module::{CoreContributions, Module};
pub use profile::Profile;
pub use projection::Projection;
