//! What the server's and the connection's failures mean to the model layer.

use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError as Report, Severity};

use super::location::with_cause;
use crate::error::{DbError, Outcome};

/// A failure as the connection has met it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// What is known of the statement, should the connection be gone.
    pub(super) outcome: Outcome,
}

impl Failure {
    /// Whether the connection is gone with it.
    pub(super) fn is_lost(&self) -> bool {
        match self.error.as_db_error() {
            Some(report) => is_fatal(report),
            None => self.error.is_closed() || is_broken(&self.error),
        }
    }

    /// Whether the statement was prepared for tables that have changed since, so that preparing it again may help. Such
    /// failures come before anything is done.
    pub(super) fn is_stale(&self) -> bool {
        self.error.code().is_some_and(|state| {
            let code = state.code();
            code == "26000" || code.starts_with("42") || (code == "0A000" && self.mentions("cached plan"))
        })
    }

    fn mentions(&self, words: &str) -> bool {
        self.error.as_db_error().is_some_and(|report| report.message().contains(words))
    }

    /// Whether the server has refused something, which ends the transaction that it was in.
    pub(super) fn is_refusal(&self) -> bool {
        self.error.as_db_error().is_some()
    }

    pub(super) fn explain(self, sql: &str, limit: Duration) -> DbError {
        if self.is_lost() {
            return DbError::ConnectionLost { detail: with_cause(&self.error), outcome: self.outcome };
        }
        match self.error.as_db_error() {
            Some(report) => refused(report, sql, limit),
            None => local(self.error, sql),
        }
    }
}

/// Why a statement did not run.
#[derive(Debug)]
pub(super) enum Fault {
    /// It was not sent.
    Refused(DbError),
    /// It failed.
    Met(Failure),
    /// It was prepared before its tables changed, and nothing is done: another attempt may succeed.
    Stale(Failure),
}

impl From<DbError> for Fault {
    fn from(fault: DbError) -> Self {
        Self::Refused(fault)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Met(failure)
    }
}

impl Fault {
    pub(super) fn explain(self, sql: &str, limit: Duration) -> DbError {
        match self {
            Self::Refused(fault) => fault,
            Self::Met(failure) | Self::Stale(failure) => failure.explain(sql, limit),
        }
    }

    /// Whether another attempt on a fresh connection is safe, and may succeed.
    pub(super) fn may_be_tried_again(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Stale(_) => true,
            Self::Met(failure) => failure.is_lost() && failure.outcome == Outcome::NotDone,
        }
    }

    /// Whether the server itself has refused it: a transaction is then over.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Met(failure) | Self::Stale(failure) => failure.is_refusal(),
        }
    }
}

