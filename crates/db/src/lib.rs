//! The model layer.
//!
//! Read from below, in this order:
//!
//! 1. [`value`]: values on their way in, cells on their way out, and the Rust types that can be a column.
//! 2. [`driver`]: the contract between the model layer and an engine; [`row`]: what an engine answers.
//! 3. [`sqlite`]: the engine that is built in: reader threads and one group-committing writer.
//! 4. [`error`]: what can go wrong, with its status.

pub mod driver;
pub mod error;
pub mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod value;

pub use driver::Dialect;
pub use error::DbError;
pub use value::Json;
