//! A typed JSON document in one column.

mod place;

use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Cell, Decode, Mismatch, SqlType, Stored, Value};

/// A `T` that is stored as a JSON document.
///
/// ```
/// use mainstay_db::Json;
///
/// let size = Json(vec![3, 4]);
/// assert_eq!(size.len(), 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: DeserializeOwned> Decode for Json<T> {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        let bytes = match cell {
            Cell::Text(text) => text.as_bytes(),
            Cell::Bytes(bytes) => bytes,
            _ => return Err(Mismatch::new("a JSON document", cell)),
        };
        serde_json::from_slice(bytes).map(Json).map_err(|fault| Mismatch {
            expected: std::any::type_name::<T>(),
            found: format!("JSON that does not fit at `{}` ({fault})", place::of(bytes, &fault)),
        })
    }
}

impl<T> Stored for Json<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    const TYPE: SqlType = SqlType::Json;

    fn into_value(self) -> Value {
        match serde_json::to_string(&self.0) {
            Ok(text) => Value::Json(text),
            Err(fault) => Value::Unstorable(format!("a {} ({fault})", std::any::type_name::<T>())),
        }
    }
}
