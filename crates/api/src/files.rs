//! Files over HTTP: what a signed URL grants, files as answers, uploads into the store.
//!
//! ```
//! use mainstay_api::{FilesExt, FilesOverHttp};
//! use mainstay_core::{App, Inject, Result};
//! use mainstay_http::extract::{MultipartForm, Upload};
//! use mainstay_http::files::File;
//! use mainstay_http::{Path, RoutesExt, get, post, routes};
//! use mainstay_store::files::Files;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct NewReport {
//!     report: Upload,
//! }
//!
//! /// Keeps a report.
//! #[post("/reports/{number}")]
//! async fn keep(Path(number): Path<u32>, files: Inject<Files>, MultipartForm(new): MultipartForm<NewReport>) -> Result<String> {
//!     let key = format!("reports/{number}");
//!     files.put_upload(&key, &new.report).await?;
//!     files.url(&key).attachment("Report.pdf").sign().await
//! }
//!
//! /// A report, for those who may see it.
//! #[get("/reports/{number}")]
//! async fn show(Path(number): Path<u32>, files: Inject<Files>) -> Result<File> {
//!     files.respond(format!("reports/{number}")).await
//! }
//!
//! let app = App::new().files().routes(routes![keep, show]);
//! ```
//!
//! A store that is reached by itself signs its own URLs, and its files do not come by here. Of a folder, and of files in memory, the
//! application serves what was signed:
//!
//! | | |
//! |---|---|
//! | `GET /_files/{token}/{name}` | the file, with ranges and conditions; the name is for whoever saves it, and nothing else |
//! | `PUT /_files/{token}` | keeps a file of the type and the length that were signed |
//!
//! A token is the only proof that is asked for. It is no cookie: a request of another site may have it, and so these routes are open to
//! such.
//!
//! - `stored`: [`FilesOverHttp`], files as answers, and uploads as files.
//! - `attached`: [`AttachmentsOverHttp`], the same for files that rows refer to; uploads straight into the store.
//! - `serve`: the two routes.
//! - `source`: a file of the store, read from anywhere.

mod attached;
mod serve;
mod source;
mod stored;

use http::{HeaderValue, Method};
use mainstay_core::{Contribute, Contribution, Module};
use mainstay_http::route::{HangUp, Timeout};
use mainstay_http::{Route, RoutesExt};
use mainstay_store::files::{Files, KeepsAttachments, ServesFiles};

pub use attached::AttachmentsOverHttp;
pub use stored::FilesOverHttp;

/// A contribution: files are served.
struct OverHttp;

impl Contribution for OverHttp {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Keeps files. In the prelude.
pub trait FilesExt: Contribute {
    /// Handlers and services may take [`Files`], kept where `files.url` says, and URLs of them hold for a while.
    #[must_use]
    fn files(self) -> Self {
        self.contribute(OverHttp)
    }

    /// The same, and models may refer to files: handlers and services may take
    /// [`Attachments`](mainstay_store::files::Attachments), whose tables are `mainstay_blobs` and `mainstay_files_to_delete`.
    #[must_use]
    fn attachments(self) -> Self {
        self.contribute(OverHttp).contribute(KeepsAttachments)
    }
}

impl<C: Contribute> FilesExt for C {}

fn module() -> Module {
    let read = Route::new(Method::GET, format!("{}/{{token}}/{{name}}", Files::PATH), serve::read);
    let write = Route::new(Method::PUT, format!("{}/{{token}}", Files::PATH), serve::write)
        .cross_origin()
        .body_limit(u64::MAX)
        .timeout(Timeout::Never)
        .hang_up(HangUp::Cancels);
    let hidden = |route: Route| route.describe(|operation| operation.hidden = true);
    Module::new("files over http")
        .global()
        .import(mainstay_store::files::module::module())
        .contribute(ServesFiles)
        .routes([read, write].into_iter().map(hidden).collect())
}

/// What is no type of anything is bytes.
fn media_type(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}
