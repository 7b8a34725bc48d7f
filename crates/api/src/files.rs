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
//! - `serve`: the two routes.
//! - `source`: a file of the store, read from anywhere.

mod serve;
mod source;

use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderValue, Method};
use mainstay_core::media_type::{Disposition, disposition, is_harmless};
use mainstay_core::{Contribute, Result};
use mainstay_http::extract::Upload;
use mainstay_http::files::{File, Tag};
use mainstay_http::route::{HangUp, Timeout};
use mainstay_http::{Route, RoutesExt};
use mainstay_store::files::{FileBody, FileInfo, Files, ServesFiles};

use source::Source;

/// Keeps files. In the prelude.
pub trait FilesExt: Contribute {
    /// Handlers and services may take [`Files`], kept where `files.url` says, and URLs of them hold for a while.
    #[must_use]
    fn files(self) -> Self {
        let read = Route::new(Method::GET, format!("{}/{{token}}/{{name}}", Files::PATH), serve::read);
        let write = Route::new(Method::PUT, format!("{}/{{token}}", Files::PATH), serve::write)
            .cross_origin()
            .body_limit(u64::MAX)
            .timeout(Timeout::Never)
            .hang_up(HangUp::Cancels);
        let hidden = |route: Route| route.describe(|operation| operation.hidden = true);
        self.contribute(ServesFiles).routes([read, write].into_iter().map(hidden).collect())
    }
}

impl<C: Contribute> FilesExt for C {}

/// Files as answers, and uploads as files. In the prelude.
pub trait FilesOverHttp {
    /// A file as an answer, with ranges, conditions, and a name. A browser shows pictures, sounds, films, PDF and plain text, and saves
    /// everything else: see [`File::inline`] and [`File::attachment`] for something else.
    ///
    /// Ask before whether the client may see it. Where files are on S3 they come by way of the application; a
    /// redirect to [`Files::url`] spares it that.
    fn respond<'a>(&'a self, key: impl Into<String> + Send + 'a) -> BoxFuture<'a, Result<File>>;

    /// Keeps an upload under a key that the client has not chosen.
    fn put_upload<'a, R: 'static>(
        &'a self,
        key: impl Into<String> + Send + 'a,
        upload: &'a Upload<R>,
    ) -> BoxFuture<'a, Result<FileInfo>>;
}

impl FilesOverHttp for Files {
    fn respond<'a>(&'a self, key: impl Into<String> + Send + 'a) -> BoxFuture<'a, Result<File>> {
        async move {
            let found = self.get(key).await?;
            let info = found.info().clone();
            let kind = match is_harmless(&info.media_type) {
                true => Disposition::Inline,
                false => Disposition::Attachment,
            };
            let file = File::from_reader(info.key.name(), Source::new(self.clone(), found), info.size)
                .with_media_type(media_type(&info.media_type))
                .with_modified(info.modified)
                .with_disposition(disposition(kind, info.key.name()));
            Ok(match Tag::new(&info.etag) {
                Some(tag) => file.with_tag(tag),
                None => file,
            })
        }
        .boxed()
    }

    fn put_upload<'a, R: 'static>(
        &'a self,
        key: impl Into<String> + Send + 'a,
        upload: &'a Upload<R>,
    ) -> BoxFuture<'a, Result<FileInfo>> {
        let body = FileBody::stream(upload.stream());
        async move { self.put(key, body).await }.boxed()
    }
}

/// What is no type of anything is bytes.
fn media_type(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}
