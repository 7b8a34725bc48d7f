//! A folder, or files in memory, under an address.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, ALLOW, LOCATION, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use mainstay_core::{Error, Result};

use super::assets::{Assets, Found};
use super::conditions::Conditions;
use super::file::File;
use super::folder::{Folder, Links};
use super::media_type;
use super::place::Place;
use crate::compression::{Accepted, Coding};

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Ask every time; the tag makes the answer short.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The name changes with the content, so the content never changes under it.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Serves files.
///
/// - `index.html` for a folder; an address of a folder without the slash at its end is redirected to the one with it.
/// - `app.js.br`, `app.js.zst` or `app.js.gz` beside `app.js` is sent to clients that take it, unless it is older.
/// - Files with a fingerprint in their name (`app-BxY3kd9Z.js`, `app.3f2a1b9c.css`) may be kept for ever; everything else
///   is asked for again, which the tag makes cheap.
/// - Hidden files, and what symbolic links outside of the folder lead to, are not served.
///
/// ```
/// use mainstay_http::files::StaticFiles;
///
/// let assets = StaticFiles::new("public");
/// let application = StaticFiles::new("frontend/dist").single_page();
/// ```
#[derive(Clone, Debug)]
pub struct StaticFiles {
    source: Source,
    index: Option<&'static str>,
    page: Page,
    max_age: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Source {
    Folder(Folder),
    Assets(Assets),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    /// What is not there is not there.
    Missing,
    /// The application's own router knows addresses that are no files.
    Application,
}

impl From<Assets> for StaticFiles {
    fn from(assets: Assets) -> Self {
        Self::from_source(Source::Assets(assets))
    }
}

macro_rules! from_folder {
    ($($path:ty),+) => {
        $(impl From<$path> for StaticFiles {
            fn from(folder: $path) -> Self {
                Self::new(folder)
            }
        })+
    };
}

from_folder!(&str, String, &Path, PathBuf);

impl StaticFiles {
    /// Serves a folder. As a route of an application, a relative one starts from the application's home, as the paths in
    /// its configuration do. It need not be there before the first request; [`StaticFiles::problem`] tells.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        let path = folder.as_ref().into();
        Self::from_source(Source::Folder(Folder { path, links: Links::Inside }))
    }

    fn from_source(source: Source) -> Self {
        Self { source, index: Some("index.html"), page: Page::Missing, max_age: None }
    }

    /// Also serves what symbolic links outside of the folder lead to.
    #[must_use]
    pub fn follow_links(mut self) -> Self {
        if let Source::Folder(folder) = &mut self.source {
            folder.links = Links::Anywhere;
        }
        self
    }

    /// Serves no index pages.
    #[must_use]
    pub fn without_index(mut self) -> Self {
        self.index = None;
        self
    }

    /// Files without a fingerprint in their name may be kept this long; pages are asked for again all the same.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Answers what is not there with `index.html`, as an application with a router of its own in the browser needs it:
    /// to GET and HEAD, for clients that take HTML, unless the address names a file by its extension (a missing
    /// `app.js` must not be a page).
    #[must_use]
    pub fn single_page(mut self) -> Self {
        self.page = Page::Application;
        self
    }

    /// A relative folder starts from this one.
    #[must_use]
    pub fn within(mut self, home: &Path) -> Self {
        if let Source::Folder(folder) = &mut self.source {
            folder.path = home.join(&folder.path).into();
        }
        self
    }

    /// What is wrong with the folder: for a check at start.
    pub fn problem(&self) -> Option<String> {
        let Source::Folder(Folder { path, .. }) = &self.source else { return None };
        match std::fs::metadata(path) {
            Ok(found) if !found.is_dir() => Some(format!("{} is no folder", path.display())),
            Ok(_) if self.page == Page::Application && !path.join("index.html").is_file() => {
                Some(format!("{} has no index.html: is the frontend built?", path.display()))
            }
            Ok(_) => None,
            Err(error) => Some(format!("the folder {} cannot be read: {error}", path.display())),
        }
    }

