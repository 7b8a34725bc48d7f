//! What the server's error codes mean to the model layer.

use std::time::Duration;

use mysql_async::{DriverError, Error, ServerError};

use super::server::Server;
use crate::error::{DbError, Outcome};

/// What was asked, of whom, and under what limits.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) server: Server,
    pub(super) sql: &'a str,
    pub(super) statement_limit: Duration,
    pub(super) lock_limit: Duration,
    /// What is known of the statement if the connection broke over it.
    pub(super) outcome: Outcome,
}

impl Scene<'_> {
    pub(super) fn explain(&self, error: Error) -> DbError {
        match error {
            Error::Server(fault) => self.server_says(fault),
            Error::Driver(DriverError::PacketTooLarge) => {
                self.unstorable("more than the server takes at once (`max_allowed_packet`)".to_owned())
            }
            Error::Driver(DriverError::MixedParams) => {
                self.refused("`:name` and `?` do not go together: write every place as `?`".to_owned())
            }
            fault => DbError::ConnectionLost { detail: fault.to_string(), outcome: self.outcome },
        }
    }

    /// By the numbers that both servers share, and those that one of them has.
    fn server_says(&self, fault: ServerError) -> DbError {
        let message = fault.message;
        match fault.code {
            // The index goes where the fields belong until `indexes` has looked up its columns.
            1062 | 1586 => DbError::UniqueViolation {
                model: self.table(),
                fields: vec![quoted(&message, "for key '").unwrap_or_default().to_owned()],
            },
            // "cannot be null"; "has no default value".
            1048 | 1364 => DbError::NotNullViolation {
                model: self.table(),
                field: between(&message, '\'').unwrap_or_default().to_owned(),
            },
            // "… fails (`database`.`table`, CONSTRAINT `name` FOREIGN KEY …", or nothing of that.
            1216 | 1217 | 1451 | 1452 => {
                let name = |place: usize| message.split('`').nth(place).unwrap_or_default().to_owned();
                DbError::ForeignKeyViolation { model: name(3), constraint: name(5) }
            }
            3819 => {
                DbError::CheckViolation { constraint: between(&message, '\'').unwrap_or_default().to_owned() }
            }
            4025 => {
                DbError::CheckViolation { constraint: between(&message, '`').unwrap_or_default().to_owned() }
            }
            // Out of range, not of the type, too long, too large.
            1153 | 1264 | 1265 | 1292 | 1366 | 1367 | 1406 | 1411 | 1690 | 3140 | 3141 => {
                self.unstorable(message)
            }
            1213 => DbError::Deadlock { detail: message },
            // "Record has changed since last read", with `innodb_snapshot_isolation`.
            1020 => DbError::SerializationFailure { detail: message },
            1205 => DbError::Busy {
                what: "a row that another transaction has locked".to_owned(),
                waited: self.lock_limit,
            },
            // Stopped by its own limit, or by the driver for it.
            1317 | 1969 | 3024 => DbError::Timeout { limit: self.statement_limit },
            // Too many connections, of all or of this user.
            1040 | 1203 | 1226 => {
                DbError::Busy { what: format!("a connection ({message})"), waited: Duration::ZERO }
            }
            // Shutdown; the connection was killed, or was idle for too long.
            1053 | 1927 | 2006 | 2013 | 4031 => {
                DbError::ConnectionLost { detail: message, outcome: self.outcome }
            }
            // A transaction, or a server, that does not write. The second number is for other options too.
            1792 | 1836 => DbError::ReadOnly { detail: message },
            1290 if message.contains("read-only") || message.contains("read_only") => {
                DbError::ReadOnly { detail: message }
            }
            // Who may not enter; no such database; a disk that is full; what an option of the server forbids.
            1044 | 1045 | 1049 | 1021 | 1114 | 1290 => DbError::Unavailable { detail: message },
            code => self.refused(format!("{message} ({code})")),
        }
    }

    fn unstorable(&self, what: String) -> DbError {
        DbError::Unstorable { what, engine: self.server.name() }
    }

    fn refused(&self, detail: String) -> DbError {
        DbError::Statement { sql: self.sql.to_owned(), detail }
    }

    fn table(&self) -> String {
        written_table(self.sql).unwrap_or_default().to_owned()
    }
}

