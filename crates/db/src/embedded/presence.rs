//! Whether a part is always there.

use super::{Embedded, width};
use crate::error::DbError;
use crate::meta::FieldMeta;
use crate::row::Reader;
use crate::value::{Cell, Value};

/// Whether a part is always there: [`Always`] or [`Maybe`].
pub trait Presence: sealed::Sealed + Copy + Send + Sync + 'static {
    /// What a value in it is: `T`, or `Option<T>`.
    type Of<T>;

    /// Reads the part.
    fn read<E: Embedded>(
        reader: &mut Reader<'_>,
        fields: &'static [FieldMeta],
    ) -> Result<Self::Of<E>, DbError>;

    /// Adds the values of its columns.
    fn into_values<E: Embedded>(part: Self::Of<E>, values: &mut Vec<Value>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Always {}
    impl Sealed for super::Maybe {}
}

/// It is in every row.
#[derive(Clone, Copy, Debug)]
pub struct Always;

/// It is an `Option`, or inside of one.
#[derive(Clone, Copy, Debug)]
pub struct Maybe;

impl Presence for Always {
    type Of<T> = T;

    fn read<E: Embedded>(reader: &mut Reader<'_>, fields: &'static [FieldMeta]) -> Result<E, DbError> {
        E::read(reader, fields)
    }

    fn into_values<E: Embedded>(part: E, values: &mut Vec<Value>) {
        part.into_values(values);
    }
}

impl Presence for Maybe {
    type Of<T> = Option<T>;

    fn read<E: Embedded>(
        reader: &mut Reader<'_>,
        fields: &'static [FieldMeta],
    ) -> Result<Option<E>, DbError> {
        let mut ahead = *reader;
        let is_empty = (0..width::<E>()).all(|_| {
            let cell = ahead.peek();
            ahead.skip(1);
            cell == Cell::Null
        });
        if is_empty {
            *reader = ahead;
            return Ok(None);
        }
        let read = E::read(reader, fields).map(Some);
        read.map_err(|fault| match fault {
            DbError::Decode { column, expected, found } if found == Cell::Null.describe() => {
                let found =
                    format!("{found}, though other columns of the part `{}` have values", E::META.name);
                DbError::Decode { column, expected, found }
            }
            fault => fault,
        })
    }

    fn into_values<E: Embedded>(part: Option<E>, values: &mut Vec<Value>) {
        match part {
            Some(part) => part.into_values(values),
            None => values.extend((0..width::<E>()).map(|_| Value::Null)),
        }
    }
}
