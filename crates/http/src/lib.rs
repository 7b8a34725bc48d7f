//! The way of a request.

// So that what the macros write (`::mainstay_http::…`) holds within this crate as well.
extern crate self as mainstay_http;

mod app;
pub mod compression;
mod config;
pub mod describe;
mod exchange;
#[doc(hidden)]
pub mod expand;
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
pub use extract::{
    ClientIp, Cookie, Cookies, Form, Header, Headers, Host, Json, Multipart, Path, Query, RawBody, Text,
};
pub use listen::{Peer, PeerAddress};
pub use mainstay_macros::{delete, errors, get, head, options, patch, post, put, route, routes};
pub use middleware::{Middleware, Next};
pub use module::{RoutesExt, routes_of};
pub use negotiate::{Accepts, AcceptsLanguage};
pub use respond::{
    Created, Event, Html, JsonLines, Negotiated, NoContent, Problem, Redirect, SetCookie, Sse, Stream,
};
pub use route::{Group, Route, RouteMatch, Routes};
