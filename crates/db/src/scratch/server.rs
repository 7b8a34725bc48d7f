//! Making and dropping databases on a server.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::name::{self, Name};
use super::template;
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
pub(super) async fn create(server: &str, name: &Name, template: Option<&str>) -> Result<(), DbError> {
    let on_server = |driver: Arc<dyn Driver>| async move {
        if is_first_on(server) {
            sweep(&*driver).await?;
        }
        let dialect = driver.dialect();
        let mut sql = format!("CREATE DATABASE {}", dialect.quote(&name.to_string()));
        match (dialect, template) {
            (Dialect::Postgres, Some(template)) => {
                sql.push_str(&format!(" TEMPLATE {}", dialect.quote(template)));
            }
            // The other template may have connections, and then nobody can copy it.
            (Dialect::Postgres, None) => sql.push_str(" TEMPLATE template0"),
            (Dialect::MySql | Dialect::MariaDb, None) => {
                sql.push_str(" CHARACTER SET utf8mb4");
                if let Some(collation) = dialect.collation() {
                    sql.push_str(&format!(" COLLATE {collation}"));
                }
            }
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
    over(server, |driver| async move { remove_by(&*driver, &name.to_string()).await }).await
}

/// The names of the templates on a server.
pub(super) async fn templates(server: &str) -> Result<Vec<String>, DbError> {
    over(server, |driver| async move { databases(&*driver, template::PREFIX).await }).await
}

/// Gives a database another name.
pub(super) async fn rename(server: &str, from: &Name, to: &str) -> Result<(), DbError> {
    let rename = |driver: Arc<dyn Driver>| async move {
        let (from, to) = (driver.dialect().quote(&from.to_string()), driver.dialect().quote(to));
        let sql = format!("ALTER DATABASE {from} RENAME TO {to}");
        driver.run(Statement::write(sql, Vec::new())).await.map(|_| ())
    };
    over(server, rename).await
}

async fn remove_by(driver: &dyn Driver, name: &str) -> Result<(), DbError> {
    let dialect = driver.dialect();
    let mut sql = format!("DROP DATABASE IF EXISTS {}", dialect.quote(name));
    match dialect {
        Dialect::Postgres => sql.push_str(" WITH (FORCE)"),
        Dialect::MySql | Dialect::MariaDb => hang_up(driver, name).await?,
        Dialect::Sqlite => return Ok(()),
    }
    driver.run(Statement::write(sql, Vec::new())).await.map(|_| ())
}

/// MySQL waits for every transaction that has touched one of the tables, so those are ended first.
async fn hang_up(driver: &dyn Driver, name: &str) -> Result<(), DbError> {
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
    let tests = databases(driver, name::PREFIX).await?.into_iter();
    let abandoned = tests.filter(|found| Name::parse(found).is_some_and(Name::is_abandoned));
    let templates = databases(driver, template::PREFIX).await?.into_iter();
    for name in abandoned.chain(templates.filter(|found| template::is_old(found))) {
        if let Err(fault) = remove_by(driver, &name).await {
            tracing::debug!(target: "mainstay::db", database = %name, error = %fault, "an old database of a test stays");
        }
    }
    Ok(())
}

/// The databases whose names begin so.
async fn databases(driver: &dyn Driver, prefix: &str) -> Result<Vec<String>, DbError> {
    let all = match driver.dialect() {
        Dialect::Postgres => "SELECT CAST(datname AS text) FROM pg_database",
        Dialect::MySql | Dialect::MariaDb => "SELECT schema_name FROM information_schema.schemata",
        Dialect::Sqlite => return Ok(Vec::new()),
    };
    let reply = driver.run(Statement::read(all, Vec::new())).await?;
    let mut names = reply.rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    names.retain(|name| name.starts_with(prefix));
    Ok(names)
}

/// Whether this process has not swept this server yet.
fn is_first_on(server: &str) -> bool {
    static SWEPT: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    swept.get_or_insert_default().insert(server.to_owned())
}

/// Does something over a connection of its own: each test has its own runtime, so that none can be kept.
async fn over<T, F: Future<Output = Result<T, DbError>>>(
    server: &str,
    work: impl FnOnce(Arc<dyn Driver>) -> F,
) -> Result<T, DbError> {
    let pool = Pool { connections: Some(1), ..Pool::default() };
    let all = async {
        let driver = engine::open(server, Path::new("."), &pool).await?;
        let outcome = work(Arc::clone(&driver)).await;
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
