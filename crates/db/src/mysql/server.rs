//! Which server answers, and how a session with it is set up.

use std::time::Duration;

use super::MySqlOptions;
use crate::driver::Dialect;
use crate::error::DbError;

/// What must be refused rather than stored changed. A key of 0 is a 0, as on the other engines, and not the next number.
const SQL_MODE: &str = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
                        NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION";

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    MySql,
    MariaDb,
}

impl Server {
    /// Reads what `VERSION()` says: `8.4.3`, `10.11.14-MariaDB-0+deb12u2`.
    pub(super) fn recognise(version: &str) -> Result<Self, DbError> {
        let is_mariadb = version.contains("MariaDB");
        let (server, least) =
            if is_mariadb { (Self::MariaDb, (10, 6, 0)) } else { (Self::MySql, (8, 0, 17)) };
        let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
        let mut number = || numbers.next().and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
        if (number(), number(), number()) < least {
            let (major, minor, patch) = least;
            return Err(DbError::Unavailable {
                detail: format!(
                    "the server is {} {version}, and {major}.{minor}.{patch} is the oldest that can be used",
                    server.name()
                ),
            });
        }
        Ok(server)
    }

    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::MySql => Dialect::MySql,
            Self::MariaDb => Dialect::MariaDb,
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.dialect().name()
    }

    /// What a new connection is told, in one go.
    ///
    /// - A list of many values is not cut off without an error.
    /// - The collation compares texts byte by byte and does not fill short ones up with spaces, as the other engines do.
    /// - Transactions see what was committed before each statement, as PostgreSQL's do: the server's own habit
    ///   (`REPEATABLE READ`) locks gaps between rows, and lets an update work on rows that a read before does not see.
    pub(super) fn session(self, options: &MySqlOptions) -> String {
        let collation = self.dialect().collation().unwrap_or("utf8mb4_bin");
        let access = if options.read_only { "READ ONLY" } else { "READ WRITE" };
        format!(
            "SET NAMES utf8mb4 COLLATE {collation}; \
             SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, {access}; \
             SET time_zone = '+00:00', sql_mode = '{SQL_MODE}', group_concat_max_len = 4294967295, \
             innodb_lock_wait_timeout = {}, \
             lock_wait_timeout = {}, {}",
            seconds(options.acquire_timeout),
            seconds(options.statement_timeout),
            self.statement_limit(options.statement_timeout),
        )
    }

    /// Sets how long a statement may run; nothing for as long as it takes. MySQL heeds it for reads alone, so that the
    /// driver looks at the clock too.
    pub(super) fn statement_limit(self, limit: Duration) -> String {
        match self {
            Self::MySql => format!("max_execution_time = {}", limit.as_millis()),
            Self::MariaDb => format!("max_statement_time = {:.3}", limit.as_secs_f64()),
        }
    }
}

/// Whole seconds, at least one.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_the_server_and_refuses_old_ones() {
        assert_eq!(Server::recognise("10.11.14-MariaDB-0+deb12u2"), Ok(Server::MariaDb));
        assert_eq!(Server::recognise("11.4.2-MariaDB-log"), Ok(Server::MariaDb));
        assert_eq!(Server::recognise("8.0.36-28"), Ok(Server::MySql));
        assert_eq!(Server::recognise("9.1.0"), Ok(Server::MySql));
        for (version, least) in
            [("10.5.23-MariaDB", "10.6.0"), ("5.7.44-log", "8.0.17"), ("8.0.11-TiDB-v7.5.0", "8.0.17")]
        {
            let fault = Server::recognise(version).unwrap_err().to_string();
            assert!(fault.contains(version) && fault.contains(least), "{fault}");
        }
    }

    #[test]
    fn speaks_to_each_in_its_own_words() {
        let options = MySqlOptions::default();
        let mysql = Server::MySql.session(&options);
        assert!(
            mysql.contains("utf8mb4_0900_bin") && mysql.contains("max_execution_time = 30000"),
            "{mysql}"
        );
        let mariadb = Server::MariaDb.session(&options);
        assert!(mariadb.contains("utf8mb4_nopad_bin"), "{mariadb}");
        assert!(mariadb.contains("max_statement_time = 30.000"), "{mariadb}");
    }
}
