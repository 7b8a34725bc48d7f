//! Inserting, updating and deleting. Everything here reads the model's metadata; `#[model]` writes only thin calls.
//!
//! - [`Assignments`]: values for some fields, which drafts and changes are typed shells around; [`validate()`] checks them.
//! - `insert`, `update`, `edit`, `delete`: one row; `find`: the row with a key.
//! - [`Creation`]: a new row with rows that belong to it.
//! - `bulk`, `save_all`: many rows in few statements; `many`: every row that a query asks for.
//! - `upsert`: insert or else update, or leave what is there; [`on_conflict`] says more about it.
//! - `hooked`: the writes of models that have [hooks](crate::hooks).
//! - `ready`: what is checked, and sealed, on the way into a statement.
//! - `returning`: what is stored, on engines that cannot return it from a write too.
//! - `references`: whose rows a write may refer to.
//! - `faults`: a violated constraint, in the names that the code has.

mod assignments;
mod bulk;
mod conflict;
mod creation;
mod delete;
mod edit;
mod faults;
mod find;
mod hooked;
mod insert;
mod many;
mod ready;
mod references;
mod returning;
mod save_all;
mod update;
mod upsert;
mod validate;

pub use assignments::Assignments;
pub(crate) use bulk::insert_rows;
pub use bulk::{insert_all, insert_all_returning};
pub use conflict::{IntoColumns, IntoConflict, OnConflict, on_conflict};
pub use creation::Creation;
pub use delete::{delete, delete_for_good, restore};
pub(crate) use delete::{delete_softly, deletion, restore_many};
pub use edit::edit;
pub(crate) use faults::alike;
pub use find::{find, get};
pub(crate) use find::{keys_like, present};
pub use insert::insert;
pub(crate) use insert::{insert_at, insert_row};
pub(crate) use many::{delete_many, delete_returning, update_key, update_many, update_returning};
use ready::ready;
pub(crate) use references::tenant_of;
pub use save_all::save_all;
pub use update::{save, update, update_with};
pub use upsert::{insert_or_ignore, upsert, upsert_all};
pub use validate::validate;

use crate::error::DbError;
use crate::expression::Node;
use crate::query::Select;

/// The filters of a query whose rows are to be changed, which must have nothing but filters.
fn only_filters(select: Select) -> Result<Vec<Node>, DbError> {
    if select.limit.is_some() || select.offset.is_some() || !select.order.is_empty() {
        return Err(DbError::Model {
            detail: format!(
                "an update or delete of many `{}` takes filters only, no order, limit or offset",
                select.meta.name
            ),
        });
    }
    let rule = select.rule();
    let mut filter = select.filter;
    filter.extend(rule);
    Ok(filter)
}
