//! Parts of a model, and how their fields become fields of it: `const` functions, called by what `#[model]` and `#[embedded]`
//! generate for structs that have parts. Names are joined when the program is compiled.

use super::{FieldMeta, Fill};
use crate::embedded::Embedded;

/// A struct that models have as a part: what `#[embedded]` knows of it.
#[derive(Debug)]
pub struct EmbeddedMeta {
    /// Its name in the code: `Address`.
    pub name: &'static str,
    /// Its doc comment.
    pub help: &'static str,
    /// Its fields, and those of its own parts, as they are called inside of it: `geo.latitude`, in the column `geo_latitude`.
    pub fields: &'static [FieldMeta],
    /// Its own parts.
    pub parts: &'static [PartMeta],
}

/// A field whose type is a struct of columns.
#[derive(Clone, Copy, Debug)]
pub struct PartMeta {
    /// Its name in the code.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Its doc comment.
    pub help: &'static str,
    /// What its columns begin with.
    pub prefix: &'static str,
    /// What they began with before, for migrations.
    pub renamed_from: Option<&'static str>,
    /// Whether it may be left out as a whole: then all of its columns are NULL.
    pub optional: bool,
    /// Nothing of it leaves in JSON, nor in `Debug`.
    pub hidden: bool,
    /// Clients cannot set anything of it.
    pub read_only: bool,
    /// A search looks into all of it.
    pub searchable: bool,
    /// The position of its first field in the fields of whatever has it. The others follow.
    pub first: usize,
    /// The struct.
    pub of: &'static EmbeddedMeta,
}

/// What a struct has: a field, or a part.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// A column.
    Field(&'static FieldMeta),
    /// Several.
    Part(&'static PartMeta),
}

impl PartMeta {
    /// A part of type `E`, whose fields begin at `first`.
    pub const fn new<E: Embedded>(name: &'static str, prefix: &'static str, first: usize) -> Self {
        Self {
            name,
            label: name,
            help: "",
            prefix,
            renamed_from: None,
            optional: false,
            hidden: false,
            read_only: false,
            searchable: false,
            first,
            of: E::META,
        }
    }

    /// What people read.
    #[must_use]
    pub const fn described(mut self, label: &'static str, help: &'static str) -> Self {
        self.label = label;
        self.help = help;
        self
    }

    /// It may be left out as a whole.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Nothing of it leaves in JSON, nor in `Debug`.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Clients cannot set anything of it.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// A search looks into all of it.
    #[must_use]
    pub const fn searchable(mut self) -> Self {
        self.searchable = true;
        self
    }

    /// What its columns began with before.
    #[must_use]
    pub const fn renamed_from(mut self, prefix: &'static str) -> Self {
        self.renamed_from = Some(prefix);
        self
    }

    /// How many fields it has.
    pub const fn width(&self) -> usize {
        self.of.fields.len()
    }

    /// What the name, the column and the former column of one of its fields are made of.
    const fn names(&self, field: &FieldMeta) -> [[&'static str; 3]; 3] {
        let before = match (self.renamed_from, field.renamed_from) {
            (None, None) => ["", "", ""],
            (Some(prefix), None) => [prefix, field.column, ""],
            (None, Some(column)) => [self.prefix, column, ""],
            (Some(prefix), Some(column)) => [prefix, column, ""],
        };
        [[self.name, ".", field.name], [self.prefix, field.column, ""], before]
    }
}

impl EmbeddedMeta {
    /// The position of the field called so. What `#[index(billing.country)]` asks for.
    ///
    /// # Panics
    /// When there is none: at compile time.
    pub const fn position(&self, name: &str) -> usize {
        let mut at = 0;
        while at < self.fields.len() {
            if same(self.fields[at].name, name) {
                return at;
            }
            at += 1;
        }
        panic!("the part has no field of this name that is a column")
    }

    /// Whether one of its fields always has a value, so that it can be told from one that is not there.
    pub const fn shows(&self) -> bool {
        let mut at = 0;
        while at < self.fields.len() {
            if !self.fields[at].nullable {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// How many fields there are in all.
pub const fn width(entries: &[Entry]) -> usize {
    let (mut width, mut at) = (0, 0);
    while at < entries.len() {
        width += match &entries[at] {
            Entry::Field(_) => 1,
            Entry::Part(part) => part.width(),
        };
        at += 1;
    }
    width
}

/// How long the names of all fields of parts are together.
pub const fn letters(entries: &[Entry]) -> usize {
    let (mut letters, mut at) = (0, 0);
    while at < entries.len() {
        if let Entry::Part(part) = &entries[at] {
            let mut field = 0;
            while field < part.width() {
                let names = part.names(&part.of.fields[field]);
                letters += length(&names[0]) + length(&names[1]) + length(&names[2]);
                field += 1;
            }
        }
        at += 1;
    }
    letters
}

/// The names of all fields of parts, one behind another.
pub const fn names<const LETTERS: usize>(entries: &[Entry]) -> [u8; LETTERS] {
    let mut all = [0; LETTERS];
    let (mut end, mut at) = (0, 0);
    while at < entries.len() {
        if let Entry::Part(part) = &entries[at] {
            let mut field = 0;
            while field < part.width() {
                let names = part.names(&part.of.fields[field]);
                let mut piece = 0;
                while piece < 9 {
                    let text = names[piece / 3][piece % 3].as_bytes();
                    let mut letter = 0;
                    while letter < text.len() {
                        all[end] = text[letter];
                        (end, letter) = (end + 1, letter + 1);
                    }
                    piece += 1;
                }
                field += 1;
            }
        }
        at += 1;
    }
    all
}

/// All fields, in order. `names` is what [`names`] has made of the same entries.
pub const fn fields<const WIDTH: usize>(entries: &[Entry], mut names: &'static [u8]) -> [FieldMeta; WIDTH] {
    let mut all = [FieldMeta::of::<i64>("", ""); WIDTH];
    let (mut end, mut at) = (0, 0);
    while at < entries.len() {
        match &entries[at] {
            Entry::Field(field) => {
                all[end] = **field;
                end += 1;
            }
            Entry::Part(part) => {
                let mut field = 0;
                while field < part.width() {
                    (all[end], names) = part.field(field, names);
                    (end, field) = (end + 1, field + 1);
                }
            }
        }
        at += 1;
    }
    all
}

impl PartMeta {
    /// One of its fields as a field of what has it, and the names that are left.
    const fn field(&self, at: usize, names: &'static [u8]) -> (FieldMeta, &'static [u8]) {
        let mut field = self.of.fields[at];
        let lengths = self.names(&field);
        let (name, names) = names.split_at(length(&lengths[0]));
        let (column, names) = names.split_at(length(&lengths[1]));
        let (before, names) = names.split_at(length(&lengths[2]));
        field.name = text(name);
        field.column = text(column);
        field.renamed_from = if before.is_empty() { None } else { Some(text(before)) };
        field.hidden |= self.hidden;
        field.read_only |= self.read_only;
        field.searchable |= self.searchable;
        if self.optional {
            // What is filled in by itself would be half a part.
            field.nullable = true;
            field.fill = Fill::NULL;
            field.default_sql = None;
        }
        (field, names)
    }
}

const fn length(pieces: &[&str; 3]) -> usize {
    pieces[0].len() + pieces[1].len() + pieces[2].len()
}

const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("names are joined of whole ones"),
    }
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
