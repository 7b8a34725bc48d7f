//! All series of one name.

use std::collections::BTreeMap;

use super::handle::{Buckets, Counter, Gauge, Histogram};

/// The series of one name: of one kind, with the same label names.
pub(super) struct Family {
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) labels: Vec<String>,
    /// By the values of the labels.
    pub(super) series: BTreeMap<Vec<String>, Series>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram(Buckets),
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    fn series(&self) -> Series {
        match self {
            Self::Counter => Series::Counter(Counter::default()),
            Self::Gauge => Series::Gauge(Gauge::default()),
            Self::Histogram(buckets) => Series::Histogram(Histogram::new(buckets)),
        }
    }
}

#[derive(Clone)]
pub(super) enum Series {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

pub(super) struct Found {
    pub(super) series: Series,
    /// Whether this was the first that had to go to the series for all others.
    pub(super) just_full: bool,
}

/// The value of each label of the series for all others.
const OTHER: &str = "other";

impl Family {
    pub(super) fn new(help: &str, kind: Kind, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { help: help.to_owned(), kind, labels, series: BTreeMap::new() }
    }

    /// The series with these labels, which may be given in any order.
    pub(super) fn series(
        &mut self,
        help: &str,
        kind: &Kind,
        labels: &[(&str, &str)],
        limit: usize,
    ) -> Result<Found, String> {
        if *kind != self.kind {
            return Err(match (kind, &self.kind) {
                (Kind::Histogram(_), Kind::Histogram(_)) => "it is registered with other buckets".to_owned(),
                (new, known) => format!("it is registered as a {}, not as a {}", known.name(), new.name()),
            });
        }
        if help != self.help {
            return Err("it is registered with another help text".to_owned());
        }
        let value_of = |name: &String| {
            labels.iter().find(|(label, _)| label == name).map(|(_, value)| (*value).to_owned())
        };
        let values = self.labels.iter().map(value_of).collect::<Option<Vec<_>>>();
        let Some(values) = values.filter(|values| values.len() == labels.len()) else {
            return Err(format!("it is registered with the labels {}", list(&self.labels)));
        };
        if let Some(series) = self.series.get(&values) {
            return Ok(Found { series: series.clone(), just_full: false });
        }
        let full = self.series.len() >= limit;
        let values = if full { vec![OTHER.to_owned(); values.len()] } else { values };
        let just_full = full && !self.series.contains_key(&values);
        let series = self.series.entry(values).or_insert_with(|| kind.series()).clone();
        Ok(Found { series, just_full })
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "(none)".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

/// What the [data model](https://prometheus.io/docs/concepts/data_model/) and its naming rules ask of names.
pub(super) fn check(name: &str, kind: &Kind, labels: &[(&str, &str)]) -> Result<(), String> {
    let is_name = |name: &str, colon: bool| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || colon && first == ':')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || colon && char == ':')
    };
    if !is_name(name, true) {
        return Err("the name is not of the form `[a-zA-Z_:][a-zA-Z0-9_:]*`".to_owned());
    }
    if name.ends_with("_total") != (*kind == Kind::Counter) {
        return Err("the names of counters, and only these, end in `_total`".to_owned());
    }
    for (index, (label, _)) in labels.iter().enumerate() {
        if !is_name(label, false) || label.starts_with("__") {
            return Err(format!(
                "the label `{label}` is not of the form `[a-zA-Z_][a-zA-Z0-9_]*`, or begins with `__`"
            ));
        }
        if *label == "le" && matches!(kind, Kind::Histogram(_)) {
            return Err("the label `le` is the histogram's own".to_owned());
        }
        if labels.iter().take(index).any(|(other, _)| other == label) {
            return Err(format!("the label `{label}` is given twice"));
        }
    }
    Ok(())
}
