//! The way of a request.

pub mod compression;
pub mod describe;
pub mod extract;
pub mod listen;
pub mod negotiate;
pub mod respond;
