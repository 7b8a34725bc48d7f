//! Mails in memory: `memory:`. For tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Resolver;

use crate::error::MailError;
use crate::message::Message;
use crate::transport::{KEPT, MailDriver, Transport};

pub(crate) const SCHEME: &str = "memory";

/// The driver `memory`.
pub(crate) fn driver() -> MailDriver {
    MailDriver::new(SCHEME, async |_: String, _: Resolver| {
        let transport: Arc<dyn Transport> = Arc::new(InMemory::default());
        Ok(transport)
    })
}

/// The last messages, the newest first. Older ones are forgotten.
#[derive(Default)]
struct InMemory(Mutex<VecDeque<Message>>);

impl Transport for InMemory {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>> {
        async {
            // What no server would take is refused here, too.
            message.to_eml()?;
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.truncate(KEPT - 1);
            kept.push_front(message.clone());
            Ok(())
        }
        .boxed()
    }

    fn kept(&self) -> BoxFuture<'_, Result<Option<Vec<Message>>, MailError>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.iter().cloned().collect();
        async { Ok(Some(kept)) }.boxed()
    }
}
