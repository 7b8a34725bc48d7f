//! The [text format](https://prometheus.io/docs/instrumenting/exposition_formats/), version 0.0.4.

use std::fmt::{self, Write};

use super::family::{Family, Series};
use super::handle::Unit;

/// Writes the samples of a family, without its head.
pub(super) fn samples(out: &mut String, name: &str, family: &Family) {
    for (values, series) in &family.series {
        let labels: Vec<(&str, &str)> =
            family.labels.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
        match series {
            Series::Counter(counter) => sample(out, name, &labels, counter.get()),
            Series::Gauge(gauge) => sample(out, name, &labels, gauge.get()),
            Series::Histogram(histogram) => {
                let buckets = histogram.buckets();
                let bounds =
                    buckets.bounds.iter().map(|bound| Number(in_unit(*bound, buckets.unit)).to_string());
                let bucket = format!("{name}_bucket");
                let mut count = 0;
                for (bound, cumulated) in bounds.chain(["+Inf".to_owned()]).zip(histogram.cumulated()) {
                    let with_bound: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
                    sample(out, &bucket, &with_bound, cumulated);
                    count = cumulated;
                }
                sample(out, &format!("{name}_sum"), &labels, Number(in_unit(histogram.sum(), buckets.unit)));
                // Not counted apart: it has to equal the last bucket of the same scrape.
                sample(out, &format!("{name}_count"), &labels, count);
            }
        }
    }
}

fn in_unit(value: u64, unit: Unit) -> f64 {
    match unit {
        // A division, not a multiplication by 1e-9: 5 ms are 0.005, not 0.0050000000000000001.
        Unit::Time => value as f64 / 1e9,
        Unit::Plain => value as f64,
    }
}

/// Writes `# HELP` and `# TYPE`.
pub(super) fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    write_all(
        out,
        format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", Escaped { text: help, quotes: false }),
    );
}

/// Writes one line.
pub(super) fn sample(out: &mut String, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
    out.push_str(name);
    for (index, (label, text)) in labels.iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        write_all(out, format_args!("{before}{label}=\"{}\"", Escaped { text, quotes: true }));
    }
    if !labels.is_empty() {
        out.push('}');
    }
    write_all(out, format_args!(" {value}\n"));
}

fn write_all(out: &mut String, text: fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _ = out.write_fmt(text);
}

/// A number as Go writes and reads it.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == f64::INFINITY {
            f.write_str("+Inf")
        } else if self.0 == f64::NEG_INFINITY {
            f.write_str("-Inf")
        } else {
            // `NaN` is written alike.
            write!(f, "{}", self.0)
        }
    }
}

/// Help texts escape backslash and line feed; label values escape the double quote too.
struct Escaped<'a> {
    text: &'a str,
    quotes: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.text.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.quotes => f.write_str("\\\"")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}
