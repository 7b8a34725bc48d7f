//! `outbox list`, `outbox retry`, `outbox forget`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Arg, ArgAction};
use mainstay_core::command::{Call, Command};
use mainstay_core::{Contributions, Error, Inject, Result};
use mainstay_db::{Db, count};

use super::{DeliveryState, Outbox, OutboxMessage, StoredDelivery, Subscription, Which};
use crate::subscriber::Subscriber;

/// The most dead deliveries that `list` shows.
const SHOWN: u64 = 50;

/// The command.
pub(crate) fn command() -> Command {
    let action = Arg::new("action").value_parser(["list", "retry", "forget"]).default_value("list").help(
        "What to do: `list` shows what waits and what is dead; `retry` has dead deliveries tried again; `forget` drops a subscriber that \
         the program has no more, with all that waits for it",
    );
    let id = Arg::new("id").help("Of `retry`: the delivery").value_parser(clap::value_parser!(i64));
    let subscriber =
        Arg::new("subscriber").long("subscriber").value_name("NAME").help("Those of this subscriber alone");
    let all = Arg::new("all").long("all").action(ArgAction::SetTrue).help("Of `retry`: every dead delivery");
    Command::new("outbox", "Shows what events wait, and tries dead ones again.", run)
        .argument(action)
        .argument(id)
        .argument(subscriber)
        .argument(all)
}

async fn run(call: Call) -> Result<ExitCode> {
    let resolver = call.resolver();
    let outbox = resolver.get::<Outbox>().await?;
    let subscriber = call.arguments.get_one::<String>("subscriber");
    match call.arguments.get_one::<String>("action").map(String::as_str) {
        Some("retry") => {
            let id = call.arguments.get_one::<i64>("id").copied();
            let which = match (id, subscriber, call.arguments.get_flag("all")) {
                (Some(id), None, false) => Which::One(id),
                (None, Some(name), false) => Which::Subscriber(name),
                (None, None, true) => Which::All,
                _ => {
                    return Err(Error::bad_request(
                        "Say what to try again: `outbox retry 12`, `--subscriber NAME` or `--all`.",
                    ));
                }
            };
            let many = outbox.retry(which).await?;
            call.print(format!("{many} dead deliveries are tried again."));
        }
        Some("forget") => {
            let name = subscriber.ok_or_else(|| {
                Error::bad_request("Say whom to forget: `outbox forget --subscriber NAME`.")
            })?;
            let contributions = resolver.get::<Contributions>().await?;
            if contributions.of::<Subscriber>().any(|found| found.value.name == name) {
                return Err(Error::bad_request(format!(
                    "The program has a subscriber `{name}`, which would be there again at the next start."
                )));
            }
            let many = outbox.forget(name).await?;
            call.print(format!("`{name}` is forgotten, and {many} deliveries with it."));
        }
        _ => list(&call, &outbox, &resolver.get::<Db>().await?, subscriber).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(call: &Call, outbox: &Outbox, db: &Inject<Db>, only: Option<&String>) -> Result<()> {
    let db = db.primary();
    let contributions = call.resolver().get::<Contributions>().await?;
    let here: Vec<&str> = contributions.of::<Subscriber>().map(|found| found.value.name).collect();
    let published = OutboxMessage::query().count(&db).await?;
    if published > 0 {
        call.print(format!("{published} events wait for a relay."));
    }
    let counts: Vec<(String, DeliveryState, i64)> = StoredDelivery::query()
        .select(|it| (it.subscriber, it.state, count()))
        .group_by(|it| (it.subscriber, it.state))
        .all(&db)
        .await?;
    let mut table: BTreeMap<String, (String, i64, i64)> = BTreeMap::new();
    for known in Subscription::query().all(&db).await? {
        table.entry(known.name).or_default().0 = known.event;
    }
    for (subscriber, state, many) in counts {
        let row = table.entry(subscriber).or_default();
        match state {
            DeliveryState::Waiting => row.1 = many,
            DeliveryState::Dead => row.2 = many,
        }
    }
    for (name, (event, waiting, dead)) in &table {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let known = if here.contains(&name.as_str()) { "" } else { "  (not in this program)" };
        call.print(format!("{name}: {event}, {waiting} waiting, {dead} dead{known}"));
    }
    let which = only.map_or(Which::All, |name| Which::Subscriber(name));
    for dead in outbox.dead(which, SHOWN).await? {
        let reason = dead.reason.as_deref().unwrap_or("?").lines().next().unwrap_or_default();
        call.print(format!(
            "{:>6}  {}  {}  {}  after {} attempts: {reason}",
            dead.id,
            dead.published_at.format("%Y-%m-%d %H:%M:%S"),
            dead.subscriber,
            dead.event,
            dead.attempts,
        ));
    }
    Ok(())
}
