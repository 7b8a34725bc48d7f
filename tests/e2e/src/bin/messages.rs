//! A program that publishes events and sends webhooks. Its subscriber fails as long as `REPAIRED` is not set.

use std::process::ExitCode;

use mainstay::bus::webhooks::NewEndpoint;
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

/// Somebody has ordered something.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "order.placed", key = order)]
struct OrderPlaced {
    order: i64,
}

async fn publish(call: Call) -> Result<ExitCode> {
    let db = call.resolver().get::<Db>().await?;
    OrderPlaced { order: 7 }.publish(&*db).await?;
    Ok(ExitCode::SUCCESS)
}

async fn register(call: Call) -> Result<ExitCode> {
    let webhooks = call.resolver().get::<Webhooks>().await?;
    webhooks.register(NewEndpoint::new("https://customer.invalid/hooks").owner("customer/7")).await?;
    Ok(ExitCode::SUCCESS)
}

#[mainstay::main]
fn app() -> App {
    let confirm = Subscriber::new("confirm", |event: OrderPlaced| async move {
        match std::env::var_os("REPAIRED") {
            Some(_) => Ok(()),
            None => Err(Error::internal(format!("no mail for order {}", event.order))),
        }
    });
    App::new()
        .subscriber(confirm.attempts(1))
        .webhooks()
        .command(Command::new("publish", "Publishes an event.", publish))
        .command(Command::new("register", "Registers an endpoint.", register))
}