fn is_fatal(report: &Report) -> bool {
    matches!(report.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

/// The socket failed, or what came from it made no sense. What could not be written down here is another thing: a NUL in
/// a statement's text.
fn is_broken(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() != std::io::ErrorKind::InvalidInput)
}

/// A failure on this side: a value that cannot be bound, the wrong number of them.
fn local(error: Error, sql: &str) -> DbError {
    let words = with_cause(&error);
    let cause = error.into_source().and_then(|cause| cause.downcast::<DbError>().ok());
    cause.map_or_else(|| DbError::Statement { sql: sql.to_owned(), detail: words }, |cause| *cause)
}

/// By SQLSTATE: appendix A of PostgreSQL's manual.
fn refused(report: &Report, sql: &str, limit: Duration) -> DbError {
    let table = report.table().unwrap_or_default().to_owned();
    let constraint = report.constraint().unwrap_or_default();
    let detail = words(report);
    match report.code().code() {
        "23505" => DbError::UniqueViolation {
            model: table,
            fields: report.detail().and_then(key_columns).unwrap_or_else(|| vec![constraint.to_owned()]),
        },
        "23502" => {
            DbError::NotNullViolation { model: table, field: report.column().unwrap_or_default().to_owned() }
        }
        "23503" | "23001" => DbError::ForeignKeyViolation { model: table, constraint: constraint.to_owned() },
        "23514" | "23P01" => DbError::CheckViolation { constraint: constraint.to_owned() },
        // Too long, out of range, not of the character set, not of the type, too large for an index.
        "22001" | "22003" | "22007" | "22008" | "22021" | "22P02" | "22P03" | "22P05" | "54000" => {
            DbError::Unstorable { what: format!("a value ({detail})"), engine: "PostgreSQL" }
        }
        "40001" => DbError::SerializationFailure { detail },
        "40P01" => DbError::Deadlock { detail },
        "57014" => DbError::Timeout { limit },
        "55P03" => DbError::Busy { what: "a lock".to_owned(), waited: Duration::ZERO },
        "25P02" => DbError::TransactionEnded {
            detail: "an earlier statement in it failed; what may fail and be survived goes into a nested \
                     transaction"
                .to_owned(),
        },
        "25006" => DbError::ReadOnly { detail },
        code if code.starts_with("53") || code.starts_with("58") || code.starts_with("XX") => {
            DbError::Unavailable { detail }
        }
        _ => DbError::Statement { sql: sql.to_owned(), detail },
    }
}

/// Why no connection could be opened.
pub(super) fn explain_opening(error: &Error, place: &dyn std::fmt::Display) -> DbError {
    let why = error.as_db_error().map_or_else(|| with_cause(error), words);
    let advice = match error.code().map(|state| state.code()) {
        Some("08P01") if why.contains("startup parameter") => {
            "; for PgBouncer set database.pooler = \"transaction\""
        }
        Some("3D000") => "; make it: CREATE DATABASE",
        _ => "",
    };
    DbError::Unavailable { detail: format!("`{place}` cannot be reached: {why}{advice}") }
}

/// Whether another attempt may succeed: the server is starting, is full, or is not there at the moment.
pub(super) fn may_pass(error: &Error) -> bool {
    match error.code() {
        Some(state) => matches!(state.code(), "57P01" | "57P02" | "57P03") || state.code().starts_with("53"),
        None => error.is_closed() || std::error::Error::source(error).is_some_and(is_passing),
    }
}

/// Refused and reset connections pass; a certificate that does not fit, or an unknown host, does not.
fn is_passing(cause: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind;
    cause.downcast_ref::<std::io::Error>().is_some_and(|fault| {
        matches!(
            fault.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::NotFound
                | ErrorKind::TimedOut
                | ErrorKind::UnexpectedEof
                | ErrorKind::BrokenPipe
        )
    })
}

/// All that the server has said.
fn words(report: &Report) -> String {
    let mut words = format!("{} ({})", report.message(), report.code().code());
    for more in [report.detail(), report.hint()].into_iter().flatten() {
        words.push_str(": ");
        words.push_str(more);
    }
    words
}

/// `Key (author_id, lower(slug))=(7, x) already exists.` as what stands in the first parentheses. The words around them
/// are in the server's language.
fn key_columns(detail: &str) -> Option<Vec<String>> {
    let (_, keys) = detail.split_once('(')?;
    let (mut columns, mut name) = (Vec::new(), String::new());
    let (mut depth, mut quoted) = (0, false);
    let mut letters = keys.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => quoted = !quoted,
            _ if quoted => name.push(letter),
            ')' if depth == 0 => {
                columns.push(name.trim().to_owned());
                return letters.next_if_eq(&'=').map(|_| columns);
            }
            ',' if depth == 0 => columns.push(std::mem::take(&mut name).trim().to_owned()),
            '(' => {
                depth += 1;
                name.push(letter);
            }
            ')' => {
                depth -= 1;
                name.push(letter);
            }
            _ => name.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_columns_of_a_unique_constraint() {
        let read = |detail| key_columns(detail).unwrap();
        assert_eq!(read("Key (slug)=(a)=(b) already exists."), ["slug"]);
        assert_eq!(read("Key (author_id, slug)=(1, x) already exists."), ["author_id", "slug"]);
        assert_eq!(read("Schlüssel »(name)=(x)« existiert bereits."), ["name"]);
        assert_eq!(read("Key (lower(title), \"odd, \"\"name)\")=(x) …"), ["lower(title)", "odd, \"name)"]);
        assert_eq!(key_columns("Key is not shown."), None);
        assert_eq!(key_columns("Key (broken"), None);
    }

    proptest! {
        #[test]
        fn never_panics_on_what_a_server_says(detail in ".{0,60}") {
            let _ = key_columns(&detail);
        }
    }
}
