//! Uploads of any size, and many slow ones, have flat memory. In a process of its own, whose memory nobody else uses.
//!
//! `MAINSTAY_TEST_UPLOAD` says how many MiB are sent; `cargo xtask soak uploads` sends 5 GiB.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::{Services, Started};
use mainstay_core::{App, Error, Profile};
use mainstay_http::extract::{BodyStream, Multipart, MultipartForm, Upload};
use mainstay_http::resumable::{Finished, ResumableUploads};
use mainstay_http::{Route, RoutesExt, post, routes};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How many MiB are sent, unless it is said.
const MEBIBYTES: u64 = 300;
/// So much may be in memory beside what was there before, in bytes.
const MOST: usize = 24 << 20;
/// Clients that send a byte now and then.
const SLOW: usize = 400;
/// So much may each of them cost, in bytes.
const MOST_EACH: usize = 96 << 10;

/// Only one test at a time: they share the memory.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[derive(Deserialize)]
struct Backup {
    title: String,
    file: Upload,
}

fn app(folder: &Path) -> App {
    let kept = folder.join("kept");
    App::new()
        .profile(Profile::Test)
        .set("http.unix", folder.join("http.sock").display().to_string())
        .set("http.upload_folder", folder.display().to_string())
        .set("http.body_limit", "100GB")
        .set("http.timeout", "1h")
        .route(Route::new(Method::POST, "/body", async |body: BodyStream| {
            let mut size = 0;
            let mut body = body;
            while let Some(chunk) = futures_util::StreamExt::next(&mut body).await {
                size += chunk?.len();
            }
            Ok::<_, Error>(size.to_string())
        }))
        .route(Route::new(Method::POST, "/fields", move |mut form: Multipart| {
            let kept = kept.clone();
            async move {
                let mut size = 0;
                while let Some(field) = form.next_field().await? {
                    size = if field.is_file() {
                        field.save(&kept).await?
                    } else {
                        field.bytes().await?.len() as u64
                    };
                }
                Ok::<_, Error>(size.to_string())
            }
        }))
        .route(Route::new(Method::POST, "/struct", async |MultipartForm(backup): MultipartForm<Backup>| {
            let sum = backup.file.sha256().await?;
            assert_eq!((backup.title.as_str(), sum.len()), ("Year", 32));
            Ok::<_, Error>(backup.file.size().to_string())
        }))
        .set("resumable_uploads.folder", folder.join("resumable").display().to_string())
        .set("resumable_uploads.most_unfinished_each", "1000")
        .set("resumable_uploads.most_unfinished_bytes", "100GB")
        .set("resumable_uploads.most_unfinished_bytes_each", "100GB")
        .resumable_uploads(ResumableUploads::new(routes![resumable]))
}

#[post("/resumable", body_limit = "100GB")]
async fn resumable(file: Finished) -> String {
    file.size().to_string()
}

async fn start(folder: &Path) -> Started {
    app(folder).assemble(Sources::isolated()).start(Services::All).await.unwrap()
}

const BEGINNING: &[u8] = b"--x\r\nContent-Disposition: form-data; name=title\r\n\r\nYear\r\n\
    --x\r\nContent-Disposition: form-data; name=file; filename=a.bin\r\n\r\n";
const END: &[u8] = b"\r\n--x--\r\n";

async fn begin(folder: &Path, path: &str, size: u64) -> UnixStream {
    let mut socket = UnixStream::connect(folder.join("http.sock")).await.unwrap();
    let length = BEGINNING.len() as u64 + size + END.len() as u64;
    let kind = match path {
        "/resumable" => format!(
            "Content-Type: application/offset+octet-stream\r\nTus-Resumable: 1.0.0\r\nUpload-Length: {length}"
        ),
        _ => "Content-Type: multipart/form-data; boundary=x".to_owned(),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {kind}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(BEGINNING).await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takes_a_large_upload_with_flat_memory() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let started = start(folder.path()).await;
    let said = std::env::var("MAINSTAY_TEST_UPLOAD").ok();
    let mebibytes = said.map_or(MEBIBYTES, |text| text.parse().unwrap());
    // Something in it looks like the beginning of a boundary.
    let piece: Vec<u8> = b"0123456789\r\n--".iter().copied().cycle().take(1 << 20).collect();
    for path in ["/body", "/fields", "/struct", "/resumable"] {
        let (before, most, start) = (resident(), Most::watch(), Instant::now());
        let mut socket = begin(folder.path(), path, mebibytes << 20).await;
        for _ in 0..mebibytes {
            socket.write_all(&piece).await.unwrap();
        }
        socket.write_all(END).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let is_form = ["/fields", "/struct"].contains(&path);
        let size = (mebibytes << 20) + if is_form { 0 } else { (BEGINNING.len() + END.len()) as u64 };
        assert!(answer.starts_with("HTTP/1.1 20") && answer.ends_with(&size.to_string()), "{path}: {answer}");
        let most = most.end().saturating_sub(before);
        println!("{path}: {mebibytes} MiB in {:?}, {} KiB of memory more", start.elapsed(), most >> 10);
        assert!(most < MOST, "{path}: {} MiB were held at a time", most >> 20);
    }
    started.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_uploads_have_bounded_memory() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let started = start(folder.path()).await;
    // What is made once is not counted.
    drop(begin(folder.path(), "/struct", 100 << 20).await);
    for path in ["/fields", "/struct", "/resumable"] {
        let before = resident();
        let mut sockets = Vec::new();
        for _ in 0..SLOW {
            sockets.push(begin(folder.path(), path, 100 << 20).await);
        }
        let most = Most::watch();
        for _ in 0..60 {
            for socket in &mut sockets {
                socket.write_all(b"x").await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let each = most.end().saturating_sub(before) / SLOW;
        println!("{path}: {SLOW} slow clients, {each} bytes each");
        assert!(each < MOST_EACH, "{path}: {each} bytes for each client");
    }
    started.stop().await;
}

/// The most memory that this process has had for some time.
struct Most {
    seen: Arc<AtomicUsize>,
    watching: tokio::task::JoinHandle<()>,
}

impl Most {
    fn watch() -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        let most = Arc::clone(&seen);
        let watching = tokio::spawn(async move {
            loop {
                most.fetch_max(resident(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self { seen, watching }
    }

    fn end(self) -> usize {
        self.watching.abort();
        self.seen.load(Ordering::Relaxed).max(resident())
    }
}

/// The memory that this process has, in bytes; 0 where nobody says so.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