    /// Answers a request. `path` is what follows the address of the folder, still percent-encoded.
    ///
    /// # Errors
    /// 404 for what is not there, 405 for what is there and asked for with another method than GET and HEAD; an internal
    /// error if the folder cannot be read.
    pub async fn respond(&self, path: &str, request: &Parts) -> Result<Response> {
        // What may not be served is no address of an application either.
        let Some(place) = Place::of(path) else { return Err(nothing()) };
        let found = match place {
            // Only the folder's own address without its slash: relative links on its page would lead elsewhere.
            Place { ref names, .. } if names.is_empty() && !request.uri.path().ends_with('/') => {
                match self.find(Place { names: Vec::new(), is_folder: true }, &request.headers).await? {
                    Found::File { .. } => Found::Folder,
                    other => other,
                }
            }
            place => self.find(place, &request.headers).await?,
        };
        let reads = request.method == Method::GET || request.method == Method::HEAD;
        match found {
            Found::Nothing if reads && self.is_for_application(path, &request.headers) => {
                self.application(request).await
            }
            Found::Nothing => Err(nothing()),
            _ if !reads => Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "A file can only be read.")
                .header(ALLOW, HeaderValue::from_static("GET, HEAD"))),
            Found::Folder => with_slash(request),
            Found::File { opened, name, coding } => {
                let file = File::new(opened, &name).with_coding(coding).with_variants();
                let cache = self.cache(&name, &file);
                Ok(file.with_cache_control(cache).answer(&Conditions::of(&request.method, &request.headers)))
            }
        }
    }

    async fn find(&self, place: Place, headers: &HeaderMap) -> Result<Found> {
        let codings = Accepted::of(headers).ranked(&Coding::FOR_FILES);
        match &self.source {
            Source::Assets(assets) => Ok(assets.find(&place, self.index, &codings)),
            Source::Folder(folder) => {
                let (folder, index) = (folder.clone(), self.index);
                // One trip to a thread that may block, for all of it.
                let found = tokio::task::spawn_blocking(move || folder.find(&place, index, &codings)).await?;
                Ok(found?)
            }
        }
    }

    fn cache(&self, name: &str, file: &File) -> HeaderValue {
        if has_fingerprint(name) {
            return FOREVER;
        }
        match self.max_age {
            Some(age) if !file.media_type().as_bytes().starts_with(b"text/html") => {
                HeaderValue::try_from(format!("public, max-age={}", age.as_secs())).unwrap_or(REVALIDATE)
            }
            _ => REVALIDATE,
        }
    }

    fn is_for_application(&self, path: &str, headers: &HeaderMap) -> bool {
        let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.page == Page::Application && media_type(name).is_none() && wants_page(headers)
    }

    async fn application(&self, request: &Parts) -> Result<Response> {
        let index = Place { names: vec!["index.html".to_owned()], is_folder: false };
        let Found::File { opened, name, coding } = self.find(index, &request.headers).await? else {
            return Err(nothing());
        };
        let file =
            File::new(opened, &name).with_coding(coding).with_variants().with_cache_control(REVALIDATE);
        let mut response = file.answer(&Conditions::of(&request.method, &request.headers));
        // Who does not take HTML gets a 404 here.
        response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }
}

#[track_caller]
fn nothing() -> Error {
    Error::not_found("There is nothing at this address.")
}

/// Redirects to the same address with a slash at its end: relative, so that it cannot lead to another host.
fn with_slash(request: &Parts) -> Result<Response> {
    let name = request.uri.path().rsplit('/').next().unwrap_or_default();
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = HeaderValue::try_from(format!("./{name}/{query}"))?;
    Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response())
}

/// Whether a browser goes to the address, as opposed to a script that fetches from it.
fn wants_page(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get(SEC_FETCH_MODE) {
        return mode == "navigate";
    }
    let Some(accept) = headers.get(ACCEPT) else { return true };
    let accept = accept.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut types = accept.split(',').map(|item| item.split(';').next().unwrap_or_default().trim());
    let is_page = |kind: &str| matches!(kind, "text/html" | "application/xhtml+xml" | "text/*");
    // curl asks for `*/*`, and gets the page; so do not scripts that ask for JSON, and anything else if need be.
    if accept.starts_with("application/json") {
        types.any(is_page)
    } else {
        types.any(|kind| is_page(kind) || kind == "*/*")
    }
}

/// Whether a bundler has put a hash of the content into the name: eight or more hexadecimal digits before the extension,
/// or, for what bundlers make, eight characters of mixed case or with digits (Vite, esbuild, Rollup).
fn has_fingerprint(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    // `app.3f2a1b9c.js.map` belongs to `app.3f2a1b9c.js`.
    let name = name.strip_suffix(".map").unwrap_or(name);
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let Some(at) = stem.rfind(['.', '-']) else { return false };
    let hash = &stem[at + 1..];
    let has_digit = hash.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = hash.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_hex = hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hash.len() >= 8 && is_hex && has_digit && has_letter {
        return true;
    }
    let is_word = hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let has_upper = hash.bytes().any(|byte| byte.is_ascii_uppercase());
    let has_lower = hash.bytes().any(|byte| byte.is_ascii_lowercase());
    let bundled = matches!(extension, "js" | "mjs" | "css" | "wasm" | "woff" | "woff2");
    bundled && hash.len() == 8 && is_word && has_upper && (has_lower || has_digit)
}

impl tower::Service<Request> for StaticFiles {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let files = self.clone();
        Box::pin(async move {
            let (parts, _) = request.into_parts();
            Ok(files.respond(parts.uri.path(), &parts).await.into_response())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_for_ever_only_what_a_bundler_has_named() {
        for name in [
            "assets/index-BxY3kd9Z.js",
            "chunk-ABCD1234.js",
            "main.3f2a1b9c.css",
            "main.3f2a1b9c.js.map",
            "logo.0123456789abcdef.svg",
            "a-DiwrgTda.css",
        ] {
            assert!(has_fingerprint(name), "{name}");
        }
        for name in [
            "app.js",
            "jquery-3.7.1.min.js",
            "photo-IMG12345.jpg",
            "report-20261123.pdf",
            "index.html",
            "my-component.js",
            "deadbeef.js",
            "some-favicons.css",
            "README",
        ] {
            assert!(!has_fingerprint(name), "{name}");
        }
    }

    #[test]
    fn tells_a_browser_from_a_script() {
        let with = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            wants_page(&pairs.collect())
        };
        assert!(with(&[(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")]));
        assert!(with(&[(ACCEPT, "*/*")]) && with(&[]));
        assert!(!with(&[(ACCEPT, "application/json")]));
        assert!(!with(&[(ACCEPT, "application/json, text/plain, */*")]));
        assert!(!with(&[(ACCEPT, "image/avif,image/webp")]));
        assert!(!with(&[(ACCEPT, "*/*"), (SEC_FETCH_MODE, "cors")]));
        assert!(with(&[(ACCEPT, "text/html"), (SEC_FETCH_MODE, "navigate")]));
    }
}
