//! What a statement does, seen by its first word: whether it may be sent on a connection that others use too, and whether
//! it may be sent again.
//!
//! The server takes a prepared statement only when it is a single one, so that nothing can hide behind a semicolon.

use crate::driver::StatementKind;
use crate::error::DbError;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// It reads.
    Read,
    /// It writes, or may.
    Write,
    /// It begins or ends a transaction, or a part of one.
    Transaction,
    /// It changes something for whoever uses the connection next.
    Session,
    /// It speaks a protocol of its own.
    Copy,
}

impl Command {
    pub(super) fn of(sql: &str) -> Self {
        let rest = without_comments(sql);
        let (word, rest) = word(rest);
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is(&["SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN"]) {
            return Self::Read;
        }
        if is(&["WITH"]) {
            return if may_write(rest) { Self::Write } else { Self::Read };
        }
        if is(&["INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "ALTER", "DROP"]) {
            return Self::Write;
        }
        if is(&["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"]) {
            return Self::Transaction;
        }
        if is(&["SET"]) {
            let (scope, _) = self::word(without_comments(rest));
            let local = ["LOCAL", "TRANSACTION", "CONSTRAINTS"];
            let local = local.iter().any(|known| known.eq_ignore_ascii_case(scope));
            return if local { Self::Write } else { Self::Session };
        }
        let lasting =
            ["RESET", "DISCARD", "LISTEN", "UNLISTEN", "PREPARE", "DEALLOCATE", "DECLARE", "CLOSE", "LOAD"];
        if is(&lasting) {
            return Self::Session;
        }
        if is(&["COPY"]) { Self::Copy } else { Self::Write }
    }

    /// Whether it may be sent, as a statement of that kind.
    pub(super) fn allow(self, kind: StatementKind, sql: &str) -> Result<(), DbError> {
        let refuse =
            |detail: &str| Err(DbError::Statement { sql: sql.to_owned(), detail: detail.to_owned() });
        match (self, kind) {
            (Self::Transaction, _) => {
                refuse("a statement cannot begin or end a transaction: use `db.transaction` or `db.begin`")
            }
            (Self::Session, _) => refuse(
                "it would change the connection for whoever uses it next: put settings into the URL \
                 (`?options=-c%20work_mem%3D64MB`), or use SET LOCAL in a transaction",
            ),
            (Self::Copy, _) => refuse("COPY is not supported"),
            (Self::Write, StatementKind::Read) => refuse(
                "a statement that writes must not be run as a read, and this one does not begin as one that reads \
                 (SELECT, WITH, VALUES, TABLE, SHOW, EXPLAIN)",
            ),
            _ => Ok(()),
        }
    }
}

fn word(sql: &str) -> (&str, &str) {
    let end = sql.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(sql.len());
    sql.split_at(end)
}

/// Skips what may stand before the first word: spaces, comments (the server's `/* */` nest), parentheses.
fn without_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '(');
        if let Some(rest) = sql.strip_prefix("--") {
            sql = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(rest) = sql.strip_prefix("/*") {
            sql = after_comment(rest);
        } else {
            return sql;
        }
    }
}

fn after_comment(mut sql: &str) -> &str {
    let mut depth = 1;
    while depth > 0 {
        let Some(at) = sql.find(['*', '/']) else { return "" };
        if sql[at..].starts_with("*/") {
            depth -= 1;
            sql = &sql[at + 2..];
        } else if sql[at..].starts_with("/*") {
            depth += 1;
            sql = &sql[at + 2..];
        } else {
            sql = &sql[at + 1..];
        }
    }
    sql
}

/// Whether a word of a query is that of a statement that writes. A text or a name of that kind makes the answer a cautious
/// yes.
fn may_write(sql: &str) -> bool {
    sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').any(|word| {
        ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|known| known.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_statements_do() {
        for (sql, command) in [
            ("SELECT 1", Command::Read),
            ("  (select 1)", Command::Read),
            ("/* /* nested */ BEGIN */ -- COMMIT\nSELECT 1", Command::Read),
            ("WITH n AS (SELECT 1) SELECT * FROM n", Command::Read),
            ("with gone as (delete from t returning *) select * from gone", Command::Write),
            ("INSERT INTO t VALUES (1)", Command::Write),
            ("/* sly */ ROLLBACK", Command::Transaction),
            ("begin", Command::Transaction),
            ("COMMIT;", Command::Transaction),
            ("SET search_path = x", Command::Session),
            ("SET LOCAL search_path = x", Command::Write),
            ("LISTEN news", Command::Session),
            ("COPY t FROM STDIN", Command::Copy),
            ("", Command::Write),
            ("/*", Command::Write),
        ] {
            assert_eq!(Command::of(sql), command, "{sql}");
        }
    }

    #[test]
    fn refuses_what_others_would_feel() {
        assert!(Command::Transaction.allow(StatementKind::Write, "BEGIN").is_err());
        assert!(Command::Session.allow(StatementKind::Read, "SET x = 1").is_err());
        assert!(Command::Write.allow(StatementKind::Read, "DELETE FROM t").is_err());
        assert!(Command::Write.allow(StatementKind::Write, "DELETE FROM t").is_ok());
        assert!(Command::Read.allow(StatementKind::Write, "SELECT 1").is_ok());
    }
}
