//! Which driver an address is for. The only place that knows them all.

use std::path::Path;
use std::sync::Arc;

use mainstay_core::driver::scheme_of;

use crate::driver::{Dialect, Driver};
use crate::error::DbError;

/// What can be set for every engine; what is not set is the engine's own habit.
#[cfg_attr(
    not(all(feature = "mysql", feature = "postgres")),
    allow(dead_code, reason = "some of it is for one engine only")
)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    /// Connections that read (SQLite), or connections at all.
    pub(crate) connections: Option<usize>,
    pub(crate) acquire_timeout: Option<std::time::Duration>,
    pub(crate) statement_timeout: Option<std::time::Duration>,
    pub(crate) transaction_timeout: Option<std::time::Duration>,
    /// What stands between here and the server, where the engine has such a thing.
    pub(crate) pooler: Option<String>,
    /// The server itself, past the pooler.
    pub(crate) direct_url: Option<String>,
    /// What the connections are called on the server.
    pub(crate) application_name: Option<String>,
    /// Whether nothing may be written, whoever the user is: the server is a replica.
    pub(crate) read_only: bool,
}

/// Opens the database at `url`; relative paths start at `home`.
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    expect(unused_variables, reason = "without an engine there is nothing to open")
)]
pub(crate) async fn open(url: &str, home: &Path, pool: &Pool) -> Result<Arc<dyn Driver>, DbError> {
    match scheme_of(url) {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            use crate::postgres::{Location, Pooler, Postgres, PostgresOptions};
            let mut options = PostgresOptions::default();
            options.connections = pool.connections.unwrap_or(options.connections);
            options.acquire_timeout = pool.acquire_timeout.unwrap_or(options.acquire_timeout);
            options.statement_timeout = pool.statement_timeout.unwrap_or(options.statement_timeout);
            options.transaction_timeout = pool.transaction_timeout.unwrap_or(options.transaction_timeout);
            options.pooler = pool.pooler.as_deref().map_or(Ok(Pooler::None), Pooler::parse)?;
            options.direct = pool.direct_url.as_deref().map(|url| Location::parse(url, home)).transpose()?;
            options.application_name = pool.application_name.clone().unwrap_or(options.application_name);
            Ok(Arc::new(Postgres::open(Location::parse(url, home)?, options).await?))
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => {
            use crate::mysql::{Location, MySql, MySqlOptions};
            let mut options = MySqlOptions::default();
            options.connections = pool.connections.unwrap_or(options.connections);
            options.acquire_timeout = pool.acquire_timeout.unwrap_or(options.acquire_timeout);
            options.statement_timeout = pool.statement_timeout.unwrap_or(options.statement_timeout);
            options.transaction_timeout = pool.transaction_timeout.unwrap_or(options.transaction_timeout);
            options.application_name = pool.application_name.clone().unwrap_or(options.application_name);
            options.read_only = pool.read_only;
            Ok(Arc::new(MySql::open(Location::parse(url, home)?, options).await?))
        }
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
        _ => Err(DbError::Unavailable { detail: format!("the address of the database {}", unknown(url)) }),
    }
}

/// The schemes of addresses, and the feature that each one needs.
const SCHEMES: &[(&str, &str, bool)] = &[
    ("sqlite", "sqlite", cfg!(feature = "sqlite")),
    ("postgres", "postgres", cfg!(feature = "postgres")),
    ("postgresql", "postgres", cfg!(feature = "postgres")),
    ("mysql", "mysql", cfg!(feature = "mysql")),
    ("mariadb", "mysql", cfg!(feature = "mysql")),
];

/// Whether there is a driver for `url`; else why not.
pub(crate) fn recognise(url: &str) -> Result<(), String> {
    let scheme = scheme_of(url);
    if SCHEMES.iter().any(|(known, _, compiled)| *known == scheme && *compiled) {
        return Ok(());
    }
    Err(unknown(url))
}

/// Whether it is an address of PostgreSQL.
pub(crate) fn is_postgres(url: &str) -> bool {
    matches!(scheme_of(url), "postgres" | "postgresql")
}

/// Whether a server at `other` may follow the one at `url`, as far as the addresses say it.
pub(crate) fn may_replicate(url: &str, other: &str) -> bool {
    let is_mysql = |url| matches!(scheme_of(url), "mysql" | "mariadb");
    is_postgres(url) && is_postgres(other) || is_mysql(url) && is_mysql(other)
}

fn unknown(url: &str) -> String {
    let scheme = scheme_of(url);
    if let Some((_, feature, _)) = SCHEMES.iter().find(|(known, ..)| *known == scheme) {
        return format!(
            "needs a driver that is not compiled in: add the feature `{feature}` to `mainstay` in Cargo.toml"
        );
    }
    let known: Vec<_> =
        SCHEMES.iter().filter(|(.., compiled)| *compiled).map(|(known, ..)| format!("`{known}:`")).collect();
    format!("names no known engine; the known ones are: {}", known.join(", "))
}

/// The dialect of the engine at `url`, as far as the address says it: `mysql:` may turn out to be MariaDB.
pub(crate) fn dialect(url: &str) -> Option<Dialect> {
    match url.split_once(':')?.0 {
        "sqlite" => Some(Dialect::Sqlite),
        "postgres" | "postgresql" => Some(Dialect::Postgres),
        "mysql" => Some(Dialect::MySql),
        "mariadb" => Some(Dialect::MariaDb),
        _ => None,
    }
}

/// `%2F` as `/`. What is no escape stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let escape = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &others[2..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where it is, without who enters and how: `postgres://ann:secret@host:5432/db?sslmode=require` as `host:5432/db`.
pub(crate) fn place(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    rest.split_once('?').map_or(rest, |(place, _)| place)
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
    fn says_which_feature_is_missing_and_which_engines_there_are() {
        if !cfg!(feature = "mysql") {
            assert!(recognise("mariadb://host/app").unwrap_err().contains("add the feature `mysql`"));
        }
        assert!(recognise("oracle://host/app").unwrap_err().contains("names no known engine"));
    }

    #[test]
    fn knows_the_place_in_an_address() {
        assert_eq!(place("postgres://ann:s@e?cret@host:5432/db?sslmode=require"), "host:5432/db");
        assert_eq!(place("postgres://ann:secret@host:5432/db?sslmode=require"), "host:5432/db");
        assert_eq!(place("mysql://host/db"), "host/db");
    }

    #[test]
    fn does_not_show_a_password() {
        let shown = without_credentials("postgres://ann:s:e@cret@host:5432/db");
        assert_eq!(shown, "postgres://ann:***@host:5432/db");
        assert_eq!(without_credentials("postgres://ann@host/db"), "postgres://ann@host/db");
        assert_eq!(without_credentials("sqlite:data/app.db"), "sqlite:data/app.db");
    }
}
