//! What can go wrong between a model and its table.
//!
//! Public functions return [`mainstay_core::Result`]; the [`DbError`] is the source of that error, so that a caller can
//! ask for it: `error.source_as::<DbError>()`. What it says is for the log. The public half of the error (status,
//! code, message) is made here too, and names models and fields, never SQL or values.

use std::fmt;
use std::time::Duration;

use mainstay_core::{Error, Fault, StatusCode};

/// A failure of the model layer or of the database beneath it.
///
/// A driver fills `model` and `fields` with table and column names, as the engine reports them; the model layer
/// replaces them by the names in the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// Another row has the same value in a unique field: 409.
    #[error("another {model} has the same {}", fields.join(", "))]
    UniqueViolation {
        /// The model (or table).
        model: String,
        /// The fields (or columns) that must be unique together.
        fields: Vec<String>,
    },
    /// A reference would lead nowhere, and which is not known: 409. What drivers report. Where the model layer can, it says
    /// [`UnknownReference`](Self::UnknownReference) or [`StillReferenced`](Self::StillReferenced) instead.
    #[error("a reference of {model} would lead to a row that does not exist ({constraint})")]
    ForeignKeyViolation {
        /// The model (or table) that has the reference; empty when the engine does not say.
        model: String,
        /// The name of the constraint; empty when the engine does not say.
        constraint: String,
    },
    /// The row refers to one that does not exist: 422.
    #[error("{model}.{field} refers to a row that does not exist")]
    UnknownReference {
        /// The model.
        model: String,
        /// The relation.
        field: String,
    },
    /// The row cannot go while others refer to it: 409.
    #[error("{model} is still referred to by `{by}.{column}`")]
    StillReferenced {
        /// The model.
        model: String,
        /// The table of the rows that refer to it.
        by: String,
        /// Their column.
        column: String,
    },
    /// Somebody else has changed or deleted the row since it was read: 409.
    #[error("the {model} has been changed since it was read")]
    StaleVersion {
        /// The model.
        model: &'static str,
    },
    /// A required field has no value: 422.
    #[error("{model}.{field} must have a value")]
    NotNullViolation {
        /// The model (or table).
        model: String,
        /// The field (or column).
        field: String,
    },
    /// A check constraint refused the row: 422. What drivers report. The model layer says [`FailedCheck`](Self::FailedCheck)
    /// instead, when the check is one of the model's.
    #[error("the check `{constraint}` refused the row")]
    CheckViolation {
        /// The name of the constraint.
        constraint: String,
    },
    /// A value is not as the model demands: 422.
    #[error("the check `{constraint}` of {model} refused the row: {message}")]
    FailedCheck {
        /// The model.
        model: String,
        /// The field; empty for a check of the whole row.
        field: String,
        /// The name of the constraint.
        constraint: String,
        /// What was demanded, for the client.
        message: String,
    },
    /// There is no such row: 404.
    #[error("there is no such {model}")]
    NotFound {
        /// The model.
        model: &'static str,
    },
    /// One row was asked for, and there are several: 500.
    #[error("more than one {model} matches a query that asked for exactly one")]
    NotOne {
        /// The model.
        model: &'static str,
    },
    /// A place to run the statement did not come free in time, or another process holds the lock: 503.
    #[error("the database is busy: {what} was not free after {waited:?}")]
    Busy {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// The statement ran longer than it may: 503.
    #[error("the statement was stopped after {limit:?}")]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// The transaction was open longer than it may, and was rolled back: 503.
    #[error("the transaction was open for more than {limit:?} and has been rolled back")]
    TransactionExpired {
        /// The limit.
        limit: Duration,
    },
    /// The transaction cannot have happened as if it were alone, because of another one: 503. It has left nothing, and may
    /// be run again: `transaction_retry` does.
    #[error("the transaction met another one that changed the same rows, and has been rolled back: {detail}")]
    SerializationFailure {
        /// The engine's words.
        detail: String,
    },
    /// Two transactions waited for each other, and this one was rolled back: 503. It may be run again:
    /// `transaction_retry` does.
    #[error(
        "the transaction and another one waited for each other, and this one has been rolled back: {detail}"
    )]
    Deadlock {
        /// The engine's words.
        detail: String,
    },
    /// The connection broke while it was used: 503.
    #[error("the connection to the database was lost ({outcome}): {detail}")]
    ConnectionLost {
        /// What happened to the connection.
        detail: String,
        /// What is known of the statement that was under way.
        outcome: Outcome,
    },
    /// The transaction has already ended, by its own SQL or because the engine rolled it back: 500.
    #[error("the transaction has already ended: {detail}")]
    TransactionEnded {
        /// Why.
        detail: String,
    },
    /// The database cannot be reached, opened, read or written: 503.
    #[error("the database is unavailable: {detail}")]
    Unavailable {
        /// What happened, with the file or the address.
        detail: String,
    },
    /// A write where nothing may be written: in a read-only transaction, to a file that may only be read, on a server that is a
    /// replica: 503.
    #[error("nothing may be written here: {detail}")]
    ReadOnly {
        /// The engine's words.
        detail: String,
    },
    /// The database has been closed: 503.
    #[error("the database has been closed")]
    Closed,
    /// A stored value is not what the model says: 500.
    #[error("column `{column}` holds {found}, expected {expected}")]
    Decode {
        /// The column, or its position.
        column: String,
        /// The type that the model has.
        expected: &'static str,
        /// What is stored.
        found: String,
    },
    /// An encrypted field cannot be opened, or not be sealed: 500.
    #[error("the encrypted {place} cannot be used: {why}")]
    Encrypted {
        /// The table and the column, and the key of the row where it is known.
        place: String,
        /// Why.
        why: crate::encrypted::Fault,
    },
    /// This engine cannot hold the value, or a value that was reckoned is outside of its type: 422.
    #[error("{what} cannot be stored in {engine}")]
    Unstorable {
        /// The value's description.
        what: String,
        /// The engine, or the type.
        engine: &'static str,
    },
    /// A cursor that no page of this query has given out: 400.
    #[error("the cursor does not fit: {detail}")]
    InvalidCursor {
        /// What does not fit.
        detail: &'static str,
    },
    /// A relation was read that the query did not load: 500.
    #[error("`{model}.{relation}` was not loaded: add `.with(|it| it.{relation})` to the query")]
    UnloadedRelation {
        /// The model.
        model: &'static str,
        /// The relation.
        relation: &'static str,
    },
    /// The model's metadata does not allow what was asked (a relation without a counterpart, for one): 500.
    #[error("{detail}")]
    Model {
        /// What does not fit.
        detail: String,
    },
    /// The engine refused the statement: 500.
    #[error("the database refused `{sql}`: {detail}")]
    Statement {
        /// The statement.
        sql: String,
        /// The engine's words.
        detail: String,
    },
}

