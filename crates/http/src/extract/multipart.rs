//! Forms with files.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::HeaderMap;
use mainstay_core::{Error, Fault, Result, StatusCode};
use multer::{Constraints, SizeLimit};
use serde::de::DeserializeOwned;

use super::body::{BodyLimit, BodyStream, size};
use super::fields::{self, Origin};
use super::media_type;
use crate::describe::arguments::{media, typed_body};
use crate::describe::{Content, Describe, Operation};

/// A form with files (`multipart/form-data`), field by field as they come: nothing of a field is kept unless asked
/// for, so that a file of any size can go through.
///
/// The whole is limited by the [`BodyLimit`] of the route. What is read into memory ([`Field::bytes`],
/// [`Field::text`], [`Multipart::gather`]) is also limited for each field, to 1 MiB unless said otherwise.
///
/// ```
/// use mainstay_core::Result;
/// use mainstay_http::extract::Multipart;
///
/// async fn upload(mut form: Multipart) -> Result<String> {
///     let mut report = String::new();
///     while let Some(mut field) = form.next_field().await? {
///         let mut length = 0;
///         while let Some(chunk) = field.chunk().await? {
///             length += chunk.len();
///         }
///         report += &format!("{}: {length} bytes\n", field.name());
///     }
///     Ok(report)
/// }
/// ```
#[derive(Debug)]
pub struct Multipart {
    inner: multer::Multipart<'static>,
    field_limit: u64,
    fields: u32,
}

impl Multipart {
    /// How much of a field is kept in memory, unless [`Multipart::field_limit`] says otherwise.
    pub const FIELD_LIMIT: u64 = 1024 * 1024;

    /// More fields than this are refused: each costs more than its bytes.
    const MOST_FIELDS: u32 = 1000;

    /// Sets how many bytes of each field may be read into memory.
    #[must_use]
    pub fn field_limit(mut self, bytes: u64) -> Self {
        self.field_limit = bytes;
        self
    }

    /// The next field. What is left of the last one is skipped.
    pub async fn next_field(&mut self) -> Result<Option<Field>> {
        self.fields += 1;
        if self.fields > Self::MOST_FIELDS {
            let message = format!("The form has more than {} fields.", Self::MOST_FIELDS);
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        let Some(field) = self.inner.next_field().await.map_err(refused)? else { return Ok(None) };
        if field.name().is_none() {
            return Err(malformed("a field has no name"));
        }
        Ok(Some(Field { inner: field, limit: self.field_limit }))
    }

    /// Reads the whole form into memory: texts into `T`, as a [`Form`](super::Form) does, and files beside it.
    pub async fn gather<T: DeserializeOwned>(mut self) -> Result<(T, Vec<Upload>)> {
        let mut texts = Vec::new();
        let mut uploads = Vec::new();
        while let Some(field) = self.next_field().await? {
            let name = field.name().to_owned();
            if field.is_file() {
                let file_name = field.file_name();
                let content_type = field.content_type().map(str::to_owned);
                let content = field.bytes().await?;
                // An empty file field is what a browser sends when nothing was chosen.
                if file_name.is_some() || !content.is_empty() {
                    uploads.push(Upload { name, file_name, content_type, content });
                }
            } else {
                texts.push((name, field.text().await?));
            }
        }
        let pairs = texts.iter().map(|(name, text)| (name.as_str().into(), text.as_str().into())).collect();
        Ok((fields::read(pairs, Origin::Form)?, uploads))
    }
}

/// A file in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The name of the field.
    pub name: String,
    /// What the file is called, safe to be used as the name of a file; see [`Field::file_name`].
    pub file_name: Option<String>,
    /// What the client says that it is. Do not believe it.
    pub content_type: Option<String>,
    /// What is in it.
    pub content: Bytes,
}

/// One field of a [`Multipart`] form.
#[derive(Debug)]
pub struct Field {
    inner: multer::Field<'static>,
    limit: u64,
}

