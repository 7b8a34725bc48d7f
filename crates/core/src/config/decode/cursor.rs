//! The deserializer: gives each type what it asks for, or says that it cannot.

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::Run;
use super::fault::{Fault, Kind};
use super::tables::{Entries, Items};
use crate::config::file::parse_inline;
use crate::config::origin::Origin;
use crate::config::secret::SECRET;
use crate::config::tree::{Node, Value};

/// The deserializer: a value, its key, and where to note what is found on the way.
pub(super) struct Cursor<'a> {
    pub(super) node: &'a Node,
    pub(super) key: String,
    pub(super) run: &'a Run,
}

impl Cursor<'_> {
    fn mismatch<'de, V: Visitor<'de>>(visitor: &V) -> Fault {
        Fault::invalid_type(Unexpected::Other("another type"), visitor)
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Integer(integer) => visit_integer(*integer, visitor),
            Value::Text(text) => match parse_integer(text) {
                Some(integer) => visit_integer(integer, visitor),
                None => Err(Self::mismatch(&visitor)),
            },
            _ => Err(Self::mismatch(&visitor)),
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Integer(integer) => visitor.visit_f64(*integer as f64),
            Value::Text(text) => match text.trim().parse() {
                Ok(float) => visitor.visit_f64(float),
                Err(_) => Err(Self::mismatch(&visitor)),
            },
            _ => Err(Self::mismatch(&visitor)),
        }
    }

    fn string<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(Self::mismatch(&visitor)),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let parsed: Vec<Node>;
        let nodes = match &self.node.value {
            Value::List(nodes) => nodes,
            Value::Text(text) => {
                parsed = split(&self.node.origin, text);
                &parsed
            }
            _ => return Err(Self::mismatch(&visitor)),
        };
        visitor.visit_seq(Items::new(nodes, &self.key, self.run))
    }

    fn table<'de, V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let parsed;
        let table = match &self.node.value {
            Value::Table(table) => table,
            Value::Text(text) if text.trim_start().starts_with('{') => {
                parsed = parse_inline(&self.node.origin, text.trim());
                match &parsed {
                    Some(Node { value: Value::Table(table), .. }) => table,
                    _ => return Err(Self::mismatch(&visitor)),
                }
            }
            _ => return Err(Self::mismatch(&visitor)),
        };
        visitor.visit_map(Entries::new(table, &self.key, fields, self.run))
    }
}

fn visit_integer<'de, V: Visitor<'de>>(integer: i128, visitor: V) -> Result<V::Value, Fault> {
    match (i64::try_from(integer), u64::try_from(integer)) {
        (Ok(integer), _) => visitor.visit_i64(integer),
        (_, Ok(integer)) => visitor.visit_u64(integer),
        _ => visitor.visit_i128(integer),
    }
}

fn parse_integer(text: &str) -> Option<i128> {
    // TOML's own grouping, so that a number can be copied from a file into a variable.
    text.trim().replace('_', "").parse().ok()
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// `a, b` or `["a", "b"]`.
fn split(origin: &Origin, text: &str) -> Vec<Node> {
    if text.trim_start().starts_with('[')
        && let Some(Node { value: Value::List(nodes), .. }) = parse_inline(origin, text.trim())
    {
        return nodes;
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Node::new(origin.clone(), Value::Text(part.to_owned()))).collect()
}

macro_rules! answer {
    ($($with:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$with(visitor)
        }
    )*)*};
}

impl<'de> Deserializer<'de> for Cursor<'_> {
    type Error = Fault;

    answer! {
        integer: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128;
        float: deserialize_f32 deserialize_f64;
        string: deserialize_str deserialize_string deserialize_char deserialize_identifier deserialize_bytes
            deserialize_byte_buf;
        list: deserialize_seq;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(integer) => visit_integer(*integer, visitor),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::List(_) => self.list(visitor),
            Value::Table(_) => self.table(None, visitor),
            // Nobody says what it should be: what it reads as.
            Value::Text(text) => match (text.trim(), parse_integer(text), text.trim().parse::<f64>()) {
                ("true", ..) => visitor.visit_bool(true),
                ("false", ..) => visitor.visit_bool(false),
                (_, Some(integer), _) => visit_integer(integer, visitor),
                (_, None, Ok(float)) if float.is_finite() => visitor.visit_f64(float),
                (text, ..) if text.starts_with('[') => self.list(visitor),
                (text, ..) if text.starts_with('{') => self.table(None, visitor),
                _ => visitor.visit_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Text(text) => match parse_boolean(text) {
                Some(boolean) => visitor.visit_bool(boolean),
                None => Err(Self::mismatch(&visitor)),
            },
            _ => Err(Self::mismatch(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == SECRET {
            self.run.state.borrow_mut().secrets.insert(self.key.clone());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.table(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.table(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) | Value::String(text) => {
                let name: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            Value::Table(table) if table.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries::new(table, &self.key, None, self.run)))
            }
            _ => Err(Fault::new(Kind::OneOf(variants))),
        }
    }

    forward_to_deserialize_any! { unit unit_struct ignored_any }
}
