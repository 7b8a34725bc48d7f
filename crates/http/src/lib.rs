//! The way of a request.

pub mod describe;
