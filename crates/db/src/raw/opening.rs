//! What a statement begins with: mistakes that each engine would tell of in its own way, or not at all.

use super::placeholders::skipped;
use crate::driver::{Dialect, StatementKind};
use crate::error::DbError;

const WRITES: &[&str] =
    &["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CREATE", "ALTER", "DROP", "TRUNCATE"];
const ENDS: &[&str] = &["BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"];

/// Refuses what is no statement, what writes and is run as a read, and what would begin or end a transaction.
pub(super) fn check(text: &str, kind: StatementKind, dialect: Dialect) -> Result<(), DbError> {
    let rest = without_comments(text, dialect);
    let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(&rest[..end]));
    let detail = if rest.is_empty() {
        "there is no statement in it"
    } else if kind == StatementKind::Read && is(WRITES) {
        "a statement that writes must not be run as a read: use `execute`, or `returning` or `writing().fetch` for its rows"
    } else if is(ENDS) {
        "a statement cannot begin or end a transaction: use `db.transaction` or `db.begin`"
    } else {
        return Ok(());
    };
    Err(DbError::Statement { sql: text.to_owned(), detail: detail.to_owned() })
}

/// From the first word on.
fn without_comments(mut text: &str, dialect: Dialect) -> &str {
    loop {
        text = text.trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '(' | ';'));
        // MySQL and MariaDB run what stands in these.
        let is_run = text.starts_with("/*!") || text.starts_with("/*M!");
        let is_comment = text.starts_with("--")
            || text.starts_with("/*") && !(is_run && dialect.is_mysql())
            || text.starts_with('#') && dialect.is_mysql();
        if !is_comment {
            return text;
        }
        text = &text[skipped(text, dialect)..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, kind: StatementKind) -> bool {
        check(text, kind, Dialect::MySql).is_err()
    }

    #[test]
    fn sees_the_first_word_behind_comments() {
        use StatementKind::{Read, Write};
        for text in
            ["DELETE FROM t", "\n /* SELECT */ insert into t", "-- SELECT\nUPDATE t", "# x\nDROP TABLE t"]
        {
            assert!(refused(text, Read) && !refused(text, Write), "{text}");
        }
        for text in
            ["SELECT 1", "(SELECT 1)", "deleted", "WITH x AS (DELETE) SELECT 1", "/*! DELETE */", "PRAGMA x"]
        {
            assert!(!refused(text, Read), "{text}");
        }
        for text in ["commit", "/* sly */ ROLLBACK", "", " -- nothing", "/* never ends"] {
            assert!(refused(text, Read) && refused(text, Write), "{text}");
        }
        assert!(check("/*! x */", Read, Dialect::Sqlite).is_err());
    }
}
