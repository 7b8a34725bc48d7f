//! Uploads that go on where they were cut off: the tus protocol, version 1.0.0 (<https://tus.io>), which clients for
//! browsers, phones and servers speak.
//!
//! A handler is given to [`ResumableUploads`]. It is called when a file has come as a whole, which it takes as an argument:
//!
//! ```
//! use mainstay_core::{App, Result};
//! use mainstay_http::resumable::{Finished, ResumableUploads};
//! use mainstay_http::{RoutesExt, post, routes};
//!
//! /// Takes a film.
//! #[post("/films", body_limit = "10GB")]
//! async fn keep(film: Finished) -> Result<()> {
//!     film.save(format!("films/{}", film.id())).await
//! }
//!
//! let app = App::new().resumable_uploads(ResumableUploads::new(routes![keep]));
//! ```
//!
//! | | |
//! |---|---|
//! | `POST /films` | begins a file, maybe with its first bytes |
//! | `HEAD /films/{upload}` | how much has come |
//! | `PATCH /films/{upload}` | the next bytes |
//! | `DELETE /films/{upload}` | cancels it |
//! | `OPTIONS /films` | what is spoken here |
//!
//! The extensions are `creation`, `creation-with-upload`, `creation-defer-length`, `expiration`, `checksum` (SHA-1, SHA-256,
//! SHA-512) and `termination`. Files cannot be concatenated.
//!
//! # What is promised
//!
//! - What `HEAD` says is on the disk, also after the process was killed or the power has failed. What had come of a request
//!   that was cut off is kept, unless it had a checksum. After a power failure in the middle of a piece without a checksum, some file
//!   systems show bytes at its end that were never written.
//! - **The handler is called at least once for each file, and the client does not hear that the file is complete before it has
//!   succeeded.** That is within the request with the last byte. Where it fails, or the process dies in it, the file stays
//!   complete, and is handed over again when the client asks for the offset (`HEAD`, with 423 as long as the handler fails) or sends
//!   nothing more (an empty `PATCH`). [`Finished::id`] is the same then.
//! - **Errors of the client (4xx) refuse the file**: it is removed. Those that pass (401, 408, 409, 423, 425, 429), panics, and those
//!   of the server (5xx) keep it, and so does an argument of the handler that is not to be had: one before [`Finished`], or an
//!   `invalid_parameter`. The query is that of the request which began the file. The handler's answer is sent with its headers and body: with 200 in place of 204 if there is one, and with
//!   201 and the `Location` of the upload where the first request was the last.
//! - An upload belongs to the principal who has begun it: others get 404. What nobody known has begun belongs to whoever knows
//!   its address, which cannot be guessed.
//! - The request that comes last has the upload. One that is under way lets it go with 423 when what it has is written, so that a
//!   client whose connection has died need not wait for the server to find out.
//! - A file takes the same memory whatever its length, and the folder has limits: how many files may be unfinished, of all and of
//!   one principal, and how large they may be together. Those who are not known are counted by address. See [`ResumableUploadsConfig`].
//!
//! In reading order: `protocol` and `metadata`, the headers; `arrival`, the time until they are read; `serve`, the requests; `receive` and `checksum`, the bytes of one;
//! `hand_over` and `finished`, the end; `store` and `lock`, where files are meanwhile, and who has them; `config` and `module`;
//! `describe`, what the routes say about themselves.

mod arrival;
mod checksum;
mod config;
mod describe;
mod finished;
mod hand_over;
mod lock;
mod metadata;
mod module;
mod protocol;
mod receive;
mod serve;
mod store;

use std::sync::Arc;

use axum::extract::Request;

pub use self::config::ResumableUploadsConfig;
pub use self::finished::Finished;
use self::hand_over::Handler;
pub use self::metadata::Metadata;
use self::protocol::Protocol;
use self::serve::{Offer, Step};
use crate::extract::{AnyFile, FileRules, Rules};
use crate::route::group::Item;
use crate::route::{HandsOver, HangUp, Timeout, Wrapper};
use crate::{Middleware, Route, Routes};

/// The parameter of the path that names an upload.
const UPLOAD: &str = "upload";

/// Handlers that get files whole, however often the way to them is cut off. See the [module](self).
///
/// The address, the `body_limit` of a file, the `timeout` of the handler, `cross_origin`, versions and everything else is what the
/// handler's attribute says; what is around its routes is around these.
#[derive(Clone)]
pub struct ResumableUploads {
    routes: Routes,
    rules: Rules,
    admission: Vec<Wrapper>,
}

