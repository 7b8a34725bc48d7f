//! What a token opens, and when it ends.

use std::sync::Arc;
use std::time::Duration;

use mainstay_auth::{Account, AccountsExt, PasswordHash, Passwords, Tokens};
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, models};
use mainstay_test::TestApp;

use crate::shop::{NewClerk, app, customer};

#[tokio::test]
async fn asks_strangers_to_sign_in() {
    let app = TestApp::start(app()).await;
    let refused = app.get("/me").send().await;
    refused.assert_problem(401, "unauthorized").assert_header("www-authenticate", "Bearer");
    let refused = app.get("/till").send().await;
    refused.assert_problem(401, "unauthorized").assert_header("www-authenticate", "Clerk");
    app.get("/me").header("authorization", "Basic YW5uOnB3").send().await.assert_status(401);
    app.get("/welcome").header("authorization", "Basic YW5uOnB3").send().await.assert_text("stranger");
    app.stop().await;
}

#[tokio::test]
async fn refuses_what_is_forged_also_where_everybody_is_served() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let ann = customer("ann@example.org", &passwords, &db).await;
    let token = app.inject::<Tokens>().await.issue(&ann).unwrap();
    let cut = &token[..token.len() - 3];
    let last = if token.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{last}", &token[..token.len() - 1]);
    for forged in ["", "abc", "%00", cut, &changed, &token.to_uppercase(), &format!("{token}{token}")] {
        for path in ["/me", "/welcome"] {
            let refused = app.get(path).header("authorization", &format!("Bearer {forged}")).send().await;
            let challenge = "Bearer error=\"invalid_token\"";
            refused.assert_problem(401, "invalid_token").assert_header("www-authenticate", challenge);
        }
    }
    app.get("/me").header("authorization", &format!("bearer  {token}")).send().await.assert_status(200);
    app.stop().await;
}

#[tokio::test]
async fn ends_with_its_time_with_the_password_and_with_the_account() {
    let clock = Arc::new(TestClock::default());
    let app = TestApp::of(app()).set("auth.token_lifetime", "1h").clock(&clock).start().await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let tokens = app.inject::<Tokens>().await;
    let mut ann = customer("ann@example.org", &passwords, &db).await;
    let is_good = async |token: &str| app.get("/me").bearer(token).send().await.status() == 200;

    let old = tokens.issue(&ann).unwrap();
    clock.advance(Duration::from_secs(3599));
    assert!(is_good(&old).await);
    clock.advance(Duration::from_secs(1));
    assert!(!is_good(&old).await, "its time is over");

    let stolen = tokens.issue(&ann).unwrap();
    let password = passwords.hash("another").await.unwrap();
    ann.update(|customer| customer.password(password), &db).await.unwrap();
    assert!(!is_good(&stolen).await, "the password is another");

    let token = tokens.issue(&ann).unwrap();
    ann.update(|customer| customer.active(false), &db).await.unwrap();
    assert!(!is_good(&token).await, "the account is closed");
    ann.update(|customer| customer.active(true), &db).await.unwrap();
    assert!(is_good(&token).await);
    ann.delete(&db).await.unwrap();
    assert!(!is_good(&token).await, "the account is gone");
    app.stop().await;
}

#[tokio::test]
async fn is_nothing_to_an_account_of_another_model() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let ann = customer("ann@example.org", &passwords, &db).await;
    // Of the same key and with the same hash, so that nothing but the purpose tells them apart.
    let clerk = NewClerk {}.password(ann.password.clone()).id(ann.id).insert(&db).await.unwrap();
    let tokens = app.inject::<Tokens>().await;
    let (of_ann, of_clerk) = (tokens.issue(&ann).unwrap(), tokens.issue(&clerk).unwrap());
    app.get("/till").header("authorization", &format!("Clerk {of_clerk}")).send().await.assert_text("open");
    app.get("/till").header("authorization", &format!("Clerk {of_ann}")).send().await.assert_status(401);
    app.get("/me").bearer(&of_clerk).send().await.assert_status(401);
    app.stop().await;
}

#[tokio::test]
async fn loads_the_account_once() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let ann = customer("ann@example.org", &passwords, &db).await;
    let token = app.inject::<Tokens>().await.issue(&ann).unwrap();
    app.get("/me").bearer(&token).send().await.assert_status(200).assert_queries_at_most(1);
    app.get("/welcome").send().await.assert_status(200).assert_queries_at_most(0);
    app.stop().await;
}

#[tokio::test]
async fn two_models_of_one_scheme_are_found_at_start() {
    #[mainstay_db::model]
    struct Guest {
        id: i64,
        #[field(hidden)]
        password: Option<PasswordHash>,
    }

    impl Account for Guest {
        const SCHEME: &'static str = "bearer";

        fn password(&self) -> Option<&PasswordHash> {
            self.password.as_ref()
        }

        fn set_password(guest: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
            guest.password.set(hash)
        }
    }

    let app = app().models(models![Guest]).accounts::<Guest>();
    let findings = app.assemble(Sources::isolated()).findings().to_string();
    assert!(findings.contains("auth.E001") && findings.contains("`Customer` and `Guest`"), "{findings}");
}
