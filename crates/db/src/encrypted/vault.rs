//! The keys of a database, field by field.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use mainstay_core::keys::{BlindIndex, KeyError, Keys, Purpose};
use uuid::Uuid;

use super::{Fault, SEALED, plain};
use crate::meta::{FieldMeta, Form, ModelMeta};
use crate::value::{Cell, Value};

/// Seals and opens. Keys of a field are derived when it is met first.
pub(crate) struct Vault {
    keys: Keys,
    /// By where the field's metadata is.
    known: RwLock<HashMap<usize, Arc<FieldKeys>>>,
}

/// The keys of a field: those of its name, then those of the names that it had before (`#[renamed_from]`).
struct FieldKeys {
    sealing: Vec<Purpose>,
    index: Vec<BlindIndex>,
}

/// What a stored text is.
pub(super) enum Stored<'a> {
    Sealed(&'a str),
    Plain(&'a str),
}

/// The table and the column, and what they were called before.
fn names(meta: &ModelMeta, field: &FieldMeta) -> impl Iterator<Item = (&'static str, &'static str)> {
    let columns = [Some(field.column), field.renamed_from];
    [Some(meta.table), meta.renamed_from]
        .into_iter()
        .flatten()
        .flat_map(move |table| columns.into_iter().flatten().map(move |column| (table, column)))
}

impl Vault {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self { keys: keys.clone(), known: RwLock::default() }
    }

    fn keys_of(&self, meta: &'static ModelMeta, index: usize) -> Arc<FieldKeys> {
        let field = &meta.fields[index];
        let place = std::ptr::from_ref(field).addr();
        if let Some(keys) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Arc::clone(keys);
        }
        let names: Vec<_> =
            names(meta, field).map(|(table, column)| format!("field {table}.{column}")).collect();
        let sealing = names.iter().map(|name| self.keys.purpose(name)).collect();
        let index = names.iter().map(|name| self.keys.blind_index(name)).collect();
        let keys = Arc::new(FieldKeys { sealing, index });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(place, Arc::clone(&keys));
        keys
    }

    /// What is stored for a value. NULL stays NULL.
    pub(crate) fn seal(&self, meta: &'static ModelMeta, index: usize, value: &Value) -> Value {
        match plain::write(value) {
            Some(bytes) => Value::Text(self.seal_bytes(meta, index, &bytes)),
            None => Value::Null,
        }
    }

    pub(super) fn seal_bytes(&self, meta: &'static ModelMeta, index: usize, bytes: &[u8]) -> String {
        let keys = self.keys_of(meta, index);
        // A field has one name at least.
        let token = keys.sealing.first().map(|purpose| purpose.seal(bytes, None)).unwrap_or_default();
        format!("{SEALED}{token}")
    }

    /// Opens what is stored, and says whether it is sealed as it would be now.
    pub(super) fn open_and_compare(
        &self,
        meta: &'static ModelMeta,
        index: usize,
        token: &str,
    ) -> Result<(Vec<u8>, bool), Fault> {
        let keys = self.keys_of(meta, index);
        let (name, bytes) = keys.open(token)?;
        // By the name that the field has now, with the key of now.
        let is_current = name == 0 && keys.sealing[name].is_current(token);
        Ok((bytes, is_current))
    }

    /// The value in a cell, opened, for `read`. NULL is read as it is.
    pub(crate) fn read<T>(
        &self,
        (meta, index): (&'static ModelMeta, usize),
        cell: Cell<'_>,
        read: impl FnOnce(Cell<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match stored(&meta.fields[index], cell)? {
            None => read(Cell::Null),
            Some(Stored::Plain(text)) => read(Cell::Text(text)),
            Some(Stored::Sealed(token)) => {
                let (_, bytes) = self.keys_of(meta, index).open(token)?;
                read(plain::read(&bytes).ok_or(Fault::OtherType("a value"))?)
            }
        }
    }

    /// The digest that a value is found by; none of NULL, and of a field without a blind index.
    pub(crate) fn digest(&self, meta: &'static ModelMeta, index: usize, value: &Value) -> Value {
        let form = meta.fields[index].encrypted.and_then(|encryption| encryption.index);
        let bytes = form.and_then(|form| plain::looked_up(value, form));
        let keys = self.keys_of(meta, index);
        match (bytes, keys.index.first()) {
            (Some(bytes), Some(index)) => Value::Uuid(Uuid::from_bytes(index.digest(&bytes))),
            _ => Value::Null,
        }
    }

    /// Puts digests in the places of values that are looked for.
    pub(crate) fn resolve(&self, values: &mut [Value]) {
        for value in values {
            match value {
                Value::Blind(blind) => *value = Value::Uuid(self.sought(blind)),
                Value::List(values) => self.resolve(values),
                _ => {}
            }
        }
    }

    fn sought(&self, blind: &Blind) -> Uuid {
        let keys = self.keys_of(blind.meta, blind.index);
        let digest = keys.index.get(blind.slot / SECRETS).map(|index| match blind.slot % SECRETS {
            0 => index.digest(&blind.bytes),
            _ => index.previous_digest(&blind.bytes).unwrap_or_else(|| index.digest(&blind.bytes)),
        });
        Uuid::from_bytes(digest.unwrap_or_default())
    }
}

impl FieldKeys {
    /// What was sealed, and by which of the field's names.
    fn open(&self, token: &str) -> Result<(usize, Vec<u8>), Fault> {
        let mut refused = KeyError::Malformed;
        for (name, purpose) in self.sealing.iter().enumerate() {
            match purpose.open(token) {
                Ok(bytes) => return Ok((name, bytes)),
                Err(fault) => refused = fault,
            }
            if refused != KeyError::WrongPurposeOrForged {
                break;
            }
        }
        Err(Fault::Refused(refused))
    }
}

/// What is in a cell; nothing in NULL.
pub(super) fn stored<'a>(field: &FieldMeta, cell: Cell<'a>) -> Result<Option<Stored<'a>>, Fault> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Text(text) => match text.strip_prefix(SEALED) {
            Some(token) => Ok(Some(Stored::Sealed(token))),
            None if field.encrypted.is_some_and(|encryption| encryption.reads_plain) => {
                Ok(Some(Stored::Plain(text)))
            }
            None => Err(Fault::NotSealed),
        },
        _ => Err(Fault::NotSealed),
    }
}

