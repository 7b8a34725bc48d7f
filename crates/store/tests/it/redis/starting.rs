//! The module in an application that names a server.

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Profile};
use mainstay_store::{Quota, Redis, Store, module};

use super::{prefix, server};

fn app(url: &str) -> App {
    let app = App::new().profile(Profile::Production).module(module::module());
    app.set("store.url", url).set("store.prefix", prefix())
}

/// Why it does not start.
async fn refusal(app: App) -> String {
    let assembly = app.assemble(Sources::isolated());
    if assembly.findings().has_errors() {
        return assembly.findings().to_string();
    }
    match assembly.start(Services::Background).await {
        Ok(_) => "it has started".to_owned(),
        Err(errors) => errors.iter().map(|error| error.report().to_string()).collect(),
    }
}

#[tokio::test]
async fn keeps_things_on_the_server_that_the_address_names() {
    let Some(address) = server() else { return };
    let prefix = prefix();
    for allowed in [true, false] {
        let assembly = app(&address).set("store.prefix", &*prefix).assemble(Sources::isolated());
        let _started = assembly.start(Services::Background).await.unwrap();
        let store = assembly.resolver().get::<Store>().await.unwrap();
        assert_eq!(store.limit("ann", &[Quota::per_day(1)], 1).await.unwrap()[0].allowed, allowed);
        assembly.resolver().get::<Redis>().await.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_password_is_found_at_start_and_not_shown() {
    let Some(address) = server() else { return };
    let host = address.rsplit('@').next().unwrap();
    for wrong in [format!("redis://:wr0ng@{host}"), format!("redis://nobody:wr0ng@{host}")] {
        let told = refusal(app(&wrong)).await;
        assert!(told.contains("error[store.E001]"), "{told}");
        assert!(
            told.contains("does not let this application in") && told.contains("at  store.url"),
            "{told}"
        );
        assert!(told.contains("fix write the user, the password and the database"), "{told}");
        assert!(!told.contains("wr0ng"), "{told}");
    }
    let told = refusal(app(&format!("{}/12345", address.trim_end_matches("/0")))).await;
    assert!(told.contains("error[store.E001]") && told.contains("database"), "{told}");
    if address.contains('@') {
        let told = refusal(app(&format!("redis://{host}"))).await;
        assert!(told.contains("error[store.E001]"), "{told}");
    }
}

#[tokio::test]
async fn addresses_that_are_none_are_found_before_anything_is_asked() {
    for (wrong, told, fix) in [
        ("reddis://:s3cret@host", "names no store that there is", "redis://host:6379/0"),
        ("rediss://:s3cret@host/0#insecure", "is not usable", "redis://host:6379/0"),
        ("redis://:s3cret@host:port", "the database is a number", "redis://host:6379/0"),
        ("redis://:s3cret@host/zero", "the database is a number", "redis://host:6379/0"),
        ("redis://ann:s3cret/x@host/0", "percent encoding", "redis://host:6379/0"),
        ("redis://:s3cret@host/0?ssl=true", "is not usable", "redis://host:6379/0"),
    ] {
        let found = refusal(app(wrong)).await;
        assert!(found.contains("error[config.E") && found.contains("`store.url`"), "{wrong}: {found}");
        assert!(found.contains(told) && found.contains(fix), "{wrong}: {found}");
        assert!(!found.contains("s3cret"), "{wrong}: {found}");
    }
    let found = refusal(app("memory:").set("store.prefix", "a:b").set("store.timeout", "1h")).await;
    assert!(found.contains("`store.prefix` is nothing that a key can begin with"), "{found}");
    assert!(found.contains("`store.timeout` must be from 10ms to 1m"), "{found}");
}

#[tokio::test]
async fn starts_without_a_server_that_is_not_there_yet() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let assembly = app(&format!("redis://{free}")).assemble(Sources::isolated());
    let _started = assembly.start(Services::Background).await.unwrap();
    let store = assembly.resolver().get::<Store>().await.unwrap();
    let error = store.get("key").await.unwrap_err().to_string();
    assert_eq!(error, format!("the store at redis://{free}/0 is out of reach"));
}