impl Field {
    /// Its name.
    pub fn name(&self) -> &str {
        self.inner.name().unwrap_or_default()
    }

    /// Whether it is a file: it says what the file is called, even if that is nothing.
    pub fn is_file(&self) -> bool {
        self.inner.file_name().is_some()
    }

    /// What the file is called, made safe: without folders, control characters, leading dots and what is special on
    /// some system. None where nothing is left.
    pub fn file_name(&self) -> Option<String> {
        self.inner.file_name().and_then(safe_file_name)
    }

    /// What the client calls the file: anything at all. Never use it as a path.
    pub fn raw_file_name(&self) -> Option<&str> {
        self.inner.file_name()
    }

    /// What the client says that it is.
    pub fn content_type(&self) -> Option<&str> {
        self.headers().get(http::header::CONTENT_TYPE)?.to_str().ok()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The next piece of it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.inner.chunk().await.map_err(refused)
    }

    /// All of it.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (whole.len() + chunk.len()) as u64 > self.limit {
                let message =
                    format!("it is larger than {}, which is the most that is accepted", size(self.limit));
                let fault = Fault::new(Origin::Form.pointer(self.name()), "size", message);
                return Err(Origin::Form.refuse(vec![fault]).with_status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// All of it as text, which must be UTF-8.
    pub async fn text(self) -> Result<String> {
        let pointer = Origin::Form.pointer(self.name());
        String::from_utf8(self.bytes().await?.into()).map_err(|_| {
            let fault = Fault::new(pointer, "encoding", "it is not valid UTF-8");
            Origin::Form.refuse(vec![fault]).with_status(StatusCode::BAD_REQUEST)
        })
    }
}

impl<S: Sync> FromRequest<S> for Multipart {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        const MULTIPART: &str = "multipart/form-data";
        let found = media_type::require(request.headers(), MULTIPART, |found| found.is(MULTIPART))?;
        let Some(boundary) =
            found.parameter("boundary").filter(|boundary| (1..=70).contains(&boundary.len()))
        else {
            return Err(malformed("its content type has no usable `boundary`"));
        };
        let boundary = boundary.to_owned();
        let limit = BodyLimit::of(request.extensions());
        let body = OneAtATime { body: BodyStream::open(request)?, rest: false };
        let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit.0));
        let inner = multer::Multipart::with_constraints(body, boundary, constraints);
        Ok(Self { inner, field_limit: Self::FIELD_LIMIT, fields: 0 })
    }
}

impl Describe for Multipart {
    fn describe(operation: &mut Operation) {
        typed_body(operation, Content::new(media::MULTIPART));
    }
}

/// `multer` reads on as long as a stream is ready, whoever waits for what it reads. This one is ready once a turn.
struct OneAtATime {
    body: BodyStream,
    rest: bool,
}

impl Stream for OneAtATime {
    /// The error is in a box of its own, since [`Error`] is not a standard one.
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let outcome = Pin::new(&mut self.body).poll_next(context);
        self.rest = outcome.is_ready();
        outcome.map(|chunk| chunk.map(|chunk| chunk.map_err(Broken)))
    }
}

/// An [`Error`] on its way through `multer`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(Error);

fn malformed(reason: &str) -> Error {
    Error::bad_request(format!("The form cannot be read: {reason}.")).code("malformed_multipart")
}

fn refused(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Broken>() {
            Ok(broken) => broken.0,
            Err(cause) => malformed("its body is broken").caused_by(cause),
        },
        multer::Error::StreamSizeExceeded { limit } => BodyLimit(limit).exceeded(),
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => malformed("it ends before its closing boundary"),
        other => malformed("a part has malformed headers").caused_by(other),
    }
}

