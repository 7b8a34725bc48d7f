//! What takes mails: the contract that every driver fulfils, and how one is chosen.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Module;
use mainstay_core::driver::{Driver, Opened};

use crate::error::MailError;
use crate::message::Message;

/// Takes mails.
pub trait Transport: Send + Sync + 'static {
    /// Takes a message over. When this returns, it is not lost if the process ends; when it fails, nobody has got it, as far as can be
    /// known.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>>;

    /// The last messages that it has, the newest first, a hundred at most. None if it keeps none.
    fn kept(&self) -> BoxFuture<'_, Result<Option<Vec<Message>>, MailError>> {
        async { Ok(None) }.boxed()
    }
}

impl Opened for dyn Transport {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// A contribution: a kind of transport, chosen by how `mail.url` begins.
pub type MailDriver = Driver<dyn Transport>;

/// How many messages are looked back at.
pub(crate) const KEPT: usize = 100;
