//! What a struct wants of a form, before the form is read.
//!
//! A field of type [`Upload`](super::Upload) has rules, and a file that breaks them should not be kept until all of the
//! form is there. So the struct is asked as soon as a file begins: it is deserialised from nothing but a field of that
//! name, and what it does with it is noted. That follows whatever serde has been told: new names, aliases, defaults.
//!
//! The same way goes back: files cannot be part of what serde hands around, so a number stands for each, and the field
//! takes its file from the [`Desk`].

use std::cell::Cell;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::rules::Rules;
use super::spool::Kept;
use super::upload::{Arrived, FILE};
use crate::extract::fields::{Failure, StandIn};

/// What a struct does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It is a file.
    File(Rules),
    /// It is a list of files.
    Files(Rules),
    /// It is something else.
    Other,
    /// It is not known, or passed over.
    Nothing,
    /// It is looked at when all fields are there.
    Unclear,
}

/// What `T` does with a field of this name.
pub(super) fn wanted<T: DeserializeOwned>(name: &str) -> Wanted {
    let seen = Cell::new(Wanted::Nothing);
    // It fails as soon as another field is required. By then the question is answered.
    let _ = T::deserialize(Question { name, seen: &seen });
    seen.get()
}

/// The fields of `T` that are files, with their rules.
pub(super) fn files_of<T: DeserializeOwned>() -> Vec<(&'static str, Rules)> {
    let names = Cell::new(&[] as &'static [&'static str]);
    let _ = T::deserialize(Names(&names));
    let rules = |name: &&'static str| match wanted::<T>(name) {
        Wanted::File(rules) | Wanted::Files(rules) => Some((*name, rules)),
        _ => None,
    };
    names.get().iter().filter_map(rules).collect()
}

/// Where a field of type `Upload` takes its file.
pub(super) enum Desk {
    /// All files of the form, by number.
    Open(Vec<Arrived>),
    /// None yet: whoever comes says what the rules are.
    Asking(Cell<Option<Rules>>),
}

tokio::task_local! {
    static DESK: Desk;
}

impl Desk {
    /// Does something during which files can be taken.
    pub(super) fn during<T>(self, work: impl FnOnce() -> T) -> T {
        DESK.sync_scope(self, work)
    }

    /// The file of this number. None where no form is being read, or it has no such file.
    pub(super) fn hand_over(number: &[u8], rules: Rules) -> Option<Arrived> {
        let find = |desk: &Desk| match desk {
            Self::Open(files) => match <[u8; 8]>::try_from(number) {
                Ok(number) => files.get(usize::try_from(u64::from_be_bytes(number)).ok()?).cloned(),
                // A stand-in for a field whose fault is known.
                Err(_) => number.is_empty().then(nothing),
            },
            Self::Asking(noted) => {
                noted.set(Some(rules));
                Some(nothing())
            }
        };
        DESK.try_with(find).ok().flatten()
    }
}

fn nothing() -> Arrived {
    Arrived {
        file: Kept::default(),
        file_name: None,
        claimed_type: None,
        sniffed: "application/octet-stream",
        refused: true,
    }
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.other(|| StandIn.$method(visitor))
        }
    )*};
}

/// A form that has one field.
struct Question<'q> {
    name: &'q str,
    seen: &'q Cell<Wanted>,
}

impl<'de> Deserializer<'de> for Question<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(OneField { name: Some(self.name), seen: self.seen })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct OneField<'q> {
    name: Option<&'q str>,
    seen: &'q Cell<Wanted>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = Failure;

    fn next_key_seed<K: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some(name) = self.name.take() else { return Ok(None) };
        let name: StrDeserializer<'_, Failure> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: serde::de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seed.deserialize(Answer { seen: self.seen, many: false })
    }
}

/// The one field, which notes what it is asked to be.
struct Answer<'q> {
    seen: &'q Cell<Wanted>,
    many: bool,
}

impl Answer<'_> {
    fn other<T>(self, stand_in: impl FnOnce() -> T) -> T {
        self.seen.set(Wanted::Other);
        stand_in()
    }
}

impl<'de> Deserializer<'de> for Answer<'_> {
    type Error = Failure;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if name != FILE {
            return visitor.visit_newtype_struct(self);
        }
        let (value, rules) = Desk::asked(|| visitor.visit_newtype_struct(StandIn));
        if let Some(rules) = rules {
            self.seen.set(if self.many { Wanted::Files(rules) } else { Wanted::File(rules) });
        }
        value
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.seen.set(Wanted::Other);
        visitor.visit_seq(OneItem(Some(Answer { many: true, ..self })))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.seen.set(Wanted::Unclear);
        StandIn.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        StandIn.deserialize_ignored_any(visitor)
    }

    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_map deserialize_identifier
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.other(|| StandIn.deserialize_unit_struct(name, visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.other(|| StandIn.deserialize_tuple(len, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.other(|| StandIn.deserialize_tuple_struct(name, len, visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.other(|| StandIn.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.other(|| StandIn.deserialize_enum(name, variants, visitor))
    }
}

impl Desk {
    /// Does something that takes a file, and says what rules it has.
    fn asked<T>(work: impl FnOnce() -> T) -> (T, Option<Rules>) {
        Self::Asking(Cell::new(None)).during(|| {
            let value = work();
            let rules = DESK.try_with(|desk| match desk {
                Self::Asking(noted) => noted.get(),
                Self::Open(_) => None,
            });
            (value, rules.ok().flatten())
        })
    }
}

struct OneItem<'q>(Option<Answer<'q>>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Failure;

    fn next_element_seed<S: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        self.0.take().map(|answer| seed.deserialize(answer)).transpose()
    }
}

/// Notes the names of a struct's fields.
struct Names<'n>(&'n Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        StandIn.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.0.set(fields);
        StandIn.deserialize_struct(name, fields, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}
