//! The macros of Mainstay. Each emits a thin call into ordinary, documented functions of the crate that owns it.
