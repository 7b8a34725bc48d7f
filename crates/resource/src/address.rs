//! What a row is called in an address.

use std::slice;

use mainstay_core::{Error, Result};
use mainstay_db::meta::{FieldMeta, ModelMeta};
use mainstay_db::named::{Comparison, Named, read_text, write_json};
use mainstay_db::{Model, Query, Value};

use crate::resource::missing;

/// By what rows of a model are named in addresses: their key, or a unique field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    meta: &'static ModelMeta,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Key,
    Field(usize),
}

impl Address {
    /// By the key.
    pub(crate) fn of_key<M: Model>() -> Self {
        Self { meta: M::META, by: By::Key }
    }

    /// By the field with this column.
    pub(crate) fn of_column<M: Model>(column: &str) -> Self {
        let by = M::META.column(column).map_or(By::Key, |(index, _)| By::Field(index));
        Self { meta: M::META, by }
    }

    /// By the unique field that a parameter of a path is called after, if there is one.
    pub(crate) fn of_parameter<M: Model>(parameter: &str) -> Self {
        let field = M::META.field(parameter).filter(|(_, field)| field.unique && !field.nullable);
        Self { meta: M::META, by: field.map_or(By::Key, |(index, _)| By::Field(index)) }
    }

    /// The model.
    pub(crate) fn meta(&self) -> &'static ModelMeta {
        self.meta
    }

    /// The field, unless it is the key.
    pub(crate) fn field(&self) -> Option<&'static FieldMeta> {
        match self.by {
            By::Key => None,
            By::Field(index) => self.meta.fields.get(index),
        }
    }

    /// The field, if it is one.
    pub(crate) fn only(&self) -> Option<&'static FieldMeta> {
        match self.positions() {
            [only] => self.meta.fields.get(*only),
            _ => None,
        }
    }

    fn positions(&self) -> &[usize] {
        match &self.by {
            By::Key => self.meta.key,
            By::Field(index) => slice::from_ref(index),
        }
    }

    /// The name of a row with these values, which are those of all of the model's fields. Several have a comma between them; one
    /// within a value is written as `%2C`, and `%` as `%25`.
    pub(crate) fn text(&self, values: &[Value]) -> Result<String> {
        let positions = self.positions();
        let mut parts = Vec::with_capacity(positions.len());
        for index in positions {
            let field = &self.meta.fields[*index];
            let mut json = String::new();
            write_json(field, &values[*index], &mut json)
                .map_err(|fault| unwritable(self.meta, field, &fault))?;
            parts.push(serde_json::from_str::<String>(&json).unwrap_or(json));
        }
        Ok(match <[String; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => {
                let escaped = parts.iter().map(|part| part.replace('%', "%25").replace(',', "%2C"));
                escaped.collect::<Vec<_>>().join(",")
            }
        })
    }

    /// The values of a name; none if it is the name of no row.
    pub(crate) fn read(&self, text: &str) -> Option<Vec<Value>> {
        let positions = self.positions();
        let parts: Vec<String> = match positions.len() {
            1 => vec![text.to_owned()],
            _ => text.split(',').map(|part| part.replace("%2C", ",").replace("%25", "%")).collect(),
        };
        if parts.len() != positions.len() {
            return None;
        }
        positions
            .iter()
            .zip(&parts)
            .map(|(index, part)| read_text(&self.meta.fields[*index], part).ok())
            .collect()
    }

    /// The query for the row of this name, among those of a query.
    pub(crate) fn limit<M: Model>(&self, query: Query<M>, text: &str) -> Result<Query<M>> {
        let values = self.read(text).ok_or_else(missing::<M>)?;
        Ok(with_values(query, self.positions(), values))
    }
}

/// The query for rows whose fields at these positions have these values.
pub(crate) fn with_values<M: Model>(query: Query<M>, positions: &[usize], values: Vec<Value>) -> Query<M> {
    let fields = positions.iter().filter_map(|index| Named::<M>::find(M::META.fields.get(*index)?.name));
    let parts = fields.zip(values).map(|(field, value)| field.compare(Comparison::Equal, value));
    parts.fold(query, |query, part| query.filter(|_| part))
}

pub(crate) fn unwritable(meta: &ModelMeta, field: &FieldMeta, fault: &str) -> Error {
    Error::internal(format!("`{}.{}` cannot be written as JSON: {fault}", meta.name, field.name))
}
