//! Views: pages from templates, in the language of Jinja, by [minijinja].
//!
//! A view is a file below the folder `views/` of an application. Its name is its path there, what it is given is escaped, and
//! the program has it inside: nothing needs to be deployed beside it. In development the files themselves are read, so that an
//! edit shows with the next request.
//!
//! ```no_run
//! use mainstay_core::{App, Result};
//! use mainstay_http::{Html, RoutesExt, get, routes};
//! use mainstay_view::{ViewFolder, Views, ViewsExt, context};
//!
//! #[get("/hello/{name}")]
//! async fn hello(name: mainstay_http::Path<String>, views: Views) -> Result<Html<String>> {
//!     views.render("hello.html", context! { name => name.0 })
//! }
//!
//! // An application writes `.views(views!())`.
//! let views = ViewFolder::embedded("views", &[("hello.html", "<h1>Hello, {{ name }}!</h1>")]);
//! let app = App::new().views(views).routes(routes![hello]);
//! ```
//!
//! - [`folder`]: [`ViewFolder`], and which of two views of one name is meant.
//! - [`templates`]: [`Templates`], every view of the application, compiled.
//! - [`mod@views`]: [`Views`], what a handler renders with, and `context`: what views are given.
//! - `scene`: what every view sees besides what it is given.
//! - [`form`]: [`Submitted`] and [`FormState`], forms that come back with what was typed and what is wrong.
//! - `errors`: error pages of one's own.
//! - [`module`]: [`ViewsExt`], checks.
//!
//! [minijinja]: https://docs.rs/minijinja

extern crate self as mainstay_view;

mod context;
mod errors;
pub mod folder;
pub mod form;
pub mod module;
mod scene;
pub mod templates;
pub mod views;

pub use context::Context;
pub use folder::ViewFolder;
pub use form::{FormState, Submitted};
pub use mainstay_macros::views;
pub use minijinja;
pub use module::ViewsExt;
pub use scene::address_with;
pub use templates::Templates;
pub use views::Views;
