//! Which events are written. Asked once for each call site, until someone changes the levels.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

use super::config::LogLevel;

/// The levels in force; a clone is the same levels.
#[derive(Clone, Debug)]
pub struct Levels(Arc<RwLock<Rules>>);

#[derive(Debug)]
struct Rules {
    level: LevelFilter,
    /// The longest first.
    modules: Vec<(String, LevelFilter)>,
}

impl Rules {
    fn new(level: LogLevel, modules: &BTreeMap<String, LogLevel>) -> Self {
        let mut modules: Vec<_> =
            modules.iter().map(|(module, level)| (module.clone(), LevelFilter::from(*level))).collect();
        modules.sort_by_key(|(module, _)| std::cmp::Reverse(module.len()));
        Self { level: level.into(), modules }
    }

    fn of(&self, target: &str) -> LevelFilter {
        let own = self.modules.iter().find(|(module, _)| target.starts_with(module.as_str()));
        own.map_or(self.level, |(_, level)| *level)
    }

    fn all(&self) -> impl Iterator<Item = LevelFilter> {
        self.modules.iter().map(|(_, level)| *level).chain([self.level])
    }
}

impl Levels {
    pub(super) fn new(level: LogLevel, modules: &BTreeMap<String, LogLevel>) -> Self {
        Self(Arc::new(RwLock::new(Rules::new(level, modules))))
    }

    /// Replaces all levels, from the next event on.
    pub fn set(&self, level: LogLevel, modules: &BTreeMap<String, LogLevel>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Rules::new(level, modules);
        // Every call site has kept what it was told.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Whether this call site is written, or, if a span, kept.
    pub(super) fn allow(&self, metadata: &Metadata<'_>) -> bool {
        let level = self.read(|rules| rules.of(metadata.target()));
        if metadata.is_span() { *metadata.level() <= for_spans(level) } else { *metadata.level() <= level }
    }

    /// The most that any call site may be asked for.
    pub(super) fn most(&self) -> LevelFilter {
        self.read(|rules| rules.all().map(for_spans).max().unwrap_or(LevelFilter::OFF))
    }

    /// The level of what has no rule of its own.
    #[cfg(test)]
    pub(super) fn of(&self, target: &str) -> LevelFilter {
        self.read(|rules| rules.of(target))
    }

    fn read<T>(&self, read: impl FnOnce(&Rules) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A span is context: at level `warn`, the request of a warning must still be known.
fn for_spans(level: LevelFilter) -> LevelFilter {
    if level == LevelFilter::OFF { level } else { level.max(LevelFilter::INFO) }
}
