//! Connecting a provider with one's account, and taking it away.

use std::time::Duration;

use mainstay_auth::audit::{AuditEntry, Outcome};
use mainstay_auth::social::LinkedIdentity;
use mainstay_auth::{Account, AuditLogExt, Passwords, SocialLogin};
use mainstay_db::Db;
use mainstay_test::{TestApp, on_each_engine};
use serde_json::json;

use super::provider::Provider;
use super::world::{
    Buyer, PASSWORD, Visit, app, assert_nobody, at_rest, buyer, come_back, connect, log_in, sign_in, start,
};

const CONNECTIONS: &str = "/account/connections";

#[tokio::test]
async fn who_has_signed_in_connects_it_and_signs_in_by_it_from_then_on() {
    let provider = Provider::start().await;
    on_each_engine(
        || TestApp::of(app(&provider)),
        async |app| {
            let ann = buyer(app, "ann@example.org").await;
            let client = app.client();
            sign_in(&client, &provider).await.assert_status(409);
            log_in(&client, "ann@example.org").await;
            client.get(CONNECTIONS).send().await.assert_text_contains("None yet.");
            connect(&client, &provider).await.assert_redirect(CONNECTIONS);
            let page = client.get(CONNECTIONS).send().await;
            page.assert_text_contains("Company account is connected with your account.")
                .assert_text_contains("(ann@example.org)");
            connect(&client, &provider).await.assert_redirect(CONNECTIONS);
            client
                .get(CONNECTIONS)
                .send()
                .await
                .assert_text_contains("Company account was connected already.");
            let elsewhere = app.client();
            sign_in(&elsewhere, &provider).await.assert_redirect("/me");
            let login = app.inject::<SocialLogin>().await;
            let all = login.identities(&ann.principal().identity()).await.unwrap();
            assert_eq!(all.len(), 1);
            // There is a password: it may be taken away.
            let id = all[0].id.to_string();
            client.post(CONNECTIONS).form(&[("id", &id)]).send().await.assert_redirect(CONNECTIONS);
            client.get(CONNECTIONS).send().await.assert_text_contains("It is not connected any more.");
            sign_in(&app.client(), &provider).await.assert_status(409);
            client.post(CONNECTIONS).form(&[("id", &id)]).send().await.assert_redirect(CONNECTIONS);
            client.get(CONNECTIONS).send().await.assert_text_contains("It was not connected.");
        },
    )
    .await;
}

#[tokio::test]
async fn nobody_connects_what_is_somebody_elses() {
    let (provider, app) = start().await;
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    buyer(&app, "bob@example.org").await;
    let client = app.client();
    log_in(&client, "bob@example.org").await;
    let page = connect(&client, &provider).await;
    page.assert_status(409).assert_text_contains("is connected with another account here");
    client.get(CONNECTIONS).send().await.assert_text_contains("None yet.");
    // Nor takes it away.
    let db = app.inject::<Db>().await;
    let of_ann = LinkedIdentity::filter(|it| it.subject.eq("ann")).one(&*db).await.unwrap();
    client.post(CONNECTIONS).form(&[("id", of_ann.id.to_string())]).send().await.assert_redirect(CONNECTIONS);
    client.get(CONNECTIONS).send().await.assert_text_contains("It was not connected.");
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
}

#[tokio::test]
async fn only_the_account_that_set_out_is_connected() {
    let (provider, app) = start().await;
    for email in ["bob@example.org", "eve@example.org"] {
        buyer(&app, email).await;
    }
    let client = app.client().with_header("accept", "text/html");
    for path in [CONNECTIONS, "/account/connections/company"] {
        let sent = client.post(path).form(&[("id", "1")]).send().await;
        sent.assert_redirect(&format!("/account/login?next={}", path.replace('/', "%2F")));
        client.stranger().post(path).form(&[("id", "1")]).send().await.assert_status(401);
    }
    client.get(CONNECTIONS).send().await.assert_redirect("/account/login?next=%2Faccount%2Fconnections");
    log_in(&client, "bob@example.org").await;
    let visit = Visit::of(&client.post("/account/connections/company").send().await);
    client.post("/account/logout").send().await.assert_redirect("/account/login");
    let page = come_back(&client, &visit.answer(&provider)).await;
    page.assert_status(403).assert_text_contains("You are not signed in any more as who set out");
    log_in(&client, "bob@example.org").await;
    let visit = Visit::of(&client.post("/account/connections/company").send().await);
    log_in(&client, "eve@example.org").await;
    come_back(&client, &visit.answer(&provider)).await.assert_status(403);
    let db = app.inject::<Db>().await;
    assert_eq!(LinkedIdentity::query().count(&*db).await.unwrap(), 0);
    assert_eq!(Buyer::query().count(&*db).await.unwrap(), 2, "and nobody has got an account by it");
}

