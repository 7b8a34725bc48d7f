//! The smallest HTTP client that can ask a local server what it thinks.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::outcome::Result;

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The name and the value of a cookie that it sets.
    pub(crate) cookie: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// A connection that is kept open between requests.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a loopback port. Nothing on this connection waits longer than the deadline.
    pub(crate) fn open(port: u16, deadline: Duration) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), deadline)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(deadline))?;
        stream.set_write_timeout(Some(deadline))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.get_with(path, "")
    }

    /// With further header lines (each ended by CRLF).
    pub(crate) fn get_with(&mut self, path: &str, headers: &str) -> Result<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n{headers}\r\n"))
    }

    /// Posts JSON, with further header lines (each ended by CRLF).
    pub(crate) fn post_json(&mut self, path: &str, headers: &str, body: &str) -> Result<Answer> {
        self.send(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\ncontent-type: application/json\r\n\
             {headers}content-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn send(&mut self, request: String) -> Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        read_answer(&mut self.stream)
    }
}

/// `GET path` on a connection of its own.
pub(crate) fn get(port: u16, path: &str, deadline: Duration) -> Result<Answer> {
    Connection::open(port, deadline)?.get(path)
}

/// A port that nothing listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn read_answer(stream: &mut impl BufRead) -> Result<Answer> {
    let first = read_line(stream)?;
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or("the answer is not HTTP")?;
    let mut length = None;
    let mut chunked = false;
    let mut cookie = None;
    loop {
        let told = read_line(stream)?;
        let line = told.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            None => return Err("the head of the answer is cut off".into()),
            Some(("content-length", value)) => length = Some(value.parse()?),
            Some(("transfer-encoding", value)) => chunked = value == "chunked",
            Some(("set-cookie", _)) => {
                cookie = told.split([':', ';']).nth(1).map(|text| text.trim().to_owned())
            }
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    match length {
        _ if chunked => read_chunks(stream, &mut body)?,
        Some(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
        }
        None if status == 204 || status == 304 => {}
        None => drop(stream.read_to_end(&mut body)?),
    }
    Ok(Answer { status, cookie, body })
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let length = usize::from_str_radix(&read_line(stream)?, 16)?;
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..])?;
        read_line(stream)?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err("the server closed the connection".into());
    }
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Answer> {
        read_answer(&mut BufReader::new(bytes))
    }

    #[test]
    fn reads_whole_answers_however_their_end_is_told() {
        let with_length = read(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap();
        assert_eq!((with_length.status, with_length.body.as_slice()), (404, b"no".as_slice()));
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap().body, b"abcd");
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\nall").unwrap().body, b"all");
    }

    #[test]
    fn an_answer_that_is_cut_off_is_an_error() {
        assert!(read(b"").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nno").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\ncontent-le").is_err());
        assert!(read(b"SSH-2.0-server\r\n\r\n").is_err());
    }

    #[test]
    fn gives_up_on_a_server_that_says_nothing() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = silent.local_addr().unwrap().port();
        assert!(get(port, "/", Duration::from_millis(100)).is_err());
    }
}
