//! Models and queries.

mod holds;
mod hostile;
mod many;
mod metadata;
mod names;
mod sql;
mod tables;
mod without_returning;
