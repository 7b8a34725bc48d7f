//! What SQLite's result codes mean to the model layer.

use std::path::Path;

use rusqlite::{Error, ffi};

use super::connection::Limits;
use crate::error::DbError;

/// Where and under what limits the failure happened.
pub(super) struct Scene<'a> {
    pub(super) path: &'a Path,
    pub(super) sql: &'a str,
    pub(super) limits: &'a Limits,
}

impl Scene<'_> {
    pub(super) fn explain(&self, error: Error) -> DbError {
        let Error::SqliteFailure(failure, message) = error else {
            return self.refused(error.to_string());
        };
        let message = message.unwrap_or_else(|| failure.to_string());
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => {
                let (model, fields) = columns(&message);
                return DbError::UniqueViolation { model, fields };
            }
            // RESTRICT is a trigger of SQLite's own.
            ffi::SQLITE_CONSTRAINT_TRIGGER if message.starts_with("FOREIGN KEY") => {
                return DbError::ForeignKeyViolation { model: String::new(), constraint: String::new() };
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                return DbError::ForeignKeyViolation { model: String::new(), constraint: String::new() };
            }
            ffi::SQLITE_CONSTRAINT_NOTNULL => {
                let (model, mut fields) = columns(&message);
                return DbError::NotNullViolation { model, field: fields.pop().unwrap_or_default() };
            }
            ffi::SQLITE_CONSTRAINT_CHECK => {
                return DbError::CheckViolation { constraint: after_colon(&message).to_owned() };
            }
            ffi::SQLITE_CONSTRAINT_DATATYPE => {
                return DbError::Unstorable { what: message, engine: "SQLite" };
            }
            _ => {}
        }
        let path = self.path.display();
        match failure.extended_code & 0xff {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => DbError::Busy {
                what: format!("the lock on `{path}`, which another process holds,"),
                waited: self.limits.busy,
            },
            ffi::SQLITE_INTERRUPT => DbError::Timeout { limit: self.limits.statement },
            ffi::SQLITE_FULL => unavailable(format!("the disk that holds `{path}` is full")),
            ffi::SQLITE_NOTADB => unavailable(format!("`{path}` is not a database of SQLite")),
            ffi::SQLITE_CORRUPT => unavailable(format!("`{path}` is damaged ({message})")),
            ffi::SQLITE_CANTOPEN => unavailable(format!("`{path}` cannot be opened ({message})")),
            ffi::SQLITE_READONLY => {
                DbError::ReadOnly { detail: format!("`{path}` cannot be written ({message})") }
            }
            ffi::SQLITE_IOERR => unavailable(format!("`{path}` cannot be read or written ({message})")),
            ffi::SQLITE_AUTH => {
                self.refused("a transaction is begun and ended by the driver, not by a statement".to_owned())
            }
            // A sum.
            ffi::SQLITE_ERROR if message == "integer overflow" => {
                DbError::Unstorable { what: "an integer of more than 64 bits".to_owned(), engine: "SQLite" }
            }
            ffi::SQLITE_TOOBIG => DbError::Unstorable { what: message, engine: "SQLite" },
            _ => self.refused(message),
        }
    }

    fn refused(&self, detail: String) -> DbError {
        DbError::Statement { sql: self.sql.to_owned(), detail }
    }
}

fn unavailable(detail: String) -> DbError {
    DbError::Unavailable { detail }
}

fn after_colon(message: &str) -> &str {
    message.split_once(": ").map_or(message, |(_, rest)| rest)
}

/// `UNIQUE constraint failed: articles.author_id, articles.slug` as the table and its columns.
fn columns(message: &str) -> (String, Vec<String>) {
    let mut table = String::new();
    let mut columns = Vec::new();
    for place in after_colon(message).split(", ") {
        match place.split_once('.') {
            Some((name, column)) => {
                name.clone_into(&mut table);
                columns.push(column.to_owned());
            }
            None => columns.push(place.to_owned()),
        }
    }
    (table, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_table_and_columns_out_of_a_constraint_message() {
        assert_eq!(
            columns("UNIQUE constraint failed: articles.author_id, articles.slug"),
            ("articles".into(), vec!["author_id".into(), "slug".into()])
        );
        assert_eq!(columns("UNIQUE constraint failed: index 'x'"), (String::new(), vec!["index 'x'".into()]));
    }
}
