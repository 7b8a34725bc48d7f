//! Moments as RFC 3339 writes them, in UTC.

use std::fmt;
use std::time::SystemTime;

/// A moment, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp {
    year: i64,
    month: u8,
    day: u8,
    second_of_day: u32,
    micros: u32,
}

impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        // What lies before 1970 is a clock that was never set.
        let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let days = (since.as_secs() / 86_400) as i64;
        let (year, month, day) = civil(days);
        Self {
            year,
            month,
            day,
            second_of_day: (since.as_secs() % 86_400) as u32,
            micros: since.subsec_micros(),
        }
    }
}

/// The date of a day counted from 1970-01-01: Howard Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`.
fn civil(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month + 2) / 5 + 1) as u8;
    let month = if month < 10 { month + 3 } else { month - 9 } as u8;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl Timestamp {
    /// The time of day to the millisecond: `12:00:00.123Z`.
    pub(super) fn time(self) -> impl fmt::Display {
        struct Time(Timestamp);

        impl fmt::Display for Time {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.clock(f)?;
                write!(f, ".{:03}Z", self.0.micros / 1000)
            }
        }

        Time(self)
    }

    fn clock(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.second_of_day;
        write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}T", self.year, self.month, self.day)?;
        self.clock(f)?;
        write!(f, ".{:06}Z", self.micros)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn knows_leap_years_and_the_ends_of_months() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000001Z"),
            (951_782_399, "2000-02-28T23:59:59.000001Z"),
            (951_782_400, "2000-02-29T00:00:00.000001Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000001Z"),
            (1_767_268_800, "2026-01-01T12:00:00.000001Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000001Z"),
        ] {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(1);
            assert_eq!(Timestamp::from(moment).to_string(), text);
        }
    }
}