/// By how many secrets a value is looked up: `keys.secret`, and the one before.
const SECRETS: usize = 2;

/// A value that is looked for in a blind index. Its digest is known when a database runs the statement, which has the keys.
#[derive(Clone)]
pub struct Blind {
    meta: &'static ModelMeta,
    index: usize,
    /// Which of the digests it can have: by each name of the field, with each secret.
    slot: usize,
    bytes: Vec<u8>,
}

impl Blind {
    /// All of the digests that a value can have. However many secrets there are, a field always has as many, so that one statement
    /// serves every look-up.
    pub(crate) fn all(meta: &'static ModelMeta, index: usize, form: Form, value: &Value) -> Vec<Value> {
        let Some(bytes) = plain::looked_up(value, form) else { return vec![Value::Null] };
        let slots = names(meta, &meta.fields[index]).count() * SECRETS;
        let blind = |slot| Value::Blind(Box::new(Self { meta, index, slot, bytes: bytes.clone() }));
        (0..slots).map(blind).collect()
    }

    /// What a database says that has no keys.
    pub(crate) fn refused(&self) -> String {
        format!("a look-up by `{}` (the database was opened without keys)", self.place())
    }

    fn place(&self) -> String {
        format!("{}.{}", self.meta.table, self.meta.fields[self.index].column)
    }
}

/// Where it is looked for, and not what.
impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blind({} ********)", self.place())
    }
}

impl PartialEq for Blind {
    fn eq(&self, other: &Self) -> bool {
        self.meta.is(other.meta)
            && (self.index, self.slot, &self.bytes) == (other.index, other.slot, &other.bytes)
    }
}

impl Eq for Blind {}

impl Hash for Blind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.meta.table, self.index, self.slot, &self.bytes).hash(state);
    }
}
