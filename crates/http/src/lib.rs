//! The way of a request.

mod app;
pub mod compression;
mod config;
pub mod describe;
mod exchange;
pub mod extract;
pub mod files;
pub mod listen;
pub mod middleware;
mod module;
pub mod negotiate;
pub mod render;
pub mod respond;
pub mod route;
pub mod stack;

pub use app::Http;
pub use config::HttpConfig;
pub use exchange::{Exchange, RequestId, Scheme};
pub use listen::{Peer, PeerAddress};
pub use middleware::{Middleware, Next};
pub use module::RoutesExt;
pub use route::{Group, Route, RouteMatch, Routes};
