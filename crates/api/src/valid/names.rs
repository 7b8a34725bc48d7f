//! The names that a client knows.
//!
//! A rule knows its field by the name in Rust, a client by the one that serde reads (`tag_list` and `tagList`). A type
//! tells serde its names when it is deserialised, so this deserialises it from a probe that follows the path of a
//! fault, notes the names on the way, and then gives up.

use std::fmt;

use mainstay_core::pointer::{escaped, unescaped};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// `pointer` with every field name as serde has it in `T`. What cannot be followed stays as it is.
pub(super) fn as_read<T: DeserializeOwned>(pointer: &str) -> String {
    let path: Vec<&str> = pointer.split('/').skip(1).collect();
    let mut names = Vec::with_capacity(path.len());
    let _: Result<T, Arrived> = T::deserialize(Probe { path: &path, names: &mut names });
    let rest = path.iter().skip(names.len()).map(|part| (*part).to_owned());
    let parts: Vec<String> = names.iter().cloned().chain(rest).collect();
    parts.iter().map(|part| format!("/{part}")).collect()
}

struct Probe<'a> {
    path: &'a [&'a str],
    names: &'a mut Vec<String>,
}

/// How every probe ends.
#[derive(Debug)]
struct Arrived;

impl fmt::Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arrived")
    }
}
impl std::error::Error for Arrived {}
impl de::Error for Arrived {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'a> Probe<'a> {
    /// Steps into the part called `name`.
    fn step(self, name: &str) -> Option<Probe<'a>> {
        self.names.push(escaped(name));
        Some(Probe { path: self.path.get(1..)?, names: self.names })
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Arrived;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Arrived> {
        Err(Arrived)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Arrived> {
        let wanted = self.path.first().map(|part| plain(part)).ok_or(Arrived)?;
        let name = fields.iter().find(|field| plain(field) == wanted).ok_or(Arrived)?;
        visitor.visit_map(Entry { name, probe: self.step(name) })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Arrived> {
        let name = unescaped(self.path.first().ok_or(Arrived)?);
        visitor.visit_map(Entry { name: &name, probe: self.step(&name) })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Arrived> {
        let index = *self.path.first().ok_or(Arrived)?;
        visitor.visit_seq(Entry { name: index, probe: self.step(index) })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Arrived> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Arrived> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

/// One entry of a map or a list: the one on the path.
struct Entry<'a, 'n> {
    name: &'n str,
    probe: Option<Probe<'a>>,
}

impl<'de> MapAccess<'de> for Entry<'_, '_> {
    type Error = Arrived;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Arrived> {
        let key: StrDeserializer<'_, Arrived> = self.name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Arrived> {
        seed.deserialize(self.probe.take().ok_or(Arrived)?)
    }
}

impl<'de> SeqAccess<'de> for Entry<'_, '_> {
    type Error = Arrived;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Arrived> {
        seed.deserialize(self.probe.take().ok_or(Arrived)?).map(Some)
    }
}

/// A name in the form in which `tag_list`, `tagList` and `tag-list` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|ch| ch.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::as_read;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only its names matter")]
    struct Article {
        tag_list: Vec<Tag>,
        main_author: Option<Author>,
        notes: BTreeMap<String, Tag>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only its names matter")]
    struct Tag {
        short_name: String,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its names matter")]
    struct Author(Tag);

    #[test]
    fn follows_structs_lists_maps_and_options() {
        assert_eq!(as_read::<Article>("/tag_list"), "/tagList");
        assert_eq!(as_read::<Article>("/tag_list/2/short_name"), "/tagList/2/short-name");
        assert_eq!(as_read::<Article>("/main_author/short_name"), "/mainAuthor/short-name");
        assert_eq!(as_read::<Article>("/notes/any/short_name"), "/notes/any/short-name");
    }

    #[test]
    fn leaves_what_it_cannot_follow() {
        assert_eq!(as_read::<Article>("/unknown/part"), "/unknown/part");
        assert_eq!(as_read::<Article>(""), "");
        assert_eq!(as_read::<String>("/a"), "/a");
    }
}
