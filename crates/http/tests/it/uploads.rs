//! Forms with files, over real sockets: in pieces, cut off, slow.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::{Services, Started};
use mainstay_core::{App, Profile};
use mainstay_http::extract::{Multipart, MultipartForm, Upload};
use mainstay_http::{Route, RoutesExt};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[derive(Deserialize)]
struct Report {
    title: String,
    file: Upload,
}

/// A server that keeps uploads below a folder of its own.
struct Server {
    folder: Arc<tempfile::TempDir>,
    started: Started,
}

impl Server {
    async fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("temporary")).unwrap();
        std::fs::create_dir(folder.path().join("kept")).unwrap();
        let place = folder.path().join("kept/report");
        let as_a_struct = move |MultipartForm(report): MultipartForm<Report>| {
            let place = place.clone();
            async move {
                report.file.save(place).await?;
                Ok::<_, mainstay_core::Error>(format!("{} {}", report.title, report.file.size()))
            }
        };
        let place = folder.path().join("kept/report");
        let as_it_comes = move |mut form: Multipart| {
            let place = place.clone();
            async move {
                let mut size = 0;
                while let Some(field) = form.next_field().await? {
                    if field.is_file() {
                        size = field.save(&place).await?;
                    }
                }
                Ok::<_, mainstay_core::Error>(format!("{size}"))
            }
        };
        let app = App::new()
            .profile(Profile::Test)
            .set("http.unix", folder.path().join("http.sock").display().to_string())
            .set("http.body_limit", "1GB")
            .set("http.upload_folder", folder.path().join("temporary").display().to_string())
            .route(Route::new(Method::POST, "/struct", as_a_struct))
            .route(Route::new(Method::POST, "/stream", as_it_comes));
        let started = app.assemble(Sources::isolated()).start(Services::All).await.unwrap();
        Self { folder, started }
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("kept/report")
    }

    /// Sends the head of a request and what there is of a body that should be longer.
    async fn begin(&self, path: &str, length: usize, body: &[u8]) -> UnixStream {
        let mut socket = UnixStream::connect(self.folder.path().join("http.sock")).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body).await.unwrap();
        socket
    }

    /// Everything that is below the folder, and every file without a name that is open there.
    fn left(&self) -> Vec<String> {
        let names = |folder: &str| {
            let entries = std::fs::read_dir(self.folder.path().join(folder)).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
        };
        let nameless = || {
            let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
            let open = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
            open.filter(|path| path.starts_with(self.folder.path().join("temporary"))).collect::<Vec<_>>()
        };
        let all = [names("temporary"), names("kept"), nameless()].concat();
        all.iter().map(|path| path.display().to_string()).collect()
    }

    /// Waits until something is left, or nothing.
    async fn until(&self, empty: bool) {
        for _ in 0..500 {
            if self.left().is_empty() == empty {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.left());
    }
}

fn form(size: usize) -> Vec<u8> {
    let mut form = b"--x\r\nContent-Disposition: form-data; name=title\r\n\r\nYear\r\n\
        --x\r\nContent-Disposition: form-data; name=file; filename=a.bin\r\n\r\n"
        .to_vec();
    form.resize(form.len() + size, 0);
    form.extend_from_slice(b"\r\n--x--\r\n");
    form
}

async fn answer(socket: &mut UnixStream) -> String {
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_off_leaves_nothing_behind() {
    let server = Server::start().await;
    let body = form(3_000_000);
    for path in ["/struct", "/stream"] {
        // The client vanishes in the middle: nobody is there to be answered.
        let socket = server.begin(path, body.len(), &body[..2_000_000]).await;
        server.until(false).await;
        drop(socket);
        server.until(true).await;

        // It says that it has nothing more, and listens.
        let mut socket = server.begin(path, body.len(), &body[..2_000_000]).await;
        socket.shutdown().await.unwrap();
        let said = answer(&mut socket).await;
        assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("incomplete_body"), "{path}: {said}");
        server.until(true).await;

        // The body is complete, and the form in it is not.
        let mut socket = server.begin(path, 2_000_000, &body[..2_000_000]).await;
        let said = answer(&mut socket).await;
        assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("malformed_multipart"), "{path}: {said}");
        server.until(true).await;

        let mut socket = server.begin(path, body.len(), &body).await;
        let said = answer(&mut socket).await;
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("3000000"), "{path}: {said}");
        assert_eq!(server.left(), [server.kept().display().to_string()], "{path}");
        std::fs::remove_file(server.kept()).unwrap();
    }
    server.started.stop().await;
}

#[tokio::test]
async fn a_folder_for_uploads_that_is_none_is_found_at_start() {
    let app =
        App::new().set("http.upload_folder", "/nowhere").route(Route::new(Method::GET, "/", async || ""));
    let findings = crate::calling::findings(app);
    assert!(findings.contains("upload_folder") && findings.contains("/nowhere"), "{findings}");
    assert!(!Path::new("/nowhere").exists());
}
