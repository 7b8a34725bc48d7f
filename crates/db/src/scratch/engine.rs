//! Which engines tests can run on.

use mainstay_core::{Error, Result};

/// An engine that tests run on. It is known also where its driver is not compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite, which needs no server.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB: which of them, the server says.
    MySql,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// What it is called in an address and in `MAINSTAY_TEST_DATABASE`: `sqlite`, `postgres`, `mysql`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// The engine of this name; `mariadb` and `postgresql` are understood too.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            _ => None,
        }
    }

    /// The environment variable with the address of a server whose user may make databases.
    pub fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("MAINSTAY_POSTGRES_URL"),
            Self::MySql => Some("MAINSTAY_MYSQL_URL"),
        }
    }

    /// The address of the server that tests may use. It comes from the environment, where `cargo xtask services run`
    /// puts it.
    pub fn server(self) -> Result<String> {
        let Some(variable) = self.variable() else { return Ok("sqlite::memory:".to_owned()) };
        std::env::var(variable).map_err(|_| {
            let name = self.name();
            Error::unavailable(format!(
                "tests on {name} need a server: set {variable} to the address of one, with a user who may make databases"
            ))
        })
    }
}
