//! What only shows from outside of the crate.

mod compile_fail;
