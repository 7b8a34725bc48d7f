//! Path patterns, in axum's syntax: `/articles/{slug}`, `/v-{version}`, `/files/{*rest}`, `{{` for a brace.

use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::path::normalise;

/// What a client must encode in a path, and so how the literal parts of a pattern meet it.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

/// A pattern that was read and understood.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// What the tree gets: literals encoded as clients send them, names replaced by their order. Two patterns that
    /// match the same paths have the same shape.
    pub(crate) shape: String,
    /// The same, taken apart for the tree.
    pub(crate) segments: Vec<Segment>,
    /// The same with the names kept, for axum's router.
    pub(crate) named: String,
    /// The names, in order.
    pub(crate) names: Arc<[String]>,
}

/// A part between slashes. Literal text is encoded as clients send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Parameter { prefix: String },
    CatchAll,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternFault {
    #[error("it does not start with `/`")]
    MissingSlash,
    #[error("`{0}` is the parameter syntax of other frameworks")]
    OldSyntax(String),
    #[error("the brace in `{0}` is not closed")]
    Unclosed(String),
    #[error("`{0}` closes a brace that was not opened")]
    Unopened(String),
    #[error("a parameter has no name")]
    EmptyName,
    #[error("`{0}` is no name: letters, digits and `_`, not starting with a digit")]
    BadName(String),
    #[error("the parameter `{0}` appears twice")]
    DuplicateName(String),
    #[error("`{{*{0}}}` catches all that follows, and something follows it")]
    CatchAllNotLast(String),
    #[error("text follows the parameter in `{0}`")]
    TextAfterParameter(String),
    #[error("text stands before the catch-all in `{0}`")]
    TextBeforeCatchAll(String),
    #[error("a path ends before `{0}`")]
    NotPath(char),
    #[error("a `%` in `{0}` is not followed by two hexadecimal digits")]
    BadEncoding(String),
    #[error("clients remove `{0}` from paths before they ask, so it never matches")]
    DotSegment(String),
}

