//! `audit list`, `audit export`, `audit verify`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Arg, ArgMatches};
use mainstay_core::clock::Clock;
use mainstay_core::command::{Call, Command};
use mainstay_core::config::duration;
use mainstay_core::{Contributions, Error, Result};
use mainstay_db::{Db, Query};

use super::entry::AuditEntry;
use super::event::Outcome;
use super::{Audit, Broken};
use crate::roles::{Holder, Known, find_holder};

/// How many entries `list` shows unless it is said.
const SHOWN: &str = "50";

/// The command.
pub(super) fn command() -> Command {
    let action = Arg::new("action")
        .value_parser(["list", "export", "verify"])
        .default_value("list")
        .help("What to do: `export` writes all of them as JSON, one a line; `verify` looks whether they are as they were written");
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("audit", "Shows and verifies the audit log.", run)
        .argument(action)
        .argument(option(
            "account",
            "WHO",
            "Those about this account alone: its identity (User/User/42), or the name that it signs in by",
        ))
        .argument(option("event", "NAME", "Those of this name alone: login, password.changed"))
        .argument(option("since", "TIME", "Those since then: 24h, 30d, 2026-01-31T08:00:00Z"))
        .argument(option("limit", "N", "How many `list` shows, the last ones").default_value(SHOWN))
        .argument(option(
            "anchor",
            "POSITION:DIGEST",
            "What an earlier `verify` has printed: finds whether the end was cut off since",
        ))
}

async fn run(call: Call) -> Result<ExitCode> {
    let resolver = call.resolver();
    let (db, clock) = (resolver.get::<Db>().await?, resolver.get::<dyn Clock>().await?);
    match call.arguments.get_one::<String>("action").map(String::as_str) {
        Some("verify") => verify(&call, &db).await,
        Some("export") => {
            let mut entries =
                chosen(&call, clock.now().into(), &db).await?.order_by(|entry| entry.position).stream(&*db);
            while let Some(entry) = entries.try_next().await? {
                call.print(exported(&entry)?);
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            let limit = number(&call.arguments, "limit")?;
            let last = chosen(&call, clock.now().into(), &db)
                .await?
                .order_by(|entry| entry.position.desc())
                .limit(limit);
            for entry in last.all(&*db).await?.iter().rev() {
                call.print(line(entry));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The entries that the arguments ask for.
async fn chosen(call: &Call, now: DateTime<Utc>, db: &Db) -> Result<Query<AuditEntry>> {
    let text = |name: &str| call.arguments.get_one::<String>(name).cloned();
    let account = match text("account") {
        Some(name) => Some(about(&name, &*call.resolver().get::<Contributions>().await?, db).await?),
        None => None,
    };
    let since = text("since").map(|since| time(&since, now)).transpose()?;
    Ok(Query::<AuditEntry>::new()
        .filter_if(account, |entry, account: String| entry.account.eq(account))
        .filter_if(text("event"), |entry, event: String| entry.event.eq(event))
        .filter_if(since, |entry, since: DateTime<Utc>| entry.at.ge(since)))
}

/// The identity that is meant. Entries outlive their account, so that it need not be there.
async fn about(name: &str, contributions: &Contributions, db: &Db) -> Result<String> {
    match find_holder(name, Known::Once, contributions, db).await? {
        Holder::Account(identity) => Ok(identity),
        Holder::Group(_) => Err(Error::bad_request("`--account` takes an account, and this is a group.")),
    }
}

/// `24h` ago, or a time.
fn time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    if let Some(then) = duration::parse(text)
        .ok()
        .and_then(|ago| now.checked_sub_signed(chrono::Duration::from_std(ago).ok()?))
    {
        return Ok(then);
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| {
        Error::bad_request(format!("`--since {text}` is no time: write 24h, 30d, or 2026-01-31T08:00:00Z."))
    })
}

fn number(arguments: &ArgMatches, name: &str) -> Result<u64> {
    let text = arguments.get_one::<String>(name).map_or(SHOWN, String::as_str);
    text.parse().map_err(|_| Error::bad_request(format!("`--{name} {text}` is no number.")))
}

/// For people.
fn line(entry: &AuditEntry) -> String {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let outcome = if entry.outcome == Outcome::Done { "" } else { " (refused)" };
    let mut line = format!(
        "{:>6}  {}  {}{outcome}  {}  {}",
        entry.position,
        entry.at.format("%Y-%m-%d %H:%M:%S"),
        entry.event,
        known(&entry.account),
        known(&entry.address),
    );
    if let Some(actor) = &entry.actor {
        line.push_str(&format!("  by {actor}"));
    }
    if entry.details != "{}" {
        line.push_str(&format!("  {}", entry.details));
    }
    line
}

/// For programs.
fn exported(entry: &AuditEntry) -> Result<String> {
    let mut value = serde_json::to_value(entry)?;
    if let (Some(details), Ok(known)) = (value.get_mut("details"), serde_json::from_str(&entry.details)) {
        *details = known;
    }
    Ok(value.to_string())
}

async fn verify(call: &Call, db: &Db) -> Result<ExitCode> {
    let anchor = call.arguments.get_one::<String>("anchor");
    let anchor = anchor.map(|text| anchored(text)).transpose()?;
    let found = call.resolver().get::<Audit>().await?.verify().await?;
    let told = match found.broken {
        None => None,
        Some(Broken::Missing(position)) => Some(format!("entry {position} is missing")),
        Some(Broken::Changed(position)) => Some(format!("entry {position} was changed")),
        Some(Broken::Unsealed(position)) => Some(format!(
            "entry {position} is not sealed by a key of this application. Somebody else has written it; or it was written with another \
             `keys.secret`, or a key that was revoked"
        )),
        Some(Broken::Cut(position)) => Some(format!("the entries after {position} are missing")),
    };
    let told = match (told, anchor) {
        (None, Some((position, digest))) => {
            let there = AuditEntry::filter(|entry| entry.position.eq(position)).first(&db.primary()).await?;
            match there {
                Some(entry) if entry.digest == digest => None,
                Some(_) => Some(format!("entry {position} is another one than when the anchor was written")),
                None => {
                    Some(format!("entry {position}, which was there when the anchor was written, is missing"))
                }
            }
        }
        (told, _) => told,
    };
    match told {
        Some(told) => {
            call.print(format!("The audit log is not as it was written: {told}."));
            Ok(ExitCode::FAILURE)
        }
        None => {
            call.print(format!("The audit log is as it was written: {} entries.", found.entries));
            if found.entries > 0 {
                call.print(format!("anchor {}:{}", found.entries, found.digest));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn anchored(text: &str) -> Result<(i64, String)> {
    let parts =
        text.split_once(':').and_then(|(position, digest)| Some((position.parse().ok()?, digest.to_owned())));
    parts.ok_or_else(|| {
        Error::bad_request(format!("`--anchor {text}` is no anchor: `verify` prints one, 12:ab34…"))
    })
}
