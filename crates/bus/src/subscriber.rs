//! Who gets events.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::container::{Dependencies, FactoryWith, Need};
use mainstay_core::service::Backoff;
use mainstay_core::{Contribute, Contribution, Error, Module, Resolver, Result};

use crate::delivery::{About, Delivery, Receives};
use crate::event::{self, Event};

type Handle = Arc<dyn Fn(About, Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A contribution: a function that gets every event of one kind, at least once. See [`EventsExt::subscribe`].
///
/// ```
/// use std::time::Duration;
/// use mainstay_bus::{Event, EventsExt, Subscriber};
/// use mainstay_core::App;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event(name = "article.published", key = article)]
/// # struct ArticlePublished { article: i64 }
///
/// let index = Subscriber::new("index", |event: ArticlePublished| async move {
///     // Tell the search engine.
/// #   let _ = event.article;
///     Ok(())
/// });
/// let app = App::new().subscriber(index.attempts(5).timeout(Duration::from_secs(10)));
/// ```
#[derive(Clone)]
#[must_use = "a subscriber gets nothing until it is contributed: `.subscriber(…)`"]
pub struct Subscriber {
    pub(crate) name: &'static str,
    pub(crate) event: &'static str,
    pub(crate) of: (TypeId, &'static str),
    pub(crate) attempts: u32,
    pub(crate) timeout: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) concurrency: Option<usize>,
    needs: Vec<Need>,
    handle: Handle,
}

impl Subscriber {
    /// A subscriber. Its name is what its deliveries are stored under: it must be unique, and stay. Its function takes the event (or the
    /// [`Delivery`] of it) and then what it wants from the container.
    pub fn new<R, A, F, Fut>(name: &'static str, handle: F) -> Self
    where
        R: Receives,
        A: Dependencies + 'static,
        F: FactoryWith<R, A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let shared = Arc::new(handle);
        let handle: Handle = Arc::new(move |about, resolver| {
            let handle = Arc::clone(&shared);
            async move {
                let version = u32::try_from(about.row.version).unwrap_or_default();
                // The subscriber has changed its mind since, or another process runs a newer program.
                if about.row.event != R::Event::NAME || version > R::Event::VERSION {
                    let told = format!("it takes version {} of `{}`, and", R::Event::VERSION, R::Event::NAME);
                    let told = format!("{told} this is version {version} of `{}`", about.row.event);
                    return Err(Error::internal(told).code("event_unknown"));
                }
                let event = event::read::<R::Event>(version, &about.row.payload)?;
                handle.call(R::of(Delivery::new(event, about)), A::resolve(&resolver).await?).await
            }
            .boxed()
        });
        Self {
            name,
            event: R::Event::NAME,
            of: (TypeId::of::<R::Event>(), std::any::type_name::<R::Event>()),
            attempts: 15,
            timeout: Duration::from_secs(60),
            backoff: Backoff {
                initial: Duration::from_secs(1),
                limit: Duration::from_secs(60 * 60),
                ..Backoff::default()
            },
            concurrency: None,
            needs: A::needs().into_iter().map(Need::in_request).collect(),
            handle,
        }
    }

    /// How often it is tried until the delivery is dead: 15 times unless it is said, which takes some hours.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long one attempt may take: a minute unless it is said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to wait after a failure: from one second to one hour unless it is said.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How many of its deliveries are under way at once in a process, beside all others: for one that waits for others long, so that it
    /// keeps nobody else waiting. Unless it is said, it shares the `bus.concurrency` places.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.concurrency = Some(most.max(1));
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn handle(&self, about: About, resolver: Resolver) -> BoxFuture<'static, Result<()>> {
        (self.handle)(about, resolver)
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("name", &self.name)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

impl Contribution for Subscriber {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }

    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}

/// A contribution: events are published, and perhaps nobody here subscribes.
struct Publishes;

impl Contribution for Publishes {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// What modules contribute to events. In the prelude.
pub trait EventsExt: Contribute {
    /// Has every event of one kind delivered to a function: at least once, after its transaction was committed, and in order for each
    /// key. `.subscribe("tell the followers", |event: ArticlePublished, mailer: Inject<Mailer>| async move { … })`.
    #[must_use]
    fn subscribe<R, A, F, Fut>(self, name: &'static str, handle: F) -> Self
    where
        R: Receives,
        A: Dependencies + 'static,
        F: FactoryWith<R, A, Output = Fut>,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.subscriber(Subscriber::new(name, handle))
    }

    /// Adds a subscriber with settings of its own.
    #[must_use]
    fn subscriber(self, subscriber: Subscriber) -> Self {
        self.contribute(subscriber)
    }

    /// Has events: for a module that publishes some, or takes messages of others by the [`inbox`](crate::inbox), and subscribes to none.
    #[must_use]
    fn events(self) -> Self {
        self.contribute(Publishes)
    }
}

impl<C: Contribute> EventsExt for C {}
