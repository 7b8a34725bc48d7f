//! The configuration section `http`: the listener's settings, the stack's, and each part's own table.

use std::path::PathBuf;
use std::time::Duration;

use mainstay_core::Profile;
use mainstay_core::config::{Problems, Section};
use serde::{Deserialize, Serialize};

use crate::compression::CompressionConfig;
use crate::links;
use crate::listen::{Http1Config, Http2Config, ListenConfig, TlsConfig};
use crate::route::table::TrailingSlash;
use crate::stack::cors::CorsConfig;
use crate::stack::csrf::CsrfConfig;
use crate::stack::headers::HeadersConfig;
use crate::stack::hosts::{AllowedHosts, is_host};
use crate::stack::proxies::{ProxyHeaders, TrustedProxies};
use crate::version::AfterSunset;

/// The section `http`.
///
/// ```toml
/// [http]
/// port = 8000
/// allowed_hosts = ["shop.example", "*.shop.example"]
/// trusted_proxies = ["private"]
///
/// [http.cors]
/// origins = ["https://app.example"]
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpConfig {
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

    /// How long a handler may take until its response begins; beyond it is 503. 0 is for ever.
    #[serde(with = "mainstay_core::config::duration")]
    pub timeout: Duration,
    /// How large a request body may be; beyond it is 413.
    #[serde(with = "mainstay_core::config::bytes")]
    pub body_limit: u64,
    /// Where files of forms are kept while their request is answered, those that are too large for the memory. By
    /// default the system's folder for temporary files; choose one on a disk where that is in memory.
    pub upload_folder: Option<PathBuf>,
    /// Handlers, other than GET and HEAD, that may run to their end after their client has hung up.
    pub max_finishing: usize,
    /// What to do with `/articles/` where only `/articles` is a route, and the other way round.
    pub trailing_slash: TrailingSlash,
    /// What becomes of a request for something deprecated whose sunset is over: `serve` it, or say that it is `gone` (410).
    pub after_sunset: AfterSunset,
    /// Where people find the application: `https://shop.example`, also with a path. What links in mails begin with.
    pub public_url: Option<String>,
    /// Host names that are ours: `shop.example`, `*.shop.example`, `*`. Empty allows `localhost` and its like, and in
    /// production all.
    pub allowed_hosts: Vec<String>,
    /// Proxies that are believed about client, scheme and host: addresses, ranges, `loopback`, `private`, `unix`.
    pub trusted_proxies: Vec<String>,
    /// Which headers those proxies write: `x-forwarded` or `forwarded`. The others, which a client may have written, are not
    /// looked at.
    pub proxy_headers: ProxyHeaders,
    /// What browsers are told to refuse.
    pub headers: HeadersConfig,
    /// Which responses are sent in fewer bytes.
    pub compression: CompressionConfig,
    /// Which other sites may read our answers.
    pub cors: CorsConfig,
    /// Which other sites may send requests that change something.
    pub csrf: CsrfConfig,
    /// The paths at which the application tells how it is.
    pub probes: ProbesConfig,
}

/// The table `http.probes`. An empty path takes a page away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbesConfig {
    /// Whether the process lives.
    pub live: String,
    /// Whether it can serve: what it needs is there, and it is not shutting down.
    pub ready: String,
    /// Its numbers, for Prometheus.
    pub metrics: String,
    /// Who may read the numbers: addresses, ranges, `loopback`, `private`, `unix`, or `*`.
    pub metrics_for: Vec<String>,
}

