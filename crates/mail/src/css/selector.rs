//! Which elements a rule is about: `td.total`, `#footer a`, `ul > li`.

/// An element, as far as selectors here look at it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) id: Option<String>,
    /// With spaces between.
    pub(super) classes: String,
}

/// How many ids, classes and names it has: what counts more (Selectors, section 17).
pub(super) type Specificity = (usize, usize, usize);

/// A selector whose parts are all known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector(Vec<Part>);

/// What is said of one element: `td.total`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Part {
    name: Option<String>,
    ids: Vec<String>,
    classes: Vec<String>,
    /// Whether what stands before it has to be right around it.
    is_child: bool,
}

/// A selector of more parts is left where it is: there is a bit for each.
const MOST_PARTS: usize = 8;

impl Selector {
    /// None where something of it is not known.
    pub(super) fn read(text: &str) -> Option<Self> {
        let spaced = text.replace('>', " > ");
        let mut parts: Vec<Part> = Vec::new();
        let mut is_child = false;
        for word in spaced.split_whitespace() {
            if word == ">" {
                if is_child || parts.is_empty() {
                    return None;
                }
                is_child = true;
                continue;
            }
            parts.push(Part { is_child, ..Part::read(word)? });
            is_child = false;
        }
        (!is_child && (1..=MOST_PARTS).contains(&parts.len())).then_some(Self(parts))
    }

    pub(super) fn specificity(&self) -> Specificity {
        self.0.iter().fold((0, 0, 0), |(ids, classes, names), part| {
            (ids + part.ids.len(), classes + part.classes.len(), names + usize::from(part.name.is_some()))
        })
    }

    /// Whether it is about this element within those.
    pub(super) fn is_about(&self, element: &Element, around: &[Element]) -> bool {
        let Some((last, before)) = self.0.split_last() else { return false };
        if !last.fits(element) {
            return false;
        }
        if before.is_empty() {
            return true;
        }
        // From the outermost inwards, a bit for each part: those found up to the last element, and those found at it. What stands around
        // an element is gone through once, however the parts repeat each other.
        let (mut found, mut at) = (0_u8, 0_u8);
        for one in around {
            let mut now = 0;
            for (index, part) in before.iter().enumerate() {
                let goes_on = match (index, part.is_child) {
                    (0, _) => true,
                    (_, true) => at >> (index - 1) & 1 == 1,
                    (_, false) => found >> (index - 1) & 1 == 1,
                };
                now |= u8::from(goes_on && part.fits(one)) << index;
            }
            at = now;
            found |= now;
        }
        let end = if last.is_child { at } else { found };
        end >> (before.len() - 1) & 1 == 1
    }
}

impl Part {
    fn read(word: &str) -> Option<Self> {
        let mut part = Self::default();
        let begin = word.find(['.', '#']).unwrap_or(word.len());
        let (name, mut rest) = word.split_at(begin);
        match name {
            "" if rest.is_empty() => return None,
            "" | "*" => {}
            name => part.name = Some(identifier(name)?.to_ascii_lowercase()),
        }
        while let Some(kind) = rest.chars().next() {
            let after = &rest[1..];
            let end = after.find(['.', '#']).unwrap_or(after.len());
            let said = identifier(&after[..end])?.to_owned();
            if kind == '#' {
                part.ids.push(said)
            } else {
                part.classes.push(said)
            }
            rest = &after[end..];
        }
        Some(part)
    }

    fn fits(&self, element: &Element) -> bool {
        let has_class = |class: &String| element.classes.split_ascii_whitespace().any(|one| one == class);
        self.name.as_ref().is_none_or(|name| *name == element.name)
            && self.ids.iter().all(|id| element.id.as_ref() == Some(id))
            && self.classes.iter().all(has_class)
    }
}

fn identifier(text: &str) -> Option<&str> {
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    (!text.is_empty() && text.chars().all(fits)).then_some(text)
}