/// What is known of a statement whose connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not happened: it was not sent, it only reads, or it was part of a transaction that is rolled back.
    NotDone,
    /// It may or may not have happened: its reply was lost.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDone => "nothing was written",
            Self::Unknown => "what was being written may or may not be there",
        })
    }
}

impl DbError {
    /// Whether the transaction that met it may succeed when it is run again from its beginning.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::SerializationFailure { .. } | Self::Deadlock { .. })
    }

    /// The status-bearing error that leaves the crate, with this as its source.
    #[track_caller]
    pub fn into_error(self) -> Error {
        let error = match &self {
            Self::UniqueViolation { fields, .. } => {
                let taken = |field: &String| {
                    Fault::new(format!("/{}", field.replace('.', "/")), "taken", "is taken already")
                };
                Error::conflict(format!("Another one has the same {} already.", list(fields)))
                    .code("unique_violation")
                    .with_faults(fields.iter().map(taken).collect())
            }
            Self::ForeignKeyViolation { .. } => {
                Error::conflict("Something that this refers to does not exist, or is still referred to.")
                    .code("foreign_key_violation")
            }
            Self::UnknownReference { field, .. } => unprocessable(
                format!("`{field}` refers to something that does not exist."),
                "unknown_reference",
            )
            .with_faults(vec![Fault::new(format!("/{field}"), "reference", "must exist")]),
            Self::StillReferenced { by, .. } => {
                Error::conflict(format!("It is still referred to by {}.", by.replace('_', " ")))
                    .code("still_referenced")
            }
            Self::StaleVersion { model } => Error::conflict(format!(
                "The {} has been changed by somebody else. Read it again.",
                words(model)
            ))
            .code("stale_version"),
            Self::NotNullViolation { field, .. } => {
                unprocessable(format!("`{field}` must have a value."), "not_null_violation")
            }
            Self::CheckViolation { .. } => {
                unprocessable("A value is outside of what is allowed.".to_owned(), "check_violation")
            }
            Self::FailedCheck { field, message, .. } => {
                let at = if field.is_empty() { String::new() } else { format!("/{field}") };
                unprocessable(message.clone(), "check_violation").with_faults(vec![Fault::new(
                    at,
                    "check",
                    message.clone(),
                )])
            }
            Self::Unstorable { .. } => {
                unprocessable("A value cannot be stored.".to_owned(), "value_not_storable")
            }
            Self::InvalidCursor { .. } => {
                Error::new(StatusCode::BAD_REQUEST, "The cursor is not one of this list.")
                    .code("invalid_cursor")
            }
            Self::NotFound { model } => Error::not_found(format!("There is no such {}.", words(model))),
            Self::Busy { .. } | Self::Timeout { .. } | Self::TransactionExpired { .. } => {
                Error::unavailable("The database is busy. Try again.").code("database_busy")
            }
            Self::SerializationFailure { .. } => {
                Error::unavailable("Somebody else changed the same thing. Try again.")
                    .code("serialization_failure")
            }
            Self::Deadlock { .. } => {
                Error::unavailable("Somebody else changed the same thing. Try again.").code("deadlock")
            }
            Self::ConnectionLost { .. } => {
                Error::unavailable("The database is not available.").code("connection_lost")
            }
            Self::Unavailable { .. } | Self::ReadOnly { .. } | Self::Closed => {
                Error::unavailable("The database is not available.").code("database_unavailable")
            }
            Self::NotOne { .. }
            | Self::TransactionEnded { .. }
            | Self::Decode { .. }
            | Self::Encrypted { .. }
            | Self::UnloadedRelation { .. }
            | Self::Model { .. }
            | Self::Statement { .. } => return Error::from(self),
        };
        error.caused_by(self)
    }
}

