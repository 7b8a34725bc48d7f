//! The way of a request: from a socket to a handler, and back.
//!
//! Read in this order:
//!
//! 1. [`listen`]: sockets, connections, HTTP/1.1 and HTTP/2, TLS, time-outs, drain. It hands each request to
//! 2. [`Http`]: finds the route, then runs the stack around it, in one future. It knows the request by its
//!    [`Exchange`].
//! 3. [`mod@route`]: [`Route`], [`Routes`] and [`Group`]; the frozen table, and what is wrong with a set of routes.
//! 4. [`stack`]: the named parts around every request, from the id to the cross-site protection.
//! 5. [`middleware`]: plain async functions around some routes.
//! 6. [`extract`] and [`respond`]: what handlers take and return; [`negotiate`] chooses between forms of it.
//! 7. [`describe`]: what a route says about itself, for API documents and checks.
//! 8. [`render`]: errors, written for whoever asked.
//! 9. [`version`]: versions of an API, and what is on its way out.
//! 10. [`files`] and [`compression`]: static files, single-page applications, compressed bodies.
//! 11. [`resumable`]: uploads that go on where they were cut off.
//! 12. [`session`]: what is remembered of a visitor between requests.
//!
//! [`RoutesExt`] adds all this to an application. `#[get]` and its siblings make a [`Route`] of a function:
//!
//! ```
//! use mainstay_core::App;
//! use mainstay_http::{RoutesExt, get, routes};
//!
//! #[get("/")]
//! async fn hello() -> &'static str {
//!     "Hello"
//! }
//!
//! fn app() -> App {
//!     App::new().routes(routes![hello])
//! }
//! ```
//!
//! # Checks
//!
//! `http.E001` to `E006` are about routes (`route/conflict.rs`), `E007` to `E009` about versions (`version/check.rs`), `E010` about edits of the stack, `E011` and `E012` about
//! resumable uploads (`resumable/module.rs`), `W013` about folders of static files
//! (`module.rs`); `W010` to `W027` are about what should not be so in production (`module/deploy.rs`), and `session.W001` to `W003` about
//! sessions (`session/module.rs`); `E013` is about links that lead here from elsewhere (`links.rs`).

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
mod links;
pub mod listen;
pub mod middleware;
mod module;
pub mod negotiate;
pub mod render;
pub mod respond;
pub mod resumable;
pub mod route;
pub mod session;
pub mod stack;
pub mod version;

pub use app::Http;
pub use config::HttpConfig;
pub use exchange::{Exchange, RequestId, Scheme};
pub use extract::{
    ClientIp, Cookie, Cookies, Form, Header, Headers, Host, Json, Multipart, MultipartForm, Path, Query,
    RawBody, Text, Upload,
};
pub use links::Links;
pub use listen::{Peer, PeerAddress};
pub use mainstay_macros::{delete, errors, get, head, options, patch, post, put, route, routes};
pub use middleware::{Middleware, Next};
pub use module::{RoutesExt, routes_of};
pub use negotiate::{Accepts, AcceptsLanguage};
pub use respond::{
    Created, Csv, Event, EventLog, Html, JsonEvents, JsonLines, Negotiated, NoContent, NoStore, Problem,
    Redirect, SetCookie, Sse, Stream,
};
pub use resumable::{Finished, ResumableUploads};
pub use route::{Group, Route, RouteMatch, Routes};
pub use session::{Session, Sessions, SessionsExt};
pub use stack::csrf::CsrfToken;
pub use version::{ApiVersions, Deprecation};
