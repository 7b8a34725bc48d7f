//! How far a server has come: in its log of what was written.
//!
//! PostgreSQL counts the bytes of its log (an LSN); MariaDB numbers transactions, by domain (a GTID). A position travels to
//! clients and back, so that what comes in is read strictly and believed in nothing: one that no replica has reached means
//! the primary, and that is all that an invented one can do.

use std::fmt;
use std::str::FromStr;

use crate::driver::{Dialect, Statement};
use crate::error::DbError;
use crate::row::Rows;

/// The longest text that is looked at.
const LONGEST: usize = 256;
/// The most domains of MariaDB; mostly there is one.
const DOMAINS: usize = 8;

/// A place in a server's log. Whoever has reached it has everything that was written before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// PostgreSQL: a byte of the log.
    Log(u64),
    /// MariaDB: the last transaction of each domain.
    Transactions(Vec<Gtid>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gtid {
    domain: u32,
    server: u32,
    number: u64,
}

impl Position {
    /// Whether whoever is here has everything that was written up to `other`.
    pub fn has_reached(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Place::Log(here), Place::Log(there)) => here >= there,
            (Place::Transactions(here), Place::Transactions(there)) => there.iter().all(|there| {
                here.iter().any(|here| here.domain == there.domain && here.number >= there.number)
            }),
            _ => false,
        }
    }
}

/// As the server writes it: `16/B374D848`, `0-1-270`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Log(byte) => write!(f, "{:X}/{:X}", byte >> 32, byte & 0xFFFF_FFFF),
            Place::Transactions(all) => {
                for (index, Gtid { domain, server, number }) in all.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{domain}-{server}-{number}")?;
                }
                Ok(())
            }
        }
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no position in the log of a database")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(NoPosition);
        }
        let place = match text.split_once('/') {
            Some((high, low)) => Place::Log(hexadecimal(high)? << 32 | hexadecimal(low)?),
            None => Place::Transactions(transactions(text)?),
        };
        Ok(Self(place))
    }
}

/// Up to eight digits. What `from_str_radix` allows beside digits, a sign, is refused.
fn hexadecimal(digits: &str) -> Result<u64, NoPosition> {
    let is_plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_plain {
        return Err(NoPosition);
    }
    u64::from_str_radix(digits, 16).map_err(|_| NoPosition)
}

fn transactions(text: &str) -> Result<Vec<Gtid>, NoPosition> {
    let mut all: Vec<Gtid> = Vec::new();
    for one in text.split(',') {
        let mut numbers = one.trim().split('-');
        let mut next = || numbers.next().ok_or(NoPosition);
        let gtid = Gtid { domain: decimal(next()?)?, server: decimal(next()?)?, number: decimal(next()?)? };
        let is_known = all.iter().any(|other| other.domain == gtid.domain);
        if numbers.next().is_some() || is_known || all.len() == DOMAINS {
            return Err(NoPosition);
        }
        all.push(gtid);
    }
    Ok(all)
}

fn decimal<T: FromStr>(digits: &str) -> Result<T, NoPosition> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NoPosition);
    }
    digits.parse().map_err(|_| NoPosition)
}

/// Asks a primary how far it has come. On PostgreSQL that is the end of what is in the log's buffer: what
/// `synchronous_commit = off` has acknowledged may not have been written further yet.
pub(super) fn ask_primary(dialect: Dialect) -> Statement {
    Statement::read(
        match dialect {
            Dialect::Postgres => {
                "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE CAST(pg_current_wal_insert_lsn() AS text) END"
            }
            _ => "SELECT CAST(@@global.gtid_binlog_pos AS CHAR)",
        },
        Vec::new(),
    )
}

