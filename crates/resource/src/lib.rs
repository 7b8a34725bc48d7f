//! What every surface of a model shares.
//!
//! - [`resource`]: [`Resource`]: a model, as surfaces offer it.
//! - [`operations`]: [`Operations`]: list, get, save and remove, for surfaces that know no model. Everything that a surface does
//!   to rows goes through it, and so through policy, validation and hooks.
//! - [`list`](mod@list): which rows a list is asked for; [`record`]: a row as a surface shows it; `input`: a row as a client sends
//!   it; [`fields`]: what fields are called, and which of them can be set.
//! - [`mod@include`]: relations that are shown with rows; `within`: resources within another; `address`: what rows are called in
//!   addresses.
//! - [`policy`]: who may see and change which rows and fields. No policy means no access, on every surface.
//! - [`validation`]: what is wrong with a value, every fault at once.
//! - [`module`]: [`Policies`] for whoever takes them.
//!
//! REST, GraphQL and the admin pages only translate their protocols onto this crate.

mod address;
pub mod fields;
pub mod include;
mod input;
pub mod list;
pub mod module;
pub mod operations;
pub mod policy;
pub mod record;
pub mod resource;
pub mod validation;
mod within;

pub use include::{Includable, Inclusion};
pub use list::{ListRequest, Listing, Shape};
pub use operations::{Caller, Operations, Refused, Removal, Save, Saved, Saving, Write, Written};
pub use policy::{
    Action, Both, ByPermission, Either, FieldSet, Open, Owned, Policies, PoliciesExt, Policy, ReadOnly, Rows,
};
pub use record::Record;
pub use resource::{Resource, find};
pub use validation::Validated;