#[tokio::test]
async fn a_way_in_is_added_and_taken_away_by_who_has_proved_lately_who_they_are() {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider).audit_log());
    let app = setup.start().await;
    buyer(&app, "ann@example.org").await;
    let client = app.client().with_header("accept", "text/html");
    log_in(&client, "ann@example.org").await;
    provider.advance(&clock, Duration::from_secs(3600));
    client.get(CONNECTIONS).send().await.assert_redirect("/account/confirm?next=%2Faccount%2Fconnections");
    let late = client.post("/account/connections/company").send().await;
    late.assert_redirect("/account/confirm?next=%2Faccount%2Fconnections%2Fcompany");
    let late = client.post(CONNECTIONS).form(&[("id", "1")]).send().await;
    late.assert_redirect("/account/confirm?next=%2Faccount%2Fconnections");
    let again =
        client.post("/account/confirm?next=/account/connections/company").form(&[("password", PASSWORD)]);
    again.send().await.assert_redirect("/account/connections/company");
    client.get("/account/connections/company").send().await.assert_redirect(CONNECTIONS);
    connect(&client, &provider).await.assert_redirect(CONNECTIONS);
    let db = app.inject::<Db>().await;
    let id = LinkedIdentity::query().one(&*db).await.unwrap().id.to_string();
    client.post(CONNECTIONS).form(&[("id", &id)]).send().await.assert_redirect(CONNECTIONS);
    sign_in(&app.client(), &provider).await.assert_status(409);
    let events = AuditEntry::query().order_by(|entry| entry.position.asc()).all(&*db).await.unwrap();
    let told: Vec<(&str, bool)> =
        events.iter().map(|entry| (&*entry.event, entry.outcome == Outcome::Done)).collect();
    assert_eq!(
        told,
        [
            ("login", true),
            ("login.confirmed", true),
            ("identity.connected", true),
            ("identity.disconnected", true),
            ("login", false)
        ]
    );
    let refused = events.last().unwrap();
    assert!(
        refused.details.contains("address_taken") && refused.details.contains("company"),
        "{}",
        refused.details
    );
}

#[tokio::test]
async fn the_last_way_in_is_not_taken_away_on_any_engine() {
    let provider = Provider::start().await;
    on_each_engine(
        || TestApp::of(app(&provider)),
        async |app| {
            let client = app.client();
            sign_in(&client, &provider).await.assert_redirect("/me");
            client
                .get(CONNECTIONS)
                .send()
                .await
                .assert_text_contains("It is the only way that you can sign in.");
            let db = app.inject::<Db>().await;
            let ids = async || {
                let all = LinkedIdentity::query().order_by(|it| it.id.asc()).all(&*db).await.unwrap();
                all.into_iter().map(|it| it.id.to_string()).collect::<Vec<_>>()
            };
            let only = ids().await.remove(0);
            client.post(CONNECTIONS).form(&[("id", &only)]).send().await.assert_redirect(CONNECTIONS);
            client
                .get(CONNECTIONS)
                .send()
                .await
                .assert_text_contains("This is the only way that you can sign in.");
            provider
                .person(json!({ "sub": "ann at home", "email": "home@example.org", "email_verified": true }));
            connect(&client, &provider).await.assert_redirect(CONNECTIONS);
            let both = ids().await;
            assert_eq!(both.len(), 2);
            // Two tabs take away one each: one of them has to fail.
            let gone = both.iter().map(|id| client.post(CONNECTIONS).form(&[("id", id)]).send());
            for answer in futures_util::future::join_all(gone).await {
                answer.assert_redirect(CONNECTIONS);
            }
            assert_eq!(ids().await.len(), 1);
            // With a password, the last may go.
            let hash = app.inject::<Passwords>().await.hash("a password").await.unwrap();
            Buyer::query().update(|buyer| buyer.password(Some(hash)), &db).await.unwrap();
            let again = app.client();
            again
                .post("/account/login")
                .form(&[("name", "ann@example.org"), ("password", "a password")])
                .send()
                .await;
            let last = ids().await.remove(0);
            again.post(CONNECTIONS).form(&[("id", &last)]).send().await.assert_redirect(CONNECTIONS);
            assert_eq!(ids().await.len(), 0);
            provider.person(
                json!({ "sub": "ann", "email": "ann@example.org", "email_verified": true, "name": "Ann" }),
            );
        },
    )
    .await;
}

#[tokio::test]
async fn an_application_forgets_the_identities_of_an_account_that_it_deletes() {
    let (provider, app) = start().await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/me");
    let db = app.inject::<Db>().await;
    let ann = Buyer::query().one(&*db).await.unwrap();
    let login = app.inject::<SocialLogin>().await;
    login.forget(&ann.principal().identity()).await.unwrap();
    assert!(login.identities(&ann.principal().identity()).await.unwrap().is_empty());
    sign_in(&app.client(), &provider).await.assert_status(409);
    assert_nobody(&app.client()).await;
}

#[tokio::test]
async fn who_has_no_password_is_asked_for_none() {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider));
    let app = setup.start().await;
    let client = app.client().with_header("accept", "text/html");
    sign_in(&client, &provider).await.assert_redirect("/me");
    let page = client.get("/account/password").send().await;
    page.assert_status(200).assert_text_contains("Your account has no password yet.");
    assert!(!page.text().contains("type=\"password\""), "{}", page.text());
    // There are no pages by which one could be chosen.
    assert!(!page.text().contains("/account/forgot"), "{}", page.text());

    provider.advance(&clock, Duration::from_secs(3600));
    client.get(CONNECTIONS).send().await.assert_redirect("/account/confirm?next=%2Faccount%2Fconnections");
    let page = client.get("/account/confirm?next=/account/connections").send().await;
    page.assert_text_contains("Sign in again").assert_text_contains("Continue with Company account");
    assert!(!page.text().contains("type=\"password\""), "{}", page.text());
    let refused = client.post("/account/confirm").form(&[("password", "")]).send().await;
    assert!(refused.status().is_client_error());
    // By the provider again, which is proof enough.
    sign_in(&client, &provider).await.assert_redirect("/me");
    client.get(CONNECTIONS).send().await.assert_status(200);
}
