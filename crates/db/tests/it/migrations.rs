//! Migrations: from one schema to the next, as values, as files, and on real databases.

mod diff;
mod files;
pub(crate) mod random;
