//! The tree of patterns with parameters: one node a segment.
//!
//! At each segment of a path a literal goes before a parameter with text before it (the longest text first), that before
//! a plain parameter, and that before a catch-all; where one way leads nowhere, the next is tried. So any set of
//! patterns can stand together, and the order in which they were added never matters. Each node is looked at once at
//! most, so a path costs no more than the tree is large, and usually as much as it is deep.
//!
//! (axum's `matchit` refuses `/{slug}` beside `/{*rest}`, and takes `//x` for `/{a}/x` with nothing in `a`.)

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::hasher::PathHasher;
use super::matched::Spans;
use super::pattern::Segment;

/// The tree. Each pattern in it has a number.
#[derive(Default)]
pub(super) struct Tree {
    root: Node,
}

#[derive(Default)]
struct Node {
    /// What a path that ends here is.
    pattern: Option<usize>,
    literals: HashMap<Box<str>, Node, BuildHasherDefault<PathHasher>>,
    /// Parameters with text before them, the longest text first.
    prefixed: Vec<(Box<str>, Node)>,
    parameter: Option<Box<Node>>,
    catch_all: Option<usize>,
}

impl Tree {
    /// Adds a pattern, which must not be there yet.
    pub(super) fn insert(&mut self, segments: &[Segment], pattern: usize) {
        let mut node = &mut self.root;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::Parameter { prefix } if prefix.is_empty() => node.parameter.get_or_insert_default(),
                Segment::Parameter { prefix } => node.prefixed(prefix),
                Segment::CatchAll => {
                    node.catch_all = Some(pattern);
                    return;
                }
            };
        }
        node.pattern = Some(pattern);
    }

    /// The number of the pattern that takes `path`, and where in it the parameters are.
    pub(super) fn find(&self, path: &str) -> Option<(usize, Spans)> {
        let mut spans = Spans::default();
        let found = self.root.find(path, path.strip_prefix('/')?, &mut spans)?;
        Some((found, spans))
    }
}

impl Node {
    fn prefixed(&mut self, prefix: &str) -> &mut Self {
        let index = match self.prefixed.iter().position(|(known, _)| **known == *prefix) {
            Some(index) => index,
            None => {
                let index = self.prefixed.iter().take_while(|(known, _)| known.len() >= prefix.len()).count();
                self.prefixed.insert(index, (prefix.into(), Self::default()));
                index
            }
        };
        &mut self.prefixed[index].1
    }

    /// `rest` is what follows the slash of this node's segment in `path`.
    fn find(&self, path: &str, rest: &str, spans: &mut Spans) -> Option<usize> {
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        let end = |node: &Self, spans: &mut Spans| match after {
            Some(after) => node.find(path, after, spans),
            None => node.pattern,
        };
        if let Some(node) = self.literals.get(segment)
            && let Some(found) = end(node, spans)
        {
            return Some(found);
        }
        let known = spans.len();
        for (prefix, node) in &self.prefixed {
            if let Some(value) = segment.strip_prefix(&**prefix)
                && !value.is_empty()
            {
                spans.push(path, value);
                if let Some(found) = end(node, spans) {
                    return Some(found);
                }
                spans.truncate(known);
            }
        }
        if let Some(node) = &self.parameter
            && !segment.is_empty()
        {
            spans.push(path, segment);
            if let Some(found) = end(node, spans) {
                return Some(found);
            }
            spans.truncate(known);
        }
        if rest.is_empty() {
            return None;
        }
        self.catch_all.inspect(|_| spans.push(path, rest))
    }
}
