//! What has happened, as a value that is stored and delivered.

use mainstay_core::{Error, Result};
use mainstay_db::{Executor, Uuid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outbox;

/// Something that has happened, which others may want to know.
///
/// ```
/// use mainstay_bus::{Event, EventsExt, Publish};
/// use mainstay_core::{App, Result};
/// use mainstay_db::Db;
/// use serde::{Deserialize, Serialize};
///
/// /// An article can be read by everybody.
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(name = "article.published", key = article)]
/// struct ArticlePublished {
///     article: i64,
/// }
///
/// async fn publish(article: i64, db: &Db) -> Result<()> {
///     db.transaction(async |tx| {
///         // What is written here, and the event, are there together or not at all.
///         ArticlePublished { article }.publish(tx).await?;
///         Ok(())
///     })
///     .await
/// }
///
/// let app = App::new().subscribe("tell the followers", |event: ArticlePublished| async move {
///     println!("{} can be read", event.article);
///     Ok(())
/// });
/// ```
///
/// `#[event(name = "…")]` is what it is called where it is stored: it must stay when the type is renamed. `key = field` (or `key =
/// (field, other)`) says what it is about: of events with one key, each subscriber gets one after the other, in the order in which
/// they were published. Without a key there is no order. An enum is one event of several kinds; each of them has the fields of the key.
/// `version = 2, upgrade = function` says that what is stored looks otherwise than before, and what reads what was: see [`upgrade`](Self::upgrade).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "`#[derive(Event, Serialize, Deserialize)] #[event(name = \"…\")]` makes it one"
)]
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is called where it is stored: up to 100 bytes.
    const NAME: &'static str;
    /// Which form of it is stored.
    const VERSION: u32 = 1;

    /// What it is about; up to 255 characters.
    fn key(&self) -> Option<String> {
        None
    }

    /// What was stored in an earlier version, as it is stored now.
    ///
    /// # Errors
    ///
    /// When it cannot be read any more. It is then tried again, and dead in the end.
    fn upgrade(version: u32, stored: Value) -> Result<Value> {
        let _ = version;
        Ok(stored)
    }
}

/// Publishes events. In the prelude, and there for every [`Event`].
pub trait Publish: Event + Sized {
    /// Publishes it: when the transaction is committed, every subscriber gets it, at least once. The id of the message is returned,
    /// which is the same at each delivery.
    ///
    /// Through `&db` it is published at once. What belongs to it should then be written already.
    ///
    /// # Errors
    ///
    /// When its key is longer than 255 characters, or it has more than 256 KiB as JSON; and those of the database.
    fn publish(&self, executor: &impl Executor) -> impl Future<Output = Result<Uuid>> + Send {
        async {
            let ids = outbox::publish(std::slice::from_ref(self), executor).await?;
            ids.into_iter().next().ok_or_else(|| Error::internal("one event, and no id of it"))
        }
    }
}

impl<E: Event> Publish for E {}

/// Publishes several events of one kind, in this order, with one statement for many.
pub async fn publish_all<E: Event>(events: &[E], executor: &impl Executor) -> Result<Vec<Uuid>> {
    outbox::publish(events, executor).await
}

/// Reads what is stored.
pub(crate) fn read<E: Event>(version: u32, stored: &str) -> Result<E> {
    if version < E::VERSION {
        return parsed(E::upgrade(version, serde_json::from_str::<Value>(stored)?)?);
    }
    parsed(&mut serde_json::Deserializer::from_str(stored))
}

/// Says which part of it is wrong.
fn parsed<'de, E: Event>(from: impl serde::Deserializer<'de, Error = serde_json::Error>) -> Result<E> {
    serde_path_to_error::deserialize(from).map_err(|fault| {
        let told = format!("`{}` cannot be read: `{}`: {}", E::NAME, fault.path(), fault.inner());
        Error::internal(told).code("event_unreadable")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    // By hand: the macro names this crate as others do.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Priced {
        cents: i64,
    }

    impl Event for Priced {
        const NAME: &'static str = "priced";
        const VERSION: u32 = 2;

        fn upgrade(version: u32, mut stored: Value) -> Result<Value> {
            assert_eq!(version, 1);
            let euros = stored["euros"].as_i64().ok_or_else(|| Error::internal("no price"))?;
            stored["cents"] = (euros * 100).into();
            Ok(stored)
        }
    }

    #[test]
    fn reads_what_an_older_program_has_written_and_says_what_it_cannot() {
        assert_eq!(read::<Priced>(1, r#"{"euros":3}"#).unwrap(), Priced { cents: 300 });
        assert_eq!(read::<Priced>(2, r#"{"cents":5}"#).unwrap(), Priced { cents: 5 });
        // A newer one may have added to it.
        assert_eq!(read::<Priced>(3, r#"{"cents":5,"tax":1}"#).unwrap(), Priced { cents: 5 });
        let fault = read::<Priced>(2, r#"{"cents":"five"}"#).unwrap_err();
        assert!(fault.report().contains("`priced` cannot be read: `cents`"), "{}", fault.report());
        assert!(read::<Priced>(1, "{}").is_err() && read::<Priced>(1, "nonsense").is_err());
    }
}
