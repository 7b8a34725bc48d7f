//! Which driver an address is for. The only place that knows them all.

use std::path::Path;
use std::sync::Arc;

use crate::driver::Driver;
use crate::error::DbError;

/// What can be set for every engine; what is not set is the engine's own habit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    /// Connections that read (SQLite), or connections at all.
    pub(crate) connections: Option<usize>,
    pub(crate) acquire_timeout: Option<std::time::Duration>,
    pub(crate) statement_timeout: Option<std::time::Duration>,
    pub(crate) transaction_timeout: Option<std::time::Duration>,
}

/// Opens the database at `url`; relative paths start at `home`.
pub(crate) async fn open(url: &str, home: &Path, pool: &Pool) -> Result<Arc<dyn Driver>, DbError> {
    match url.split_once(':').map_or(url, |(scheme, _)| scheme) {
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            use crate::sqlite::{Location, Sqlite, SqliteOptions};
            let mut options = SqliteOptions::default();
            options.readers = pool.connections.unwrap_or(options.readers);
            options.acquire_timeout = pool.acquire_timeout.unwrap_or(options.acquire_timeout);
            options.statement_timeout = pool.statement_timeout.unwrap_or(options.statement_timeout);
            options.transaction_timeout = pool.transaction_timeout.unwrap_or(options.transaction_timeout);
            Ok(Arc::new(Sqlite::open(Location::parse(url, home)?, options).await?))
        }
        scheme => Err(DbError::Unavailable {
            detail: format!("there is no driver for `{scheme}:`; the known ones are: {}", KNOWN.join(", ")),
        }),
    }
}

const KNOWN: &[&str] = &[
    #[cfg(feature = "sqlite")]
    "sqlite",
];

/// Whether there is a driver for `url`; else why not.
pub(crate) fn recognise(url: &str) -> Result<(), String> {
    let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
    if KNOWN.contains(&scheme) {
        return Ok(());
    }
    Err(format!("names no known engine; the known ones are: {}", KNOWN.join(", ")))
}

/// `postgres://ann:secret@host/db` as `postgres://ann:***@host/db`.
pub(crate) fn without_credentials(url: &str) -> String {
    if let Some((scheme, rest)) = url.split_once("://")
        && let Some((credentials, host)) = rest.rsplit_once('@')
        && let Some((user, _)) = credentials.split_once(':')
    {
        return format!("{scheme}://{user}:***@{host}");
    }
    url.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_show_a_password() {
        let shown = without_credentials("postgres://ann:s:e@cret@host:5432/db");
        assert_eq!(shown, "postgres://ann:***@host:5432/db");
        assert_eq!(without_credentials("postgres://ann@host/db"), "postgres://ann@host/db");
        assert_eq!(without_credentials("sqlite:data/app.db"), "sqlite:data/app.db");
    }
}
