//! Making and dropping databases on a server.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::name::{Name, PREFIX};
use crate::driver::{Dialect, Driver, Statement};
use crate::engine::{self, Pool};
use crate::error::DbError;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// `postgres://ann@host/postgres?sslmode=disable` with another database.
pub(super) fn with_database(server: &str, name: &str) -> String {
    let (address, query) = match server.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (server, String::new()),
    };
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{name}{query}", &address[..end])
}

/// Makes a database, after what others have left behind has been removed.
pub(super) async fn create(server: &str, name: &Name, template: Option<&Name>) -> Result<(), DbError> {
    let on_server = async |driver: &dyn Driver| {
        if is_first_on(server) {
            sweep(driver).await?;
        }
        let dialect = driver.dialect();
        let mut sql = format!("CREATE DATABASE {}", dialect.quote(&name.to_string()));
        match (dialect, template) {
            (Dialect::Postgres, Some(template)) => {
                sql.push_str(&format!(" TEMPLATE {}", dialect.quote(&template.to_string())));
            }
            // The other template may have connections, and then nobody can copy it.
            (Dialect::Postgres, None) => sql.push_str(" TEMPLATE template0"),
            (Dialect::MySql | Dialect::MariaDb, None) => sql.push_str(" CHARACTER SET utf8mb4"),
            (_, Some(_)) => {
                return Err(DbError::Model { detail: format!("{} cannot copy a database", dialect.name()) });
            }
            (Dialect::Sqlite, None) => return Ok(()),
        }
        driver.run(Statement::write(sql, Vec::new())).await.map(|_| ())
    };
    over(server, on_server).await
}

/// Removes a database, whoever is connected to it.
pub(super) async fn remove(server: &str, name: &Name) -> Result<(), DbError> {
    over(server, async |driver: &dyn Driver| remove_by(driver, name).await).await
}

async fn remove_by(driver: &dyn Driver, name: &Name) -> Result<(), DbError> {
    let dialect = driver.dialect();
    let mut sql = format!("DROP DATABASE IF EXISTS {}", dialect.quote(&name.to_string()));
    match dialect {
        Dialect::Postgres => sql.push_str(" WITH (FORCE)"),
        Dialect::MySql | Dialect::MariaDb => hang_up(driver, name).await?,
        Dialect::Sqlite => return Ok(()),
    }
    driver.run(Statement::write(sql, Vec::new())).await.map(|_| ())
}

/// MySQL waits for every transaction that has touched one of the tables, so those are ended first.
async fn hang_up(driver: &dyn Driver, name: &Name) -> Result<(), DbError> {
    // The name is made of letters and digits.
    let connected = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
    let reply = driver.run(Statement::read(connected, Vec::new())).await?;
    for row in reply.rows.iter() {
        let id = row.get::<i64>(0)?;
        // Who has left in the meantime is not there to be ended.
        let _gone = driver.run(Statement::write(format!("KILL {id}"), Vec::new())).await;
    }
    Ok(())
}

/// Removes what killed processes have left behind. What fails is left for next time: another process may be sweeping too.
async fn sweep(driver: &dyn Driver) -> Result<(), DbError> {
    let all = match driver.dialect() {
        Dialect::Postgres => {
            format!("SELECT CAST(datname AS text) FROM pg_database WHERE datname LIKE '{PREFIX}%'")
        }
        Dialect::MySql | Dialect::MariaDb => {
            format!("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{PREFIX}%'")
        }
        Dialect::Sqlite => return Ok(()),
    };
    let reply = driver.run(Statement::read(all, Vec::new())).await?;
    for row in reply.rows.iter() {
        if let Some(name) = Name::parse(&row.get::<String>(0)?)
            && name.is_abandoned()
            && let Err(fault) = remove_by(driver, &name).await
        {
            tracing::debug!(target: "mainstay::db", database = %name, error = %fault, "an old database of a test stays");
        }
    }
    Ok(())
}

/// Whether this process has not swept this server yet.
fn is_first_on(server: &str) -> bool {
    static SWEPT: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    swept.get_or_insert_default().insert(server.to_owned())
}

/// Does something over a connection of its own: each test has its own runtime, so that none can be kept.
async fn over(
    server: &str,
    work: impl AsyncFnOnce(&dyn Driver) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let pool = Pool { connections: Some(1), ..Pool::default() };
    let all = async {
        let driver = engine::open(server, Path::new("."), &pool).await?;
        let outcome = work(&*driver).await;
        driver.close().await;
        outcome
    };
    tokio::time::timeout(DEADLINE, all).await.unwrap_or(Err(DbError::Timeout { limit: DEADLINE }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_the_database_into_the_address() {
        let with = |server| with_database(server, "new");
        assert_eq!(
            with("postgres://ann@h:1/postgres?sslmode=disable"),
            "postgres://ann@h:1/new?sslmode=disable"
        );
        assert_eq!(with("mysql://ann:secret@h"), "mysql://ann:secret@h/new");
        assert_eq!(with("postgres://h?application_name=a/b"), "postgres://h/new?application_name=a/b");
    }
}
