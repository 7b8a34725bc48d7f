//! Opening connections, and keeping them going.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Config, Error, Socket};

use super::answers::Answers;
use super::cancel::Canceller;
use super::connection::Connection;
use super::tls::{Encrypted, Tls};
use super::under_way::GRACE;
use super::{Location, Pooler, PostgresOptions};
use crate::driver::Ear;
use crate::error::DbError;

/// How long a connection that is not wanted any more may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
/// A server that has kept silent for that long is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How connections are opened.
pub(super) struct Connector {
    config: Arc<Config>,
    tls: Tls,
    location: Location,
    pooler: Pooler,
    statement_timeout: Duration,
}

impl Connector {
    pub(super) fn new(
        location: &Location,
        pooler: Pooler,
        options: &PostgresOptions,
    ) -> Result<Self, DbError> {
        let mut config = location.config.clone();
        if config.get_application_name().is_none() {
            config.application_name(&options.application_name);
        }
        if pooler == Pooler::None {
            let mut settings = format!(
                "-c statement_timeout={} -c idle_in_transaction_session_timeout={} -c TimeZone=UTC",
                options.statement_timeout.as_millis(),
                options.idle_in_transaction(options.transaction_timeout).as_millis(),
            );
            // What the URL says comes last, and so it counts.
            if let Some(own) = config.get_options() {
                settings.push(' ');
                settings.push_str(own);
            }
            config.options(settings);
        }
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE / 3).keepalives_retries(3);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.acquire_timeout);
        }
        let (tls, statement_timeout) = (Tls::new(location)?, options.statement_timeout);
        Ok(Self { config: Arc::new(config), tls, location: location.clone(), pooler, statement_timeout })
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    pub(super) fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// The longest that the server may keep silent.
    pub(super) fn silence(&self) -> Duration {
        self.statement_timeout + GRACE
    }

    pub(super) async fn open(&self) -> Result<Connection, Error> {
        self.open_for(None).await
    }

    /// Opens a connection whose notifications somebody hears, if they are there.
    pub(super) async fn open_for(&self, hearer: Option<Hearer>) -> Result<Connection, Error> {
        let (client, driven) = self.config.connect(self.tls.clone()).await?;
        let (alive, unwanted) = oneshot::channel();
        let (answers, cut) = (Answers::default(), Arc::new(Notify::new()));
        tokio::spawn(drive(driven, (answers.clone(), hearer), Arc::clone(&cut), unwanted));
        let reach = Reach { answers, cut, _alive: alive };
        let canceller = Canceller::new(client.cancel_token(), Arc::clone(&self.config), self.tls.clone());
        Ok(Connection::new(client, canceller, reach, (self.pooler, self.statement_timeout)))
    }
}

/// How a connection reaches the task that reads and writes its socket.
pub(super) struct Reach {
    /// What that task still has to answer.
    pub(super) answers: Answers,
    /// Ends it.
    pub(super) cut: Arc<Notify>,
    /// Dropped after the client: then the connection is unwanted.
    _alive: oneshot::Sender<()>,
}

/// Who hears the notifications of a connection.
pub(super) struct Hearer {
    pub(super) ear: Arc<dyn Ear>,
    /// Dropped when the connection has ended.
    pub(super) _ended: oneshot::Sender<()>,
}

type Driven = tokio_postgres::Connection<Socket, Encrypted<Socket>>;

/// Reads and writes the socket until the connection ends, is cut, or is unwanted: then it may finish what it was sent.
async fn drive(
    mut driven: Driven,
    told: (Answers, Option<Hearer>),
    cut: Arc<Notify>,
    unwanted: oneshot::Receiver<()>,
) {
    tokio::select! {
        () = read(&mut driven, &told) => {}
        () = cut.notified() => {}
        _ = unwanted => {
            if timeout(FAREWELL, read(&mut driven, &told)).await.is_err() {
                tracing::debug!(target: "mainstay::db", "a connection did not end in time: it is cut");
            }
        }
    }
    // Closes the line to whoever is still to be answered, who is then told.
    drop(driven);
    told.0.end().await;
}

async fn read(driven: &mut Driven, (answers, hearer): &(Answers, Option<Hearer>)) {
    poll_fn(|context| {
        let ended = loop {
            match driven.poll_message(context) {
                Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                    tracing::debug!(target: "mainstay::db", severity = notice.severity(), "{}", notice.message());
                }
                Poll::Ready(Some(Ok(AsyncMessage::Notification(notification)))) => {
                    if let Some(hearer) = hearer {
                        hearer.ear.hears(notification.payload());
                    }
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(fault))) => {
                    tracing::debug!(target: "mainstay::db", error = %fault, "a connection to the database has ended");
                    break Poll::Ready(());
                }
                Poll::Ready(None) => break Poll::Ready(()),
                Poll::Pending => break Poll::Pending,
            }
        };
        // What has been read may answer somebody; and the socket is read no further than somebody takes it.
        let _left = answers.poll(context);
        ended
    })
    .await;
}
