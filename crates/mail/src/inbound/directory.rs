//! Which function takes which address.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::container::{Dependencies, FactoryWith, Need};
use mainstay_core::module::ModuleId;
use mainstay_core::{Contribute, Contribution, Contributions, Inject, Module, Resolver, Result};

use super::mail::InboundMail;
use super::pattern::Pattern;

type Handle = Arc<dyn Fn(InboundMail, Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A contribution: a pattern of addresses, and the function that takes the mails to them. Made by [`InboundMailExt::inbound_mail`].
#[derive(Clone)]
pub struct InboundRoute {
    pub(super) text: String,
    pub(super) pattern: Result<Pattern, &'static str>,
    needs: Vec<Need>,
    handle: Handle,
}

impl Contribution for InboundRoute {
    fn installs() -> Option<Module> {
        Some(super::module::module())
    }

    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}

/// Lets an application take mails. In the prelude.
pub trait InboundMailExt: Contribute {
    /// Hands mails to these addresses to a function. It takes an [`InboundMail`], and what it needs from the container.
    ///
    /// | pattern | takes |
    /// |---|---|
    /// | `support@shop.example` | that address |
    /// | `support@*` | that name, at any domain |
    /// | `*@shop.example` | whatever comes to the domain |
    /// | `reply+*@shop.example` | `reply+aB3@shop.example`; `aB3` is what [`star`](InboundMail::star) returns |
    /// | `*` | everything, also what has no recipient that anybody knows |
    ///
    /// The first pattern that fits decides, in the order in which they are contributed, those of imported modules before those of the
    /// importing. A mail that nobody takes is refused and logged.
    ///
    /// A function that fails or panics is called again later, as a job is: it has to bear being called twice for one mail.
    #[must_use]
    fn inbound_mail<H, A, Fut>(self, pattern: &str, handler: H) -> Self
    where
        H: FactoryWith<InboundMail, A, Output = Fut>,
        A: Dependencies + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let handle: Handle = Arc::new(move |mail, resolver| {
            let handler = Arc::clone(&handler);
            async move { handler.call(mail, A::resolve(&resolver).await?).await }.boxed()
        });
        self.contribute(InboundRoute {
            text: pattern.to_owned(),
            pattern: Pattern::parse(pattern),
            needs: A::needs().into_iter().map(Need::in_request).collect(),
            handle,
        })
    }
}

impl<C: Contribute> InboundMailExt for C {}

/// All of an application's, in their order.
pub(super) struct Directory(Vec<Entry>);

struct Entry {
    text: String,
    pattern: Pattern,
    handle: Handle,
    module: ModuleId,
}

/// Who takes a mail.
pub(super) struct Taker<'a> {
    entry: &'a Entry,
    /// Which of the recipients it was found by.
    pub(super) recipient: String,
    pub(super) stars: Vec<String>,
}

impl Taker<'_> {
    /// The pattern.
    pub(super) fn pattern(&self) -> &str {
        &self.entry.text
    }

    /// Calls the function, with what its module sees of the container.
    pub(super) fn call(&self, mail: InboundMail, resolver: &Resolver) -> BoxFuture<'static, Result<()>> {
        (self.entry.handle)(mail, resolver.of_module(self.entry.module))
    }
}

impl Directory {
    pub(super) fn new(contributions: Inject<Contributions>) -> Self {
        let entries = contributions.of::<InboundRoute>().filter_map(|found| {
            let InboundRoute { text, pattern, handle, .. } = found.value.clone();
            // Others were findings of the start.
            Some(Entry { text, pattern: pattern.ok()?, handle, module: found.module.id })
        });
        Self(entries.collect())
    }

    /// The first pattern that fits one of these.
    pub(super) fn find(&self, recipients: &[String]) -> Option<Taker<'_>> {
        self.0.iter().find_map(|entry| {
            let mut fitting =
                recipients.iter().filter_map(|address| Some((address, entry.pattern.fits(address)?)));
            match fitting.next() {
                Some((address, stars)) => Some(Taker { entry, recipient: address.clone(), stars }),
                None if entry.pattern.takes_all() => {
                    let recipient = recipients.first().cloned().unwrap_or_default();
                    Some(Taker { entry, recipient, stars: Vec::new() })
                }
                None => None,
            }
        })
    }
}
