//! Uploads by the tus protocol, over real sockets.
//!
//! - this file: an application that takes files, and how it is asked;
//! - `steps`: the requests of the protocol; `faulty`: what is wrong with them;
//! - `interrupted`: cut off, taken over, started again; `handler`: the end of an upload;
//! - `bounds`: owners, limits, expiry.

mod bounds;
mod faulty;
mod handler;
mod interrupted;
mod steps;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use http::request::Parts;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::container::Registration;
use mainstay_core::lifecycle::{Services, Started};
use mainstay_core::principal::Principal;
use mainstay_core::{
    App, Contribute, CoreContributions, Error, Inject, Profile, Resolver, Result, StatusCode,
};
use mainstay_http::extract::Image;
use mainstay_http::extract::Query;
use mainstay_http::resumable::{Finished, ResumableUploads};
use mainstay_http::stack::principal::{Authenticate, Authenticator};
use mainstay_http::{Exchange, RoutesExt, post, routes};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What the handlers have been given, and what they are to do.
#[derive(Default)]
struct Kept {
    calls: AtomicU32,
    /// What the next calls answer, first come first served; then all is well.
    failures: Mutex<Vec<StatusCode>>,
    place: PathBuf,
}

impl Kept {
    fn called(&self) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.failures.lock().unwrap().pop() {
            Some(status) => Err(Error::new(status, "As asked.")),
            None => Ok(()),
        }
    }
}

/// Takes a film.
#[post("/films", name = "films", body_limit = "20MB")]
async fn keep(film: Finished, kept: Inject<Kept>) -> Result<()> {
    // Also a handler that fails after it has taken the file gets it again.
    film.save(kept.place.join(film.id())).await?;
    kept.called()
}

/// Says what came.
#[post("/{shelf}/books")]
async fn tell(book: Finished, kept: Inject<Kept>, shelf: mainstay_http::Path<String>) -> Result<String> {
    kept.called()?;
    let (name, title) =
        (book.file_name().unwrap_or_default(), book.metadata().text("title").unwrap_or_default());
    Ok(format!("{} {name} {title} {} {}", shelf.0, book.media_type(), book.size()))
}

/// Takes a picture.
#[post("/pictures")]
async fn show(picture: Finished, kept: Inject<Kept>) -> Result<()> {
    picture.save(kept.place.join(picture.id())).await
}

/// Takes whatever it is told, slowly.
#[post("/slow", timeout = "100ms")]
async fn slow(_: Finished, kept: Inject<Kept>) -> Result<()> {
    if kept.called().is_err() {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    Ok(())
}

/// Panics in place of an error.
#[post("/falls")]
async fn fall(_: Finished, kept: Inject<Kept>) {
    if kept.called().is_err() {
        panic!("as asked");
    }
}

#[derive(Deserialize, JsonSchema)]
struct Place {
    shelf: String,
}

/// Says what the query was.
#[post("/sorted")]
async fn sort(_: Finished, Query(place): Query<Place>) -> String {
    place.shelf
}

/// Everybody is who they say they are.
struct ByName;

impl Authenticate for ByName {
    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut Parts,
        _: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        let name = request.headers.get("name").and_then(|name| name.to_str().ok());
        Box::pin(std::future::ready(Ok(name.map(Principal::user))))
    }
}

/// An application that takes files in a folder, which outlives it.
struct Server {
    folder: Arc<tempfile::TempDir>,
    clock: Arc<TestClock>,
    started: Started,
}

/// What came back.
struct Answer(String);

