//! Mails to a server, by SMTP: `smtp://user:password@mail.example:587`, `smtps://…`.
//!
//! - [`server`]: [`Server`], what an address says.
//! - `lines`: a connection that is read line by line, so that nothing said in the clear is taken for something encrypted.
//! - `connection`: one connection, from the greeting to the last mail.
//! - here: the transport: a bounded number of connections, which are used again, and the deadlines.
//!
//! A connection belongs to the delivery that uses it, and goes back only after a good end. So one whose delivery was given up, in the middle
//! of whatever it was, is closed, and no other mail is put behind half of this one. This is why lettre's own pool is not used, which takes
//! such a connection back.

mod connection;
mod lines;
pub mod server;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::config::Config;
use mainstay_core::{Error, Resolver, Result};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

#[cfg(feature = "jobs")]
pub(crate) use self::connection::CLOSING;
pub use self::server::{Encryption, Server};

use self::connection::{Connection, Target};
use crate::config::MailConfig;
use crate::error::MailError;
use crate::message::Message;
use crate::transport::{MailDriver, Transport};

/// How long a connection waits for another mail. Servers hang up after a few minutes.
const IDLE: Duration = Duration::from_secs(20);

/// The driver `smtp`.
pub(crate) fn driver() -> MailDriver {
    MailDriver::new("smtp", open)
}

/// The driver `smtps`.
pub(crate) fn encrypted_driver() -> MailDriver {
    MailDriver::new("smtps", open)
}

async fn open(url: String, resolver: Resolver) -> Result<Arc<dyn Transport>> {
    let config = resolver.get::<MailConfig>().await?;
    let home = resolver.get::<Config>().await?.home().to_owned();
    let server = Server::parse(&url).map_err(|fault| Error::internal(format!("`mail.url` {fault}")))?;
    let target = Target::new(server, &home).await?;
    let slots = Semaphore::new(config.max_connections);
    Ok(Arc::new(Smtp { target, config: MailConfig::clone(&config), slots, idle: Mutex::default() }))
}

struct Smtp {
    target: Target,
    config: MailConfig,
    /// One for each connection that may be in use.
    slots: Semaphore,
    /// Those that wait for another mail, the one that was used last at the end.
    idle: Mutex<Vec<(Instant, Connection)>>,
}

impl Smtp {
    /// A connection that is good, or a new one.
    async fn connection(&self) -> Result<Connection, MailError> {
        let limit = self.config.connect_timeout;
        if let Some(mut connection) = self.take_idle() {
            if timeout(limit, connection.is_alive()).await.unwrap_or(false) {
                return Ok(connection);
            }
            // Whatever ended this one has ended the others: nobody waits for each of them.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let late = |_| MailError::TimedOut { until: "let us in", limit };
        timeout(limit, Connection::open(&self.target, limit)).await.map_err(late)?
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE);
        idle.pop().map(|(_, connection)| connection)
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.config.max_connections {
            idle.push((Instant::now(), connection));
        }
    }

    async fn hand_over(&self, message: &Message) -> Result<(), MailError> {
        // Before there is a connection: what cannot be sent holds none.
        let (envelope, eml) = (crate::eml::envelope(message)?, message.to_eml()?);
        // It is never closed; if it were, there would be no connection either.
        let closed = |_| MailError::Unreachable("the transport has ended".to_owned());
        let _slot = self.slots.acquire().await.map_err(closed)?;
        let mut connection = self.connection().await?;
        let sent = connection.send(&envelope, &eml).await;
        if connection.is_good() {
            self.put_back(connection);
        }
        sent
    }
}

impl Transport for Smtp {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>> {
        let limit = self.config.timeout;
        let late = move |_| MailError::TimedOut { until: "taken the mail", limit };
        let end = Instant::now() + limit;
        async move { timeout_at(end, self.hand_over(message)).await.map_err(late)? }.boxed()
    }
}
