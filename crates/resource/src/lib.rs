//! What every surface of a model shares.
//!
//! - [`policy`]: who may see and change which rows and fields. No policy means no access, on every surface.
//! - [`validation`]: what is wrong with a value, every fault at once.
//!
//! REST, GraphQL and the admin pages only translate their protocols onto this crate.

pub mod policy;
pub mod validation;

pub use policy::{Action, FieldSet, Policies, PoliciesExt, Policy, Rows};
pub use validation::Validated;
