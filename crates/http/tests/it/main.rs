//! The behaviour of the HTTP layer, over real sockets.

mod listen;
mod wire;
