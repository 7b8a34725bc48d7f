//! A form with files as a struct.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use axum::extract::{FromRequest, Request};
use mainstay_core::{Error, Fault, Result, StatusCode};
use serde::de::DeserializeOwned;

use super::field::{Field, too_large};
use super::outline::{Desk, Wanted, files_of, wanted};
use super::rules::Rules;
use super::spool::{Kept, Spool, UploadFolder};
use super::upload::Arrived;
use super::{AnyFile, Multipart};
use crate::describe::arguments::{data_body, media};
use crate::describe::{Content, Describe, Operation, Outline, Schematic};
use crate::extract::fields::{self, Origin, Pair};

/// A form with files (`multipart/form-data`), read into a struct: its texts as [`Form`](super::super::Form) reads them,
/// its files as fields of type [`Upload`](super::Upload), `Option<Upload>` or `Vec<Upload>`.
///
/// What does not fit is refused with every fault at once, each with the name of its field: 413 where something is too
/// large and nothing else is wrong, 415 where a file is of another type and nothing else is wrong, and otherwise 422.
/// A file that breaks its [rules](super::FileRules) is not kept, and after a fault no more than 2 MiB are read.
///
/// Files are in memory up to 256 KiB for the whole form; what is more goes to temporary files without a name, in
/// `http.upload_folder` or the system's. They are gone when the handler has ended, when it fails, and when the client
/// hangs up in the middle. The texts of a form have 2 MiB together, and each of them 1 MiB.
///
/// ```
/// use mainstay_core::Result;
/// use mainstay_http::extract::{Image, MultipartForm, Upload};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct NewPost {
///     title: String,
///     cover: Upload<Image>,
///     #[serde(default)]
///     attachments: Vec<Upload>,
/// }
///
/// async fn create(MultipartForm(post): MultipartForm<NewPost>) -> Result<String> {
///     post.cover.save("covers/latest").await?;
///     Ok(format!("{} with {} attachments", post.title, post.attachments.len()))
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MultipartForm<T>(pub T);

impl<T> Deref for MultipartForm<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for MultipartForm<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// How much of all the files of a form is kept in memory.
const ROOM: usize = 256 * 1024;

/// How much the texts of a form have together.
const MOST_TEXT: u64 = 2 * 1024 * 1024;

/// How much is read after a fault, in the hope of finding all that is wrong.
const PATIENCE: u64 = 2 * 1024 * 1024;

/// More files than this are refused: each may be an open file of the system.
const MOST_FILES: usize = 100;

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for MultipartForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let mut form = Multipart::from_request(request, state).await?.field_limit(u64::MAX);
        let mut gathered = Gathered { folder: form.folder.clone(), room: ROOM, ..Gathered::default() };
        while let Some(field) = form.next_field().await? {
            if field.is_file() {
                gathered.file(field, wanted::<T>).await?;
            } else {
                gathered.text(field).await?;
            }
            if gathered.has_enough(form.reader.taken()) {
                return Err(refuse(gathered.faults));
            }
        }
        gathered.read().map(Self)
    }
}

/// What has come of a form.
#[derive(Default)]
struct Gathered {
    folder: Option<UploadFolder>,
    room: usize,
    texts: Vec<(String, String)>,
    text_length: u64,
    files: Vec<(String, Arrived)>,
    /// How many files of each name have come.
    counts: BTreeMap<String, usize>,
    faults: Vec<Fault>,
    /// How much had been read when the first fault was found.
    fault_at: Option<u64>,
}

/// What has become of a file.
enum Outcome {
    Kept(Kept),
    Refused(Fault),
    /// No field takes it, or its fault is known.
    Passed,
}

