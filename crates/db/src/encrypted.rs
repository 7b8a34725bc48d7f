//! Fields that are stored sealed: `#[field(encrypted)]`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use mainstay_core::Profile;
//! use mainstay_core::clock::SystemClock;
//! use mainstay_core::keys::{Keys, KeysConfig};
//! use mainstay_core::random::SecureRandom;
//! use mainstay_db::{Db, meta::meta_of, model, schema, sql};
//!
//! #[model]
//! pub struct Patient {
//!     pub id: i64,
//!     #[field(encrypted, blind_index = lowercase, unique)]
//!     pub email: String,
//!     #[field(encrypted)]
//!     pub notes: Option<String>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! # let (clock, random) = (Arc::new(SystemClock), Arc::new(SecureRandom::new()));
//! # let keys = Keys::new(&KeysConfig::default(), &Profile::Test, clock, random)?;
//! let db = Db::open("sqlite::memory:").await?.with_keys(&keys); // an application's `Db` has the application's keys
//! # schema::create_tables(&[meta_of::<Patient>()], &db).await?;
//! NewPatient { email: "Ann@example.org".into() }.notes("allergic to nuts".to_owned()).insert(&db).await?;
//!
//! let ann = Patient::filter(|p| p.email.eq("ann@example.org")).one(&db).await?;
//! assert_eq!(ann.notes.as_deref(), Some("allergic to nuts"));
//!
//! let stored: String = sql("SELECT notes FROM patients").fetch_one(&db).await?;
//! assert!(stored.starts_with("sealed:"));
//! # Ok(()) }
//! ```
//!
//! A value is sealed when a statement is made of what is to be written ([`Assignments`](crate::write::Assignments) are plain, so that validation and
//! hooks see the value), and opened when a model is read from a row. In between, in the engine, in logs, in a dump, it is
//! `sealed:` and a token of [`Keys`](mainstay_core::keys::Keys), whose purpose is the table and the column: what is moved to another column does not open.
//!
//! In reading order: `plain` (values as bytes), `vault` (the keys of a database, field by field), [`mod@column`] (what closures can say
//! of such a field), [`mod@reseal`] (sealing anew, when keys have changed).

pub mod column;
mod plain;
pub mod reseal;
mod vault;

use std::fmt;

use mainstay_core::keys::KeyError;

use crate::error::DbError;
use crate::meta::ModelMeta;
use crate::value::Value;

pub use column::{Encrypted, Indexed, Unindexed};
pub use reseal::{Resealed, reseal};
pub use vault::Blind;
pub(crate) use vault::Vault;

/// What a sealed value begins with in its column.
pub(crate) const SEALED: &str = "sealed:";

/// Why an encrypted field could not be read, or not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The database was opened without keys.
    NoKeys,
    /// What is stored is not sealed.
    NotSealed,
    /// What is stored was changed, moved from another field, or sealed with a key that is not known.
    Refused(KeyError),
    /// What was sealed is no value of the field's type.
    OtherType(&'static str),
    /// It must be unique, and another row has the same value, by a digest of another secret.
    Duplicate,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeys => f.write_str("this database was opened without keys: give it some by `with_keys`"),
            Self::NotSealed => f.write_str(
                "what is stored is not sealed; while a field becomes an encrypted one, `#[field(encrypted, reads_plain)]` reads that too",
            ),
            Self::Refused(KeyError::UnknownKey) => f.write_str(
                "it was sealed with a key that is not known here: one that was revoked, or another `keys.secret`, which may stand in \
                 `keys.previous`",
            ),
            Self::Refused(KeyError::Malformed) => f.write_str("what is stored is cut off, or was written over"),
            Self::Refused(_) => f.write_str("what is stored was changed, or belongs to another field"),
            Self::OtherType(expected) => write!(f, "what was sealed is no value of its type: expected {expected}"),
            Self::Duplicate => f.write_str(
                "it must be unique, and another row has the same value: it was written since the secret has changed; change one of the two",
            ),
        }
    }
}

/// The failure of a field.
pub(crate) fn failed(meta: &ModelMeta, index: usize, row: Option<String>, why: Fault) -> DbError {
    let row = row.map(|row| format!(" of the row {row}")).unwrap_or_default();
    DbError::Encrypted { place: format!("`{}.{}`{row}", meta.table, meta.fields[index].column), why }
}

/// A key of a row, for messages.
pub(crate) fn named(key: &[Value]) -> String {
    let part = |value: &Value| match value {
        Value::Int(number) => number.to_string(),
        Value::Uuid(id) => id.to_string(),
        Value::Text(text) if text.chars().count() <= 60 => text.clone(),
        other => other.cell().describe(),
    };
    key.iter().map(part).collect::<Vec<_>>().join(", ")
}
