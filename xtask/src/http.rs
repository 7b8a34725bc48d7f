//! The smallest HTTP client that can ask a local server whether it is there.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::outcome::Result;

pub(crate) struct Answer {
    pub(crate) status: u16,
}

/// `GET path` on a loopback port, on a connection of its own.
pub(crate) fn get(port: u16, path: &str, deadline: Duration) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), deadline)?;
    stream.set_read_timeout(Some(deadline))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\naccept: */*\r\nconnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| "the answer is not HTTP".into())
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status })
}

/// A port that nothing listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_of_a_whole_answer() {
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno").unwrap().status, 404);
        assert!(parse(b"HTTP/1.1 404 Not Found\r\ncontent-le").is_none());
        assert!(parse(b"SSH-2.0-server\r\n\r\n").is_none());
    }

    #[test]
    fn gives_up_on_a_server_that_says_nothing() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = silent.local_addr().unwrap().port();
        assert!(get(port, "/", Duration::from_millis(100)).is_err());
    }
}