impl Gathered {
    async fn text(&mut self, mut field: Field<'_>) -> Result<()> {
        let name = field.name().to_owned();
        let most = Multipart::FIELD_LIMIT.min(MOST_TEXT.saturating_sub(self.text_length));
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > most {
                bytes.clear();
                self.fault(too_large(Origin::Form.pointer(&name), most), &field);
                self.skip(&mut field).await?;
            }
        }
        self.text_length += (bytes.len() + name.len()) as u64;
        let text = String::from_utf8(bytes).unwrap_or_else(|_| {
            let pointer = Origin::Form.pointer(&name);
            self.fault(Fault::new(pointer, "encoding", "it is not valid UTF-8"), &field);
            String::new()
        });
        self.texts.push((name, text));
        Ok(())
    }

    async fn file(&mut self, mut field: Field<'_>, wanted: fn(&str) -> Wanted) -> Result<()> {
        let sniffed = field.sniff().await?;
        // An empty file without a name is what a browser sends when nothing was chosen.
        if field.raw_file_name().is_none_or(str::is_empty) && field.is_over().await? {
            return Ok(());
        }
        if self.files.len() == MOST_FILES {
            let message = format!("The form has more than {MOST_FILES} files.");
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        let name = field.name().to_owned();
        let mut arrived = Arrived {
            file: Kept::default(),
            file_name: field.file_name(),
            claimed_type: field.content_type().map(str::to_owned),
            sniffed,
            refused: true,
        };
        match self.look_at(&mut field, &arrived, wanted(&name)).await? {
            Outcome::Kept(file) => (arrived.file, arrived.refused) = (file, false),
            Outcome::Refused(fault) => {
                self.fault(fault, &field);
                self.skip(&mut field).await?;
            }
            Outcome::Passed => {}
        }
        self.files.push((name, arrived));
        Ok(())
    }

    async fn look_at(&mut self, field: &mut Field<'_>, arrived: &Arrived, wanted: Wanted) -> Result<Outcome> {
        let before = self.counts.entry(field.name().to_owned()).or_default();
        let earlier = *before;
        *before += 1;
        let pointer = Origin::Form.pointer(field.name());
        let (rules, pointer) = match wanted {
            Wanted::Files(rules) if earlier < rules.most_files => (rules, format!("{pointer}/{earlier}")),
            Wanted::Files(rules) if earlier == rules.most_files => {
                let message =
                    format!("there are more than {earlier} files, which is the most that is accepted");
                return Ok(Outcome::Refused(Fault::new(pointer, "number", message)));
            }
            Wanted::File(rules) if earlier == 0 => (rules, pointer),
            Wanted::Unclear => (Rules::of::<AnyFile>(), pointer),
            // What else is wrong with it, its field says.
            _ => return Ok(Outcome::Passed),
        };
        if rules.accept(arrived.sniffed, arrived.file_name.as_deref()).is_none() {
            let message = format!("expected {}, found `{}`", rules.wanted(), arrived.sniffed);
            return Ok(Outcome::Refused(Fault::new(pointer, "media_type", message)));
        }
        let mut spool = Spool::new(&mut self.room, self.folder.clone());
        while let Some(chunk) = field.chunk().await? {
            spool.write(&chunk).await?;
            if spool.length() > rules.most_bytes {
                return Ok(Outcome::Refused(too_large(pointer, rules.most_bytes)));
            }
        }
        spool.finish().await.map(Outcome::Kept)
    }

    fn fault(&mut self, fault: Fault, field: &Field<'_>) {
        self.faults.push(fault);
        self.fault_at.get_or_insert(field.taken());
    }

    /// Reads past the rest of a field that is refused, as long as it is worth it.
    async fn skip(&mut self, field: &mut Field<'_>) -> Result<()> {
        while !self.has_enough(field.taken()) && field.chunk().await?.is_some() {}
        Ok(())
    }

    fn has_enough(&self, taken: u64) -> bool {
        self.fault_at.is_some_and(|at| taken > at.saturating_add(PATIENCE))
    }

    fn read<T: DeserializeOwned>(mut self) -> Result<T> {
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        for (name, text) in self.texts {
            if self.counts.contains_key(&name) {
                let message = "it is given as a file and as a text";
                self.faults.push(Fault::new(Origin::Form.pointer(&name), "repeated", message));
            } else {
                pairs.push((name.into(), text.into()));
            }
        }
        let mut files = Vec::new();
        for (number, (name, arrived)) in self.files.into_iter().enumerate() {
            pairs.push((name.into(), number.to_string().into()));
            files.push(arrived);
        }
        let names = self.counts.into_keys().collect();
        match Desk::Open(files).during(|| fields::read_with_files(pairs, names)) {
            Ok(value) if self.faults.is_empty() => Ok(value),
            Ok(_) => Err(refuse(self.faults)),
            Err(error) if self.faults.is_empty() => Err(error),
            Err(error) => {
                self.faults.extend_from_slice(error.faults());
                Err(refuse(self.faults))
            }
        }
    }
}