impl Server {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings.
    async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("kept")).unwrap();
        Self::in_folder(folder, Arc::new(TestClock::at(SystemTime::now())), settings).await
    }

    async fn in_folder(
        folder: Arc<tempfile::TempDir>,
        clock: Arc<TestClock>,
        settings: &[(&str, &str)],
    ) -> Self {
        let place = folder.path().join("kept");
        let mut app = App::new()
            .profile(Profile::Test)
            .set("http.unix", folder.path().join("http.sock").display().to_string())
            .set("http.cors.origins", "https://app.example")
            .set("resumable_uploads.folder", folder.path().join("uploads").display().to_string())
            .provide(move || Kept { place: place.clone(), ..Kept::default() })
            .replace(Registration::of_value(Arc::clone(&clock) as Arc<dyn Clock>))
            .contribute(Authenticator::new(ByName))
            .resumable_uploads(ResumableUploads::new(routes![keep, tell, slow, fall, sort]))
            .resumable_uploads(ResumableUploads::new(routes![show]).files::<Image>());
        for (key, value) in settings {
            app = app.set(*key, (*value).to_owned());
        }
        let started = app.assemble(Sources::isolated()).start(Services::All).await.unwrap();
        Self { folder, clock, started }
    }

    /// Stops it, and starts it again in the same folder.
    async fn again(self) -> Self {
        let Self { folder, clock, started } = self;
        started.stop().await;
        Self::in_folder(folder, clock, &[]).await
    }

    async fn kept(&self) -> Inject<Kept> {
        self.started.assembly().resolver().get::<Kept>().await.unwrap()
    }

    /// The bytes that were taken of an upload.
    fn taken(&self, address: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("kept").join(id(address))).unwrap()
    }

    /// The names of all files that wait.
    fn waiting(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("uploads")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("http.sock")).await.unwrap()
    }

    /// Sends the head of a request and what there is of its body.
    async fn begin(&self, line: &str, headers: &[&str], body: &[u8]) -> UnixStream {
        let mut socket = self.connect().await;
        let mut head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if !headers.iter().any(|header| header.starts_with("Tus-Resumable")) {
            head += "Tus-Resumable: 1.0.0\r\n";
        }
        for header in headers {
            head += &format!("{header}\r\n");
        }
        head += "\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        // It may be refused before all of it is sent.
        let _refused = socket.write_all(body).await;
        socket
    }

    async fn ask(&self, line: &str, headers: &[&str]) -> Answer {
        answer(&mut self.begin(line, headers, b"").await).await
    }

    /// Begins a file, and returns its address.
    async fn create(&self, path: &str, headers: &[&str]) -> String {
        let said = self.ask(&format!("POST {path}"), headers).await;
        assert_eq!(said.status(), 201, "{}", said.0);
        said.header("location").unwrap()
    }

    async fn patch(&self, address: &str, offset: u64, headers: &[&str], body: &[u8]) -> Answer {
        let mut socket = self.patching(address, offset, headers, (body.len(), body)).await;
        answer(&mut socket).await
    }

    /// Begins to send a piece that says that it is so long.
    async fn patching(
        &self,
        address: &str,
        offset: u64,
        headers: &[&str],
        (length, body): (usize, &[u8]),
    ) -> UnixStream {
        let (length, offset) = (format!("Content-Length: {length}"), format!("Upload-Offset: {offset}"));
        let all = [headers, &[OCTETS, &length, &offset]].concat();
        self.begin(&format!("PATCH {address}"), &all, body).await
    }

    /// How much has come, as the server says.
    async fn offset(&self, address: &str) -> Option<u64> {
        let said = self.ask(&format!("HEAD {address}"), &[]).await;
        said.header("upload-offset").map(|offset| offset.parse().unwrap())
    }

    /// Waits until so much of a file is in the folder.
    async fn until_written(&self, address: &str, length: u64) {
        let path = self.folder.path().join("uploads").join(id(address));
        for _ in 0..1000 {
            if std::fs::metadata(&path).unwrap().len() >= length {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{:?}", std::fs::metadata(&path));
    }
}

const OCTETS: &str = "Content-Type: application/offset+octet-stream";

/// The last segment of an address.
fn id(address: &str) -> &str {
    address.rsplit('/').next().unwrap()
}

/// Bytes of which no two pieces are the same.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

async fn answer(socket: &mut UnixStream) -> Answer {
    let mut answer = Vec::new();
    // A body that is not wanted may be cut off.
    let _reset = socket.read_to_end(&mut answer).await;
    Answer(String::from_utf8(answer).unwrap())
}

impl Answer {
    fn status(&self) -> u16 {
        self.0.get(9..12).unwrap_or_else(|| panic!("{}", self.0)).parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<String> {
        let head = self.0.split("\r\n\r\n").next().unwrap();
        head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }

    fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").unwrap().1
    }

    #[track_caller]
    fn is(&self, status: u16, code: &str) {
        assert_eq!(self.status(), status, "{}", self.0);
        assert!(self.body().contains(&format!("\"code\":\"{code}\"")), "{}", self.0);
    }
}
