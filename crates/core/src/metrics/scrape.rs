//! One reading of everything.

use std::collections::BTreeMap;

use super::family::{self, Family, Kind};
use super::text::{self, Number};

/// Takes the values that are looked up when somebody asks.
#[derive(Default)]
pub struct Scrape {
    blocks: BTreeMap<String, Block>,
    problems: Vec<String>,
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

    fn sample(&mut self, name: &str, help: &str, (kind, labels): (&Kind, &[(&str, &str)]), value: f64) {
        match family::check(name, kind, labels) {
            Ok(()) => {
                if let Some(samples) = self.block(name, kind, help) {
                    text::sample(samples, name, labels, Number(value));
                }
            }
            Err(problem) => self.problems.push(format!("metric `{name}`: {problem}")),
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