/// The error that these faults make, with the status that fits all of them.
#[track_caller]
fn refuse(faults: Vec<Fault>) -> Error {
    let all = |codes: &[&str]| faults.iter().all(|fault| codes.contains(&&*fault.code));
    let status = if all(&["size"]) {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if all(&["media_type"]) {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Origin::Form.refuse(faults).with_status(status)
}

impl<T: Schematic + DeserializeOwned> Describe for MultipartForm<T> {
    fn describe(operation: &mut Operation) {
        let mut content = Content::of::<T>(media::MULTIPART);
        for (name, rules) in files_of::<T>() {
            if !rules.types.is_empty() && has_field::<T>(name) {
                content = content.encoding(name, rules.types.join(", "));
            }
        }
        data_body(operation, content);
    }
}

/// Whether the schema knows the name: serde lists other names of a field among the fields.
fn has_field<T: Schematic>(name: &str) -> bool {
    #[cfg(feature = "schema")]
    if let crate::describe::schema::Shape::Fields(fields) = crate::describe::schema::shape_of::<T>() {
        return fields.iter().any(|field| field.name == name);
    }
    #[cfg(not(feature = "schema"))]
    let _ = std::marker::PhantomData::<T>;
    !name.is_empty()
}

impl<T> Outline for MultipartForm<T> {
    fn outline(operation: &mut Operation) {
        data_body(operation, Content::new(media::MULTIPART));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::{StreamExt, TryStreamExt, stream};
    use http::header;
    use serde::Deserialize;

    use super::*;
    use crate::extract::{BodyLimit, FileRules, Image, Upload};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    struct Small;

    impl FileRules for Small {
        const MOST_BYTES: u64 = 100;
        const MOST_FILES: usize = 2;
    }

    #[derive(Debug, Deserialize)]
    struct Post {
        title: String,
        #[serde(default)]
        tag: Vec<String>,
        year: Option<u16>,
        #[serde(rename = "cover-image", alias = "cover")]
        cover: Upload<Image>,
        #[serde(default)]
        pages: Vec<Upload<Small>>,
        sound: Option<Upload>,
    }

    struct Form(Vec<u8>);

    impl Form {
        fn new() -> Self {
            Self(Vec::new())
        }

        fn text(self, name: &str, text: &str) -> Self {
            self.part(&format!("name=\"{name}\""), text.as_bytes())
        }

        fn file(self, name: &str, file_name: &str, content: &[u8]) -> Self {
            self.part(
                &format!("name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: image/png"),
                content,
            )
        }

        fn part(mut self, head: &str, content: &[u8]) -> Self {
            self.0.extend_from_slice(
                format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            self.0.extend_from_slice(content);
            self.0.extend_from_slice(b"\r\n");
            self
        }

        fn request(mut self) -> Request {
            self.0.extend_from_slice(b"--x--\r\n");
            request(self.0.into())
        }

        async fn read<T: DeserializeOwned>(self) -> Result<T> {
            MultipartForm::from_request(self.request(), &()).await.map(|form: MultipartForm<T>| form.0)
        }

        /// Status, and pointers and codes of the faults.
        async fn refused(self) -> (u16, Vec<String>) {
            let error = self.read::<Post>().await.unwrap_err();
            let faults = error.faults().iter().map(|fault| format!("{} {}", fault.pointer, fault.code));
            (error.status().as_u16(), faults.collect())
        }
    }

    fn request(body: Body) -> Request {
        let mut request = Request::post("/")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .body(body)
            .unwrap();
        request.extensions_mut().insert(BodyLimit(1 << 30));
        request
    }

    fn good() -> Form {
        Form::new().text("title", "Grüße").file("cover", "../a.png", PNG)
    }

    #[tokio::test]
    async fn gathers_texts_and_files() {
        let form = good()
            .text("tag", "a")
            .text("year", "")
            .file("pages", "1.csv", b"a;b")
            .text("tag", "b")
            .file("pages", "2.txt", "é".as_bytes())
            .file("sound", "", b"")
            .file("unknown", "a", b"a");
        let post: Post = form.read().await.unwrap();
        assert_eq!((post.title.as_str(), post.tag, post.year), ("Grüße", vec!["a".into(), "b".into()], None));
        assert_eq!((post.cover.file_name(), post.cover.media_type()), (Some("a.png"), "image/png"));
        assert_eq!((post.cover.claimed_type(), post.cover.size()), (Some("image/png"), PNG.len() as u64));
        assert_eq!(post.cover.bytes().await.unwrap(), PNG);
        let pages: Vec<_> = post.pages.iter().map(Upload::media_type).collect();
        assert_eq!(pages, ["text/csv", "text/plain"]);
        assert_eq!(post.pages[1].bytes().await.unwrap(), "é".as_bytes());
        assert!(post.sound.is_none());
    }

    #[tokio::test]
    async fn names_every_fault_at_once() {
        let form = Form::new()
            .text("year", "soon")
            .file("pages", "", &[b'x'; 101])
            .file("pages", "", b"fits")
            .file("pages", "", b"one too many")
            .file("pages", "", b"and another")
            .file("cover-image", "a.png", b"<svg onload=\"alert(1)\"/>")
            .text("sound", "la la")
            .part("name=tag", b"\xff");
        let expected = [
            "/pages/0 size",
            "/pages number",
            "/cover-image media_type",
            "/tag encoding",
            "/sound type",
            "/title required",
            "/year type",
        ];
        let (status, mut faults) = form.refused().await;
        faults.sort();
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        assert_eq!((status, faults), (422, expected.to_vec()));
    }

    #[tokio::test]
    async fn the_status_fits_all_faults() {
        let named = |fault: &str| vec![fault.to_owned()];
        assert_eq!(good().file("pages", "", &[b'x'; 101]).refused().await, (413, named("/pages/0 size")));
        for disguised in [&b"<!doctype html>"[..], b"<svg>", b"GIF89a/*<script>*/", b"", b"\xff\xd8"] {
            let form = Form::new().text("title", "a").file("cover-image", "a.png", disguised);
            assert_eq!(form.refused().await, (415, named("/cover-image media_type")), "{disguised:?}");
        }
        assert_eq!(
            Form::new().file("cover-image", "a.png", PNG).refused().await,
            (422, named("/title required"))
        );
        let error = Form::new().text("title", "a").read::<Post>().await.unwrap_err();
        assert_eq!(error.message(), "The field `cover-image`: it is required, and missing.");
    }

    #[tokio::test]
    async fn a_text_is_no_file_and_a_file_is_no_text() {
        let named = |fault: &str| vec![fault.to_owned()];
        for forged in ["0", "", "\0\0\0\0\0\0\0\0"] {
            let form = good().text("sound", forged);
            if !forged.is_empty() {
                assert_eq!(form.refused().await, (422, named("/sound type")), "{forged:?}");
            }
        }
        let form = Form::new().file("title", "0", b"secret").file("cover", "a", PNG);
        let error = form.read::<Post>().await.unwrap_err();
        assert_eq!(error.message(), "The field `title`: expected a text, found a file.");
        assert_eq!(
            good().file("pages", "a", b"a").text("pages", "0").refused().await,
            (422, named("/pages repeated"))
        );
        assert_eq!(good().file("cover", "a.png", PNG).refused().await, (422, named("/cover repeated")));
    }

    #[tokio::test]
    async fn a_flattened_struct_has_the_same_rules() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            title: String,
            #[serde(flatten)]
            inner: Inner,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            note: String,
            page: Upload<Small>,
            cover: Option<Upload<Image>>,
        }
        let form = || Form::new().text("title", "a").text("note", "b");
        let outer: Outer = form().file("page", "c", b"d").file("cover", "a", PNG).read().await.unwrap();
        assert_eq!((outer.title.as_str(), outer.inner.note.as_str(), outer.inner.page.size()), ("a", "b", 1));
        assert!(outer.inner.cover.is_some());
        form().file("page", "c", &[0; 101]).read::<Outer>().await.unwrap_err();
        form().file("page", "c", b"d").file("cover", "a", b"<svg>").read::<Outer>().await.unwrap_err();
        form().text("page", "0").file("cover", "a", PNG).read::<Outer>().await.unwrap_err();
        Form::new()
            .text("title", "a")
            .file("note", "a", b"b")
            .file("page", "c", b"d")
            .read::<Outer>()
            .await
            .unwrap_err();
    }

    #[tokio::test]
    async fn a_large_file_goes_to_disk_and_a_small_one_stays() {
        #[derive(Debug, Deserialize)]
        struct Two {
            small: Upload,
            large: Upload,
        }
        let folder = tempfile::tempdir().unwrap();
        let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        let mut request = Form::new().file("small", "a", b"small").file("large", "b", &large).request();
        request.extensions_mut().insert(UploadFolder(folder.path().into()));
        let form: MultipartForm<Two> = MultipartForm::from_request(request, &()).await.unwrap();
        assert!(form.small.is_in_memory() && !form.large.is_in_memory());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
        assert_eq!((form.large.size(), form.large.bytes().await.unwrap()), (3_000_000, large.clone().into()));
        let pieces: Vec<_> = form.large.stream().try_collect().await.unwrap();
        assert!(pieces.len() > 5 && pieces.concat() == large);
        let copy = folder.path().join("copy");
        let clone = form.large.clone();
        let sum = form.large.sha256().await.unwrap();
        drop(form);
        clone.save(&copy).await.unwrap();
        assert!(std::fs::read(&copy).unwrap() == large);
        assert_eq!(sum, ring::digest::digest(&ring::digest::SHA256, &large).as_ref());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn stops_reading_soon_after_a_fault() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU64, Ordering};
        let head = "--x\r\nContent-Disposition: form-data; name=cover; filename=a\r\n\r\n<html>";
        let read = Arc::new(AtomicU64::new(0));
        let count = read.clone();
        let rest = stream::repeat_with(move || {
            count.fetch_add(65_536, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(vec![b'x'; 65_536])
        });
        let body = Body::from_stream(stream::iter([Ok(head.as_bytes().to_vec())]).chain(rest));
        let error = MultipartForm::<Post>::from_request(request(body), &()).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults().len()), (415, 1));
        assert!(read.load(Ordering::Relaxed) < PATIENCE + 300_000, "{read:?}");
    }

    #[tokio::test]
    async fn texts_have_a_limit_each_and_together() {
        let long = "x".repeat(1024 * 1024);
        let form = good().text("tag", &long);
        assert!(form.read::<Post>().await.is_ok());
        assert_eq!(good().text("tag", &format!("{long}x")).refused().await.0, 413);
        assert_eq!(good().text("tag", &long).text("other", &long).text("more", &long).refused().await.0, 413);
        let many = (0..101).fold(good(), |form, _| form.file("unknown", "a", b"a"));
        assert_eq!(many.refused().await.0, 413);
    }

    #[tokio::test]
    async fn a_form_that_ends_in_the_middle_is_refused() {
        let whole = good().request().into_body();
        let whole = axum::body::to_bytes(whole, usize::MAX).await.unwrap();
        for end in [whole.len() - 5, whole.len() - 20, 100, 10] {
            let error = MultipartForm::<Post>::from_request(request(whole.slice(..end).into()), &())
                .await
                .unwrap_err();
            assert_eq!(
                (error.status().as_u16(), error.machine_code()),
                (400, "malformed_multipart"),
                "{end}"
            );
        }
        let broken = stream::iter([Ok(whole.slice(..100)), Err(std::io::Error::other("reset"))]);
        let error =
            MultipartForm::<Post>::from_request(request(Body::from_stream(broken)), &()).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (400, "incomplete_body"));
    }

    #[test]
    fn a_file_is_read_from_nothing_but_a_form() {
        let error = serde_json::from_str::<Upload>("\"\"").unwrap_err();
        assert!(error.to_string().contains("MultipartForm"), "{error}");
        assert!(serde_json::from_str::<Upload>("[0,0,0,0,0,0,0,0]").is_err());
    }

    #[test]
    fn asks_a_struct_for_its_files() {
        let found: Vec<_> =
            files_of::<Post>().into_iter().map(|(name, rules)| (name, rules.most_bytes)).collect();
        assert_eq!(
            found,
            [("cover", u64::MAX), ("cover-image", u64::MAX), ("pages", 100), ("sound", u64::MAX)]
        );
        assert!(matches!(wanted::<Post>("cover"), Wanted::File(_)));
        assert!(matches!(wanted::<Post>("pages"), Wanted::Files(_)));
        assert_eq!((wanted::<Post>("title"), wanted::<Post>("tag")), (Wanted::Other, Wanted::Other));
        assert_eq!(wanted::<Post>("none"), Wanted::Nothing);
    }
}
