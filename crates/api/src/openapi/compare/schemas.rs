//! What a value may be.

use std::ptr;

use serde_json::Value;

use super::view::View;
use super::{Compare, Way};

/// The schema of whatever is not described.
static ANYTHING: Value = Value::Bool(true);

impl<'d> Compare<'d> {
    pub(super) fn schemas(&mut self, place: &str, before: &'d Value, now: &'d Value, way: Way) {
        let (old, new) = (View::of(self.old, before), View::of(self.new, now));
        self.types(place, &old, &new, way);
        if !self.seen.insert((ptr::from_ref(old.core), ptr::from_ref(new.core))) {
            return;
        }
        let (old_groups, new_groups) = (old.groups(), new.groups());
        // What was one schema may be one of several now, or the other way round.
        let is_alone = |view: &View<'_>| view.types().is_some();
        let has_no_fields = |view: &View<'_>| view.get("properties").is_none();
        match (old_groups.as_slice(), new_groups.as_slice()) {
            ([variants], []) if has_no_fields(&old) && is_alone(&new) => {
                return self.variants(place, variants.clone(), vec![now], way);
            }
            ([], [variants]) if has_no_fields(&new) && is_alone(&old) => {
                return self.variants(place, vec![before], variants.clone(), way);
            }
            _ => {}
        }
        self.formats(place, &old, &new, way);
        self.values(place, &old, &new, way);
        self.limits(place, &old, &new, way);
        self.properties(place, &old, &new, way);
        if let (Some(before), Some(now)) = (old.get("items"), new.get("items")) {
            self.schemas(&format!("{place}/*"), before, now, way);
        }
        self.other_properties(place, &old, &new, way);
        let is_stricter = match way {
            Way::In => new_groups.len() > old_groups.len(),
            Way::Out => new_groups.len() < old_groups.len(),
        };
        if is_stricter {
            let change = if way == Way::In {
                "is one of several variants now"
            } else {
                "is one of several variants no more"
            };
            self.add(place, change);
        }
        for (old, new) in old_groups.into_iter().zip(new_groups) {
            self.variants(place, old, new, way);
        }
    }

    fn types(&mut self, place: &str, old: &View<'d>, new: &View<'d>, way: Way) {
        let (narrow, wide) = by_width(old, new, way);
        let Some(known) = wide.types() else { return };
        let fits = |one: &str| known.contains(one) || (one == "integer" && known.contains("number"));
        let others: Vec<_> = match narrow.types() {
            Some(narrow) => narrow.into_iter().filter(|one| !fits(one)).collect(),
            None => vec!["anything"],
        };
        for other in others {
            let change = match way {
                Way::In => format!("can be `{other}` no more"),
                Way::Out => format!("can be `{other}` now"),
            };
            self.add(place, change);
        }
    }

    fn formats(&mut self, place: &str, old: &View<'d>, new: &View<'d>, way: Way) {
        let format = |view: &View<'d>| view.get("format").and_then(Value::as_str);
        let (before, now) = (format(old), format(new));
        let (narrow, wide) = by_width(before, now, way);
        let Some(wide) = wide else { return };
        if narrow.is_some_and(|narrow| is_within(narrow, wide)) {
            return;
        }
        let change = match (before, now) {
            (Some(before), Some(now)) => format!("has the format `{now}` now, and had `{before}`"),
            (Some(before), None) => format!("has the format `{before}` no more"),
            (None, now) => format!("has the format `{}` now", now.unwrap_or_default()),
        };
        self.add(place, change);
    }

    fn values(&mut self, place: &str, old: &View<'d>, new: &View<'d>, way: Way) {
        let (narrow, wide) = by_width(old, new, way);
        let Some(known) = wide.choices() else { return };
        match narrow.choices() {
            Some(given) => self.choices(place, &given, &known, way, |_| false),
            None if way == Way::In => self.add(place, "is one of a few values now"),
            None => self.add(place, "is one of a few values no more"),
        }
    }

