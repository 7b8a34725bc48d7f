//! Which columns an index has: the server names the index of a value that is there twice, people ask for the field.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::error::DbError;

/// The most indexes that are kept.
const MOST: usize = 1_024;

const COLUMNS: &str = "SELECT column_name FROM information_schema.statistics \
                       WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? \
                       AND column_name IS NOT NULL ORDER BY seq_in_index";

/// The columns of the indexes that were violated so far. Asked for once: a name that is taken is not a rare failure.
#[derive(Debug, Default)]
pub(super) struct Indexes(Mutex<HashMap<(String, String), Vec<String>>>);

impl Indexes {
    /// Replaces the name of an index by its columns. What cannot be found out stays as it is.
    pub(super) async fn name_fields(&self, fault: DbError, conn: &mut Conn) -> DbError {
        let DbError::UniqueViolation { model, fields } = fault else { return fault };
        let key = fields.first().map(String::as_str).unwrap_or_default();
        // MySQL puts the table before the index, MariaDB leaves it out.
        let (table, index) = match key.split_once('.') {
            Some((table, index)) => (table.to_owned(), index.to_owned()),
            None => (model, key.to_owned()),
        };
        let place = (table, index);
        if let Some(columns) = self.known(&place) {
            return DbError::UniqueViolation { model: place.0, fields: columns };
        }
        let found: Result<Vec<String>, _> = conn.exec(COLUMNS, (&place.0, &place.1)).await;
        match found {
            Ok(columns) if !columns.is_empty() => {
                self.keep(place.clone(), columns.clone());
                DbError::UniqueViolation { model: place.0, fields: columns }
            }
            _ => DbError::UniqueViolation { model: place.0, fields: vec![place.1] },
        }
    }

    /// After a change of the schema, names may mean something else.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn known(&self, place: &(String, String)) -> Option<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    fn keep(&self, place: (String, String), columns: Vec<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(place, columns);
    }
}