impl Default for ProbesConfig {
    fn default() -> Self {
        Self {
            live: "/livez".into(),
            ready: "/readyz".into(),
            metrics: "/metrics".into(),
            metrics_for: ["loopback", "private", "unix"].map(str::to_owned).into(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        let listen = ListenConfig::default();
        Self {
            host: listen.host,
            port: listen.port,
            unix: listen.unix,
            unix_mode: listen.unix_mode,
            tls: listen.tls,
            backlog: listen.backlog,
            max_connections: listen.max_connections,
            header_read_timeout: listen.header_read_timeout,
            idle_timeout: listen.idle_timeout,
            handshake_timeout: listen.handshake_timeout,
            write_timeout: listen.write_timeout,
            drain_timeout: listen.drain_timeout,
            max_header_bytes: listen.max_header_bytes,
            max_headers: listen.max_headers,
            http1: listen.http1,
            http2: listen.http2,
            timeout: Duration::from_secs(30),
            body_limit: 2 * 1024 * 1024,
            upload_folder: None,
            max_finishing: 1024,
            trailing_slash: TrailingSlash::default(),
            public_url: None,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy_headers: ProxyHeaders::default(),
            after_sunset: AfterSunset::default(),
            headers: HeadersConfig::default(),
            compression: CompressionConfig::default(),
            cors: CorsConfig::default(),
            csrf: CsrfConfig::default(),
            probes: ProbesConfig::default(),
        }
    }
}

impl Section for HttpConfig {
    const NAME: &'static str = "http";
    const ALIASES: &'static [(&'static str, &'static str)] = &[("PORT", "port")];

    fn validate(&self, problems: &mut Problems) {
        self.listen().validate(problems);
        self.headers.validate(problems);
        self.compression.validate(problems);
        self.cors.validate(problems);
        if let Some(fault) = self.public_url.as_deref().and_then(links::fault) {
            problems.add("public_url", fault, Some("write it as \"https://shop.example\""));
        }
        for host in self.allowed_hosts.iter().filter(|host| !is_host(host)) {
            let fix = "write the name alone: shop.example, or *.shop.example for all below it";
            problems.add("allowed_hosts", format!("has `{host}`, which is no host name"), Some(fix));
        }
        self.csrf.validate(problems);
        if let Some(folder) = self.upload_folder.as_ref().filter(|folder| !folder.is_dir()) {
            let fix = "create it, or leave the setting out";
            problems.add("upload_folder", format!("is no folder: {}", folder.display()), Some(fix));
        }
        if let Err(error) = TrustedProxies::parse(&self.trusted_proxies) {
            problems.add("trusted_proxies", format!("cannot be read: {error}"), None);
        }
        if let Err(error) = TrustedProxies::parse(self.probes.metrics_for.iter().filter(|text| *text != "*"))
        {
            problems.add("probes.metrics_for", format!("cannot be read: {error}"), None);
        }
        for (key, path) in
            [("live", &self.probes.live), ("ready", &self.probes.ready), ("metrics", &self.probes.metrics)]
        {
            if !path.is_empty() && !path.starts_with('/') {
                let fix = "begin the path with `/`, or leave it empty to take the page away";
                problems.add(&format!("probes.{key}"), "is no path", Some(fix));
            }
        }
    }
}

impl HttpConfig {
    /// The listener's part.
    pub fn listen(&self) -> ListenConfig {
        ListenConfig {
            host: self.host.clone(),
            port: self.port,
            unix: self.unix.clone(),
            unix_mode: self.unix_mode.clone(),
            tls: self.tls.clone(),
            backlog: self.backlog,
            max_connections: self.max_connections,
            header_read_timeout: self.header_read_timeout,
            idle_timeout: self.idle_timeout,
            handshake_timeout: self.handshake_timeout,
            write_timeout: self.write_timeout,
            drain_timeout: self.drain_timeout,
            max_header_bytes: self.max_header_bytes,
            max_headers: self.max_headers,
            http1: self.http1.clone(),
            http2: self.http2.clone(),
        }
    }

    /// The hosts that are ours in this profile.
    pub(crate) fn hosts(&self, profile: &Profile) -> AllowedHosts {
        match (self.allowed_hosts.is_empty(), profile.is_production()) {
            (false, _) => AllowedHosts::new(&self.allowed_hosts),
            (true, true) => AllowedHosts::new(["*"]),
            (true, false) => AllowedHosts::of_this_machine(),
        }
    }

    /// The proxies that are trusted. What cannot be read was refused when the configuration was loaded.
    pub(crate) fn proxies(&self) -> TrustedProxies {
        TrustedProxies::parse(&self.trusted_proxies).unwrap_or_default()
    }
}
