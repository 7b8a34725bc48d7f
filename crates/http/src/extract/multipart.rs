//! Forms with files.
//!
//! In reading order:
//!
//! 1. this file: [`Multipart`], a form that is read field by field as it comes;
//! 2. `reader` and `head`: the format (RFC 7578, RFC 2046), in bounded memory;
//! 3. `field`: one [`Field`], and `file_name`, what its file may be called;
//! 4. `rules`: what a file must be; `upload`: an [`Upload`], a file that is kept, and `spool`, where it is kept;
//! 5. `form`: [`MultipartForm`], a whole form as a struct; `outline`, which asks the struct what its fields are, and
//!    `gathered`, what has come for it.

mod field;
mod file_name;
mod form;
mod gathered;
mod head;
mod outline;
mod reader;
mod rules;
mod spool;
mod upload;

use axum::extract::{FromRequest, Request};
use mainstay_core::{Error, Result, StatusCode};

pub use self::field::Field;
pub use self::file_name::safe_file_name;
pub use self::form::MultipartForm;
use self::reader::Reader;
pub(crate) use self::rules::Rules;
pub use self::rules::{AnyFile, FileRules, Image, Pdf, judge};
pub(crate) use self::spool::{Kept, PIECE, UploadFolder, blocking, folder_of, sync_folder};
pub(crate) use self::upload::FILE;
pub use self::upload::Upload;
use super::body::BodyStream;
use super::media_type;
use crate::describe::arguments::{media, typed_body};
use crate::describe::{Content, Describe, Operation};

/// A form with files (`multipart/form-data`), field by field as they come: nothing of a field is kept unless asked
/// for, so that a file of any size can go through. [`MultipartForm`] reads a whole form into a struct.
///
/// The whole is limited by the [`BodyLimit`](super::BodyLimit) of the route. What is read into memory
/// ([`Field::bytes`], [`Field::text`]) is also limited for each field, to 1 MiB unless said otherwise.
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
    reader: Reader,
    field_limit: u64,
    fields: u32,
    folder: Option<UploadFolder>,
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
    pub async fn next_field(&mut self) -> Result<Option<Field<'_>>> {
        self.fields += 1;
        if self.fields > Self::MOST_FIELDS {
            let message = format!("The form has more than {} fields.", Self::MOST_FIELDS);
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        match self.reader.next_part().await? {
            Some(head) => Ok(Some(Field::new(&mut self.reader, head, self.field_limit))),
            None => Ok(None),
        }
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
        let folder = request.extensions().get::<UploadFolder>().cloned();
        let reader = Reader::new(BodyStream::open(request)?, &boundary);
        Ok(Self { reader, field_limit: Self::FIELD_LIMIT, fields: 0, folder })
    }
}

impl Describe for Multipart {
    fn describe(operation: &mut Operation) {
        typed_body(operation, Content::new(media::MULTIPART));
    }
}

