//! Result rows: one buffer per result, an enum by engine, read by position.

use std::fmt;
use std::sync::Arc;

use crate::encrypted::{Fault, Vault, failed, named};
use crate::error::DbError;
use crate::meta::{FieldMeta, ModelMeta};
use crate::value::{Cell, Decode, SqlType, Stored, Value};

/// The rows of a result.
#[derive(Default)]
pub struct Rows {
    buffer: Buffer,
    /// What opens encrypted fields, if the database has keys.
    vault: Option<Arc<Vault>>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.buffer.fmt(f)
    }
}

impl From<Buffer> for Rows {
    fn from(buffer: Buffer) -> Self {
        Self { buffer, vault: None }
    }
}

/// The closed set of engines. PostgreSQL and MySQL add their own buffers here.
#[derive(Debug, Default)]
pub(crate) enum Buffer {
    #[default]
    Empty,
    #[cfg(feature = "mysql")]
    MySql(crate::mysql::Buffer),
    #[cfg(feature = "postgres")]
    Postgres(crate::postgres::Buffer),
    #[cfg(feature = "sqlite")]
    Sqlite(crate::sqlite::Buffer),
}

impl Rows {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Lets encrypted fields be read.
    pub(crate) fn opened_by(&mut self, vault: &Arc<Vault>) {
        self.vault = Some(Arc::clone(vault));
    }

    /// How many.
    pub fn len(&self) -> usize {
        match &self.buffer {
            Buffer::Empty => 0,
            #[cfg(feature = "mysql")]
            Buffer::MySql(buffer) => buffer.len(),
            #[cfg(feature = "postgres")]
            Buffer::Postgres(buffer) => buffer.len(),
            #[cfg(feature = "sqlite")]
            Buffer::Sqlite(buffer) => buffer.len(),
        }
    }

    /// The names of the columns, where the statement has asked for them and there is a row.
    pub fn column_names(&self) -> Vec<String> {
        match &self.buffer {
            Buffer::Empty => Vec::new(),
            #[cfg(feature = "mysql")]
            Buffer::MySql(buffer) => buffer.column_names(),
            #[cfg(feature = "postgres")]
            Buffer::Postgres(buffer) => buffer.column_names(),
            #[cfg(feature = "sqlite")]
            Buffer::Sqlite(buffer) => buffer.column_names(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at `index`; `None` past the end.
    pub fn get(&self, index: usize) -> Option<Row<'_>> {
        (index < self.len()).then_some(Row { rows: self, index })
    }

    /// The first row.
    pub fn first(&self) -> Option<Row<'_>> {
        self.get(0)
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.len()).map(|index| Row { rows: self, index })
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    rows: &'a Rows,
    index: usize,
}

impl<'a> Row<'a> {
    /// The value in the column at `column`, counted from 0.
    pub fn get<T: Decode>(&self, column: usize) -> Result<T, DbError> {
        T::decode(self.cell(column)).map_err(|fault| DbError::Decode {
            column: format!("#{column}"),
            expected: fault.expected,
            found: fault.found,
        })
    }

    /// The cell at `column`. NULL past the last one.
    pub fn cell(&self, column: usize) -> Cell<'a> {
        match &self.rows.buffer {
            Buffer::Empty => Cell::Null,
            #[cfg(feature = "mysql")]
            Buffer::MySql(buffer) => buffer.cell(self.index, column),
            #[cfg(feature = "postgres")]
            Buffer::Postgres(buffer) => buffer.cell(self.index, column),
            #[cfg(feature = "sqlite")]
            Buffer::Sqlite(buffer) => buffer.cell(self.index, column),
        }
    }

    /// A reader that starts at `column` and goes on to the right.
    pub fn reader(self, column: usize) -> Reader<'a> {
        Reader { row: self, next: column, places: None }
    }

    /// A reader that finds its first column at the first of these places, and so on.
    pub(crate) fn reader_at(self, places: Option<&'a [usize]>) -> Reader<'a> {
        Reader { row: self, next: 0, places }
    }
}

/// Reads a row from left to right: how models take their fields.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    row: Row<'a>,
    next: usize,
    /// Where the columns are, when they are not in order.
    places: Option<&'a [usize]>,
}

impl<'a> Reader<'a> {
    /// The value in the next column.
    pub fn take<T: Decode>(&mut self) -> Result<T, DbError> {
        let column = self.place();
        self.next += 1;
        self.row.get(column)
    }

    /// The value in the next column, which is that of `field`.
    pub fn field<T: Decode>(&mut self, field: &'static FieldMeta) -> Result<T, DbError> {
        let cell = self.peek();
        self.next += 1;
        T::decode(cell).map_err(|fault| DbError::Decode {
            column: field.column.to_owned(),
            expected: fault.expected,
            found: fault.found,
        })
    }

    /// The value in the next column, which is that of the encrypted field of `meta` at `index`. What was read before it are the fields
    /// before it.
    pub fn encrypted<T: Stored>(&mut self, meta: &'static ModelMeta, index: usize) -> Result<T, DbError> {
        let begin = self.next.saturating_sub(index);
        self.open(meta, index).map_err(|fault| {
            let key = |index: &usize| {
                meta.fields[*index].sql_type.value(self.row.cell(self.place_of(begin + index)))
            };
            let key: Vec<Value> = meta.key.iter().map(key).collect();
            failed(meta, index, Some(named(&key)), fault)
        })
    }

    /// The same where the row has other columns, or none, beside it.
    pub(crate) fn encrypted_alone<T: Stored>(
        &mut self,
        meta: &'static ModelMeta,
        index: usize,
    ) -> Result<T, DbError> {
        self.open(meta, index).map_err(|fault| failed(meta, index, None, fault))
    }

    fn open<T: Stored>(&mut self, meta: &'static ModelMeta, index: usize) -> Result<T, Fault> {
        let cell = self.peek();
        self.next += 1;
        let vault = match &self.row.rows.vault {
            Some(vault) => vault,
            // Nothing is sealed in nothing.
            None if cell == Cell::Null && T::NULLABLE => return decoded(Cell::Null),
            None => return Err(Fault::NoKeys),
        };
        vault.read((meta, index), cell, decoded)
    }

    /// The value in the next column, which is of that type.
    pub(crate) fn next(&mut self, sql_type: SqlType) -> Value {
        let cell = self.peek();
        self.next += 1;
        sql_type.value(cell)
    }

    /// Whether the next columns have a row of that model. Where a join has found none, its key is NULL.
    pub(crate) fn has_row(&self, meta: &ModelMeta) -> bool {
        meta.key.iter().all(|index| self.row.cell(self.place_of(self.next + index)) != Cell::Null)
    }

    /// The next cell, left in place.
    pub fn peek(&self) -> Cell<'a> {
        self.row.cell(self.place())
    }

    fn place(&self) -> usize {
        self.place_of(self.next)
    }

    fn place_of(&self, column: usize) -> usize {
        match self.places {
            None => column,
            // Behind the last one there is nothing, which reads as NULL.
            Some(places) => places.get(column).copied().unwrap_or(usize::from(u16::MAX)),
        }
    }

    /// Leaves out `columns`.
    pub fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    /// The position of the next column.
    pub fn position(&self) -> usize {
        self.next
    }

    /// The row.
    pub fn row(&self) -> Row<'a> {
        self.row
    }
}

/// What is there instead stays out of messages.
fn decoded<T: Stored>(cell: Cell<'_>) -> Result<T, Fault> {
    T::decode(cell).map_err(|fault| Fault::OtherType(fault.expected))
}