#[track_caller]
fn unprocessable(message: String, code: &'static str) -> Error {
    Error::new(StatusCode::UNPROCESSABLE_ENTITY, message).code(code)
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// `BlogPost` as `blog post`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// Turns the crate's own failures into the error that crosses its border.
pub(crate) trait Border<T> {
    /// With the right status.
    fn at_border(self) -> mainstay_core::Result<T>;
}

impl<T> Border<T> for Result<T, DbError> {
    #[track_caller]
    fn at_border(self) -> mainstay_core::Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_fault_its_status_and_keeps_the_engine_from_the_client() {
        let conflict = DbError::UniqueViolation { model: "Article".into(), fields: vec!["slug".into()] };
        let error = conflict.clone().into_error();
        assert_eq!(error.status(), StatusCode::CONFLICT);
        assert_eq!(error.machine_code(), "unique_violation");
        assert_eq!(error.message(), "Another one has the same `slug` already.");
        assert_eq!(error.source_as::<DbError>(), Some(&conflict));

        let refused = DbError::Statement { sql: "SELEC secret".into(), detail: "syntax".into() }.into_error();
        assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!refused.message().contains("secret"));
        assert!(refused.report().contains("SELEC secret"));

        assert_eq!(
            DbError::NotFound { model: "BlogPost" }.into_error().message(),
            "There is no such blog post."
        );
        assert_eq!(DbError::Closed.into_error().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
