//! How times and arguments are shown.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::redaction::{MASK, is_secret};
use mainstay_jobs::stats::{Spread, Volume};
use serde::Serialize;
use serde_json::Value;

/// A point in time.
#[derive(Serialize)]
pub(super) struct When {
    iso: String,
    text: String,
    ago: String,
}

impl When {
    pub(super) fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let ago = match (now - at).to_std() {
            Ok(since) if since < Duration::from_secs(1) => "just now".to_owned(),
            Ok(since) => format!("{} ago", rough(since)),
            Err(_) => format!("in {}", rough((at - now).to_std().unwrap_or_default())),
        };
        Self { iso: at.to_rfc3339(), text: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(), ago }
    }

    pub(super) fn of(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Self> {
        at.map(|at| Self::new(at, now))
    }
}

/// A while in one unit: `3 min`.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// How long something takes, in a few letters: `0.4 ms`, `1.3 s`, `12 min`.
pub(super) fn length(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs_f64(), time.as_secs_f64() * 1e3);
    match () {
        () if time.is_zero() => "0".to_owned(),
        () if millis < 10.0 => format!("{millis:.1} ms"),
        () if millis < 1_000.0 => format!("{millis:.0} ms"),
        () if seconds < 10.0 => format!("{seconds:.1} s"),
        () => rough(time),
    }
}

/// How long jobs took, in seconds, for programs.
#[derive(Serialize)]
pub(super) struct Times {
    mean: Option<f64>,
    p50: Option<f64>,
    p95: Option<f64>,
    max: Option<f64>,
}

impl From<&Spread> for Times {
    fn from(spread: &Spread) -> Self {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        Self {
            mean: seconds(spread.mean()),
            p50: seconds(spread.quantile(0.5)),
            p95: seconds(spread.quantile(0.95)),
            max: seconds(spread.longest()),
        }
    }
}

/// What became of some attempts, for programs.
#[derive(Serialize)]
pub(super) struct Numbers {
    completed: i64,
    failed: i64,
    dead: i64,
    wait: Times,
    run: Times,
}

impl From<&Volume> for Numbers {
    fn from(volume: &Volume) -> Self {
        let Volume { completed, failed, dead, wait, run } = volume;
        Self { completed: *completed, failed: *failed, dead: *dead, wait: wait.into(), run: run.into() }
    }
}

/// A number with commas.
pub(super) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// The most of a value that is read, in bytes, and the most of it that is shown.
const READ: usize = 1 << 20;
const SHOWN: usize = 16 << 10;

/// JSON as people read it, without what goes by the name of a secret.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Document {
    text: String,
    /// What is missing, in words.
    note: Option<String>,
}

impl Document {
    /// Of a text that is JSON. What is not, or is too large to look through, is not shown at all: nobody knows what is in it.
    pub(super) fn of(json: &str) -> Self {
        let none =
            |why: &str| Self { text: String::new(), note: Some(format!("{} bytes, {why}", json.len())) };
        if json.len() > READ {
            return none("too many to be shown");
        }
        let Ok(mut value) = serde_json::from_str::<Value>(json) else { return none("which are no JSON") };
        hide(&mut value);
        let Ok(mut text) = serde_json::to_string_pretty(&value) else { return none("which cannot be shown") };
        let whole = text.len();
        let cut = text.floor_char_boundary(SHOWN);
        text.truncate(cut);
        let note = (cut < whole).then(|| format!("{} bytes more are not shown", whole - cut));
        Self { text, note }
    }

    /// The same as JSON, for programs: null where it is not shown.
    pub(super) fn value(json: &str) -> Value {
        if json.len() > READ {
            return Value::Null;
        }
        let mut value = serde_json::from_str(json).unwrap_or_default();
        hide(&mut value);
        value
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match is_secret(name) && !field.is_null() {
                    true => *field = MASK.into(),
                    false => hide(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

/// The first line of an error, as far as a list has room for it.
pub(super) fn headline(error: &str) -> String {
    const MOST: usize = 160;
    let line = error.lines().next().unwrap_or_default();
    let cut = line.floor_char_boundary(MOST);
    if cut < line.len() { format!("{}…", &line[..cut]) } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_shown_without_secrets_however_deep() {
        let json = r#"{"user":7,"apiKey":"a","to":[{"password":"b","name":"c"}],"token":null}"#;
        let shown = Document::of(json);
        assert_eq!(shown.note, None);
        for text in [
            "\"user\": 7",
            "\"apiKey\": \"********\"",
            "\"password\": \"********\"",
            "\"name\": \"c\"",
            "\"token\": null",
        ] {
            assert!(shown.text.contains(text), "{text} is not in {}", shown.text);
        }
    }

    #[test]
    fn what_is_too_large_or_no_json_is_told_by_its_size() {
        let long = format!("[\"{}\"]", "ä".repeat(20_000));
        let shown = Document::of(&long);
        assert!(shown.text.len() <= SHOWN && shown.note.unwrap().ends_with("bytes more are not shown"));
        let huge = format!("{{\"password\":\"{}\"}}", "a".repeat(READ));
        assert_eq!(
            Document::of(&huge),
            Document { text: String::new(), note: Some("1048591 bytes, too many to be shown".into()) }
        );
        assert_eq!(Document::of("{\"password\":").note.unwrap(), "12 bytes, which are no JSON");
        assert_eq!(Document::value(&huge), Value::Null);
    }

    #[test]
    fn times_are_told_in_few_letters() {
        for (micros, told) in
            [(0, "0"), (400, "0.4 ms"), (12_345, "12 ms"), (1_340_000, "1.3 s"), (75_000_000, "1 min")]
        {
            assert_eq!(length(Duration::from_micros(micros)), told);
        }
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!((number(999), number(-1_000)), ("999".into(), "-1,000".into()));
    }
}
