//! The log of security events.

use futures_util::future::try_join_all;
use mainstay_auth::AccountsExt;
use mainstay_auth::audit::{Audit, AuditEntry, AuditLogExt, Broken, Outcome, SecurityEvent};
use mainstay_core::{App, Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Exchange, RoutesExt, post, routes};
use mainstay_test::{TestApp, on_each_engine};

/// Exports all customers.
#[post("/export", hidden)]
async fn export(audit: Inject<Audit>, exchange: Exchange) -> Result<()> {
    audit.record(SecurityEvent::new("customers.exported").of("ann").from(&exchange).with("rows", 12)).await
}

fn app() -> App {
    App::new().audit_log().routes(routes![export])
}

async fn fill(audit: &Audit, count: i32) {
    for number in 0..count {
        audit.record(SecurityEvent::new("login").of("ann").with("number", number)).await.unwrap();
    }
}

#[tokio::test]
async fn keeps_what_happened_to_whom_and_from_where() {
    let app = TestApp::start(app()).await;
    let client = app.client().with_address("192.0.2.7:4711".parse().unwrap());
    client.post("/export").header("x-request-id", "r-1").send().await.assert_success();
    let audit = app.inject::<Audit>().await;
    audit.record(SecurityEvent::new("login").of("bob").by("ann").refused()).await.unwrap();

    let entries =
        AuditEntry::filter(|entry| entry.position.gt(0)).all(&app.inject::<Db>().await).await.unwrap();
    assert_eq!((entries[0].position, entries[1].position), (1, 2));
    let first = (&*entries[0].event, entries[0].account.as_deref(), entries[0].address.as_deref());
    assert_eq!(first, ("customers.exported", Some("ann"), Some("192.0.2.7")));
    assert_eq!((entries[0].outcome, &*entries[0].details), (Outcome::Done, r#"{"rows":12}"#));
    assert!(entries[0].request.is_some());
    assert_eq!((entries[1].outcome, entries[1].actor.as_deref()), (Outcome::Refused, Some("ann")));
}

#[tokio::test]
async fn is_whole_whoever_writes_to_it_at_once() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let audit = app.inject::<Audit>().await;
            try_join_all(
                (0..20).map(|number| audit.record(SecurityEvent::new("login").with("number", number))),
            )
            .await
            .unwrap();
            let found = audit.verify().await.unwrap();
            assert_eq!((found.entries, found.broken), (20, None));
        },
    )
    .await;
}

#[tokio::test]
async fn finds_an_entry_that_was_changed_left_out_or_made_up() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let (audit, db) = (app.inject::<Audit>().await, app.inject::<Db>().await);
            fill(&audit, 6).await;
            let broken = async || audit.verify().await.unwrap().broken;

            let third = || AuditEntry::filter(|entry| entry.position.eq(3));
            third().update(|entry| entry.account("bob".to_owned()), &*db).await.unwrap();
            assert_eq!(broken().await, Some(Broken::Changed(3)));
            third().update(|entry| entry.account("ann".to_owned()), &*db).await.unwrap();
            assert_eq!(broken().await, None);

            // Who knows how digests are made, and has no keys.
            let second = AuditEntry::filter(|entry| entry.position.eq(2)).one(&*db).await.unwrap();
            let seal = second.seal.clone();
            third().update(|entry| entry.seal(seal), &*db).await.unwrap();
            assert_eq!(broken().await, Some(Broken::Unsealed(3)));

            third().delete(&*db).await.unwrap();
            assert_eq!(broken().await, Some(Broken::Missing(3)));
        },
    )
    .await;
}

#[tokio::test]
async fn finds_that_the_end_was_cut_off() {
    let app = TestApp::start(app()).await;
    let (audit, db) = (app.inject::<Audit>().await, app.inject::<Db>().await);
    fill(&audit, 5).await;
    AuditEntry::filter(|entry| entry.position.gt(3)).delete(&*db).await.unwrap();
    assert_eq!(audit.verify().await.unwrap().broken, Some(Broken::Cut(3)));
}

#[tokio::test]
async fn an_application_without_a_log_writes_only_to_that_of_the_program() {
    let app = TestApp::start(App::new().routes(routes![export]).accounts::<crate::shop::Customer>()).await;
    app.client().post("/export").send().await.assert_success();
    assert_eq!(app.inject::<Audit>().await.verify().await.unwrap_err().status().as_u16(), 400);
}
