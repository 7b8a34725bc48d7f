//! What only SQLite has: files, limits, and a crash.

mod crash;
mod files;
mod limits;