/// The error of a form that is not one.
#[track_caller]
fn malformed(reason: &str) -> Error {
    Error::bad_request(format!("The form cannot be read: {reason}.")).code("malformed_multipart")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use http::header;

    use super::*;
    use crate::extract::BodyLimit;

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

    /// Names and contents.
    async fn read(body: impl Into<Body>) -> Result<Vec<(String, Bytes)>> {
        let mut form = open(FORM, body).await?;
        let mut fields = Vec::new();
        while let Some(field) = form.next_field().await? {
            let name = field.name().to_owned();
            fields.push((name, field.bytes().await?));
        }
        Ok(fields)
    }

    fn pieces(body: &str, length: usize) -> Body {
        let pieces: Vec<_> =
            body.as_bytes().chunks(length).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn streams_a_form_that_comes_byte_by_byte() {
        let contents = ["Grüße", "", "\r\n", "--frontier", "\r\n--frontie", "\r\r\n--", "\n--frontier\r\n"];
        let parts: Vec<_> = contents.iter().map(|content| part("name=a; filename=\"b\"", content)).collect();
        for body in [form(&parts), format!("a preamble\r\n{}an epilogue", form(&parts))] {
            for length in [1, 2, 7, 1000] {
                let fields = read(pieces(&body, length)).await.unwrap();
                let found: Vec<_> = fields.iter().map(|(_, content)| &content[..]).collect();
                assert_eq!(found, contents.map(str::as_bytes), "{length}");
            }
        }
    }

    #[tokio::test]
    async fn skips_what_is_not_asked_for() {
        let parts = [part("name=a", &"x".repeat(5000)), part("name=b", "y"), part("name=c", "z")];
        let mut form = open(FORM, pieces(&form(&parts), 100)).await.unwrap();
        let mut first = form.next_field().await.unwrap().unwrap();
        assert!(!first.chunk().await.unwrap().unwrap().is_empty());
        assert_eq!(form.next_field().await.unwrap().unwrap().name(), "b");
        assert_eq!(form.next_field().await.unwrap().unwrap().text().await.unwrap(), "z");
        assert!(form.next_field().await.unwrap().is_none());
        assert!(form.next_field().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn says_what_a_file_is_before_it_is_read() {
        let parts =
            [part("name=a; filename=a.png", "GIF89a\u{1}\0\u{1}\0\0\0"), part("name=b; filename=b", "")];
        let mut form = open(FORM, pieces(&form(&parts), 3)).await.unwrap();
        let mut field = form.next_field().await.unwrap().unwrap();
        assert_eq!(
            (field.sniff().await.unwrap(), field.file_name().as_deref()),
            ("image/gif", Some("a.png"))
        );
        assert!(field.bytes().await.unwrap().starts_with(b"GIF89a"));
        assert_eq!(form.next_field().await.unwrap().unwrap().sniff().await.unwrap(), "text/plain");
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
        let mut multipart = open(FORM, Body::from_stream(first.chain(rest))).await.unwrap();
        let mut field = multipart.next_field().await.unwrap().unwrap();
        field.chunk().await.unwrap().unwrap();
        assert!(read.load(Ordering::Relaxed) < 3, "{read:?}");
    }

    #[tokio::test]
    async fn limits_a_field_and_the_whole() {
        let body = form(&[part("name=title", &"x".repeat(100))]);
        let mut multipart = open(FORM, body.clone()).await.unwrap().field_limit(99);
        let error = multipart.next_field().await.unwrap().unwrap().text().await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults()[0].pointer.as_str()), (413, "/title"));
        let mut multipart = open(FORM, body.clone()).await.unwrap();
        let error =
            multipart.next_field().await.unwrap().unwrap().limit(99).copy_to(&mut tokio::io::sink()).await;
        assert_eq!(error.unwrap_err().status(), 413);

        let mut request =
            Request::post("/").header(header::CONTENT_TYPE, FORM).body(pieces(&body, 60)).unwrap();
        request.extensions_mut().insert(BodyLimit(70));
        let mut form = Multipart::from_request(request, &()).await.unwrap();
        let error = form.next_field().await.unwrap().unwrap().text().await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults().len()), (413, 0));
    }

    #[tokio::test]
    async fn keeps_no_head_without_end() {
        let endless = || stream::repeat(Ok::<_, Infallible>("x".repeat(1000)));
        for beginning in
            ["", "--frontier", "--frontier\r\n", "--frontier\r\nContent-Disposition: form-data; name="]
        {
            let body = stream::iter([Ok(beginning.to_owned())]).chain(endless());
            let error = read(Body::from_stream(body)).await.unwrap_err();
            assert_eq!(error.machine_code(), "malformed_multipart", "{beginning}");
        }
    }

    #[tokio::test]
    async fn refuses_what_is_malformed() {
        assert_eq!(open("text/plain", "").await.unwrap_err().status(), 415);
        assert_eq!(open("multipart/form-data", "").await.unwrap_err().status(), 400);
        let cut = form(&[part("name=a", "x")]);
        let cut = (0..cut.len() - 4).map(|end| cut[..end].to_owned());
        let others =
            ["no boundary", "--frontierx\r\n", "--frontier\r\n\r\n\r\n--frontier--"].map(str::to_owned);
        let nameless = form(&["--frontier\r\nContent-Disposition: form-data\r\n\r\nx\r\n".to_owned()]);
        for body in cut.chain(others).chain([nameless]) {
            let error = read(body.clone()).await.unwrap_err();
            assert_eq!(
                (error.status().as_u16(), error.machine_code()),
                (400, "malformed_multipart"),
                "{body}"
            );
        }
        let many = form(&vec![part("name=a", ""); 1001]);
        assert_eq!(read(many).await.unwrap_err().status(), 413);
    }

    #[tokio::test]
    async fn saves_all_of_a_file_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let there = || std::fs::read_dir(folder.path()).unwrap().count();
        let whole = form(&[part("name=a; filename=a", &"x".repeat(600_000))]);
        for body in [&whole[..300_000], &whole[..whole.len() - 13]] {
            let mut form = open(FORM, pieces(body, 10_000)).await.unwrap();
            let saved = form.next_field().await.unwrap().unwrap().save(&path).await;
            assert_eq!((saved.unwrap_err().machine_code(), there()), ("malformed_multipart", 0));
        }
        let mut form = open(FORM, whole.clone()).await.unwrap();
        assert_eq!(form.next_field().await.unwrap().unwrap().save(&path).await.unwrap(), 600_000);
        assert_eq!((std::fs::read(&path).unwrap().len(), there()), (600_000, 1));
        let mut form = open(FORM, whole).await.unwrap();
        let nowhere = form.next_field().await.unwrap().unwrap().save(folder.path().join("none/a")).await;
        assert_eq!(nowhere.unwrap_err().status(), 500);
    }

    proptest::proptest! {
        #[test]
        fn no_form_makes_it_panic(body in "(--frontier|--|\r\n|name=a|Content-Disposition: form-data; |[a-z]){0,20}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read(body));
        }

        #[test]
        fn what_is_sent_comes_out(contents in proptest::collection::vec("(\r|\n|-|frontier|a| ){0,12}", 0..4), length in 1_usize..40) {
            proptest::prop_assume!(!contents.iter().any(|content| format!("\r\n{content}\r\n--frontier").matches("\r\n--frontier").count() > 1));
            let parts: Vec<_> = contents.iter().map(|content| part("name=a", content)).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let found = runtime.block_on(read(pieces(&form(&parts), length))).unwrap();
            let found: Vec<_> = found.iter().map(|(_, content)| content.to_vec()).collect();
            let expected: Vec<_> = contents.iter().map(|content| content.as_bytes().to_vec()).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
