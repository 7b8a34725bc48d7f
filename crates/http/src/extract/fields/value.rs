//! One field: its texts, read as whatever the struct asks for.

use std::str::FromStr;

use serde::de::value::{BorrowedStrDeserializer, BytesDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, SeqAccess, Unexpected, VariantAccess, Visitor};

use super::failure::{Failure, Kind};
use super::{Hint, Notes, Pair};
use crate::extract::multipart::FILE;

/// The texts that were given under one name.
#[derive(Clone, Copy)]
pub(super) struct Value<'p> {
    pub(super) pairs: &'p [Pair<'p>],
    pub(super) notes: &'p Notes,
    /// An empty text is to be read as nothing.
    pub(super) empty: bool,
    /// The field may be left out.
    pub(super) optional: bool,
}

/// What a text looks like.
pub(super) enum Scalar {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
}

pub(super) fn scalar(text: &str) -> Option<Scalar> {
    if let Ok(number) = text.parse() {
        Some(Scalar::Unsigned(number))
    } else if let Ok(number) = text.parse() {
        Some(Scalar::Signed(number))
    } else if let Some(number) = float(text) {
        Some(Scalar::Float(number))
    } else {
        boolean(text).map(Scalar::Bool)
    }
}

/// JSON has no infinity, and neither has a query: `nan` and `inf` are texts.
fn float<F: FromStr + Into<f64> + Copy>(text: &str) -> Option<F> {
    text.parse().ok().filter(|&number: &F| number.into().is_finite())
}

/// `on` is what a browser sends for a ticked box without a value.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "on" => Some(true),
        "false" | "0" | "off" => Some(false),
        _ => None,
    }
}

impl<'p> Value<'p> {
    fn text(&self) -> Result<&'p str, Failure> {
        if self.notes.is_file(self.pairs) {
            return Err(Failure::new(Kind::Form { expected: "a text", found: "a file" }));
        }
        self.only()
    }

    fn only(&self) -> Result<&'p str, Failure> {
        match self.pairs {
            [(_, text)] => Ok(text),
            [] => Err(Failure::new(Kind::Missing)),
            many => Err(Failure::new(Kind::Repeated(many.len()))),
        }
    }

    /// The number of a file, for whoever takes files.
    fn file<V: Visitor<'p>>(&self, visitor: V) -> Result<V::Value, Failure> {
        let number = self.only()?.parse::<u64>();
        match number {
            Ok(number) if self.notes.is_file(self.pairs) => {
                let number = number.to_be_bytes();
                visitor.visit_newtype_struct(BytesDeserializer::<Failure>::new(&number))
            }
            _ => Err(Failure::new(Kind::Form { expected: "a file", found: "a text" })),
        }
    }

    fn parse<T>(&self, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Failure> {
        let text = self.text()?;
        parse(text).ok_or_else(|| self.wrong(expected, text))
    }

    fn wrong(&self, expected: &str, text: &str) -> Failure {
        Failure { optional: self.optional, ..Failure::wrong_type(expected, text) }
    }

    fn design<T>(what: &str) -> Result<T, Failure> {
        Err(Failure::new(Kind::Design(format!("{what} cannot be read from a single text"))))
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $type:ident;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let number = self.parse(stringify!($type), |text| text.parse::<$type>().ok())?;
            visitor.$visit(number).map_err(|failure: Failure| self.out_of_range(failure))
        }
    )*};
}

impl Value<'_> {
    /// A number that has the right width and is refused all the same, such as 0 for a `NonZeroU8`.
    fn out_of_range(&self, failure: Failure) -> Failure {
        match (failure.kind, self.text()) {
            (Kind::Type { expected, .. }, Ok(text)) => self.wrong(&expected, text),
            (kind, _) => Failure::new(kind),
        }
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Failure;

    numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f32(self.parse("f32", float)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.parse("f64", float)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_bool(self.parse("a boolean", boolean)?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_char(self.parse("a character", |text| text.parse().ok())?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.pairs.len() > 1 {
            return self.deserialize_seq(visitor);
        }
        if self.notes.is_file(self.pairs) {
            return self.file(visitor);
        }
        let text = self.text()?;
        match self.notes.hint(text) {
            Some(Hint::List) => self.deserialize_seq(visitor),
            Some(Hint::Scalar) => match scalar(text) {
                Some(Scalar::Unsigned(number)) => visitor.visit_u64(number),
                Some(Scalar::Signed(number)) => visitor.visit_i64(number),
                Some(Scalar::Float(number)) => visitor.visit_f64(number),
                Some(Scalar::Bool(value)) => visitor.visit_bool(value),
                None => visitor.visit_borrowed_str(text),
            },
            None => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let text = self.text()?;
        visitor.visit_borrowed_str(text).map_err(|failure: Failure| match failure.kind {
            // An optional date, say, in a form that was sent with an empty field.
            Kind::Custom(_) if self.optional && text.is_empty() => self.wrong("a value", text),
            Kind::Type { expected, .. } => self.wrong(&expected, text),
            kind => Failure::new(kind),
        })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_borrowed_bytes(self.text()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.pairs.is_empty() || self.empty {
            return visitor.visit_none();
        }
        visitor.visit_some(Self { optional: true, ..self })
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

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if name == FILE {
            return self.file(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(Items { value: self, next: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        if self.pairs.len() != len {
            let unexpected = Unexpected::Other("another number of values");
            let expected = format!("{len} values");
            return Err(serde::de::Error::invalid_type(unexpected, &expected.as_str()));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Self::design("a map")
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Failure> {
        Self::design(&format!("the struct `{name}`"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let text = self.text()?;
        visitor.visit_enum(Choice(text)).map_err(|failure: Failure| match failure.kind {
            Kind::Choice { .. } if self.optional && text.is_empty() => {
                self.wrong(&crate::extract::words::one_of(variants), text)
            }
            _ => failure,
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}

struct Items<'p> {
    value: Value<'p>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some(pairs) = self.value.pairs.get(self.next..=self.next) else { return Ok(None) };
        self.next += 1;
        if self.value.notes.is_file(pairs) {
            return seed.deserialize(Value { pairs, optional: false, ..self.value }).map(Some);
        }
        // Within a list a hint for the list would go round in circles.
        match self.value.notes.hint(&pairs[0].1) {
            Some(Hint::List) => seed.deserialize(BorrowedStrDeserializer::new(&pairs[0].1)).map(Some),
            _ => seed.deserialize(Value { pairs, optional: false, ..self.value }).map(Some),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.value.pairs.len() - self.next)
    }
}

/// The name of a variant.
struct Choice<'p>(&'p str);

impl Choice<'_> {
    /// The variant exists, but a text has no room for what is in it. Whoever names it gets no further.
    fn holds_data<T>(&self) -> Result<T, Failure> {
        Err(Failure::new(Kind::Custom(format!("`{}` cannot be given as a plain text", self.0))))
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Failure> {
        let variant = seed.deserialize(BorrowedStrDeserializer::new(self.0))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _seed: S) -> Result<S::Value, Failure> {
        self.holds_data()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, Failure> {
        self.holds_data()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Failure> {
        self.holds_data()
    }
}
