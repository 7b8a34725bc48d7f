use axum::body::Body;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header;
use serde::Deserialize;

use super::*;
use crate::extract::multipart::gathered::PATIENCE;
use crate::extract::multipart::outline::Wanted;
use crate::extract::multipart::spool::UploadFolder;
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
        self.part(&format!("name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: image/png"), content)
    }

    fn part(mut self, head: &str, content: &[u8]) -> Self {
        self.0.extend_from_slice(format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
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
    for (head, status) in [
        ("name=cover; filename=a\r\n\r\n<html>", 415),
        ("name=pages; filename=a\r\n\r\n", 413),
        ("name=title\r\n\r\n", 413),
    ] {
        let head = format!("--x\r\nContent-Disposition: form-data; {head}");
        let read = Arc::new(AtomicU64::new(0));
        let count = read.clone();
        let rest = stream::repeat_with(move || {
            count.fetch_add(65_536, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(vec![b'x'; 65_536])
        });
        let body = Body::from_stream(stream::iter([Ok(head.into_bytes())]).chain(rest));
        let error = MultipartForm::<Post>::from_request(request(body), &()).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults().len()), (status, 1));
        assert!(read.load(Ordering::Relaxed) < PATIENCE + Multipart::FIELD_LIMIT + 300_000, "{read:?}");
    }
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
        let error =
            MultipartForm::<Post>::from_request(request(whole.slice(..end).into()), &()).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (400, "malformed_multipart"), "{end}");
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
    assert_eq!(found, [("cover", u64::MAX), ("cover-image", u64::MAX), ("pages", 100), ("sound", u64::MAX)]);
    assert!(matches!(wanted::<Post>("cover"), Wanted::File(_)));
    assert!(matches!(wanted::<Post>("pages"), Wanted::Files(_)));
    assert_eq!((wanted::<Post>("title"), wanted::<Post>("tag")), (Wanted::Other, Wanted::Other));
    assert_eq!(wanted::<Post>("none"), Wanted::Nothing);
}
