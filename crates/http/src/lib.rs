//! The way of a request.

pub mod describe;
pub mod extract;
pub mod listen;