impl PatternFault {
    /// How to mend it.
    pub(crate) fn fix(&self) -> String {
        match self {
            Self::MissingSlash => "Write a `/` before it.".into(),
            Self::OldSyntax(segment) => match segment.strip_prefix('*') {
                Some(name) => format!("Write `{{*{}}}`.", if name.is_empty() { "rest" } else { name }),
                None => format!("Write `{{{}}}`.", segment.trim_start_matches(':')),
            },
            Self::Unclosed(_) => "Close it with `}`, or write `{{` for the character itself.".into(),
            Self::Unopened(_) => "Open it with `{`, or write `}}` for the character itself.".into(),
            Self::EmptyName => "Name it: `{id}`, or `{*rest}` for all that follows.".into(),
            Self::BadName(_) | Self::DuplicateName(_) => "Give it another name.".into(),
            Self::CatchAllNotLast(_) => "Make it the last segment.".into(),
            Self::TextAfterParameter(_) => {
                "End the segment with the parameter and split its value in the handler.".into()
            }
            Self::TextBeforeCatchAll(_) => "Give the catch-all a segment of its own.".into(),
            Self::NotPath(_) => "Take it with the `Query` extractor, or encode it.".into(),
            Self::BadEncoding(_) => "Write `%25` for the character itself.".into(),
            Self::DotSegment(_) => "Write the path that it stands for.".into(),
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(written: &str) -> Result<Self, PatternFault> {
        let Some(rest) = written.strip_prefix('/') else { return Err(PatternFault::MissingSlash) };
        let mut reader = Reader::default();
        let segments = split(rest);
        let last = segments.len() - 1;
        for (index, segment) in segments.into_iter().enumerate() {
            reader.shape.push('/');
            reader.named.push('/');
            reader.segment(segment, index == last)?;
        }
        Ok(Self {
            shape: reader.shape,
            segments: reader.segments,
            named: reader.named,
            names: reader.names.into(),
        })
    }

    /// Puts the prefix of a group before a path: `/api` and `/` make `/api`.
    pub(crate) fn join(prefix: &str, path: &str) -> String {
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            path.to_owned()
        } else if path == "/" {
            prefix.to_owned()
        } else {
            format!("{prefix}{path}")
        }
    }
}

/// Splits at slashes, but not inside braces: `{a/b}` is one bad name, not two bad braces.
fn split(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut open = false;
    for (index, byte) in path.bytes().enumerate() {
        match byte {
            b'{' => open = path[index..].contains('}'),
            b'}' => open = false,
            b'/' if !open => {
                segments.push(&path[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    segments.push(&path[start..]);
    segments
}

#[derive(Default)]
struct Reader {
    shape: String,
    named: String,
    names: Vec<String>,
    segments: Vec<Segment>,
}

impl Reader {
    fn segment(&mut self, segment: &str, last: bool) -> Result<(), PatternFault> {
        if segment.starts_with(':') || segment.starts_with('*') {
            return Err(PatternFault::OldSyntax(segment.to_owned()));
        }
        if let Some(bad) = segment.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(PatternFault::NotPath(bad));
        }
        if matches!(segment, "." | "..") {
            return Err(PatternFault::DotSegment(segment.to_owned()));
        }
        let mut literal = String::new();
        let mut chars = segment.char_indices().peekable();
        while let Some((index, character)) = chars.next() {
            match character {
                '{' | '}' if chars.next_if(|(_, next)| *next == character).is_some() => {
                    literal.push(character)
                }
                '}' => return Err(PatternFault::Unopened(segment.to_owned())),
                '{' => {
                    let inside = &segment[index + 1..];
                    let Some(end) = inside.find('}') else {
                        return Err(PatternFault::Unclosed(segment.to_owned()));
                    };
                    if end + 1 < inside.len() {
                        return Err(PatternFault::TextAfterParameter(segment.to_owned()));
                    }
                    let name = &inside[..end];
                    let prefix = self.literal(&literal)?;
                    return match name.strip_prefix('*') {
                        Some(_) if !literal.is_empty() => {
                            Err(PatternFault::TextBeforeCatchAll(segment.to_owned()))
                        }
                        Some(name) if !last => Err(PatternFault::CatchAllNotLast(name.to_owned())),
                        Some(name) => {
                            self.segments.push(Segment::CatchAll);
                            self.name(name, "*")
                        }
                        None => {
                            self.segments.push(Segment::Parameter { prefix });
                            self.name(name, "")
                        }
                    };
                }
                other => literal.push(other),
            }
        }
        let text = self.literal(&literal)?;
        self.segments.push(Segment::Literal(text));
        Ok(())
    }

    /// Adds the text, and returns it as clients send it.
    fn literal(&mut self, text: &str) -> Result<String, PatternFault> {
        let encoded = utf8_percent_encode(text, ENCODED).to_string();
        match normalise(&encoded) {
            Ok(text) => {
                self.shape.push_str(&text);
                self.named.push_str(&text);
                Ok(text.into_owned())
            }
            Err(_) => Err(PatternFault::BadEncoding(text.to_owned())),
        }
    }

    fn name(&mut self, name: &str, star: &str) -> Result<(), PatternFault> {
        let mut chars = name.chars();
        let Some(first) = chars.next() else { return Err(PatternFault::EmptyName) };
        if !(first.is_alphabetic() || first == '_') || !chars.all(|c| c.is_alphanumeric() || c == '_') {
            return Err(PatternFault::BadName(name.to_owned()));
        }
        if self.names.iter().any(|known| known == name) {
            return Err(PatternFault::DuplicateName(name.to_owned()));
        }
        let _ = write!(self.shape, "{{{star}p{}}}", self.names.len());
        let _ = write!(self.named, "{{{star}{name}}}");
        self.names.push(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(written: &str) -> String {
        Pattern::parse(written).unwrap().shape
    }

    fn fault(written: &str) -> PatternFault {
        Pattern::parse(written).unwrap_err()
    }

    #[test]
    fn patterns_that_match_the_same_paths_have_one_shape() {
        assert_eq!(shape("/a/{x}"), shape("/a/{y}"));
        assert_ne!(shape("/a/{x}"), shape("/a/{*x}"));
        assert_ne!(shape("/a/{x}"), shape("/a/{x}/"));
    }

    #[test]
    fn encodes_literals_as_clients_send_them() {
        assert_eq!(shape("/größe/{id}"), "/gr%C3%B6%C3%9Fe/{p0}");
        assert_eq!(shape("/a b"), "/a%20b");
        assert_eq!(shape("/{{x}}"), "/%7Bx%7D");
        assert_eq!(shape("/caf%c3%a9"), shape("/café"));
    }

    #[test]
    fn keeps_the_names_in_order() {
        let pattern = Pattern::parse("/v-{version}/{owner}/{*rest}").unwrap();
        assert_eq!(&*pattern.names, ["version", "owner", "rest"]);
        assert_eq!(pattern.shape, "/v-{p0}/{p1}/{*p2}");
        assert_eq!(pattern.named, "/v-{version}/{owner}/{*rest}");
        assert_eq!(pattern.segments.last(), Some(&Segment::CatchAll));
    }

    #[test]
    fn names_each_fault() {
        assert_eq!(fault("articles"), PatternFault::MissingSlash);
        assert_eq!(fault(""), PatternFault::MissingSlash);
        assert_eq!(fault("/a/:id"), PatternFault::OldSyntax(":id".into()));
        assert_eq!(fault("/a/:id").fix(), "Write `{id}`.");
        assert_eq!(fault("/a/*").fix(), "Write `{*rest}`.");
        assert_eq!(fault("/a/{id"), PatternFault::Unclosed("{id".into()));
        assert_eq!(fault("/a/{id/b"), PatternFault::Unclosed("{id".into()));
        assert_eq!(fault("/a/id}"), PatternFault::Unopened("id}".into()));
        assert_eq!(fault("/a/{}"), PatternFault::EmptyName);
        assert_eq!(fault("/a/{*}"), PatternFault::EmptyName);
        assert_eq!(fault("/a/{a-b}"), PatternFault::BadName("a-b".into()));
        assert_eq!(fault("/a/{a/b}"), PatternFault::BadName("a/b".into()));
        assert_eq!(fault("/{a}/{a}"), PatternFault::DuplicateName("a".into()));
        assert_eq!(fault("/{*a}/b"), PatternFault::CatchAllNotLast("a".into()));
        assert_eq!(fault("/{a}.json"), PatternFault::TextAfterParameter("{a}.json".into()));
        assert_eq!(fault("/x{*a}"), PatternFault::TextBeforeCatchAll("x{*a}".into()));
        assert_eq!(fault("/a?b"), PatternFault::NotPath('?'));
        assert_eq!(fault("/100%"), PatternFault::BadEncoding("100%".into()));
        assert_eq!(fault("/a/../b"), PatternFault::DotSegment("..".into()));
    }

    #[test]
    fn joins_prefixes() {
        assert_eq!(Pattern::join("/api", "/"), "/api");
        assert_eq!(Pattern::join("/api/", "/x"), "/api/x");
        assert_eq!(Pattern::join("", "/x"), "/x");
        assert_eq!(Pattern::join("/", "/"), "/");
    }
}
