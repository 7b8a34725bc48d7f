//! What only SQLite has: files, limits, and a crash.

mod files;
mod limits;
