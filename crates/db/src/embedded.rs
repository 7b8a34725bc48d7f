//! Structs of columns in a model's own table: addresses, amounts of money, periods.
//!
//! ```
//! use mainstay_db::{Db, embedded, meta::meta_of, model, schema};
//!
//! #[embedded]
//! pub struct Address {
//!     pub street: String,
//!     #[field(max_length = 2)]
//!     pub country: String,
//! }
//!
//! #[model]
//! pub struct Customer {
//!     pub id: i64,
//!     #[embedded]
//!     pub billing: Address, // the columns billing_street and billing_country
//!     #[embedded(prefix = "ship_")]
//!     pub shipping: Option<Address>, // ship_street and ship_country, both NULL when there is none
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! # let db = Db::open("sqlite::memory:").await?;
//! # schema::create_tables(&[meta_of::<Customer>()], &db).await?;
//! let billing = Address { street: "Hauptstr. 1".into(), country: "DE".into() };
//! let mut customer = NewCustomer { billing: billing.clone() }.insert(&db).await?;
//! assert_eq!(Customer::filter(|c| c.billing.country.eq("DE") & c.shipping.is_null()).count(&db).await?, 1);
//!
//! customer.edit(|c| c.billing.country = "AT".into(), &db).await?; // writes that column alone
//! customer.update(|c| c.shipping(billing), &db).await?;
//! assert_eq!(customer.shipping.as_ref().map(|s| s.country.as_str()), Some("DE"));
//! # Ok(()) }
//! ```
//!
//! - [`Embedded`]: what `#[embedded]` makes of a struct.
//! - [`mod@presence`]: whether a part is always there; reading and writing follow from it.
//! - [`Part`]: a part as closures over a model's columns see it.
//!
//! What is known of parts at run time is in [`meta`](crate::meta): their fields are fields of the model, called
//! `billing.country`.

mod part;
mod presence;

use std::fmt;

use crate::error::DbError;
use crate::meta::{EmbeddedMeta, FieldMeta};
use crate::row::Reader;
use crate::value::Value;

pub use part::{Part, Place};
pub use presence::{Always, Maybe, Presence};

/// A struct of columns. Implemented by [`#[embedded]`](macro@crate::embedded).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct of columns",
    label = "this cannot be a part of a model",
    note = "put `#[embedded]` above the struct"
)]
pub trait Embedded: Clone + fmt::Debug + Sized + Send + Sync + 'static {
    /// Its columns as closures over the columns of `M` get them.
    type Columns<M, P: Presence>: Copy + Send;

    /// Everything about it at run time.
    const META: &'static EmbeddedMeta;

    /// Its columns in one place of a query.
    fn columns<M, P: Presence>(place: Place) -> Self::Columns<M, P>;

    /// Reads it from its columns. `fields` says what they are called where it is a part.
    fn read(reader: &mut Reader<'_>, fields: &'static [FieldMeta]) -> Result<Self, DbError>;

    /// Adds the values of its columns, in order.
    fn into_values(self, values: &mut Vec<Value>);
}

/// How many columns a part has.
pub const fn width<E: Embedded>() -> usize {
    E::META.fields.len()
}

/// Reads a part whose fields begin at `first`.
pub fn read<P: Presence, E: Embedded>(
    reader: &mut Reader<'_>,
    fields: &'static [FieldMeta],
    first: usize,
) -> Result<P::Of<E>, DbError> {
    P::read(reader, &fields[first..first + width::<E>()])
}
