//! An issuer that somebody else has written, npm's `oidc-provider`, and a browser without scripts that goes there and back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// An issuer. Dropping it ends it; it ends by itself when this process does.
#[derive(Debug)]
pub struct Issuer {
    process: Child,
    port: u16,
}

impl Issuer {
    /// Starts one that knows these origins of the application.
    ///
    /// # Errors
    ///
    /// When there is no Node or no `oidc-provider`, or it does not start.
    pub fn start(origins: &[&str]) -> io::Result<Self> {
        let library = named("MAINSTAY_OIDC_PROVIDER", "oidc-provider")?;
        let mut process = Command::new(named("MAINSTAY_NODE", "node").unwrap_or_else(|_| "node".into()))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/issuer.mjs"))
            .arg(library)
            .args(origins)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(port) => Ok(Self { process, port }),
            Err(_) => Err(io::Error::other(format!("the issuer has not started: {:?}", process.wait()?))),
        }
    }

    /// Its name for itself.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Signs in as this subject whoever comes from now on. `nobody` declines.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn signs_in(&self, subject: &str) -> io::Result<()> {
        Browser::new(self.port).get(&format!("/as/{subject}")).map(drop)
    }
}

impl Issuer {
    /// The key, in PEM, that it has given its client `apple` in place of a secret.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn key(&self) -> io::Result<String> {
        Browser::new(self.port).get("/key").map(|answer| answer.body)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn named(variable: &str, service: &str) -> io::Result<std::ffi::OsString> {
    std::env::var_os(variable).ok_or_else(|| {
        io::Error::other(format!("no {service}: `cargo xtask services {service}`, or set {variable}"))
    })
}

/// A browser at the issuer: it has cookies, follows redirects and runs no scripts.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    cookies: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it leads.
    pub location: Option<String>,
    /// The page.
    pub body: String,
}

impl Browser {
    /// A new one.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self { port, cookies: Vec::new() }
    }

    /// Goes to a path of the issuer.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, "")
    }

    /// Sends a form.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn post(&mut self, path: &str, form: &str) -> io::Result<Answer> {
        self.send("POST", path, form)
    }

    /// Goes to an address of the issuer, and on to where it is sent, until that is elsewhere, or a page.
    ///
    /// # Errors
    ///
    /// When it does not answer, or sends one about for ever.
    pub fn follow(&mut self, address: &str) -> io::Result<Answer> {
        let own = format!("http://127.0.0.1:{}", self.port);
        let mut path = address.strip_prefix(&own).unwrap_or(address).to_owned();
        for _ in 0..20 {
            let answer = self.get(&path)?;
            match &answer.location {
                Some(location) if location.starts_with('/') => path.clone_from(location),
                Some(location) if location.starts_with(&own) => path = location[own.len()..].to_owned(),
                _ => return Ok(answer),
            }
        }
        Err(io::Error::other("the issuer sends one about for ever"))
    }

    fn send(&mut self, method: &str, path: &str, form: &str) -> io::Result<Answer> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\naccept: text/html\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            self.port,
            cookies.join("; "),
            form.len()
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no answer"))?;
        let headers = || head.lines().skip(1).filter_map(|line| line.split_once(": "));
        for (_, cookie) in headers().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            self.keep(cookie);
        }
        let location = headers().find(|(name, _)| name.eq_ignore_ascii_case("location"));
        Ok(Answer {
            status: head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(),
            location: location.map(|(_, location)| location.to_owned()),
            body: body.to_owned(),
        })
    }

    fn keep(&mut self, cookie: &str) {
        let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        self.cookies.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}
