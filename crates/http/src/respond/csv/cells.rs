//! From a value to the cells of a row.

use std::borrow::Cow;
use std::fmt;

use mainstay_core::{Error, Result};
use serde::ser::{self, Serialize, Serializer};

use crate::respond::json;

/// What becomes of texts that a spreadsheet takes for formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formulas {
    /// They get a `'` in front.
    Disarmed,
    /// They stay.
    Verbatim,
}

/// One cell, and the column that it is for: none in a row without names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) name: Option<Cow<'static, str>>,
    pub(super) text: String,
}

impl Cell {
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// The cells of a row.
pub(super) fn cells<T: Serialize>(row: &T, formulas: Formulas) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    let cell_by_cell = Row { cells: &mut cells, name: None, formulas, place: Place::Row };
    row.serialize(cell_by_cell).map_err(|fault| {
        let row = std::any::type_name::<T>();
        Error::internal(format!("a {row} cannot be a row of a table: {fault}"))
    })?;
    Ok(cells)
}

/// A text that no spreadsheet takes for a formula: <https://owasp.org/www-community/attacks/CSV_Injection>.
pub(super) fn disarmed(text: &str, formulas: Formulas) -> Cow<'_, str> {
    let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let number = || text.parse::<f64>().is_ok_and(f64::is_finite);
    if formulas == Formulas::Verbatim || !begins || number() {
        text.into()
    } else {
        format!("'{text}").into()
    }
}

/// Writes a value into one cell, or into several.
struct Row<'r> {
    cells: &'r mut Vec<Cell>,
    name: Option<Cow<'static, str>>,
    formulas: Formulas,
    place: Place,
}

/// What is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The row itself: of a list, each item is a cell.
    Row,
    /// A field: of a struct, each field is a cell; a list is one.
    Field,
}

/// Why a value is no row.
#[derive(Debug)]
enum Fault {
    /// It is a list, or an enum with values: JSON is to be written instead.
    NotFlat,
    Other(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFlat => f.write_str("it is an enum with values"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}

impl<'r> Row<'r> {
    fn push(self, text: String) -> Result<(), Fault> {
        self.cells.push(Cell { name: self.name, text });
        Ok(())
    }

    /// A value inside of this one.
    fn write<T: Serialize + ?Sized>(
        &mut self,
        key: Option<Cow<'static, str>>,
        value: &T,
    ) -> Result<(), Fault> {
        let name = match (&self.name, key) {
            (Some(outer), Some(key)) => Some(format!("{outer}.{key}").into()),
            (_, key) => key,
        };
        let before = self.cells.len();
        let field =
            Row { cells: &mut *self.cells, name: name.clone(), formulas: self.formulas, place: Place::Field };
        match value.serialize(field) {
            Err(Fault::NotFlat) => {
                self.cells.truncate(before);
                let text = json::write(value).map_err(|error| Fault::Other(error.report()))?;
                let text = String::from_utf8(text).map_err(ser::Error::custom)?;
                self.cells.push(Cell { name, text });
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// A list is cells in a row without names, and one cell in a field.
    fn list(self) -> Result<Items<'r>, Fault> {
        match self.place {
            Place::Row => Ok(Items { row: self, key: None }),
            Place::Field => Err(Fault::NotFlat),
        }
    }
}

macro_rules! plain {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<(), Fault> {
            self.push(value.to_string())
        }
    )*};
}

impl<'r> Serializer for Row<'r> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Items<'r>;
    type SerializeTuple = Items<'r>;
    type SerializeTupleStruct = Items<'r>;
    type SerializeTupleVariant = ser::Impossible<(), Fault>;
    type SerializeMap = Items<'r>;
    type SerializeStruct = Items<'r>;
    type SerializeStructVariant = ser::Impossible<(), Fault>;

    plain! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
        serialize_f32 f32;
        serialize_f64 f64;
    }

    fn serialize_char(self, value: char) -> Result<(), Fault> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Fault> {
        let text = disarmed(value, self.formulas).into_owned();
        self.push(text)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Fault> {
        Err(Fault::NotFlat)
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.push(String::new())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.push(String::new())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Fault> {
        self.push(String::new())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Fault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Fault> {
        Err(Fault::NotFlat)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'r>, Fault> {
        self.list()
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'r>, Fault> {
        self.list()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'r>, Fault> {
        self.list()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Fault> {
        Err(Fault::NotFlat)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'r>, Fault> {
        Ok(Items { row: self, key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'r>, Fault> {
        Ok(Items { row: self, key: None })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Fault> {
        Err(Fault::NotFlat)
    }
}

/// The parts of a struct, a map or a list.
struct Items<'r> {
    row: Row<'r>,
    key: Option<String>,
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.row.write(None, value)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

impl ser::SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.row.write(None, value)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

impl ser::SerializeTupleStruct for Items<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.row.write(None, value)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        let mut cells = Vec::new();
        key.serialize(Row {
            cells: &mut cells,
            name: None,
            formulas: Formulas::Verbatim,
            place: Place::Row,
        })?;
        match <[Cell; 1]>::try_from(cells) {
            Ok([key]) => self.key = Some(key.text),
            Err(_) => return Err(ser::Error::custom("the key of a map is not one text")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let key = self.key.take().unwrap_or_default();
        self.row.write(Some(key.into()), value)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

impl ser::SerializeStruct for Items<'_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
        self.row.write(Some(key.into()), value)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}
