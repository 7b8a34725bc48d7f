//! What the table says about a request: which route, and where in the path its parameters are.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

/// The route that a request took, and what its path gives to the parameters.
///
/// It is in the extensions of every request whose route has parameters; the `Path` extractor reads it. Values are kept
/// as places in the path, so that matching makes no strings.
#[derive(Clone)]
pub struct RouteMatch {
    names: Arc<[String]>,
    path: PathAndQuery,
    spans: Spans,
}

impl RouteMatch {
    pub(crate) fn new(names: Arc<[String]>, path: PathAndQuery, spans: Spans) -> Self {
        Self { names, path, spans }
    }

    /// Names and values in the order of the pattern. Values are as the client wrote them, percent-encoded.
    pub fn raw(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let path = self.path.path();
        let names = &self.names;
        (0..self.spans.len()).map(move |index| {
            let (from, to) = self.spans.get(index);
            let name = names.get(index).map_or("", String::as_str);
            (name, path.get(usize::from(from)..usize::from(to)).unwrap_or_default())
        })
    }

    /// Names and decoded values in the order of the pattern.
    pub fn params(&self) -> impl ExactSizeIterator<Item = (&str, Cow<'_, str>)> {
        // The table refuses paths that are not UTF-8 once decoded, so nothing is replaced here.
        self.raw().map(|(name, value)| (name, percent_decode_str(value).decode_utf8_lossy()))
    }

    /// The decoded value of one parameter.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The same without its last parameter, if that has this name: the match of the path above.
    pub(crate) fn without(mut self, name: &str) -> Self {
        if self.names.last().is_some_and(|last| last == name) {
            let before = self.names.len() - 1;
            self.names = self.names.iter().take(before).cloned().collect();
            self.spans.truncate(before);
        }
        self
    }

    /// How many parameters the route has.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the route has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for RouteMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.raw()).finish()
    }
}

/// Where the values are in a path. A path has at most 65,534 bytes (`http` refuses longer ones). Six fit without
/// allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    len: usize,
    few: [(u16, u16); FEW],
    more: Vec<(u16, u16)>,
}

const FEW: usize = 6;

impl Spans {
    /// Adds the place of `value`, which is a slice of `path`.
    pub(super) fn push(&mut self, path: &str, value: &str) {
        let from = value.as_ptr() as usize - path.as_ptr() as usize;
        let span = (clip(from), clip(from + value.len()));
        match self.few.get_mut(self.len) {
            Some(place) => *place = span,
            None => self.more.push(span),
        }
        self.len += 1;
    }

    /// Forgets all but the first.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
        self.more.truncate(len.saturating_sub(FEW));
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> (u16, u16) {
        let place = if index < self.len.min(FEW) {
            self.few.get(index)
        } else {
            self.more.get(index.saturating_sub(FEW))
        };
        place.copied().unwrap_or_default()
    }
}

fn clip(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(path: &'static str, values: &[&'static str]) -> RouteMatch {
        let names: Arc<[String]> = (0..values.len()).map(|n| format!("p{n}")).collect();
        let path = PathAndQuery::from_static(path);
        let mut spans = Spans::default();
        for value in values {
            let from = path.path().find(value).unwrap();
            spans.push(path.path(), &path.path()[from..from + value.len()]);
        }
        RouteMatch::new(names, path.clone(), spans)
    }

    #[test]
    fn gives_values_decoded_and_raw() {
        let found = matched("/articles/caf%C3%A9/7?x=1", &["caf%C3%A9", "7"]);
        assert_eq!(found.raw().collect::<Vec<_>>(), [("p0", "caf%C3%A9"), ("p1", "7")]);
        assert_eq!(found.get("p0").unwrap(), "café");
        assert_eq!(found.get("p2"), None);
    }

    #[test]
    fn keeps_more_than_six_values() {
        let found = matched("/a1/b2/c3/d4/e5/f6/g7", &["a1", "b2", "c3", "d4", "e5", "f6", "g7"]);
        assert_eq!(found.len(), 7);
        assert_eq!(found.get("p6").unwrap(), "g7");
    }
}
