//! Models and queries.

mod sql;
