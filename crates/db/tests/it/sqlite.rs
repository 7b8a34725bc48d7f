//! What only SQLite has: files, limits, and a crash.

mod backup;
mod files;
mod groups;
mod limits;
