//! What is known of a field that is stored sealed, and of the column that it is found by.

use super::{FieldMeta, ModelMeta};
use crate::value::SqlType;

/// How a field is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encryption {
    /// In which form values are looked up by the blind index; `None` without one.
    pub index: Option<Form>,
    /// Whether what is not sealed yet is read as it is.
    pub reads_plain: bool,
}

/// The form of a value that its digest is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Exact,
    /// A text in lower case.
    Lowercase,
}

impl FieldMeta {
    /// It is stored sealed.
    #[must_use]
    pub const fn encrypted(mut self) -> Self {
        assert!(
            !matches!(self.sql_type, SqlType::Array(_)),
            "a list cannot be encrypted: make it a `Json<Vec<…>>`, which can"
        );
        self.encrypted = Some(Encryption { index: None, reads_plain: false });
        self
    }

    /// What is not sealed yet is read as it is.
    #[must_use]
    pub const fn reads_plain(mut self) -> Self {
        if let Some(encryption) = self.encrypted {
            self.encrypted = Some(Encryption { reads_plain: true, ..encryption });
        }
        self
    }

    /// It can be looked up by the digest of its value in this form.
    #[must_use]
    pub const fn looked_up(mut self, form: Form) -> Self {
        assert!(
            !matches!(self.sql_type, SqlType::Json | SqlType::Real | SqlType::Double),
            "one document or floating-point number can be written in several ways: it cannot be looked up by a digest"
        );
        assert!(
            matches!(form, Form::Exact) || matches!(self.sql_type, SqlType::Text),
            "only a text has a lower case"
        );
        if let Some(encryption) = self.encrypted {
            self.encrypted = Some(Encryption { index: Some(form), ..encryption });
        }
        self
    }

    /// The column with the digests of the encrypted field at `position`, whose name it has. NULL where there is no digest yet.
    pub const fn blind_index(name: &'static str, column: &'static str, position: usize) -> Self {
        Self { index_of: Some(position), ..Self::of::<Option<uuid::Uuid>>(name, column).hidden() }
    }
}

impl ModelMeta {
    /// The encrypted fields, and their positions.
    pub fn encrypted_fields(&self) -> impl Iterator<Item = (usize, &'static FieldMeta)> {
        self.fields.iter().enumerate().filter(|(_, field)| field.encrypted.is_some())
    }

    /// The column with the digests of the field at `position`, and its own position.
    pub fn blind_index_of(&self, position: usize) -> Option<(usize, &'static FieldMeta)> {
        self.fields.iter().enumerate().find(|(_, field)| field.index_of == Some(position))
    }
}
