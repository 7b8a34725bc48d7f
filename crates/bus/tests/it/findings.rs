//! What is wrong with a set-up, before it starts.

use mainstay_bus::{Event, EventsExt};
use mainstay_core::App;
use mainstay_core::config::Sources;
use serde::{Deserialize, Serialize};

use crate::shop::{OrderPlaced, PageSeen};

fn found(app: App) -> Vec<&'static str> {
    let assembly = app.assemble(Sources::isolated());
    let mut ids: Vec<_> = assembly.findings().iter().map(|finding| finding.id).collect();
    ids.retain(|id| id.starts_with("bus."));
    ids
}

/// The same name as [`PageSeen`].
#[derive(Event, Serialize, Deserialize)]
#[event(name = "page.seen")]
struct Other;

#[test]
fn names_that_are_had_twice_or_are_none_are_found() {
    let one = || App::new().subscribe("one", |_: PageSeen| async { Ok(()) });
    assert_eq!(found(one()), [""; 0]);
    assert_eq!(found(one().subscribe("one", |_: OrderPlaced| async { Ok(()) })), ["bus.E001"]);
    assert_eq!(found(one().subscribe("two", |_: Other| async { Ok(()) })), ["bus.E002"]);
    assert_eq!(found(one().subscribe("", |_: PageSeen| async { Ok(()) })), ["bus.E003"]);
}

#[test]
fn a_subscriber_says_what_it_needs() {
    struct Missing;
    let app =
        App::new().subscribe("needy", |_: PageSeen, _: mainstay_core::Inject<Missing>| async { Ok(()) });
    let assembly = app.assemble(Sources::isolated());
    assert!(assembly.findings().iter().any(|finding| finding.message.contains("Missing")));
}
