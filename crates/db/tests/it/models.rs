//! Models and queries.

mod hostile;
mod many;
mod sql;
mod tables;
