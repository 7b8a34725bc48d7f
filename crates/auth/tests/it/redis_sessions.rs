//! Sessions on a Redis server: the one that `MAINSTAY_REDIS_URL` names.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::RedisSessionsExt;
use mainstay_core::check::Phase;
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{App, Profile};
use mainstay_http::{RoutesExt, Sessions};
use mainstay_store::redis::{Redis, RedisScript};
use mainstay_test::{TestApp, contracts};

use crate::sessions::{remembers_visitors as remembers, visits};

/// The address of the server, if there is one. Says aloud that there is none; under continuous integration that is a failure.
fn server() -> Option<String> {
    let found = std::env::var("MAINSTAY_REDIS_URL").ok();
    if found.is_none() {
        let why = "MAINSTAY_REDIS_URL names no server; `cargo xtask services run -- …` starts one";
        let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        assert!(!ci, "{why}");
        // Not `eprintln!`: that is kept back when a test passes.
        let _closed = writeln!(std::io::stderr(), "NOT RUN on redis: {why}");
    }
    found
}

fn app(address: &str) -> App {
    let prefix = format!("test-{}", SecureRandom::new().hex(8));
    let app = App::new().redis_sessions().routes(visits());
    app.set("store.url", address).set("store.prefix", prefix).set("store.timeout", "20s")
}

#[tokio::test]
async fn redis_keeps_the_contract_of_a_store() {
    let Some(address) = server() else { return };
    // One of the clock's own time, far from the server's, and one of today.
    for clock in [TestClock::default(), TestClock::at(SystemTime::now())].map(Arc::new) {
        let app = TestApp::of(app(&address)).clock(&clock).start().await;
        let sessions = app.inject::<Sessions>().await;
        contracts::session_store(&**sessions.store(), &clock).await;
    }
}

#[tokio::test]
async fn remembers_visitors_on_the_server_of_the_store_or_on_one_of_its_own() {
    let Some(address) = server() else { return };
    let own = app("memory:").set("session.store", &*address);
    for app in [app(&address), app(&address).set("session.store", "redis"), own] {
        let app = TestApp::of(app).start().await;
        remembers(&app).await;
    }
}

#[tokio::test]
async fn remembers_visitors_over_tls() {
    let server = match servers::programs::REDIS.find() {
        Ok(_) => servers::Server::start(servers::Engine::Redis, servers::Durability::Fast).unwrap(),
        Err(why) => return servers::not_run(&format!("on redis: {why}")),
    };
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (issued.cert.pem(), issued.signing_key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &certificate).unwrap();
    let port = server.encrypt(None, &certificate, &key).unwrap();
    let address = format!("rediss://:mainstay@localhost:{port}/0");
    for app in [app(&address), app("memory:").set("session.store", &*address)] {
        let app = TestApp::of(app.set("store.ca", ca.to_str().unwrap())).start().await;
        remembers(&app).await;
    }
}

#[test]
fn a_server_elsewhere_without_tls_is_found_before_deployment() {
    let found = |address: &str| {
        let app = app("memory:").profile(Profile::Production).set("session.store", address);
        app.assemble(Sources::isolated()).run_checks(Phase::Deploy).to_string()
    };
    let told = found("redis://:s3cret@sessions.internal");
    assert!(told.contains("warning[auth.W060]") && told.contains("at  session.store"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    assert!(!found("rediss://:s3cret@sessions.internal").contains("auth.W060"));
}

#[tokio::test]
async fn what_has_ended_is_dropped_from_the_list_of_its_owner() {
    let Some(address) = server() else { return };
    let clock = Arc::new(TestClock::default());
    let app = TestApp::of(app(&address)).clock(&clock).start().await;
    for _ in 0..3 {
        app.client().post("/sign-in").send().await.assert_success();
    }
    let redis = app.inject::<Redis>().await;
    let listed = async || {
        let count = RedisScript::new("return redis.call('ZCARD', KEYS[1])");
        redis.run::<u64>(&count, &[redis.key("sessions-of", "ann")], &[]).await.unwrap()
    };
    assert_eq!(listed().await, 3);
    clock.advance(Duration::from_secs(25 * 60 * 60));
    app.client().post("/sign-in").send().await.assert_success();
    assert_eq!(listed().await, 1);
    assert_eq!(app.inject::<Sessions>().await.of_owner("ann").await.unwrap().len(), 1);
}

#[tokio::test]
async fn redis_drops_what_is_over_by_itself() {
    let Some(address) = server() else { return };
    let app = TestApp::of(app(&address)).start().await;
    app.client().post("/sign-in").send().await.assert_success();
    let redis = app.inject::<Redis>().await;
    let (found, _) = app.inject::<Sessions>().await.of_owner("ann").await.unwrap().remove(0);
    let left = RedisScript::new("return redis.call('PTTL', KEYS[1])");
    for key in [redis.key("session", found.as_str()), redis.key("sessions-of", "ann")] {
        let left: u64 = redis.run(&left, &[key], &[]).await.unwrap();
        // A day, and in tests an hour more, since their clock may stand still.
        assert!((24 * 3_600_000..=25 * 3_600_000 + 1).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_that_says_so_and_nothing_of_where() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let app = TestApp::of(app(&format!("redis://:s3cret@{free}"))).start().await;
    let response = app.client().post("/count").send().await;
    assert_eq!(response.status(), 503);
    let text = response.text();
    assert!(text.contains("sessions_unavailable"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains(&free.port().to_string()), "{text}");
}

#[test]
fn an_address_that_is_none_is_found_before_anything_is_asked() {
    let app = || App::new().redis_sessions().profile(Profile::Production);
    for (app, place) in [
        (app(), "store.url"),
        (app().set("session.store", "redis"), "store.url"),
        (app().set("session.store", "redis://:s3cret@host:port"), "session.store"),
    ] {
        let found = app.assemble(Sources::isolated()).findings().to_string();
        assert!(found.contains("error[auth.E060]") && found.contains(&format!("at  {place}")), "{found}");
        assert!(found.contains("such as redis://host:6379/0"), "{found}");
        assert!(!found.contains("s3cret"), "{found}");
    }
    let elsewhere = app().set("session.store", "memory").assemble(Sources::isolated());
    assert!(!elsewhere.findings().to_string().contains("auth.E060"));
}
