//! The book is whole: pages, table of contents, snippets and the list of parity agree with the repository.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod pages;
mod parity;
mod security;

use std::path::PathBuf;

/// A path from the root of the repository.
fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The text of a file, by its path from the root of the repository.
fn read(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
