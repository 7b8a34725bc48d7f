//! When it is time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// When it is time, as it was written; whether that can be read is found at the start.
#[derive(Clone, Debug)]
pub(crate) struct Rhythm {
    beat: Result<Beat, Mistake>,
    zone: Option<Result<Tz, Mistake>>,
    written: String,
}

#[derive(Clone, Debug)]
enum Beat {
    Cron(Box<Cron>),
    /// In milliseconds.
    Every(i64),
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("`{pattern}` is no pattern: {why}")]
    Pattern { pattern: String, why: String },
    #[error("`{0}` is no time zone")]
    Zone(String),
    #[error("its period is shorter than a second")]
    TooOften,
}

impl Mistake {
    pub(crate) fn fix(&self) -> &'static str {
        match self {
            Self::Pattern { .. } => {
                "write minute, hour, day of the month, month and day of the week: `0 7 * * MON`"
            }
            Self::Zone(_) => "write one such as `Europe/Berlin` or `UTC`",
            Self::TooOften => "let a second pass at least",
        }
    }
}

impl Rhythm {
    pub(crate) fn cron(pattern: &str) -> Self {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let beat = parser.parse(pattern).map(|cron| Beat::Cron(Box::new(cron)));
        let wrong = |why: croner::errors::CronError| Mistake::Pattern {
            pattern: pattern.to_owned(),
            why: why.to_string(),
        };
        Self { beat: beat.map_err(wrong), zone: None, written: pattern.to_owned() }
    }

    pub(crate) fn every(period: Duration) -> Self {
        let millis = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        let beat = if millis >= 1_000 { Ok(Beat::Every(millis)) } else { Err(Mistake::TooOften) };
        Self {
            beat,
            zone: None,
            written: format!("every {}", mainstay_core::config::duration::format(period)),
        }
    }

    pub(crate) fn time_zone(mut self, name: &str) -> Self {
        self.zone = Some(zone(name));
        self
    }

    pub(crate) fn mistakes(&self) -> impl Iterator<Item = &Mistake> {
        let zone = self.zone.as_ref().and_then(|zone| zone.as_ref().err());
        self.beat.as_ref().err().into_iter().chain(zone)
    }

    /// The first time after this one; `zone` is that of who has said none.
    pub(crate) fn next(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        match self.beat.as_ref().ok()? {
            Beat::Cron(cron) => {
                let after = after.with_timezone(&self.own_zone().unwrap_or(zone));
                cron.find_next_occurrence(&after, false).ok().map(|next| next.with_timezone(&Utc))
            }
            Beat::Every(period) => {
                let passed = after.timestamp_millis().div_euclid(*period);
                DateTime::from_timestamp_millis(passed.checked_add(1)?.checked_mul(*period)?)
            }
        }
    }

    /// The last time up to this one.
    pub(crate) fn last(&self, until: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        match self.beat.as_ref().ok()? {
            Beat::Cron(cron) => {
                let until = until.with_timezone(&self.own_zone().unwrap_or(zone));
                cron.find_previous_occurrence(&until, true).ok().map(|last| last.with_timezone(&Utc))
            }
            Beat::Every(period) => {
                DateTime::from_timestamp_millis(until.timestamp_millis().div_euclid(*period) * period)
            }
        }
    }

    fn own_zone(&self) -> Option<Tz> {
        self.zone.as_ref()?.as_ref().ok().copied()
    }
}

/// As it was written, with its time zone.
impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)?;
        self.own_zone().map_or(Ok(()), |zone| write!(f, " {zone}"))
    }
}

/// The time zone of this name.
pub(crate) fn zone(name: &str) -> Result<Tz, Mistake> {
    Tz::from_str(name).map_err(|_| Mistake::Zone(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(rhythm: &Rhythm, from: &str, count: usize) -> Vec<String> {
        let mut at: DateTime<Utc> = from.parse().unwrap_or_default();
        let mut times = Vec::new();
        while let Some(next) = rhythm.next(at, Tz::UTC).filter(|_| times.len() < count) {
            assert!(next > at, "{next} does not come after {at}");
            times.push(next.format("%m-%d %H:%M:%S").to_string());
            at = next;
        }
        times
    }

    #[test]
    fn reads_patterns_of_five_and_of_six_fields() {
        let from = "2026-01-01T00:00:00Z";
        assert_eq!(times(&Rhythm::cron("30 7 * * *"), from, 2), ["01-01 07:30:00", "01-02 07:30:00"]);
        assert_eq!(times(&Rhythm::cron("0 9 * * MON#1"), from, 2), ["01-05 09:00:00", "02-02 09:00:00"]);
        assert_eq!(times(&Rhythm::cron("0 0 L * *"), from, 2), ["01-31 00:00:00", "02-28 00:00:00"]);
        assert_eq!(times(&Rhythm::cron("*/20 * * * * *"), from, 2), ["01-01 00:00:20", "01-01 00:00:40"]);
        assert_eq!(times(&Rhythm::cron("@daily"), from, 1), ["01-02 00:00:00"]);
        assert_eq!(times(&Rhythm::cron("0 0 30 2 *"), from, 1), [""; 0], "a day that never comes");
    }

    #[test]
    fn knows_daylight_saving() {
        let berlin = |pattern| Rhythm::cron(pattern).time_zone("Europe/Berlin");
        // At 02:00 on 29 March clocks are set forward to 03:00: 02:30 is left out, and comes at the next time of the pattern.
        let nights = times(&berlin("30 2 * * *"), "2026-03-27T12:00:00Z", 3);
        assert_eq!(nights, ["03-28 01:30:00", "03-29 01:00:00", "03-30 00:30:00"]);
        // At 03:00 on 25 October they are set back to 02:00: 02:30 comes twice, and is run once.
        let nights = times(&berlin("30 2 * * *"), "2026-10-24T12:00:00Z", 2);
        assert_eq!(nights, ["10-25 00:30:00", "10-26 01:30:00"]);
        // What comes each half hour comes in both of the hours.
        let halves = times(&berlin("*/30 * * * *"), "2026-10-24T23:59:00Z", 5);
        assert_eq!(
            halves,
            ["10-25 00:00:00", "10-25 00:30:00", "10-25 01:00:00", "10-25 01:30:00", "10-25 02:00:00"]
        );
    }

    #[test]
    fn a_period_is_counted_from_the_epoch() {
        let rhythm = Rhythm::every(Duration::from_secs(900));
        assert_eq!(times(&rhythm, "2026-01-01T00:07:12Z", 2), ["01-01 00:15:00", "01-01 00:30:00"]);
        assert_eq!(rhythm.to_string(), "every 15m");
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = |rhythm: &Rhythm| rhythm.mistakes().map(ToString::to_string).collect::<Vec<_>>();
        assert!(wrong(&Rhythm::cron("0 25 * * *"))[0].starts_with("`0 25 * * *` is no pattern: "));
        assert!(wrong(&Rhythm::cron("hourly"))[0].starts_with("`hourly` is no pattern: "));
        assert_eq!(wrong(&Rhythm::cron("@daily").time_zone("Berlin")), ["`Berlin` is no time zone"]);
        assert_eq!(wrong(&Rhythm::every(Duration::from_millis(5))), ["its period is shorter than a second"]);
        assert!(wrong(&Rhythm::cron("@daily").time_zone("Europe/Berlin")).is_empty());
    }
}