/// What is left of a client's file name when nothing in it can do harm: no folders, no control or direction
/// characters, none of `<>:"|?*` (special on Windows), no dots or spaces at either end, no reserved device name, at
/// most 150 bytes with the extension kept.
pub fn safe_file_name(name: &str) -> Option<String> {
    const LONGEST: usize = 150;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|ch| !ch.is_control() && !is_invisible(*ch))
        .map(|ch| if r#"<>:"|?*"#.contains(ch) { '_' } else { ch })
        .collect();
    let clean = clean.trim_matches(|ch: char| ch == '.' || ch.is_whitespace());
    if clean.is_empty() {
        return None;
    }
    let (stem, extension) = match clean.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, Some(extension)),
        _ => (clean, None),
    };
    let room = LONGEST - extension.map_or(0, |extension| extension.len() + 1);
    let mut safe: String = if is_device(stem) { format!("_{stem}") } else { stem.to_owned() };
    while safe.len() > room {
        safe.pop();
    }
    if let Some(extension) = extension {
        safe.push('.');
        safe.push_str(extension);
    }
    Some(safe)
}

/// Zero-width and direction characters, with which `exe.jpg` can be made of `gpj.exe`.
fn is_invisible(ch: char) -> bool {
    matches!(ch, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Names that mean a device on Windows, whatever their extension.
fn is_device(stem: &str) -> bool {
    let first = stem.split('.').next().unwrap_or_default().trim().to_ascii_lowercase();
    let numbered = |kind: &str| {
        first
            .strip_prefix(kind)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(first.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures_util::stream;
    use http::header;
    use serde::Deserialize;

    use super::*;

    const FORM: &str = "multipart/form-data; boundary=\"frontier\"";

    fn part(head: &str, content: &str) -> String {
        format!("--frontier\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    fn form(parts: &[String]) -> String {
        format!("{}--frontier--\r\n", parts.concat())
    }

    async fn open(content_type: &str, body: impl Into<Body>) -> Result<Multipart> {
        let request = Request::post("/").header(header::CONTENT_TYPE, content_type).body(body.into());
        Multipart::from_request(request.unwrap(), &()).await
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Text {
        title: String,
        #[serde(default)]
        tag: Vec<String>,
        year: u16,
    }

    fn text_parts() -> Vec<String> {
        vec![
            part("name=\"title\"", "Grüße"),
            part("name=tag", "a"),
            part("name=tag", "b"),
            part("name=year", "2024"),
            part("name=\"file\"; filename=\"../../etc/pass:wd.txt\"", "content"),
            part("name=\"none\"; filename=\"\"", ""),
        ]
    }

    #[tokio::test]
    async fn gathers_texts_and_files() {
        let multipart = open(FORM, form(&text_parts())).await.unwrap();
        let (text, uploads) = multipart.gather::<Text>().await.unwrap();
        assert_eq!(text, Text { title: "Grüße".into(), tag: vec!["a".into(), "b".into()], year: 2024 });
        let [upload] = &uploads[..] else { panic!("{uploads:?}") };
        assert_eq!(upload.file_name.as_deref(), Some("pass_wd.txt"));
        assert_eq!(upload.content, "content");
    }

    #[tokio::test]
    async fn streams_a_form_that_comes_byte_by_byte() {
        let bytes: Vec<u8> = form(&text_parts()).into_bytes();
        let chunks = bytes.into_iter().map(|byte| Ok::<_, Infallible>(vec![byte]));
        let multipart = open(FORM, Body::from_stream(stream::iter(chunks))).await.unwrap();
        assert_eq!(multipart.gather::<Text>().await.unwrap().0.year, 2024);
    }

    #[tokio::test]
    async fn reads_no_further_than_asked() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        let head = part("name=a; filename=b", "");
        let first = stream::iter([Ok::<_, Infallible>(head.trim_end().to_owned() + "\r\n\r\n")]);
        let rest = stream::iter((0..1000).map(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok("x".repeat(1000))
        }));
        let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
        let mut multipart = open(FORM, body).await.unwrap();
        let mut field = multipart.next_field().await.unwrap().unwrap();
        field.chunk().await.unwrap().unwrap();
        assert!(read.load(Ordering::Relaxed) < 10, "{read:?}");
    }

    #[tokio::test]
    async fn points_to_a_wrong_field() {
        let parts = [part("name=title", "a"), part("name=year", "soon")];
        let error = open(FORM, form(&parts)).await.unwrap().gather::<Text>().await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults()[0].pointer.as_str()), (422, "/year"));
    }

    #[tokio::test]
    async fn limits_a_field_and_the_whole() {
        let body = form(&[part("name=title", &"x".repeat(100))]);
        let multipart = open(FORM, body.clone()).await.unwrap().field_limit(99);
        let error = multipart.gather::<Text>().await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults()[0].pointer.as_str()), (413, "/title"));

        let stream = stream::iter([Ok::<_, Infallible>(body)]);
        let mut request =
            Request::post("/").header(header::CONTENT_TYPE, FORM).body(Body::from_stream(stream)).unwrap();
        request.extensions_mut().insert(BodyLimit(50));
        let error = Multipart::from_request(request, &()).await.unwrap().gather::<Text>().await.unwrap_err();
        assert_eq!(error.status(), 413);
        assert!(error.faults().is_empty());
    }

    #[tokio::test]
    async fn refuses_what_is_malformed() {
        assert_eq!(open("text/plain", "").await.unwrap_err().status(), 415);
        assert_eq!(open("multipart/form-data", "").await.unwrap_err().status(), 400);
        for body in
            ["", "--frontier", "--frontier\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "no boundary"]
        {
            let error = open(FORM, body).await.unwrap().gather::<Text>().await.unwrap_err();
            assert_eq!(
                (error.status().as_u16(), error.machine_code()),
                (400, "malformed_multipart"),
                "{body}"
            );
        }
        let nameless = form(&["--frontier\r\nContent-Disposition: form-data\r\n\r\nx\r\n".to_owned()]);
        assert_eq!(open(FORM, nameless).await.unwrap().gather::<Text>().await.unwrap_err().status(), 400);
    }

    #[test]
    fn makes_file_names_safe() {
        let safe = |name: &str| safe_file_name(name).unwrap_or_default();
        assert_eq!(safe("report.pdf"), "report.pdf");
        assert_eq!(safe(r"C:\Users\ann\Bericht für März.pdf"), "Bericht für März.pdf");
        assert_eq!(safe("../../.ssh/authorized_keys"), "authorized_keys");
        assert_eq!(safe(".htaccess"), "htaccess");
        assert_eq!(safe("con.txt"), "_con.txt");
        assert_eq!(safe("LPT1"), "_LPT1");
        assert_eq!(safe("photo\u{202e}gpj.exe"), "photogpj.exe");
        assert_eq!(safe("a\0b\n.txt"), "ab.txt");
        for nothing in ["", "..", "/", "a/", " . ", "\u{200b}"] {
            assert_eq!(safe_file_name(nothing), None, "{nothing:?}");
        }
        assert_eq!(safe(&format!("{}.jpeg", "ä".repeat(300))).len(), 149);
    }

    proptest::proptest! {
        #[test]
        fn a_safe_name_stays_in_its_folder(name in ".{0,200}") {
            if let Some(safe) = safe_file_name(&name) {
                proptest::prop_assert!(!safe.contains(['/', '\\', '\0']) && !safe.starts_with('.') && safe.len() <= 151);
                let path = std::path::Path::new(&safe);
                proptest::prop_assert_eq!(path.components().count(), 1);
                proptest::prop_assert!(path.file_name().is_some());
            }
        }

        #[test]
        fn no_form_makes_it_panic(body in "(--frontier|--|\r\n|name=a|Content-Disposition: form-data; |[a-z]){0,20}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(async { open(FORM, body).await.unwrap().gather::<Text>().await });
        }
    }
}
