//! The built-in module `bus`.
//!
//! | id | what |
//! |---|---|
//! | `bus.E001` | two subscribers have one name |
//! | `bus.E002` | two types of events have one name |
//! | `bus.E003` | the name of a subscriber or of an event is empty or too long |

use std::collections::HashMap;

use mainstay_core::check::Check;
use mainstay_core::lifecycle::Hook;
use mainstay_core::service::Service;
use mainstay_core::{Assembly, CoreContributions, Finding, Findings, Module, Provider};
use mainstay_db::{ModelsExt, migrations, models};

use crate::config::BusConfig;
use crate::inbox::Taken;
use crate::outbox::{self, Lane, Outbox, OutboxMessage, StoredDelivery, Subscription, registry};
use crate::relay;
use crate::subscriber::Subscriber;

/// What the columns hold.
const LONGEST_NAME: usize = 100;

/// The module: the section `bus`, the tables of outbox and inbox, the relay, [`Outbox`], and the command `outbox`. It is installed by the
/// first subscriber, and by [`EventsExt::events`](crate::EventsExt::events).
pub fn module() -> Module {
    Module::new("bus")
        .global()
        .import(mainstay_db::module::module())
        .config::<BusConfig>()
        .models(models![OutboxMessage, StoredDelivery, Subscription, Lane, Taken])
        .migrations(migrations!("outbox").of_library())
        .provide(Provider::singleton(Outbox::new).on_demand())
        .export::<Outbox>()
        .check(Check::at_start(check))
        .hook(Hook::on_start("make subscribers known", registry::register))
        .service(Service::new("outbox relay", relay::run))
        .command(outbox::command())
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let mut subscribers = HashMap::new();
    let mut events = HashMap::new();
    for found in assembly.contributions.of::<Subscriber>() {
        let (subscriber, module) = (found.value, &found.module.name);
        for (what, name) in [("a subscriber", subscriber.name), ("an event", subscriber.event)] {
            if name.is_empty() || name.len() > LONGEST_NAME {
                let told = format!("`{name}` is no name of {what}: it must have 1 to {LONGEST_NAME} bytes");
                findings.add(Finding::error("bus.E003", told).at(format!("module `{module}`")));
            }
        }
        if let Some(other) = subscribers.insert(subscriber.name, module) {
            let told = format!(
                "two subscribers are called `{}`: what is delivered to one is not delivered to the other",
                subscriber.name
            );
            let place = format!("modules `{other}` and `{module}`");
            findings.add(Finding::error("bus.E001", told).at(place).fix("give one of them another name"));
        }
        let (of, type_name) = subscriber.of;
        match events.insert(subscriber.event, (of, type_name)) {
            Some((other, other_name)) if other != of => {
                let told = format!("`{other_name}` and `{type_name}` are both called `{}`", subscriber.event);
                let fix = "give one of them another name: `#[event(name = \"…\")]`";
                findings.add(Finding::error("bus.E002", told).at(format!("module `{module}`")).fix(fix));
            }
            _ => {}
        }
    }
}
