//! Inserting, updating and deleting. Everything here reads the model's metadata; `#[model]` writes only thin calls.
//!
//! - [`Assignments`]: values for some fields, which drafts and changes are typed shells around; [`validate`] checks them.
//! - `insert`, `update`, `delete`: one row, or every row that a query asks for; `find`: the row with a key.
//! - `bulk`, `save_all`: many rows in few statements.
//! - `returning`: what is stored, on engines that cannot return it from a write too.
//! - `faults`: a violated constraint, in the names that the code has.

mod assignments;
mod bulk;
mod delete;
mod faults;
mod find;
mod insert;
mod returning;
mod save_all;
mod update;
mod validate;

pub use assignments::Assignments;
pub use bulk::insert_all;
pub(crate) use bulk::insert_rows;
pub use delete::delete;
pub(crate) use delete::delete_many;
pub use find::{find, get};
pub use insert::insert;
pub use save_all::save_all;
pub(crate) use update::update_many;
pub use update::{save, update};
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
    Ok(select.filter)
}
