//! Typed APIs.
