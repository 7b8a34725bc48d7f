//! What every surface of a model shares: validation.

pub mod validation;

pub use validation::Validated;
