//! The module in an application.

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Profile};
use mainstay_store::{Quota, Store, module};

fn app() -> App {
    App::new().profile(Profile::Test).module(module::module())
}

#[tokio::test]
async fn is_in_memory_unless_something_else_is_said() {
    let assembly = app().assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    let _started = assembly.start(Services::Background).await.unwrap();
    let store = assembly.resolver().get::<Store>().await.unwrap();
    assert!(store.limit("ann", &[Quota::per_day(1)], 1).await.unwrap()[0].allowed);
    assert!(!store.limit("ann", &[Quota::per_day(1)], 1).await.unwrap()[0].allowed);
    let metrics = assembly.resolver().get::<mainstay_core::metrics::Metrics>().await.unwrap();
    assert!(metrics.render().contains("store_memory_keys 1\n"), "{}", metrics.render());
}

#[test]
fn a_store_that_nobody_knows_is_found_at_start_and_its_password_is_not_shown() {
    let sources = Sources::isolated().variable("STORE_URL", "reddis://ann:secret@host/0");
    let found = app().set("store.capacity", "0").assemble(sources).findings().to_string();
    assert!(found.contains("`store.url` names no store that there is (it is \"reddis:…\")"), "{found}");
    assert!(found.contains("fix write `memory:`"), "{found}");
    assert!(found.contains("`store.capacity` must be at least 1"), "{found}");
    assert!(!found.contains("secret"), "{found}");
}
