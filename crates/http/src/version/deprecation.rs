//! What is on its way out: since when, until when, and where to go instead.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

use crate::describe::{Operation, Parameter, Place, schema_of};

/// Says that clients should move away from something. Its answers carry `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`.
///
/// ```
/// use mainstay_http::Group;
/// use mainstay_http::version::Deprecation;
///
/// let leaving = Deprecation::since("2026-01-01").sunset("2026-12-31").successor("/v2");
/// let old = Group::new("/v1").deprecated(leaving);
/// ```
///
/// Dates are `2026-01-01`, the beginning of that day in UTC, or `2026-01-01T12:00:00Z`. One that cannot be read is found at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecation {
    since: Cow<'static, str>,
    sunset: Option<Cow<'static, str>>,
    see: Option<String>,
    successor: Option<String>,
}

/// What becomes of a request for something whose sunset is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterSunset {
    /// It is answered as ever, for as long as the code is there.
    #[default]
    Serve,
    /// It is answered with 410: it is as if the code were not there any more.
    Gone,
}

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

impl Deprecation {
    /// Deprecated since this date, which may be one to come.
    pub fn since(date: impl Into<Cow<'static, str>>) -> Self {
        Self { since: date.into(), sunset: None, see: None, successor: None }
    }

    /// From this date on it may not be there any more.
    #[must_use]
    pub fn sunset(mut self, date: impl Into<Cow<'static, str>>) -> Self {
        self.sunset = Some(date.into());
        self
    }

    /// The address of a page for people that says what to do.
    #[must_use]
    pub fn see(mut self, address: impl Into<String>) -> Self {
        self.see = Some(address.into());
        self
    }

    /// The address of what takes its place.
    #[must_use]
    pub fn successor(mut self, address: impl Into<String>) -> Self {
        self.successor = Some(address.into());
        self
    }

    /// When it may not be there any more.
    pub(super) fn end(&self) -> Option<SystemTime> {
        self.sunset.as_deref().and_then(moment)
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let Some(since) = moment(&self.since) else { return Some(unreadable(&self.since)) };
        if let Some(sunset) = &self.sunset {
            match moment(sunset) {
                None => return Some(unreadable(sunset)),
                Some(end) if end < since => {
                    return Some(format!("its sunset, {sunset}, is before its deprecation, {}", self.since));
                }
                Some(_) => {}
            }
        }
        let links = [&self.see, &self.successor].into_iter().flatten();
        let bad = links.into_iter().find(|address| !is_address(address))?;
        Some(format!("`{bad}` is no address"))
    }

    /// The fields that answers carry.
    pub(super) fn fields(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut fields = Vec::new();
        if let Some(since) = moment(&self.since) {
            // A date of structured fields (RFC 9651, 3.3.7).
            fields.push((DEPRECATION, HeaderValue::try_from(format!("@{}", seconds(since)))));
        }
        if let Some(end) = self.end() {
            fields.push((SUNSET, HeaderValue::try_from(httpdate::fmt_http_date(end))));
        }
        if let Some(see) = &self.see {
            let link = format!("<{see}>; rel=\"deprecation\"; type=\"text/html\"");
            fields.push((header::LINK, HeaderValue::try_from(link)));
        }
        if let Some(successor) = &self.successor {
            fields.push((
                header::LINK,
                HeaderValue::try_from(format!("<{successor}>; rel=\"successor-version\"")),
            ));
        }
        fields.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect()
    }

    pub(crate) fn describe(&self, operation: &mut Operation) {
        operation.deprecated = true;
        let mut say = |name: &str, says: &str| {
            let header = Parameter::new(Place::Header, name).description(says);
            operation.header(header.schema(schema_of::<String>()));
        };
        say("Deprecation", "Since when clients should move away: `@` and seconds since 1970.");
        if self.sunset.is_some() {
            say("Sunset", "From when on it may not be there any more: a date of HTTP.");
        }
        if self.see.is_some() || self.successor.is_some() {
            say(
                "Link",
                "Where to read more (`deprecation`), and what takes its place (`successor-version`).",
            );
        }
    }
}

fn unreadable(date: &str) -> String {
    format!("`{date}` is no date such as 2026-12-31 or 2026-12-31T12:00:00Z")
}

/// What can stand between `<` and `>`.
fn is_address(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\^`".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Reads a date, with or without a time of day, in UTC.
fn moment(text: &str) -> Option<SystemTime> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut read = [0; 3];
    for (number, digits) in read.iter_mut().zip(digits) {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = if plain { part.parse().ok()? } else { return None };
    }
    parts.next().is_none().then_some(read)
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`, for years from 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_refuses_what_is_none() {
        for (text, unix) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:01Z", 1),
            ("2000-02-29", 951_782_400),
            ("2023-06-30T23:59:59Z", 1_688_169_599),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(moment(text).map(seconds), Some(unix), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-04-31",
            "2026-1-1",
            "1969-12-31",
            "2026-01-01T12:00",
            "2026-01-01T24:00:00Z",
            "2026-01-01T12:00:00+01:00",
            "+026-01-01",
            "2026-01-01-01",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn writes_the_fields_of_the_rfcs() {
        let fields = Deprecation::since("2023-06-30T23:59:59Z")
            .sunset("2024-06-30T23:59:59Z")
            .see("https://shop.example/moving")
            .successor("/v2/articles")
            .fields();
        let written: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        assert_eq!(
            written,
            [
                "deprecation: @1688169599",
                "sunset: Sun, 30 Jun 2024 23:59:59 GMT",
                "link: <https://shop.example/moving>; rel=\"deprecation\"; type=\"text/html\"",
                "link: </v2/articles>; rel=\"successor-version\"",
            ]
        );
    }
}
