//! HTTP/1.1 by hand, so that it can be wrong.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::process::PATIENCE;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }

    /// Claims problem details of this status, and gives them.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(problem["status"], status, "{self:?}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{self:?}");
        problem
    }
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    timeout(PATIENCE, TcpStream::connect(address)).await.unwrap().unwrap()
}

/// The next response on a connection, body and all; none when the connection ends before its first byte.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Answer>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if read(stream, &mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) };
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    let mut answer = Answer { status, head, body: String::new() };
    match answer.header("content-length").parse::<usize>() {
        Ok(length) => {
            while bytes.len() < head_end + length {
                if read(stream, &mut bytes).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        // To the end, whatever the framing: good enough to look into.
        Err(_) => while read(stream, &mut bytes).await? > 0 {},
    }
    answer.body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
    Ok(Some(answer))
}

async fn read(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    match timeout(PATIENCE, stream.read_buf(bytes)).await {
        Ok(read) => read,
        Err(_) => panic!("no more bytes after {:?}", String::from_utf8_lossy(bytes)),
    }
}

/// Sends bytes on a connection of their own, and gives the first answer.
pub(crate) async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut stream = connect(address).await;
    // The server may answer, and close, before it has read all of it.
    let _all_or_not = stream.write_all(bytes.as_ref()).await;
    answer(&mut stream).await.unwrap().expect("an answer")
}

/// A request without a body.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

/// A request with a body.
pub(crate) fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}
