//! Result rows: one buffer per result, an enum by engine, read by position.

use crate::error::DbError;
use crate::meta::FieldMeta;
use crate::value::{Cell, Decode, SqlType, Value};

/// The rows of a result.
#[derive(Debug, Default)]
pub struct Rows(pub(crate) Buffer);

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
    /// How many.
    pub fn len(&self) -> usize {
        match &self.0 {
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
        match &self.0 {
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
        match &self.rows.0 {
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

    /// The value in the next column, which is of that type.
    pub(crate) fn next(&mut self, sql_type: SqlType) -> Value {
        let cell = self.peek();
        self.next += 1;
        sql_type.value(cell)
    }

    /// The next cell, left in place.
    pub fn peek(&self) -> Cell<'a> {
        self.row.cell(self.place())
    }

    fn place(&self) -> usize {
        match self.places {
            None => self.next,
            // Behind the last one there is nothing, which reads as NULL.
            Some(places) => places.get(self.next).copied().unwrap_or(usize::from(u16::MAX)),
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