/// Asks a replica whether it is one, and how far it has come.
pub(super) fn ask_replica(dialect: Dialect) -> Statement {
    Statement::read(
        match dialect {
            Dialect::Postgres => {
                "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END, CAST(pg_last_wal_replay_lsn() AS text)"
            }
            // A number in the versions up to 11, a word in newer ones.
            _ => {
                "SELECT CASE WHEN CAST(@@global.read_only AS CHAR) IN ('0', 'OFF') THEN 0 ELSE 1 END, \
                 CAST(@@global.gtid_slave_pos AS CHAR)"
            }
        },
        Vec::new(),
    )
}

/// What a primary has answered; nothing from a server that keeps no log, or that only reads.
pub(super) fn of_primary(rows: &Rows) -> Result<Option<Position>, DbError> {
    of_column(rows, 0)
}

/// What a replica has answered: whether it is one, and where it is.
pub(super) fn of_replica(rows: &Rows) -> Result<(bool, Option<Position>), DbError> {
    let is_replica = rows.first().map_or(Ok(0), |row| row.get::<i64>(0))? == 1;
    Ok((is_replica, of_column(rows, 1)?))
}

fn of_column(rows: &Rows, column: usize) -> Result<Option<Position>, DbError> {
    told(rows.first().map_or(Ok(None), |row| row.get::<Option<String>>(column))?.as_deref())
}

fn told(text: Option<&str>) -> Result<Option<Position>, DbError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|NoPosition| {
        let shown: String = text.chars().take(LONGEST).collect();
        DbError::Unavailable {
            detail: format!(
                "it has come to `{shown}`, which cannot be followed: a position is of at most {DOMAINS} domains, and no \
                 longer than {LONGEST} characters"
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[test]
    fn a_later_one_has_reached_an_earlier_one() {
        assert!(at("16/B374D848").has_reached(&at("16/B374D848")));
        assert!(at("17/0").has_reached(&at("16/FFFFFFFF")));
        assert!(!at("16/1").has_reached(&at("16/2")));
        assert!(at("0-1-270").has_reached(&at("0-2-269")));
        assert!(at("0-1-270,5-1-3").has_reached(&at("0-1-270")));
        assert!(!at("0-1-270").has_reached(&at("0-1-270,5-1-3")), "nothing is known of a domain");
        assert!(!at("0-1-270,5-1-2").has_reached(&at("0-1-1,5-1-3")));
        assert!(!at("16/1").has_reached(&at("0-1-1")) && !at("0-1-1").has_reached(&at("0/0")));
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = format!("0-1-{}", "9".repeat(300));
        let many = (0..9).map(|domain| format!("{domain}-1-1")).collect::<Vec<_>>().join(",");
        for text in [
            "",
            " ",
            "/",
            "1/",
            "/1",
            "+1/2",
            "1/-2",
            "123456789/0",
            "G/0",
            "1/2/3",
            "0-1",
            "0-1-2-3",
            "0-1-",
            "-1-2",
            "0-1-+2",
            "0-1-1,0-1-2",
            "0-1-1,",
            "4294967296-1-1",
            "0-1-18446744073709551616",
            "primary",
            &long,
            &many,
            "0x1/0",
            "1/2 ",
            "１/２",
        ] {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text}");
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_told_from_one_that_says_too_much() {
        assert_eq!(told(None), Ok(None));
        assert_eq!(told(Some("")), Ok(None));
        assert_eq!(told(Some("0-1-270")), Ok(Some(at("0-1-270"))));
        let many = (0..9).map(|domain| format!("{domain}-1-1")).collect::<Vec<_>>().join(",");
        let fault = told(Some(&many)).unwrap_err().to_string();
        assert!(fault.contains(&many) && fault.contains("at most 8 domains"), "{fault}");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9A-F/,+-]{0,40}|.{0,40}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string().parse::<Position>(), Ok(position));
            }
        }

        #[test]
        fn comes_back_as_it_went(byte: u64) {
            let position = Position(Place::Log(byte));
            prop_assert_eq!(position.to_string().parse::<Position>(), Ok(position));
        }
    }
}
