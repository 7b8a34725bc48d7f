//! Upstreams: the services that an application calls.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use mainstay_core::{Contribute, Contribution, CoreContributions, Inject, Module, Provider};

use crate::breaker::BreakerSettings;
use crate::client::Client;
use crate::module::Outbound;
use crate::settings::{Reach, Settings};

/// A service that the application calls, and the type by which the container hands out the [`Client`] of it.
///
/// ```
/// use mainstay_core::{App, Result};
/// use mainstay_outbound::{Client, OutboundExt, Upstream};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize)]
/// struct Order { cents: u64 }
///
/// #[derive(Deserialize)]
/// struct Charge { id: String }
///
/// /// The payment service, as the rest of the application sees it.
/// struct Payments(Client);
///
/// impl Payments {
///     async fn charge(&self, number: &str, order: &Order) -> Result<Charge> {
///         self.0.post("/charges").idempotency_key(number).json(order).send().await?.json()
///     }
/// }
///
/// let app = App::new().outbound(Upstream::new("payments", Payments).base("https://api.payments.example/v1"));
/// ```
pub struct Upstream<T> {
    declared: Declared,
    make: Arc<dyn Fn(Client) -> T + Send + Sync>,
}

/// An upstream without its type, as modules contribute it.
#[derive(Clone)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    /// What the code sets that means nothing for an upstream of this kind.
    pub(crate) misplaced: Vec<&'static str>,
}

impl Contribution for Declared {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

impl<T: Send + Sync + 'static> Upstream<T> {
    /// A service at one place: the [`base`](Self::base), or `base` under `[outbound.<name>]`. It may be in a private network.
    /// `make` turns the client into what the application takes from the container: `Payments` for
    /// `struct Payments(Client)`.
    pub fn new(name: impl Into<String>, make: impl Fn(Client) -> T + Send + Sync + 'static) -> Self {
        Self::of(name.into(), Reach::Base(None), make)
    }

    /// Whatever URL somebody names: a user, or another service. Only public addresses are called, on the ports 80 and 443,
    /// unless `ports` and `allow` under `[outbound.<name>]` say otherwise.
    pub fn anywhere(name: impl Into<String>, make: impl Fn(Client) -> T + Send + Sync + 'static) -> Self {
        Self::of(name.into(), Reach::Anywhere { ports: vec![80, 443], allow: Vec::new() }, make)
    }

    fn of(name: String, reach: Reach, make: impl Fn(Client) -> T + Send + Sync + 'static) -> Self {
        let declared = Declared { name, settings: Settings::new(reach), misplaced: Vec::new() };
        Self { declared, make: Arc::new(make) }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.declared.settings);
        self
    }

    /// The URL that all paths begin at. An upstream for URLs from anywhere has none.
    #[must_use]
    pub fn base(mut self, url: impl Into<String>) -> Self {
        match &mut self.declared.settings.reach {
            Reach::Base(base) => *base = Some(url.into()),
            Reach::Anywhere { .. } => self.declared.misplaced.push("base"),
        }
        self
    }

    /// A header on every request. A value that is [marked as sensitive](HeaderValue::set_sensitive) does not follow a redirect to
    /// another origin.
    #[must_use]
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.set(|settings| {
            settings.headers.insert(name, value);
        })
    }

    /// How long a call may take in all: connection, answer, body, retries and the waits between them. 10 s.
    #[must_use]
    pub fn timeout(self, limit: Duration) -> Self {
        self.set(|settings| settings.timeout = limit)
    }

    /// How long one attempt may take, so that there is time for another. As long as the call.
    #[must_use]
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        self.set(|settings| settings.attempt_timeout = Some(limit))
    }

    /// How long it may take to connect: 2 s.
    #[must_use]
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.set(|settings| settings.connect_timeout = limit)
    }

    /// How often a call that may be repeated is tried again: 2.
    #[must_use]
    pub fn retries(self, most: u32) -> Self {
        self.set(|settings| settings.retries = most)
    }

    /// How many calls may run at the same time: 100. One more fails at once.
    #[must_use]
    pub fn concurrency(self, most: usize) -> Self {
        self.set(|settings| settings.concurrency = most)
    }

    /// The largest body of an answer, in bytes: 10 MB.
    #[must_use]
    pub fn body_limit(self, bytes: u64) -> Self {
        self.set(|settings| settings.body_limit = bytes)
    }

    /// How many redirects are followed: 5. With 0, a redirect is an answer that says no.
    #[must_use]
    pub fn redirects(self, most: u32) -> Self {
        self.set(|settings| settings.redirects = most)
    }

    /// When the circuit breaker opens, and for how long. None: never. An upstream for URLs from anywhere has none: that one place
    /// fails says nothing about another.
    #[must_use]
    pub fn breaker(mut self, breaker: Option<BreakerSettings>) -> Self {
        match self.declared.settings.reach {
            Reach::Anywhere { .. } if breaker.is_some() => self.declared.misplaced.push("breaker"),
            _ => self.declared.settings.breaker = breaker,
        }
        self
    }
}

/// Adds upstreams to an application or a module. In the prelude.
pub trait OutboundExt: Contribute {
    /// Adds a service that the application calls. The container hands out what the upstream makes of its client.
    #[must_use]
    #[track_caller]
    fn outbound<T: Send + Sync + 'static>(self, upstream: Upstream<T>) -> Self {
        let Upstream { declared, make } = upstream;
        let needed = declared.clone();
        let provider = Provider::asynchronous(move |outbound: Inject<Outbound>| {
            let (declared, make) = (needed.clone(), Arc::clone(&make));
            async move { outbound.client(declared).await.map(|client| make(client)) }
        });
        self.contribute(declared).provide(provider)
    }
}

impl<C: Contribute> OutboundExt for C {}
