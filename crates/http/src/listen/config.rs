//! Where to listen, what to wait for and for how long, how much to take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mainstay_core::config::Problems;
use serde::{Deserialize, Serialize};

/// Settings of a listener: part of the configuration section `http`.
///
/// The defaults are safe for a server on the open internet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenConfig {
    /// The host name or address to listen on. By default `127.0.0.1`, and `0.0.0.0` in production.
    pub host: Option<String>,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Listens on a Unix socket at this path instead of on a port.
    pub unix: Option<PathBuf>,
    /// The permissions of the Unix socket, in octal.
    pub unix_mode: String,
    /// Speaks TLS with this certificate. Needs the feature `tls`.
    pub tls: Option<TlsConfig>,
    /// How many connections may wait in the system's queue.
    pub backlog: u32,
    /// Open connections at most. At the cap, accepting pauses and new ones wait in the system's queue.
    pub max_connections: usize,
    /// From a new connection, or the first byte of a next request, to the end of the request's head.
    #[serde(with = "mainstay_core::config::duration")]
    pub header_read_timeout: Duration,
    /// How long a connection may be kept alive without a request.
    #[serde(with = "mainstay_core::config::duration")]
    pub idle_timeout: Duration,
    /// How long a TLS handshake may take.
    #[serde(with = "mainstay_core::config::duration")]
    pub handshake_timeout: Duration,
    /// How long a peer may take none of its response.
    #[serde(with = "mainstay_core::config::duration")]
    pub write_timeout: Duration,
    /// How long to wait for open requests at shutdown, where the supervisor sets no deadline.
    #[serde(with = "mainstay_core::config::duration")]
    pub drain_timeout: Duration,
    /// The size of a request's head at most, in bytes; beyond it is 431.
    #[serde(with = "mainstay_core::config::bytes")]
    pub max_header_bytes: u64,
    /// Header fields in a request at most; beyond it is 431.
    pub max_headers: usize,
    /// HTTP/1.1 alone.
    pub http1: Http1Config,
    /// HTTP/2 alone.
    pub http2: Http2Config,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            host: None,
            port: 8000,
            unix: None,
            unix_mode: "660".to_owned(),
            tls: None,
            backlog: 1024,
            max_connections: 10_000,
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(25),
            max_header_bytes: 64 * 1024,
            max_headers: 100,
            http1: Http1Config::default(),
            http2: Http2Config::default(),
        }
    }
}

impl ListenConfig {
    /// Relative paths start from this folder.
    #[must_use]
    pub fn within(mut self, home: &Path) -> Self {
        self.unix = self.unix.map(|path| home.join(path));
        self.tls =
            self.tls.map(|tls| TlsConfig { cert: home.join(tls.cert), key: home.join(tls.key), ..tls });
        self
    }

    /// Finds what could not work. Keys are given as they stand in the section.
    pub fn validate(&self, problems: &mut Problems) {
        let positive = [
            ("header_read_timeout", self.header_read_timeout),
            ("idle_timeout", self.idle_timeout),
            ("handshake_timeout", self.handshake_timeout),
            ("write_timeout", self.write_timeout),
        ];
        for (key, value) in positive {
            if value.is_zero() {
                problems.add(
                    key,
                    "must not be 0: every wait has an end",
                    Some("write a duration such as \"30s\""),
                );
            }
        }
        if self.max_connections == 0 {
            problems.add("max_connections", "must not be 0: nobody could connect", None);
        }
        if self.max_headers < 10 {
            problems.add("max_headers", "must be 10 or more: browsers send about as many", None);
        }
        if !(1024..=256 * 1024).contains(&self.max_header_bytes) {
            problems.add("max_header_bytes", "must be from 1KiB to 256KiB", Some("the default is 64KiB"));
        }
        if self.unix.is_some() && self.unix_permissions().is_none() {
            problems.add("unix_mode", "must be a permission in octal", Some("write it as \"660\""));
        }
        if let Some(tls) = &self.tls {
            for (key, path) in [("tls.cert", &tls.cert), ("tls.key", &tls.key)] {
                if path.as_os_str().is_empty() {
                    problems.add(key, "must name a PEM file", None);
                }
            }
            if cfg!(not(feature = "tls")) {
                problems.add(
                    "tls",
                    "is set, but this program was built without TLS",
                    Some("add the feature `tls` of mainstay"),
                );
            }
        }
        if self.http2.max_concurrent_streams == 0 {
            problems.add("http2.max_concurrent_streams", "must not be 0: no request could come", None);
        }
    }

    /// `unix_mode` as a number, if it is one.
    pub(super) fn unix_permissions(&self) -> Option<u32> {
        u32::from_str_radix(self.unix_mode.trim_start_matches("0o"), 8).ok().filter(|mode| *mode <= 0o777)
    }
}

/// Where the certificate is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// A PEM file with the certificate, and after it those between it and the root.
    pub cert: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
    /// How often to look whether the files have changed; zero never does.
    #[serde(with = "mainstay_core::config::duration")]
    pub reload: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { cert: PathBuf::new(), key: PathBuf::new(), reload: Duration::from_secs(5) }
    }
}

/// Settings of HTTP/1.1.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Http1Config {
    /// Writes the responses to pipelined requests together. Off, since hyper then holds a response back while the
    /// beginning of a next request (or a stray line end) waits behind it; benchmarks that pipeline gain from it.
    pub pipeline_flush: bool,
}

/// Settings of HTTP/2.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Http2Config {
    /// Requests that a connection may have open at once.
    pub max_concurrent_streams: u32,
    /// Streams that a client may open and reset before we look at them ("rapid reset"); beyond it is a GOAWAY.
    pub max_pending_resets: usize,
    /// How often to ping a connection; zero never does.
    #[serde(with = "mainstay_core::config::duration")]
    pub keep_alive_interval: Duration,
    /// How long a peer may take to answer a ping.
    #[serde(with = "mainstay_core::config::duration")]
    pub keep_alive_timeout: Duration,
}

impl Default for Http2Config {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 200,
            max_pending_resets: 20,
            keep_alive_interval: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(20),
        }
    }
}
