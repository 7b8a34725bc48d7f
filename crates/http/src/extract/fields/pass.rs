//! One pass over all the fields.

use std::borrow::Cow;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::failure::{Failure, Kind};
use super::stand_in::StandIn;
use super::value::Value;
use super::{Notes, Origin, Pair};

/// All the texts of a request that have one origin. Those of one name are neighbours, unless they are of a path.
#[derive(Clone, Copy)]
pub(super) struct Pass<'p> {
    pub(super) pairs: &'p [Pair<'p>],
    pub(super) origin: Origin,
    pub(super) notes: &'p Notes,
}

impl<'p> Pass<'p> {
    fn design<T>(self, what: &str) -> Result<T, Failure> {
        let problem = match self.origin {
            Origin::Path => format!("{what}, and the pattern of the route has {}", self.pairs.len()),
            _ => format!("{what} cannot be read from a list of names and texts; take a struct"),
        };
        Err(Failure::new(Kind::Design(problem)))
    }

    /// The one parameter of a pattern that has one.
    fn only(self, what: &str) -> Result<Named<'p>, Failure> {
        match self.pairs {
            [(name, _)] if self.origin == Origin::Path => {
                Ok(Named { name, values: self.pairs, notes: self.notes })
            }
            _ => self.design(what),
        }
    }

    fn fields(self, wanted: Option<&'static [&'static str]>) -> Fields<'p> {
        Fields { pass: self, rest: self.pairs, wanted, absent: 0, current: None }
    }
}

/// Values with the name that they are blamed under.
struct Named<'p> {
    name: &'p str,
    values: &'p [Pair<'p>],
    notes: &'p Notes,
}

impl<'p> Named<'p> {
    fn read<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure>
    where
        'p: 'de,
    {
        let known = |names: &[String]| names.iter().any(|known| known == self.name);
        let outcome = if known(&self.notes.faulty) {
            seed.deserialize(StandIn)
        } else {
            let empty = known(&self.notes.empty);
            seed.deserialize(Value { pairs: self.values, notes: self.notes, empty, optional: false })
        };
        outcome.map_err(|failure| failure.at(self.name))
    }
}

macro_rules! single {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.single(|value| value.$method(visitor))
        }
    )*};
}

impl<'p> Pass<'p> {
    fn single<T>(self, read: impl FnOnce(Value<'p>) -> Result<T, Failure>) -> Result<T, Failure> {
        let only = self.only("the handler takes one parameter")?;
        let value = Value { pairs: only.values, notes: self.notes, empty: false, optional: false };
        read(value).map_err(|failure| failure.at(only.name))
    }
}

impl<'de> Deserializer<'de> for Pass<'de> {
    type Error = Failure;

    single! {
        deserialize_bool deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.origin == Origin::Path && self.pairs.len() == 1 {
            return self.single(|value| value.deserialize_any(visitor));
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(self.fields(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_map(self.fields(Some(fields)))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.origin {
            Origin::Path => visitor.visit_seq(Positions { pass: self, next: 0 }),
            _ => visitor.visit_seq(Pairs { pass: self, next: 0 }),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        if self.origin != Origin::Path || self.pairs.len() != len {
            return self.design(&format!("the handler takes a tuple of {len}"));
        }
        visitor.visit_seq(Positions { pass: self, next: 0 })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.pairs.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.single(|value| value.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { ignored_any }
}

/// Fields by name; after those that are there, stand-ins for those that are missing.
struct Fields<'p> {
    pass: Pass<'p>,
    rest: &'p [Pair<'p>],
    wanted: Option<&'static [&'static str]>,
    absent: usize,
    current: Option<Named<'p>>,
}

impl<'p> Fields<'p> {
    fn next(&mut self) -> Option<Named<'p>> {
        let notes = self.pass.notes;
        while let Some((name, _)) = self.rest.first() {
            let run = self.rest.iter().take_while(|(next, _)| next == name).count();
            let (values, rest) = self.rest.split_at(run);
            self.rest = rest;
            if !notes.unknown.iter().any(|known| known == name) {
                let name = self.spelled(name);
                return Some(Named { name, values, notes });
            }
        }
        while let Some(name) = notes.faulty.get(self.absent) {
            self.absent += 1;
            if !self.pass.pairs.iter().any(|(known, _)| self.spelled(known) == name) {
                return Some(Named { name, values: &[], notes });
            }
        }
        None
    }

    /// The name of a header as the struct spells it: `if-match` is the field `if_match`, or `If-Match` if renamed so.
    fn spelled(&self, name: &'p str) -> &'p str {
        let Some(wanted) = self.wanted.filter(|_| self.pass.origin == Origin::Header) else { return name };
        let same = |left: u8, right: u8| {
            left.eq_ignore_ascii_case(&right) || matches!((left, right), (b'-', b'_') | (b'_', b'-'))
        };
        wanted
            .iter()
            .find(|field| {
                field.len() == name.len() && field.bytes().zip(name.bytes()).all(|(l, r)| same(l, r))
            })
            .copied()
            .unwrap_or(name)
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        self.current = self.next();
        let Some(field) = &self.current else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(field.name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        match self.current.take() {
            Some(field) => field.read(seed),
            None => Err(Failure::new(Kind::Design("a value was asked for before its name".to_owned()))),
        }
    }
}

/// The parameters of a path by position.
struct Positions<'p> {
    pass: Pass<'p>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Positions<'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some(values) = self.pass.pairs.get(self.next..=self.next) else { return Ok(None) };
        self.next += 1;
        let name: &Cow<'_, str> = &values[0].0;
        Named { name, values, notes: self.pass.notes }.read(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.pass.pairs.len() - self.next)
    }
}

/// Names and values, for whoever wants all of them as a list.
struct Pairs<'p> {
    pass: Pass<'p>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Pairs<'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some(values) = self.pass.pairs.get(self.next..=self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(PairValue { values, notes: self.pass.notes, done: 0 }).map(Some)
    }
}

struct PairValue<'p> {
    values: &'p [Pair<'p>],
    notes: &'p Notes,
    done: u8,
}

impl<'de> Deserializer<'de> for PairValue<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for PairValue<'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some((name, _)) = self.values.first() else { return Ok(None) };
        self.done += 1;
        match self.done {
            1 => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            2 => Named { name, values: self.values, notes: self.notes }.read(seed).map(Some),
            _ => Ok(None),
        }
    }
}