impl ResumableUploads {
    /// A resumable upload for each of these routes: `routes![keep]`, where `keep` is marked `#[post("/films")]`.
    pub fn new(routes: Routes) -> Self {
        Self { routes, rules: Rules::of::<AnyFile>(), admission: Vec::new() }
    }

    /// Says what the files must be. A file of another type is refused as soon as its beginning has come.
    #[must_use]
    pub fn files<R: FileRules>(mut self) -> Self {
        self.rules = Rules::of::<R>();
        self
    }

    /// Puts a middleware around the request that begins a file, and no other: who may, and with which
    /// [`Metadata`]. The first that is added meets the request first.
    ///
    /// ```
    /// use axum::extract::Request;
    /// use axum::response::Response;
    /// use mainstay_core::{Error, Result};
    /// use mainstay_http::resumable::{Finished, Metadata, ResumableUploads};
    /// use mainstay_http::{Next, post, routes};
    ///
    /// #[post("/films")]
    /// async fn keep(film: Finished) -> Result<()> {
    ///     film.save("films/newest").await
    /// }
    ///
    /// async fn with_a_title(metadata: Metadata, request: Request, next: Next) -> Result<Response> {
    ///     match metadata.text("title") {
    ///         Some(_) => next.run(request).await,
    ///         None => Err(Error::bad_request("A film has a `title` in its metadata.")),
    ///     }
    /// }
    ///
    /// let films = ResumableUploads::new(routes![keep]).admit(with_a_title);
    /// ```
    #[must_use]
    pub fn admit<Args: 'static>(mut self, middleware: impl Middleware<Args>) -> Self {
        self.admission.push(Wrapper::middleware(middleware));
        self
    }

    fn list(&self, mut list: Routes) -> Routes {
        list.items = list.items.into_iter().map(|item| self.item(item)).collect();
        list
    }

    fn item(&self, item: Item) -> Item {
        match item {
            Item::Route(route) => Item::Nested(self.protocol(*route)),
            Item::Nested(nested) => Item::Nested(self.list(nested)),
            other @ (Item::Mounted { .. } | Item::Files { .. }) => other,
        }
    }

    /// The routes of the protocol in place of one.
    fn protocol(&self, route: Route) -> Routes {
        let path = route.operation.path.trim_end_matches('/').to_owned();
        let one = format!("{path}/{{{UPLOAD}}}");
        let path = if path.is_empty() { "/".to_owned() } else { path };
        let settings = &route.settings;
        let handler = Handler { endpoint: Arc::clone(&route.handler).direct(), timeout: settings.timeout };
        let offer = Arc::new(Offer::new(handler, self.rules, settings.body_limit));
        let hands_over = HandsOver { timeout: settings.timeout, most_bytes: offer.most_bytes };
        let make = |step: Step, path: &str| {
            let offer = Arc::clone(&offer);
            let answer = move |request: Request| Arc::clone(&offer).answer(step, request);
            let mut made = Route::new(step.method(), path, answer).describe(|operation| {
                operation.opaque.clear();
                describe::step(step, operation, &route.operation, &self.rules);
            });
            made.settings = settings.clone();
            made.settings.name = None;
            // The length of a file is looked at here, and the time: before its bytes, between them, and of the handler.
            made.settings.body_limit = Some(u64::MAX);
            let usual = matches!(step, Step::Options | Step::Cancel);
            made.settings.timeout = (!usual).then_some(Timeout::Never);
            // What has come is written, and a file that is complete is handed over.
            made.settings.hang_up = Some(HangUp::Finishes);
            let most_bytes = hands_over.most_bytes.filter(|_| step == Step::Create);
            made.settings.hands_over = Some(HandsOver { most_bytes, ..hands_over });
            let mut made = made.middleware(Protocol);
            made.wrappers.extend(route.wrappers.iter().cloned());
            made
        };
        let mut create = make(Step::Create, &path);
        create.settings.name.clone_from(&settings.name);
        create.wrappers.extend(self.admission.iter().cloned());
        let hidden = |route: Route| route.describe(|operation| operation.hidden = true);
        Routes::new()
            .route(create)
            .route(make(Step::Options, &path))
            .route(make(Step::Offset, &one))
            .route(make(Step::Append, &one))
            .route(make(Step::Cancel, &one))
            .route(hidden(make(Step::Options, &one)))
            .route(hidden(make(Step::Overridden, &one)))
    }
}

impl From<ResumableUploads> for Routes {
    /// Its routes, for a [`Group`](crate::Group).
    fn from(uploads: ResumableUploads) -> Self {
        uploads.list(uploads.routes.clone())
    }
}