/// The table that a statement writes. The server's messages do not name it.
pub(super) fn written_table(sql: &str) -> Option<&str> {
    let mut rest = sql.trim_start();
    loop {
        let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start();
        match word.to_ascii_uppercase().as_str() {
            "INSERT" | "REPLACE" | "DELETE" | "UPDATE" | "INTO" | "FROM" | "IGNORE" | "LOW" | "DELAYED"
            | "QUICK" => rest = after,
            "" if after.starts_with("/*") => rest = after.split_once("*/")?.1.trim_start(),
            _ => break,
        }
    }
    let name = match rest.strip_prefix('`') {
        Some(quoted) => quoted.split('`').next()?,
        None => rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?,
    };
    (!name.is_empty()).then_some(name)
}

/// What stands in quotes behind `lead`.
fn quoted<'a>(message: &'a str, lead: &str) -> Option<&'a str> {
    let (_, rest) = message.rsplit_once(lead)?;
    rest.strip_suffix('\'').or_else(|| rest.split('\'').next())
}

/// What stands between the first two of these quotes.
fn between(message: &str, quote: char) -> Option<&str> {
    message.split(quote).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(code: u16, message: &str) -> DbError {
        let scene = Scene {
            server: Server::MySql,
            sql: "INSERT INTO `notes` (`id`) VALUES (?)",
            statement_limit: Duration::from_secs(30),
            lock_limit: Duration::from_secs(5),
            outcome: Outcome::Unknown,
        };
        scene.explain(Error::Server(ServerError { code, message: message.into(), state: "23000".into() }))
    }

    #[test]
    fn reads_names_out_of_the_messages_of_both_servers() {
        let unique = |key: &str| DbError::UniqueViolation { model: "notes".into(), fields: vec![key.into()] };
        assert_eq!(explain(1062, "Duplicate entry 'it's' for key 'notes_text'"), unique("notes_text"));
        assert_eq!(explain(1062, "Duplicate entry '1' for key 'notes.PRIMARY'"), unique("notes.PRIMARY"));
        let null = DbError::NotNullViolation { model: "notes".into(), field: "text".into() };
        assert_eq!(explain(1048, "Column 'text' cannot be null"), null);
        assert_eq!(explain(1364, "Field 'text' doesn't have a default value"), null);
        let reference = DbError::ForeignKeyViolation {
            model: "comments".into(),
            constraint: "comments_note_id_fkey".into(),
        };
        let message = "Cannot delete or update a parent row: a foreign key constraint fails (`app`.`comments`, \
                       CONSTRAINT `comments_note_id_fkey` FOREIGN KEY (`note_id`) REFERENCES `notes` (`id`))";
        assert_eq!(explain(1451, message), reference);
        let check = DbError::CheckViolation { constraint: "price_is_positive".into() };
        assert_eq!(explain(3819, "Check constraint 'price_is_positive' is violated."), check);
        assert_eq!(explain(4025, "CONSTRAINT `price_is_positive` failed for `app`.`notes`"), check);
    }

    #[test]
    fn tells_what_may_be_tried_again_from_what_may_not() {
        assert!(explain(1213, "Deadlock found when trying to get lock").is_retryable());
        assert!(explain(1020, "Record has changed since last read in table 'notes'").is_retryable());
        assert!(!explain(1205, "Lock wait timeout exceeded").is_retryable());
        let lost = explain(1927, "Connection was killed");
        assert!(matches!(lost, DbError::ConnectionLost { outcome: Outcome::Unknown, .. }), "{lost:?}");
    }

    #[test]
    fn finds_the_table_that_is_written() {
        for sql in [
            "INSERT INTO `notes` (`id`) VALUES (?)",
            "insert into notes(id) values (1)",
            "UPDATE `notes` SET `id` = ?",
            "DELETE FROM `notes` WHERE 1",
            "/* GET /notes */ REPLACE INTO notes VALUES (1)",
            "INSERT IGNORE INTO notes VALUES (1)",
        ] {
            assert_eq!(written_table(sql), Some("notes"), "{sql}");
        }
        assert_eq!(written_table(""), None);
    }
}
