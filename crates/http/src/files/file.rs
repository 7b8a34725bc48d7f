//! A file as a response.

use std::collections::VecDeque;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::{Frame, SizeHint};
use mainstay_core::media_type::{Disposition, disposition};
use mainstay_core::{Error, Result};
use tokio::io::{AsyncRead, AsyncSeek};

use super::body::{Content, Piece};
use super::conditions::{Conditions, Verdict};
use super::media_type;
use super::range::Wanted;
use super::tag::Tag;
use crate::compression::{Coding, is_compressible, vary};
use crate::describe::{self, DescribeResponse, Operation, ResponseSpec};

/// Files up to this size are read at once: one trip to a blocking thread instead of several.
const SMALL: u64 = 64 * 1024;

const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A file to send. See the [folder's front page](super) for how conditions and ranges reach it.
///
/// It is sent in pieces of 64 KiB: memory does not depend on its size.
#[derive(Debug)]
pub struct File {
    content: Content,
    media_type: HeaderValue,
    tag: Option<Tag>,
    modified: Option<SystemTime>,
    disposition: Option<HeaderValue>,
    cache: Option<HeaderValue>,
    coding: Option<Coding>,
    varies: bool,
}

impl File {
    /// Opens a file. Its type is guessed from the extension.
    ///
    /// Never make the path from what a client sent: serve a folder with [`StaticFiles`](super::StaticFiles), or keep
    /// names in a database.
    ///
    /// # Errors
    /// 404 if there is none, or a folder; otherwise an internal error.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let name = path.clone();
        let opened = tokio::task::spawn_blocking(move || Opened::at(&path)).await?;
        match opened {
            Ok(opened) => Ok(Self::new(opened, &name.to_string_lossy())),
            Err(error) if is_missing(&error) => {
                Err(Error::not_found("There is no such file.").context(name.display().to_string()))
            }
            Err(error) => Err(Error::from(error).context(format!("opening {}", name.display()))),
        }
    }

    /// A file in memory, of this name.
    pub fn from_bytes(name: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = Tag::of_bytes(&bytes);
        Self::new(Opened { content: Content::Memory(bytes), tag, modified: None }, name)
    }

    /// Something else that can be read from any place: a file in an archive, an object in a store. It has this name and
    /// this length, and must not change while it is sent. Give it a tag ([`File::with_tag`]) or a time
    /// ([`File::with_modified`]), so that broken downloads can be resumed.
    pub fn from_reader(name: &str, source: impl AsyncRead + AsyncSeek + Send + 'static, length: u64) -> Self {
        let content = Content::Source { source: Box::pin(source), length };
        Self::new(Opened { content, tag: None, modified: None }, name)
    }

    pub(super) fn new(opened: Opened, name: &str) -> Self {
        Self {
            content: opened.content,
            media_type: media_type(name).map_or(UNKNOWN_TYPE, HeaderValue::from_static),
            tag: opened.tag,
            modified: opened.modified,
            disposition: None,
            cache: None,
            coding: None,
            varies: false,
        }
    }

    /// The same with another media type.
    #[must_use]
    pub fn with_media_type(mut self, media_type: HeaderValue) -> Self {
        self.media_type = media_type;
        self
    }

    /// The same with another tag: a version from a database, for example.
    #[must_use]
    pub fn with_tag(mut self, tag: Tag) -> Self {
        self.tag = Some(tag);
        self
    }

    /// The same with another time at which it was written.
    #[must_use]
    pub fn with_modified(mut self, at: SystemTime) -> Self {
        self.modified = Some(at);
        self
    }

    /// Browsers save it, under this name.
    #[must_use]
    pub fn attachment(mut self, name: &str) -> Self {
        self.disposition = Some(disposition(Disposition::Attachment, name));
        self
    }

    /// Browsers show it, and save it under this name if asked to.
    ///
    /// Show no file that a stranger has uploaded: a page among them would run as one of yours.
    #[must_use]
    pub fn inline(mut self, name: &str) -> Self {
        self.disposition = Some(disposition(Disposition::Inline, name));
        self
    }

    /// The same with a header `Content-Disposition` that is made already; see
    /// [`disposition`].
    #[must_use]
    pub fn with_disposition(mut self, value: HeaderValue) -> Self {
        self.disposition = Some(value);
        self
    }

    /// How long it may be kept: the header `Cache-Control`.
    #[must_use]
    pub fn with_cache_control(mut self, value: HeaderValue) -> Self {
        self.cache = Some(value);
        self
    }

    pub(super) fn with_coding(mut self, coding: Option<Coding>) -> Self {
        self.coding = coding;
        self
    }

    /// Says that other clients may get another encoding of it.
    pub(super) fn with_variants(mut self) -> Self {
        self.varies = self
            .media_type
            .to_str()
            .is_ok_and(|text| is_compressible(text.split(';').next().unwrap_or_default().trim()));
        self
    }

    /// Its media type.
    pub fn media_type(&self) -> &HeaderValue {
        &self.media_type
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.content.length()
    }

    /// The response to a request of this method with these headers: the whole, a part, or word that the client has it
    /// already.
    pub fn respond(self, headers: &HeaderMap, method: &Method) -> Response {
        self.answer(&Conditions::of(method, headers))
    }

    /// The same from conditions.
    pub fn answer(self, conditions: &Conditions) -> Response {
        match conditions.judge(self.tag.as_ref(), self.modified, self.length()) {
            Verdict::Send(Wanted::Whole) => self.whole(),
            Verdict::Send(Wanted::Parts(parts)) => match <[Range<u64>; 1]>::try_from(parts) {
                Ok([part]) => self.part(part),
                Err(parts) => self.parts(parts),
            },
            Verdict::Send(Wanted::Nothing) => {
                let error = Error::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "The file has none of the bytes asked for.",
                );
                let mut response = match HeaderValue::try_from(format!("bytes */{}", self.length())) {
                    Ok(range) => error.header(CONTENT_RANGE, range),
                    Err(_) => error,
                }
                .into_response();
                response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
                response
            }
            Verdict::NotModified => {
                let mut response = StatusCode::NOT_MODIFIED.into_response();
                self.describe_copy(response.headers_mut());
                response
            }
            Verdict::Changed => Error::new(
                StatusCode::PRECONDITION_FAILED,
                "The file is not the one that the request is about: it has changed.",
            )
            .into_response(),
        }
    }

    fn whole(self) -> Response {
        let mut response = Response::new(Body::empty());
        self.describe_content(response.headers_mut());
        set_length(response.headers_mut(), self.length());
        *response.body_mut() = self.content.whole();
        response
    }

    fn part(self, part: Range<u64>) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        self.describe_content(response.headers_mut());
        set_length(response.headers_mut(), part.end - part.start);
        if let Ok(value) = HeaderValue::try_from(content_range(&part, self.length())) {
            response.headers_mut().insert(CONTENT_RANGE, value);
        }
        *response.body_mut() = Body::new(self.content.pieces(VecDeque::from([Piece::Range(part)])));
        response
    }

    /// Several parts, as `multipart/byteranges` (RFC 9110, section 14.6).
    fn parts(self, parts: Vec<Range<u64>>) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        self.describe_content(response.headers_mut());
        // Random, so that no content can be made to contain it.
        let random = RandomState::new();
        let boundary = format!("{:016x}{:016x}", random.hash_one(1), random.hash_one(2));
        let media_type = self.media_type.to_str().unwrap_or("application/octet-stream");
        let mut pieces = VecDeque::new();
        for (index, part) in parts.into_iter().enumerate() {
            let start = if index == 0 { "" } else { "\r\n" };
            let head = format!(
                "{start}--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: {}\r\n\r\n",
                content_range(&part, self.length())
            );
            pieces.push_back(Piece::Bytes(head.into()));
            pieces.push_back(Piece::Range(part));
        }
        pieces.push_back(Piece::Bytes(format!("\r\n--{boundary}--\r\n").into()));
        if let Ok(value) = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}")) {
            response.headers_mut().insert(CONTENT_TYPE, value);
        }
        let body = self.content.pieces(pieces);
        if let Some(length) = http_body::Body::size_hint(&body).exact() {
            set_length(response.headers_mut(), length);
        }
        *response.body_mut() = Body::new(body);
        response
    }

    /// The headers that also go with "not modified".
    fn describe_copy(&self, headers: &mut HeaderMap) {
        if let Some(tag) = &self.tag {
            headers.insert(ETAG, tag.header());
        }
        if let Some(modified) = self.modified
            && let Ok(value) = HeaderValue::try_from(httpdate::fmt_http_date(modified))
        {
            headers.insert(LAST_MODIFIED, value);
        }
        if let Some(cache) = &self.cache {
            headers.insert(CACHE_CONTROL, cache.clone());
        }
        if self.varies {
            vary(headers);
        }
    }

    fn describe_content(&self, headers: &mut HeaderMap) {
        self.describe_copy(headers);
        headers.insert(CONTENT_TYPE, self.media_type.clone());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(disposition) = &self.disposition {
            headers.insert(CONTENT_DISPOSITION, disposition.clone());
        }
        if let Some(coding) = self.coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
    }
}

fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end - 1)
}

fn set_length(headers: &mut HeaderMap, length: u64) {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
}

/// Whether an error means that nothing of that name can be served.
pub(super) fn is_missing(error: &io::Error) -> bool {
    let is_loop = cfg!(unix) && error.raw_os_error() == Some(libc::ELOOP);
    is_loop
        || matches!(
            error.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::InvalidFilename
                | io::ErrorKind::InvalidInput
        )
}

/// A file that is open, with what names it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) content: Content,
    pub(super) tag: Option<Tag>,
    pub(super) modified: Option<SystemTime>,
}

impl Opened {
    /// Opens a file. Blocks; needs the runtime around it.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        // Before it is opened: opening a pipe waits for its writer.
        if !fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        let modified = metadata.modified().ok();
        let content = if length <= SMALL {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut io::Read::take(&mut file, SMALL), &mut bytes)?;
            Content::Memory(bytes.into())
        } else {
            let mut file = tokio::fs::File::from_std(file);
            file.set_max_buf_size(64 * 1024);
            Content::Source { source: Box::pin(file), length }
        };
        let tag = modified.and_then(|modified| Tag::of_file(modified, content.length()));
        Ok(Self { content, tag, modified })
    }
}

/// In a response's extensions: the file that its body will send.
#[derive(Clone)]
struct Returned(Arc<Mutex<Option<File>>>);

