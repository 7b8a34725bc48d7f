//! The rows of a result in two allocations: cells of 16 bytes, and one arena for all texts and bytes.

use std::hash::{Hash, Hasher};

use rusqlite::types::ValueRef;

use crate::error::DbError;
use crate::value::Cell;

/// The rows of one result.
#[derive(Debug)]
pub(crate) struct Buffer {
    columns: usize,
    names: Vec<String>,
    cells: Vec<Stored>,
    arena: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Stored {
    Null,
    Int(i64),
    Float(f64),
    Text { start: u32, len: u32 },
    Bytes { start: u32, len: u32 },
}

/// Room for the texts of a small result.
const FEW_BYTES: usize = 512;

impl Buffer {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, names: Vec::new(), cells: Vec::with_capacity(columns), arena: Vec::new() }
    }

    pub(super) fn set_names(&mut self, names: Vec<String>) {
        self.names = names;
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        self.names.clone()
    }

    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Result<(), DbError> {
        let cell = match value {
            ValueRef::Null => Stored::Null,
            ValueRef::Integer(value) => Stored::Int(value),
            ValueRef::Real(value) => Stored::Float(value),
            ValueRef::Text(text) => {
                let (start, len) = self.keep(text)?;
                Stored::Text { start, len }
            }
            ValueRef::Blob(bytes) => {
                let (start, len) = self.keep(bytes)?;
                Stored::Bytes { start, len }
            }
        };
        self.cells.push(cell);
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(u32, u32), DbError> {
        let too_large =
            |_| DbError::Unavailable { detail: "a result of more than 4 GB; read it in parts".into() };
        let start = u32::try_from(self.arena.len()).map_err(too_large)?;
        let len = u32::try_from(bytes.len()).map_err(too_large)?;
        if self.arena.is_empty() {
            self.arena.reserve(bytes.len().max(FEW_BYTES));
        }
        self.arena.extend_from_slice(bytes);
        Ok((start, len))
    }

    /// Adds all that it holds to a digest.
    pub(super) fn digest(&self, hasher: &mut impl Hasher) {
        for cell in &self.cells {
            std::mem::discriminant(cell).hash(hasher);
            match cell {
                Stored::Null => {}
                Stored::Int(value) => value.hash(hasher),
                Stored::Float(value) => value.to_bits().hash(hasher),
                Stored::Text { len, .. } | Stored::Bytes { len, .. } => len.hash(hasher),
            }
        }
        self.arena.hash(hasher);
    }

    /// How much its texts and bytes take.
    pub(super) fn bytes_held(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns).unwrap_or(0)
    }

    pub(crate) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        if column >= self.columns {
            return Cell::Null;
        }
        match self.cells.get(row * self.columns + column) {
            None | Some(Stored::Null) => Cell::Null,
            Some(Stored::Int(value)) => Cell::Int(*value),
            Some(Stored::Float(value)) => Cell::Float(*value),
            Some(Stored::Bytes { start, len }) => Cell::Bytes(self.bytes(*start, *len)),
            Some(Stored::Text { start, len }) => {
                let bytes = self.bytes(*start, *len);
                // Another program may have stored what is not UTF-8. It then reads as bytes, which no text field takes.
                std::str::from_utf8(bytes).map_or(Cell::Bytes(bytes), Cell::Text)
            }
        }
    }

    fn bytes(&self, start: u32, len: u32) -> &[u8] {
        &self.arena[start as usize..start as usize + len as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_pushed_row_by_row() {
        let mut buffer = Buffer::new(3);
        for value in [
            ValueRef::Integer(1),
            ValueRef::Text(b"one"),
            ValueRef::Null,
            ValueRef::Real(0.5),
            ValueRef::Text(b""),
            ValueRef::Blob(&[0, 255]),
        ] {
            buffer.push(value).unwrap();
        }
        assert_eq!(buffer.len(), 2);
        assert_eq!(buffer.cell(0, 1), Cell::Text("one"));
        assert_eq!(buffer.cell(0, 2), Cell::Null);
        assert_eq!(buffer.cell(1, 0), Cell::Float(0.5));
        assert_eq!(buffer.cell(1, 1), Cell::Text(""));
        assert_eq!(buffer.cell(1, 2), Cell::Bytes(&[0, 255]));
        assert_eq!(buffer.cell(1, 3), Cell::Null);
    }

    #[test]
    fn reads_a_text_that_is_not_utf_8_as_bytes() {
        let mut buffer = Buffer::new(1);
        buffer.push(ValueRef::Text(&[0xff, 0xfe])).unwrap();
        assert_eq!(buffer.cell(0, 0), Cell::Bytes(&[0xff, 0xfe]));
    }

    #[test]
    fn keeps_a_cell_small() {
        assert_eq!(size_of::<Stored>(), 16);
    }
}
