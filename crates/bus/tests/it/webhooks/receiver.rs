//! A server that gets webhooks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_outbound::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What has come, and what is answered.
#[derive(Clone)]
pub(super) struct Receiver {
    port: u16,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    got: Vec<Got>,
    answers: HashMap<String, String>,
    under_way: usize,
    most: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { port: listener.local_addr().unwrap().port(), inside: Arc::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                // Whoever goes away in the middle has been seen to.
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    pub(super) fn port(&self) -> String {
        self.port.to_string()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What is answered at this path: the status and headers. `hang` is no answer.
    pub(super) fn answer(&self, path: &str, answer: &str) {
        self.inside.lock().unwrap().answers.insert(path.to_owned(), answer.to_owned());
    }

    pub(super) fn got(&self, path: &str) -> Vec<Got> {
        self.inside.lock().unwrap().got.iter().filter(|got| got.path == path).cloned().collect()
    }

    /// How many were under way at once at most.
    pub(super) fn most(&self) -> usize {
        self.inside.lock().unwrap().most
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut read = Vec::new();
        loop {
            let mut part = [0; 4096];
            let many = stream.read(&mut part).await.ok().filter(|many| *many > 0)?;
            read.extend_from_slice(&part[..many]);
            let Some(got) = whole(&read) else { continue };
            read.clear();
            let answer = {
                let mut inside = self.inside.lock().unwrap();
                inside.under_way += 1;
                inside.most = inside.most.max(inside.under_way);
                let answer = inside.answers.get(&got.path).cloned();
                inside.got.push(got);
                answer.unwrap_or_else(|| "204 No Content".to_owned())
            };
            let hangs = answer == "hang";
            tokio::time::sleep(Duration::from_millis(if hangs { 60_000 } else { 10 })).await;
            self.inside.lock().unwrap().under_way -= 1;
            let text = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).await.ok()?;
        }
    }
}

/// The request, once it is whole.
fn whole(read: &[u8]) -> Option<Got> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(read[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HeaderMap = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect();
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let body = read.get(end + 4..end + 4 + length)?;
    Some(Got { path, headers, body: String::from_utf8(body.to_vec()).ok()? })
}
