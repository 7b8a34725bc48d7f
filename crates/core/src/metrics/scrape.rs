//! One reading of everything.

use std::collections::BTreeMap;
use std::iter::repeat;

use super::family::{self, Family, Kind};
use super::handle::Buckets;
use super::text::{self, Number};

/// Takes the values that are looked up when somebody asks.
#[derive(Default)]
pub struct Scrape {
    blocks: BTreeMap<String, Block>,
    problems: Vec<String>,
}

/// What a histogram that is kept elsewhere has counted.
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    /// The upper bounds of its buckets, ascending; times in seconds.
    pub bounds: &'a [f64],
    /// How many values fell into each bucket alone, and as the last how many lay above all bounds.
    pub counts: &'a [u64],
    /// The sum of the values.
    pub sum: f64,
}

/// Everything of one name.
struct Block {
    kind: &'static str,
    help: String,
    samples: String,
}

impl Scrape {
    /// The value of a counter, whose name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.sample(name, help, (&Kind::Counter, labels), value);
    }

    /// The value of a gauge.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.sample(name, help, (&Kind::Gauge, labels), value);
    }

    /// A histogram that somebody keeps in a shape of their own.
    pub fn histogram(&mut self, name: &str, help: &str, labels: &[(&str, &str)], values: &Distribution<'_>) {
        if let Some(samples) = self.checked(name, help, (&Kind::Histogram(Buckets::amounts([])), labels)) {
            let bounds = values.bounds.iter().copied();
            // As many as bounds, and one, whatever was given.
            let counts = values.counts.iter().copied().chain(repeat(0)).take(values.bounds.len() + 1);
            text::histogram(samples, name, labels, (bounds, counts, values.sum));
        }
    }

    fn sample(&mut self, name: &str, help: &str, (kind, labels): (&Kind, &[(&str, &str)]), value: f64) {
        if let Some(samples) = self.checked(name, help, (kind, labels)) {
            text::sample(samples, name, labels, Number(value));
        }
    }

    fn checked(
        &mut self,
        name: &str,
        help: &str,
        (kind, labels): (&Kind, &[(&str, &str)]),
    ) -> Option<&mut String> {
        match family::check(name, kind, labels) {
            Ok(()) => self.block(name, kind, help),
            Err(problem) => {
                self.problems.push(format!("metric `{name}`: {problem}"));
                None
            }
        }
    }

    pub(super) fn add_family(&mut self, name: &str, family: &Family) {
        if let Some(samples) = self.block(name, &family.kind, &family.help) {
            text::samples(samples, name, family);
        }
    }

    /// Where the samples of a name go; nowhere if it is of another kind.
    fn block(&mut self, name: &str, kind: &Kind, help: &str) -> Option<&mut String> {
        let kind = kind.name();
        let block = self.blocks.entry(name.to_owned()).or_insert_with(|| Block {
            kind,
            help: help.to_owned(),
            samples: String::new(),
        });
        if block.kind != kind {
            self.problems
                .push(format!("metric `{name}`: it is collected as a {}, not as a {kind}", block.kind));
            return None;
        }
        Some(&mut block.samples)
    }

    pub(super) fn problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    pub(super) fn into_text(self) -> String {
        let mut page = String::new();
        for (name, block) in &self.blocks {
            if !block.samples.is_empty() {
                text::head(&mut page, name, block.kind, &block.help);
                page.push_str(&block.samples);
            }
        }
        page
    }
}
