//! `webhooks list`, `webhooks log`, `webhooks replay`, `webhooks enable`.

use std::process::ExitCode;

use clap::Arg;
use mainstay_core::command::{Call, Command};
use mainstay_core::{Error, Result};
use mainstay_db::{Db, Key, Uuid};

use super::Webhooks;
use super::tables::{EndpointState, WebhookAttempt, WebhookEndpoint};

/// How many attempts `log` shows.
const SHOWN: u64 = 50;

/// The command.
pub(super) fn command() -> Command {
    let action = Arg::new("action")
        .value_parser(["list", "log", "replay", "enable"])
        .default_value("list")
        .help("What to do: `log` shows the last attempts to call an endpoint; `replay` sends a message again; `enable` switches one on again");
    let endpoint = Arg::new("endpoint").help("Which endpoint").value_parser(clap::value_parser!(i64));
    let message =
        Arg::new("message").help("Of `replay`: which message").value_parser(clap::value_parser!(Uuid));
    Command::new("webhooks", "Shows endpoints of webhooks and what was sent to them.", run)
        .argument(action)
        .argument(endpoint)
        .argument(message)
}

async fn run(call: Call) -> Result<ExitCode> {
    let resolver = call.resolver();
    let (webhooks, db) = (resolver.get::<Webhooks>().await?, resolver.get::<Db>().await?);
    let endpoint = || {
        let id = call.arguments.get_one::<i64>("endpoint").copied();
        let id = id.ok_or_else(|| Error::bad_request("Say which endpoint: `webhooks log 3`."))?;
        Ok::<_, Error>(Key::<WebhookEndpoint>::new(id))
    };
    match call.arguments.get_one::<String>("action").map(String::as_str) {
        Some("log") => {
            for attempt in webhooks.attempts(endpoint()?, SHOWN).await?.iter().rev() {
                call.print(line(attempt));
            }
        }
        Some("replay") => {
            let message = call.arguments.get_one::<Uuid>("message").copied();
            let message =
                message.ok_or_else(|| Error::bad_request("Say which message: `webhooks replay 3 019b…`."))?;
            webhooks.replay(endpoint()?, message, &*db).await?;
            call.print("It is sent again.");
        }
        Some("enable") => {
            let endpoint = webhooks.enable(endpoint()?).await?;
            call.print(format!("{} gets what is sent from now on.", endpoint.url));
        }
        _ => {
            for endpoint in WebhookEndpoint::query().order_by(|it| it.id).all(&db.primary()).await? {
                call.print(shown(&endpoint));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(endpoint: &WebhookEndpoint) -> String {
    let state = match (endpoint.state, &endpoint.off_because, endpoint.failing_since) {
        (EndpointState::Off, because, _) => format!("off: {}", because.as_deref().unwrap_or("?")),
        (EndpointState::On, _, Some(since)) => format!("failing since {}", since.format("%Y-%m-%d %H:%M")),
        (EndpointState::On, _, None) => "on".to_owned(),
    };
    let owner = endpoint.owner.as_deref().unwrap_or("-");
    format!("{:>6}  {owner}  {}  {state}", endpoint.id, endpoint.url)
}

fn line(attempt: &WebhookAttempt) -> String {
    let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let first = attempt.excerpt.lines().next().unwrap_or_default();
    format!(
        "{}  {}  attempt {}  {status}  {} ms  {first}",
        attempt.at.format("%Y-%m-%d %H:%M:%S"),
        attempt.message,
        attempt.attempt,
        attempt.took_ms,
    )
}