    /// Values that are given, and neither known nor `expected`.
    pub(super) fn choices(
        &mut self,
        place: &str,
        given: &[&Value],
        known: &[&Value],
        way: Way,
        expected: impl Fn(&Value) -> bool,
    ) {
        for choice in given.iter().filter(|choice| !known.contains(choice) && !expected(choice)) {
            let change = match way {
                Way::In => format!("can be {choice} no more"),
                Way::Out => format!("can be {choice} now"),
            };
            self.add(place, change);
        }
    }

    fn limits(&mut self, place: &str, old: &View<'d>, new: &View<'d>, way: Way) {
        for (key, is_least) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
        ] {
            let is_within = |one: f64, other: f64| if is_least { one >= other } else { one <= other };
            // Of several, the one that leaves the least.
            let limit = |view: &View<'d>| {
                let all = view.all(key).filter_map(Value::as_f64);
                all.reduce(|one, other| if is_within(one, other) { one } else { other })
            };
            let (before, now) = (limit(old), limit(new));
            let (narrow, wide) = by_width(before, now, way);
            let Some(wide) = wide else { continue };
            if !narrow.is_some_and(|narrow| is_within(narrow, wide)) {
                self.add(
                    place,
                    match now {
                        Some(now) => format!("has another `{key}`: {now}"),
                        None => format!("has no `{key}` any more"),
                    },
                );
            }
        }
        let (narrow, wide) = by_width(old, new, way);
        for pattern in
            wide.all("pattern").filter(|pattern| !narrow.all("pattern").any(|known| known == *pattern))
        {
            let change = match way {
                Way::In => format!("has the pattern {pattern} now"),
                Way::Out => format!("has the pattern {pattern} no more"),
            };
            self.add(place, change);
        }
    }

    fn properties(&mut self, place: &str, old: &View<'d>, new: &View<'d>, way: Way) {
        for (name, before) in old.properties() {
            let place = format!("{place}/{name}");
            let Some(now) = new.property(name) else {
                self.add(&place, "is not there any more");
                continue;
            };
            self.schemas(&place, before, now, way);
            if way == Way::Out && old.requires(name) && !new.requires(name) {
                self.add(&place, "may be absent now");
            }
        }
        for (name, _) in new.properties() {
            if way == Way::In && new.requires(name) && !old.requires(name) {
                self.add(&format!("{place}/{name}"), "is required now");
            }
        }
    }

    /// Those that have no name in the schema.
    fn other_properties(&mut self, place: &str, old: &View<'d>, new: &View<'d>, way: Way) {
        let can_be_object = |view: &View<'d>| view.types().is_none_or(|types| types.contains("object"));
        if !can_be_object(old) || !can_be_object(new) {
            return;
        }
        let others = |view: &View<'d>| view.get("additionalProperties").unwrap_or(&ANYTHING);
        match (others(old), others(new)) {
            (Value::Bool(false), _) => {}
            (_, Value::Bool(false)) => {
                if way == Way::In {
                    self.add(place, "takes no other fields any more");
                }
            }
            (before, now) => self.schemas(&format!("{place}/*"), before, now, way),
        }
    }
}

/// The one that must be within the other, and that one: what is new must take more in requests, and less in answers.
fn by_width<T>(old: T, new: T, way: Way) -> (T, T) {
    match way {
        Way::In => (old, new),
        Way::Out => (new, old),
    }
}

/// Whether what has one format has the other as well.
fn is_within(narrow: &str, wide: &str) -> bool {
    match (bits(narrow), bits(wide)) {
        _ if narrow == wide => true,
        (Some((true, _)), Some((false, _))) => false,
        (Some((false, narrow)), Some((true, wide))) => narrow < wide,
        (Some((_, narrow)), Some((_, wide))) => narrow <= wide,
        (Some((_, narrow)), None) => wide == "double" && narrow <= 32,
        (None, _) => narrow == "float" && wide == "double",
    }
}

/// Whether an integer has a sign, and how many bits it has.
fn bits(format: &str) -> Option<(bool, u32)> {
    let (is_signed, bits) = match format.strip_prefix("uint") {
        Some(bits) => (false, bits),
        None => (true, format.strip_prefix("int")?),
    };
    // `usize` and `isize` say no more than this.
    if bits.is_empty() { Some((is_signed, 64)) } else { Some((is_signed, bits.parse().ok()?)) }
}
