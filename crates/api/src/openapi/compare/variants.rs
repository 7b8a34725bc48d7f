//! One of several schemas.

use serde_json::Value;

use super::view::View;
use super::{Compare, Way};

/// What a variant is known by from one document to the next.
#[derive(Clone, PartialEq, Eq)]
enum Name {
    /// By a value that only this one has, or by the only field: another one is another variant.
    Tag(String),
    /// By the name of its type, which clients do not see.
    Type(String),
}

impl Name {
    fn of(document: &Value, variant: &Value) -> Self {
        let view = View::of(document, variant);
        let tags = view.properties().filter(|(name, _)| view.requires(name)).filter_map(|(name, schema)| {
            match View::of(document, schema).choices()?.as_slice() {
                [only] => Some(format!("{name}: {only}")),
                _ => None,
            }
        });
        let tags: Vec<_> = tags.collect();
        if !tags.is_empty() {
            return Self::Tag(tags.join(", "));
        }
        if let Some(reference) = variant.get("$ref").and_then(Value::as_str) {
            return Self::Type(reference.rsplit('/').next().unwrap_or_default().to_owned());
        }
        let mut properties = view.properties();
        match (properties.next(), properties.next(), view.types()) {
            (Some((name, _)), None, _) if view.requires(name) => Self::Tag(name.clone()),
            (.., Some(types)) => Self::Type(types.into_iter().collect::<Vec<_>>().join(" or ")),
            (.., None) => Self::Type("anything".to_owned()),
        }
    }
}

/// The values that single variants consist of, and the other variants.
type Sorted<'d> = (Vec<&'d Value>, Vec<(Name, &'d Value)>);

fn sorted<'d>(document: &'d Value, variants: Vec<&'d Value>) -> Sorted<'d> {
    let (mut values, mut others) = (Vec::new(), Vec::new());
    for variant in variants {
        match View::of(document, variant).choices() {
            Some(choices) => values.extend(choices),
            None => others.push((Name::of(document, variant), variant)),
        }
    }
    (values, others)
}

impl<'d> Compare<'d> {
    /// Variants that were there are compared with themselves, wherever they are now; there may be more of them where that
    /// breaks nobody.
    pub(super) fn variants(&mut self, place: &str, old: Vec<&'d Value>, new: Vec<&'d Value>, way: Way) {
        let (old_values, mut old) = sorted(self.old, old);
        let (new_values, mut new) = sorted(self.new, new);
        let (given, known, document, others) = match way {
            Way::In => (&old_values, &new_values, self.new, &new),
            Way::Out => (&new_values, &old_values, self.old, &old),
        };
        let is_text =
            |variant| View::of(document, variant).types().is_some_and(|types| types.contains("string"));
        let is_any = others.iter().any(|(_, variant)| is_text(variant));
        self.choices(place, given, known, way, |choice| is_any && choice.is_string());

        let mut pairs = Vec::new();
        let mut pair = |same: &dyn Fn(&Name, &Name) -> bool| {
            old.retain(|(name, before)| {
                let Some(at) = new.iter().position(|(other, _)| same(name, other)) else { return true };
                pairs.push((*before, new.remove(at).1));
                false
            });
        };
        pair(&|name, other| name == other);
        // Types may have another name now.
        pair(&|name, other| matches!((name, other), (Name::Type(_), Name::Type(_))));
        let left = if way == Way::In { old } else { new };
        for (before, now) in pairs {
            self.schemas(place, before, now, way);
        }
        for (Name::Tag(name) | Name::Type(name), _) in left {
            let change = match way {
                Way::In => format!("has no variant `{name}` any more"),
                Way::Out => format!("has a variant `{name}` now"),
            };
            self.add(place, change);
        }
    }
}