impl IntoResponse for File {
    /// The whole file; [`complete`] makes less of it if the client needs less.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        self.describe_content(response.headers_mut());
        let length = self.length();
        set_length(response.headers_mut(), length);
        let file = Arc::new(Mutex::new(Some(self)));
        response.extensions_mut().insert(Returned(Arc::clone(&file)));
        *response.body_mut() = Body::new(Waiting { file, length, body: None });
        response
    }
}

/// Completes a response with the conditions of the request. Of a [`File`] it sends a part, or nothing if the client has
/// it already. Of another response to which the handler has given an `ETag` or a `Last-Modified`, it sends nothing
/// either if the client has it already, and 412 if it is not what the client believes it to be.
pub fn complete(response: &mut Response, conditions: &Conditions) {
    if conditions.is_empty() || response.status() != StatusCode::OK {
        return;
    }
    let Some(Returned(shared)) = response.extensions_mut().remove::<Returned>() else {
        return complete_made(response, conditions);
    };
    let Some(file) = shared.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let answer = file.answer(conditions);
    let (mut parts, body) = answer.into_parts();
    let headers = response.headers_mut();
    for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, CONTENT_DISPOSITION, ACCEPT_RANGES] {
        headers.remove(name);
    }
    // What the handler has added stays.
    for (name, value) in &parts.headers {
        headers.insert(name, value.clone());
    }
    *response.status_mut() = parts.status;
    response.extensions_mut().extend(std::mem::take(&mut parts.extensions));
    *response.body_mut() = body;
}

/// Completes a response that is no file.
fn complete_made(response: &mut Response, conditions: &Conditions) {
    let headers = response.headers();
    let tag = headers.get(ETAG).and_then(Tag::of_header);
    let modified =
        headers.get(LAST_MODIFIED).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
    if tag.is_none() && modified.is_none() {
        return;
    }
    match conditions.judge_whole(tag.as_ref(), modified) {
        Verdict::Send(_) => {}
        Verdict::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            for name in [CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING, CONTENT_DISPOSITION] {
                response.headers_mut().remove(name);
            }
        }
        Verdict::Changed => {
            let message = "What is here is not what the request is about: it has changed.";
            *response = Error::new(StatusCode::PRECONDITION_FAILED, message).into_response();
        }
    }
}

/// The body of a file that may yet be completed otherwise.
struct Waiting {
    file: Arc<Mutex<Option<File>>>,
    length: u64,
    body: Option<Body>,
}

impl http_body::Body for Waiting {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let body = this.body.get_or_insert_with(|| {
            let file = this.file.lock().unwrap_or_else(PoisonError::into_inner).take();
            file.map_or_else(Body::empty, |file| file.content.whole())
        });
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Some(body) => body.is_end_stream(),
            None => self.length == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => http_body::Body::size_hint(body),
            None => SizeHint::with_exact(self.length),
        }
    }
}

impl DescribeResponse for File {
    fn describe(operation: &mut Operation) {
        let content = || describe::Content::new("application/octet-stream");
        operation.response(ResponseSpec::new(200).description("The file.").content(content()));
        operation.response(
            ResponseSpec::new(206).description("The parts that were asked for.").content(content()),
        );
        operation.response(ResponseSpec::new(304).description("The client has it already."));
    }
}
