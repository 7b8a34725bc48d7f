//! What is inside of JSON documents, in each dialect's words.
//!
//! `D` stands for the document, `P` for the path, and `V` for a value that is looked for.

use sea_query::Expr;

use super::{Renderer, slot};
use crate::driver::Dialect::{MariaDb, MySql, Postgres, Sqlite};
use crate::error::DbError;
use crate::expression::{Contained, JsonTerm, Path, Wanted};

/// Whole numbers that have 64 bits; what is a number can be read as an exact one first.
const POSTGRES_INT: &str = "CASE WHEN jsonb_typeof(D #> P) = 'number' THEN CASE WHEN (D #>> P) ~ '^-{0,1}[0-9]+$' AND \
     CAST(D #>> P AS numeric) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(D #>> P AS bigint) END END";

impl Renderer {
    pub(super) fn json(&self, json: &JsonTerm) -> Result<Expr, DbError> {
        let document = self.term(&json.document)?;
        let Path::Slot(path) = json.path else { return Ok(Expr::cust("NULL")) };
        let (words, value) = match &json.wanted {
            Wanted::Contains(contained) => self.contained(contained)?,
            wanted => (self.inside_of_json(wanted), None),
        };
        let mut template = String::with_capacity(words.len());
        let mut arguments = Vec::new();
        let mut quoted = false;
        for letter in words.chars() {
            let argument = match letter {
                _ if quoted => None,
                'D' if !template.ends_with(|before: char| before.is_ascii_alphabetic()) => {
                    Some(document.clone())
                }
                'P' if !template.ends_with(|before: char| before.is_ascii_alphabetic()) => Some(slot(path)),
                'V' if !template.ends_with(|before: char| before.is_ascii_alphabetic()) => value.map(slot),
                _ => None,
            };
            quoted ^= letter == '\'';
            match argument {
                Some(argument) => {
                    arguments.push(argument);
                    match self.dialect {
                        Postgres => template.push_str(&format!("${}", arguments.len())),
                        _ => template.push('?'),
                    }
                }
                None => template.push(letter),
            }
        }
        Ok(Expr::cust_with_exprs(template, arguments))
    }

    fn inside_of_json(&self, wanted: &Wanted) -> &'static str {
        match (self.dialect, wanted) {
            (Sqlite, Wanted::Text) => "CASE WHEN json_type(D, P) = 'text' THEN json_extract(D, P) END",
            (Sqlite, Wanted::Int) => "CASE WHEN json_type(D, P) = 'integer' THEN json_extract(D, P) END",
            (Sqlite, Wanted::Float) => {
                "CASE WHEN json_type(D, P) IN ('integer', 'real') THEN CAST(json_extract(D, P) AS real) END"
            }
            (Sqlite, Wanted::Bool) => "CASE json_type(D, P) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END",
            (Sqlite, _) => "(json_type(D, P) IS NOT NULL)",
            (Postgres, Wanted::Text) => "CASE WHEN jsonb_typeof(D #> P) = 'string' THEN D #>> P END",
            (Postgres, Wanted::Int) => POSTGRES_INT,
            (Postgres, Wanted::Float) => {
                "CASE WHEN jsonb_typeof(D #> P) = 'number' THEN CAST(D #>> P AS double precision) END"
            }
            (Postgres, Wanted::Bool) => {
                "CASE WHEN jsonb_typeof(D #> P) = 'boolean' THEN CAST(D #>> P AS boolean) END"
            }
            (Postgres, _) => "((D #> P) IS NOT NULL)",
            // Without a collation of its own, such a text cannot be compared with a value.
            (MySql, Wanted::Text) => {
                "CASE WHEN json_type(json_extract(D, P)) = 'STRING' \
                 THEN json_unquote(json_extract(D, P)) COLLATE utf8mb4_0900_bin END"
            }
            (MariaDb, Wanted::Text) => {
                "CASE WHEN json_type(json_extract(D, P)) = 'STRING' \
                 THEN json_unquote(json_extract(D, P)) COLLATE utf8mb4_nopad_bin END"
            }
            (MySql | MariaDb, Wanted::Int) => {
                "CASE WHEN json_type(json_extract(D, P)) = 'INTEGER' THEN CAST(json_extract(D, P) AS signed) END"
            }
            (MySql | MariaDb, Wanted::Float) => {
                "CASE WHEN json_type(json_extract(D, P)) IN ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL') \
                 THEN CAST(json_extract(D, P) AS double) END"
            }
            (MySql | MariaDb, Wanted::Bool) => {
                "CASE WHEN json_type(json_extract(D, P)) = 'BOOLEAN' THEN json_contains(D, 'true', P) END"
            }
            (MySql | MariaDb, _) => "json_contains_path(D, 'one', P)",
        }
    }

    fn contained(&self, contained: &Contained) -> Result<(&'static str, Option<usize>), DbError> {
        Ok(match (self.dialect, contained) {
            (Sqlite, Contained::Text(slot)) => (
                "EXISTS (SELECT 1 FROM json_each(D, P) WHERE type = 'text' AND atom = V \
                  AND json_type(D, P) IN ('array', 'text'))",
                Some(*slot),
            ),
            (Sqlite, Contained::Number(slot)) => (
                "EXISTS (SELECT 1 FROM json_each(D, P) WHERE type IN ('integer', 'real') AND atom = V \
                 AND json_type(D, P) IN ('array', 'integer', 'real'))",
                Some(*slot),
            ),
            (Sqlite, Contained::Word(slot)) => (
                "EXISTS (SELECT 1 FROM json_each(D, P) WHERE type = V AND json_type(D, P) <> 'object')",
                Some(*slot),
            ),
            (Sqlite, _) => {
                return Err(DbError::Model {
                    detail: "SQLite cannot look for arrays and objects inside of JSON: ask for a plain value"
                        .to_owned(),
                });
            }
            (Postgres, Contained::Document(slot)) => ("((D #> P) @> CAST(V AS jsonb))", Some(*slot)),
            (_, Contained::Document(slot)) => ("json_contains(D, V, P)", Some(*slot)),
            _ => ("NULL", None),
        })
    }
}
