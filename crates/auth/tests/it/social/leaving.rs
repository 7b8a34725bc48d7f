//! Signing out at the provider too.

use mainstay_db::Db;
use mainstay_test::TestApp;

use super::provider::{Provider, Reply};
use super::world::{Visit, app, assert_nobody, buyer, log_in, sign_in, start};

async fn signing_out() -> (Provider, TestApp) {
    let provider = Provider::start().await;
    let app = TestApp::start(app(&provider).set("auth.providers.company.sign_out_there", "true")).await;
    (provider, app)
}

#[tokio::test]
async fn who_was_signed_in_by_a_provider_may_sign_out_there() {
    let (provider, app) = signing_out().await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/me");
    client
        .get("/account/connections")
        .send()
        .await
        .assert_text_contains("Sign out here and at Company account");
    let rows: Vec<(String,)> = mainstay_db::sql("SELECT data FROM mainstay_sessions")
        .fetch(&*app.inject::<Db>().await)
        .await
        .unwrap();
    assert!(rows.iter().all(|(data,)| !data.contains("eyJ")), "the token is sealed");
    let page = client.post("/account/logout/company").send().await;
    page.assert_text_contains("You are signed out.");
    let visit = Visit::of(&page);
    assert!(visit.url.as_str().starts_with(&format!("{}/end?", provider.honest.issuer)));
    assert_eq!(visit.query["client_id"], "shop");
    assert_eq!(visit.query["post_logout_redirect_uri"], "http://localhost/account/login");
    assert_eq!(visit.query["id_token_hint"].split('.').count(), 3);
    assert_nobody(&client).await;
}

#[tokio::test]
async fn one_is_signed_out_here_whatever_the_provider_does() {
    let (provider, app) = signing_out().await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/me");
    provider.lies("/.well-known/openid-configuration", |_, _| Reply::Raw(500, "", String::new()));
    // What is known of it still serves.
    Visit::of(&client.post("/account/logout/company").send().await);
    assert_nobody(&client).await;
    // By a password, there is nothing to sign out of elsewhere; nor where it is not asked for.
    buyer(&app, "bob@example.org").await;
    log_in(&client, "bob@example.org").await;
    client.post("/account/logout/company").send().await.assert_redirect("/account/login");
    assert_nobody(&client).await;
    client.post("/account/logout/nobody").send().await.assert_status(404);
    let (provider, app) = start().await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/me");
    client.post("/account/logout/company").send().await.assert_redirect("/account/login");
    assert_nobody(&client).await;
}
