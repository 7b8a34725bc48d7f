//! `keys list`, `keys rotate`, `keys revoke`.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Arg, ArgAction};

use super::keeper::{Keeper, Rotation};
use super::ring::{Ring, RingKey};
use crate::clock::Clock;
use crate::command::{Call, Command};
use crate::{Error, Result};

/// The command.
pub(crate) fn command() -> Command {
    let action = Arg::new("action")
        .value_parser(["list", "rotate", "revoke"])
        .default_value("list")
        .help("What to do: `rotate` adds a key, `revoke` makes what was made with one void");
    let id = Arg::new("id").required_if_eq("action", "revoke").help("The key to revoke, as `list` shows it");
    let now = Arg::new("now")
        .long("now")
        .action(ArgAction::SetTrue)
        .help("Use the new key at once: processes that do not know it yet refuse what is made with it, for as long as `keys.refresh`");
    Command::new("keys", "Shows and changes the keys that sign and seal.", run)
        .argument(action)
        .argument(id)
        .argument(now)
}

async fn run(call: Call) -> Result<ExitCode> {
    let resolver = call.resolver();
    let clock = resolver.get::<dyn Clock>().await?;
    let Some(keeper) = Keeper::of(&resolver).await? else {
        let told = "There is no ring: one key follows from `keys.secret`. To change keys by schedule, set `keys.ring`, to `file:keys/ring` or `database`.";
        if call.arguments.get_one::<String>("action").is_some_and(|action| action == "list") {
            call.print(told);
            return Ok(ExitCode::SUCCESS);
        }
        return Err(Error::bad_request(told));
    };
    let id = call.arguments.get_one::<String>("id");
    let ring = match (call.arguments.get_one::<String>("action").map(String::as_str), id) {
        (Some("rotate"), _) => {
            let at_once = call.arguments.get_flag("now");
            keeper.rotate(if at_once { Rotation::AtOnce } else { Rotation::WhenAllKnow }).await?
        }
        (Some("revoke"), Some(id)) => keeper.revoke(id).await?,
        _ => keeper.look().await?,
    };
    for line in lines(&ring, clock.now()) {
        call.print(line);
    }
    Ok(ExitCode::SUCCESS)
}

/// The ring, for people: the newest first.
fn lines(ring: &Ring, now: SystemTime) -> Vec<String> {
    let current = ring.current(now).map(|key| key.id.as_str());
    let mut keys: Vec<&RingKey> = ring.keys().iter().collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.active_from));
    let line = |key: &&RingKey| {
        let state = match key.revoked_at {
            Some(at) => format!("revoked {}", ago(now, at)),
            None if Some(key.id.as_str()) == current => {
                format!("current, since {}", ago(now, key.active_from))
            }
            None if key.active_from > now => format!("next, {}", ago(now, key.active_from)),
            None => format!("read, from {}", ago(now, key.active_from)),
        };
        format!("{}  {state}", key.id)
    };
    keys.iter().map(line).collect()
}

/// `3 days ago`, `in 2 hours`.
fn ago(now: SystemTime, then: SystemTime) -> String {
    let round = |time: Duration| {
        let (count, unit) = match time.as_secs() {
            seconds @ ..60 => (seconds, "second"),
            seconds @ 60..3_600 => (seconds / 60, "minute"),
            seconds @ 3_600..86_400 => (seconds / 3_600, "hour"),
            seconds => (seconds / 86_400, "day"),
        };
        format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
    };
    match now.duration_since(then) {
        Ok(since) => format!("{} ago", round(since)),
        Err(ahead) => format!("in {}", round(ahead.duration())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn shows_which_key_is_which() {
        let day = |number: u64| UNIX_EPOCH + Duration::from_secs(number * 86_400);
        let (mut ring, random) = (Ring::default(), SeededRandom::new(1));
        for active in [1, 40, 80, 103] {
            ring.add(day(1), day(active), &random);
        }
        let first = ring.keys()[0].id.clone();
        assert!(ring.revoke(&first, day(99)) && !ring.revoke(&first, day(99)));
        let lines = lines(&ring, day(100));
        let states: Vec<&str> = lines.iter().map(|line| line.split_once("  ").unwrap().1).collect();
        assert_eq!(
            states,
            ["next, in 3 days", "current, since 20 days ago", "read, from 60 days ago", "revoked 1 day ago"]
        );
    }
}
