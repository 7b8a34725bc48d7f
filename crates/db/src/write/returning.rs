//! What is stored, as the reply of a write.
//!
//! SQLite and PostgreSQL return the rows of an insert and of an update, MariaDB those of an insert, MySQL none. There the
//! row is read by its key after the write: one round trip more, in the transaction if there is one. Without one, the row is
//! what it has become by then; somebody else may have changed it in between.

use sea_query::Values;

use super::find::key_nodes;
use crate::driver::{Dialect, Reply};
use crate::error::DbError;
use crate::executor::Target;
use crate::meta::ModelMeta;
use crate::query::{Deleted, Select};
use crate::value::Value;

/// Adds `RETURNING` with every column of the model. (sea-query leaves it out for MariaDB.)
pub(super) fn returning(
    (mut sql, values): (String, Values),
    meta: &ModelMeta,
    dialect: Dialect,
) -> (String, Values) {
    for (index, field) in meta.fields.iter().enumerate() {
        sql.push_str(if index == 0 { " RETURNING " } else { ", " });
        sql.push_str(&dialect.quote(field.column));
    }
    (sql, values)
}

/// The row with this key, as it is now.
pub(super) async fn read_back(
    meta: &'static ModelMeta,
    key: Vec<Value>,
    target: Target<'_>,
) -> Result<Reply, DbError> {
    let mut select = Select::new(meta);
    select.deleted = Deleted::With;
    select.filter = key_nodes(meta, key);
    target.select(select).await
}

/// The key of a row that has been inserted without returning it.
pub(super) fn inserted_key(
    meta: &ModelMeta,
    given: Option<Vec<Value>>,
    reply: &Reply,
    dialect: Dialect,
) -> Result<Vec<Value>, DbError> {
    let made = || meta.single_key().and(reply.generated_key).map(|key| vec![Value::Int(key)]);
    given.or_else(made).ok_or_else(|| DbError::Model {
        detail: format!(
            "{} cannot say which key it has made for the new `{}`: let the code make it, with \
             `#[field(default = …)]`",
            dialect.name(),
            meta.name
        ),
    })
}
