//! What holds for an upstream: what the code says, and over it what the configuration does.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use url::Url;

use crate::breaker::BreakerSettings;
use crate::config::UpstreamConfig;
use crate::filter::{Filter, Network};

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) reach: Reach,
    pub(crate) headers: HeaderMap,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) connect_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_share: f64,
    pub(crate) concurrency: usize,
    pub(crate) body_limit: u64,
    pub(crate) redirects: u32,
    pub(crate) breaker: Option<BreakerSettings>,
}

/// Where an upstream is.
#[derive(Clone, Debug)]
pub(crate) enum Reach {
    /// At one place, which the application's owner has chosen.
    Base(Option<String>),
    /// Wherever somebody says.
    Anywhere { ports: Vec<u16>, allow: Vec<Network> },
}

impl Settings {
    pub(crate) fn new(reach: Reach) -> Self {
        let breaker = match reach {
            Reach::Base(_) => Some(BreakerSettings::default()),
            // One that does not answer says nothing about another.
            Reach::Anywhere { .. } => None,
        };
        Self {
            reach,
            headers: HeaderMap::new(),
            ca: None,
            timeout: Duration::from_secs(10),
            attempt_timeout: None,
            connect_timeout: Duration::from_secs(2),
            retries: 2,
            retry_share: 0.2,
            concurrency: 100,
            body_limit: 10_000_000,
            redirects: 5,
            breaker,
        }
    }

    /// The same with what the configuration says.
    pub(crate) fn with(mut self, config: &UpstreamConfig) -> Result<Self, String> {
        match &mut self.reach {
            Reach::Base(base) => set(base, config.base.clone().map(Some)),
            Reach::Anywhere { ports, allow } => {
                set(ports, config.ports.clone());
                set(allow, config.allow.clone());
            }
        }
        if let Some(token) = &config.token {
            let value = bearer(token.expose()).ok_or("`token` has characters that no header may have")?;
            self.headers.insert(header::AUTHORIZATION, value);
        }
        set(&mut self.ca, config.ca.clone().map(Some));
        set(&mut self.timeout, config.timeout);
        set(&mut self.attempt_timeout, config.attempt_timeout.map(Some));
        set(&mut self.connect_timeout, config.connect_timeout);
        set(&mut self.retries, config.retries);
        set(&mut self.retry_share, config.retry_share);
        set(&mut self.concurrency, config.concurrency);
        set(&mut self.body_limit, config.body_limit);
        set(&mut self.redirects, config.redirects);
        set(&mut self.breaker, config.breaker.map(Some));
        Ok(self)
    }

    /// What the code says, as the configuration would say it.
    pub(crate) fn as_config(&self) -> UpstreamConfig {
        UpstreamConfig {
            timeout: Some(self.timeout),
            attempt_timeout: self.attempt_timeout,
            connect_timeout: Some(self.connect_timeout),
            retries: Some(self.retries),
            retry_share: Some(self.retry_share),
            concurrency: Some(self.concurrency),
            redirects: Some(self.redirects),
            breaker: self.breaker,
            ..UpstreamConfig::default()
        }
    }

    /// Where its requests go.
    pub(crate) fn target(&self) -> Result<Target, String> {
        match &self.reach {
            Reach::Base(None) => Err("it has no `base`".to_owned()),
            Reach::Base(Some(base)) => self::base(base).map(Target::Base),
            Reach::Anywhere { ports, allow } => {
                Ok(Target::Anywhere(Filter { ports: ports.clone(), allow: allow.clone() }.into()))
            }
        }
    }
}

/// Where requests go: below a URL, or wherever the filter lets them.
pub(crate) enum Target {
    Base(Url),
    Anywhere(std::sync::Arc<Filter>),
}

fn base(text: &str) -> Result<Url, String> {
    let fault = |what: &str| Err(format!("its `base` {what}"));
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return fault(&format!("is not a URL ({error})")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return fault("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fault("has credentials in it, which would be in every log");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return fault("has a query or a fragment, which no path can be added to");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// `Bearer …`, marked so that no log shows it.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
