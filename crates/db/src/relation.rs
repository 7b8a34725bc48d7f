//! Relations: as fields of a model ([`BelongsTo`], [`HasMany`], [`ManyToMany`]), and as closures see them ([`ToOne`],
//! [`ToMany`]).
//!
//! Nothing is loaded behind the back of the code: a field holds what the query has loaded `with` it, and says so when it
//! has not.

mod field;
mod links;
mod load;
mod loaded;
mod path;

pub use field::{BelongsTo, Collection, HasMany, ManyToMany, ToOneField};
pub(crate) use load::run_loads;
pub use load::{IntoLoad, Load, LoadMany, LoadOne};
pub use path::{ToMany, ToOne};
