//! Topics that have yet to be told.

use std::sync::Arc;

/// So many different topics are kept by name. Beyond, all are told: nobody is forgotten, and memory is bounded.
const MOST: usize = 256;

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Those who wait for this.
    Named(Arc<str>),
    /// Everybody.
    Any,
}

/// Topics, each once, in the order in which they were first said.
#[derive(Debug, Default)]
pub(crate) struct Due(Vec<Topic>);

impl Due {
    pub(crate) fn add(&mut self, topic: Topic) {
        if self.0.last() == Some(&Topic::Any) || self.0.contains(&topic) {
            return;
        }
        self.0.push(if self.0.len() < MOST { topic } else { Topic::Any });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was said after the first `many` was said for something that has been rolled back.
    pub(crate) fn undo(&mut self, many: usize) {
        self.0.truncate(many);
    }

    pub(super) fn first(&self) -> Option<&Topic> {
        self.0.first()
    }

    pub(super) fn remove_first(&mut self) {
        self.0.remove(0);
    }

    pub(super) fn into_topics(self) -> Vec<Topic> {
        self.0
    }
}

impl From<Arc<str>> for Topic {
    fn from(name: Arc<str>) -> Self {
        Self::Named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Topic {
        Topic::Named(name.into())
    }

    #[test]
    fn says_each_topic_once_and_forgets_what_was_rolled_back() {
        let mut due = Due::default();
        for name in ["jobs", "outbox", "jobs"] {
            due.add(named(name));
        }
        let before = due.len();
        due.add(named("inner"));
        due.add(named("jobs"));
        due.undo(before);
        assert_eq!(due.into_topics(), [named("jobs"), named("outbox")]);
    }

    #[test]
    fn tells_everybody_when_there_are_too_many_to_be_named() {
        let mut due = Due::default();
        for number in 0..10_000 {
            due.add(named(&number.to_string()));
        }
        assert_eq!(due.len(), MOST + 1);
        assert_eq!(due.into_topics().last(), Some(&Topic::Any));
    }
}
