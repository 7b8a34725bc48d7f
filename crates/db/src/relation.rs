//! Relations: as fields of a model ([`BelongsTo`], [`HasOne`], [`HasMany`], [`ManyToMany`]), and as closures see them
//! ([`ToOne`], [`ToSingle`], [`ToMany`]).
//!
//! Nothing is loaded behind the back of the code: a field holds what the query has loaded `with` it, and says so when it
//! has not.

mod by_fields;
mod children;
mod field;
mod links;
mod load;
mod loaded;
mod nested;
mod path;

pub use by_fields::{ByFields, KeyPart};
pub(crate) use children::{To, belonging};
pub use field::{BelongsTo, Collection, HasMany, HasOne, ManyToMany, ToOneField};
pub(crate) use links::Links;
pub use load::{IntoLoad, Load, LoadMany, LoadOne, load};
pub(crate) use load::{leading_key, read_joined, run_loads};
pub use path::{Nests, ToMany, ToOne, ToSingle};
