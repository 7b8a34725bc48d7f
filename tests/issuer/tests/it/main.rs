//! Signing in by npm's `oidc-provider`: there and back, refreshing, signing out, and what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod flagship;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use issuer::{Browser, Issuer};
use mainstay::core::clock::TestClock;
use mainstay::db::Query as Rows;
use mainstay::db::column::Assignment;
use mainstay::prelude::*;
use mainstay_test::{Client, TestApp, TestResponse};
use url::Url;

#[model]
struct User {
    id: i64,
    #[field(unique, max_length = 254)]
    email: String,
    #[field(hidden)]
    password: Option<PasswordHash>,
}

impl Account for User {
    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        user.password.set(hash)
    }
}

impl Named for User {
    fn by_name(name: &str) -> Rows<Self> {
        let email = name.to_lowercase();
        Self::filter(|user| user.email.eq(email))
    }
}

impl FromProfile for User {
    fn by_verified_email(email: &str) -> Rows<Self> {
        Self::by_name(email)
    }

    async fn from_profile(profile: &SocialProfile, tx: &Tx) -> Result<Option<Self>> {
        let Some(email) = profile.email() else { return Ok(None) };
        NewUser { email: email.to_lowercase() }.insert(tx).await.map(Some)
    }
}

#[get("/me")]
async fn me(user: SignedIn<User>) -> String {
    user.email.clone()
}

const ORIGIN: &str = "http://localhost";
const SECRET: &str = "the secret of the shop: +&%";

fn app(issuer: &Issuer, client: &str) -> App {
    App::new()
        .models(models![User])
        .accounts::<User>()
        .sign_in_pages::<User>()
        .social_login::<User>()
        .routes(routes![me])
        .set("auth.providers.company.issuer", issuer.url())
        .set("auth.providers.company.client_id", client)
        .set("auth.providers.company.client_secret", SECRET)
        .set("auth.providers.company.sign_out_there", "true")
        .set("outbound.identity_providers.allow", "127.0.0.1")
        .set("outbound.identity_providers.ports", issuer.port().to_string())
}

/// The same with the client that is treated as Apple treats all.
fn apple(issuer: &Issuer, key: &str) -> App {
    let app = App::new()
        .models(models![User])
        .accounts::<User>()
        .sign_in_pages::<User>()
        .social_login::<User>()
        .routes(routes![me])
        .set("outbound.identity_providers.allow", "127.0.0.1")
        .set("outbound.identity_providers.ports", issuer.port().to_string());
    let settings = [
        ("preset", "apple"),
        ("issuer", &issuer.url()),
        ("client_id", "apple"),
        ("team_id", "TEAM123456"),
        ("key_id", "KEY1234567"),
        ("private_key", key),
        // Of this issuer: Apple has no profiles, and says a name in its form.
        ("scopes", "[\"openid\", \"email\"]"),
    ];
    settings.iter().fold(app, |app, (key, value)| app.set(format!("auth.providers.company.{key}"), *value))
}

/// Where a page leads that goes on to the issuer.
fn address(page: &TestResponse) -> String {
    let text = page.assert_status(200).text();
    let link = text.split("<a href=\"").find(|rest| rest.starts_with("http")).unwrap();
    link.split('"').next().unwrap().replace("&#x2f;", "/").replace("&amp;", "&")
}

/// Goes to the issuer; returns where it sends the browser back to.
async fn go(client: &Client, browser: &mut Browser) -> Url {
    let page = client.post("/account/login/company").form(&[("next", "/me")]).send().await;
    let answer = browser.follow(&address(&page)).unwrap();
    Url::parse(&answer.location.unwrap_or_else(|| panic!("{} {}", answer.status, answer.body))).unwrap()
}

async fn come_back(client: &Client, url: &Url) -> TestResponse {
    assert_eq!(url.origin().ascii_serialization(), ORIGIN);
    client.get(&url[url::Position::BeforePath..]).send().await
}

async fn sign_in(client: &Client, issuer: &Issuer) -> TestResponse {
    let mut browser = Browser::new(issuer.port());
    let back = go(client, &mut browser).await;
    come_back(client, &back).await
}

#[tokio::test]
async fn signs_in_with_every_signature_and_every_way_to_prove_which_client_it_is() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    // `client_secret_basic`, `client_secret_post`, `none`; the provider's document says which it takes.
    for (name, authentication) in
        [("rs256", None), ("es256", None), ("ps256", Some("post")), ("eddsa", Some("none"))]
    {
        let mut app = app(&issuer, name);
        if let Some(authentication) = authentication {
            app = app.set("auth.providers.company.client_authentication", authentication);
        }
        let app = TestApp::start(app).await;
        for subject in ["ann", "bob", "ann"] {
            issuer.signs_in(subject).unwrap();
            let client = app.client();
            sign_in(&client, &issuer).await.assert_redirect("/me");
            client.get("/me").send().await.assert_text(&format!("{subject}@example.org"));
        }
        let db = app.inject::<Db>().await;
        assert_eq!(User::query().count(&*db).await.unwrap(), 2, "{name}");
    }
}

/// Goes to the issuer, and posts its form as it comes from there: without cookies.
async fn answered_by_a_form(client: &Client, issuer: &Issuer) -> TestResponse {
    let page = client.post("/account/login/company").form(&[("next", "/me")]).send().await;
    let answer = Browser::new(issuer.port()).follow(&address(&page)).unwrap();
    let action = "method=\"post\" action=\"http://localhost/account/login/company/callback\"";
    assert!(answer.body.contains(action), "{}", answer.body);
    let field = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split('"').next().unwrap().to_owned())
    };
    let form: Vec<_> = answer.body.split("<input type=\"hidden\" name=\"").skip(1).map(field).collect();
    let posted = client.stranger().post("/account/login/company/callback");
    let posted = posted.header("sec-fetch-site", "cross-site").form(&form).send().await;
    client.get(posted.assert_status(303).header("location").unwrap()).send().await
}

#[tokio::test]
async fn an_answer_comes_as_a_form_and_jose_takes_the_secret_that_is_made() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let app = TestApp::start(apple(&issuer, &issuer.key().unwrap())).await;
    let client = app.client();
    answered_by_a_form(&client, &issuer).await.assert_redirect("/me");
    client.get("/me").send().await.assert_text("ann@example.org");
    // Another key under the same name.
    let other = Issuer::start(&[ORIGIN]).unwrap();
    let app = TestApp::start(apple(&issuer, &other.key().unwrap())).await;
    let page = answered_by_a_form(&app.client(), &issuer).await;
    page.assert_status(502).assert_text_contains("it is not set up rightly here");
}

#[tokio::test]
async fn what_is_replayed_or_changed_on_the_way_lets_nobody_in() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let app = TestApp::start(app(&issuer, "rs256")).await;
    let client = app.client();
    let mut browser = Browser::new(issuer.port());
    let back = go(&client, &mut browser).await;
    let with = |name: &str, value: &str| {
        let mut changed = back.clone();
        let pairs: Vec<(String, String)> = back
            .query_pairs()
            .map(|(known, old)| {
                (known.to_string(), if known == name { value.to_owned() } else { old.into_owned() })
            })
            .collect();
        changed.query_pairs_mut().clear().extend_pairs(pairs);
        changed
    };
    come_back(&client, &with("state", "another")).await.assert_status(400);
    come_back(&client.stranger(), &back).await.assert_status(400);
    client.get("/me").send().await.assert_status(401);
    come_back(&client, &back).await.assert_redirect("/me");
    // The same answer again, by the same browser and by another one.
    come_back(&client, &back).await.assert_status(400);
    let second = app.client();
    let own = go(&second, &mut browser).await;
    // The code of the first attempt, which the issuer has seen; then one of its own that is cut off.
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let state = own.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let injected = with("state", &state);
    come_back(&second, &injected).await.assert_status(400).assert_text_contains("Begin again.");
    second.get("/me").send().await.assert_status(401);
    let third = app.client();
    let mut own = go(&third, &mut browser).await;
    let pairs: Vec<(String, String)> = own
        .query_pairs()
        .map(|(name, value)| {
            let value = if name == "code" { value[..code.len() / 2].to_owned() } else { value.into_owned() };
            (name.into_owned(), value)
        })
        .collect();
    own.query_pairs_mut().clear().extend_pairs(pairs);
    come_back(&third, &own).await.assert_status(400);
    third.get("/me").send().await.assert_status(401);
}

#[tokio::test]
async fn a_wrong_secret_is_told_to_the_log_and_not_to_the_visitor() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let app =
        TestApp::start(app(&issuer, "rs256").set("auth.providers.company.client_secret", "wrong")).await;
    let client = app.client();
    let page = sign_in(&client, &issuer).await;
    page.assert_status(502).assert_text_contains("it is not set up rightly here");
    assert!(
        !page.text().contains("client_secret") && !page.text().contains("invalid_client"),
        "{}",
        page.text()
    );
    client.get("/me").send().await.assert_status(401);
}

#[tokio::test]
async fn who_declines_there_is_told_so_here() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let app = TestApp::start(app(&issuer, "rs256")).await;
    issuer.signs_in("nobody").unwrap();
    let client = app.client();
    let page = sign_in(&client, &issuer).await;
    page.assert_status(403).assert_text_contains("You have not signed in with company.");
    client.get("/me").send().await.assert_status(401);
}

#[tokio::test]
async fn an_account_with_a_password_is_connected_by_its_owner() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let app = TestApp::start(app(&issuer, "rs256")).await;
    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let password = passwords.hash("correct horse").await.unwrap();
    NewUser { email: "ann@example.org".into() }.password(password).insert(&*db).await.unwrap();
    sign_in(&app.client(), &issuer).await.assert_status(409);
    let client = app.client();
    let form = [("name", "ann@example.org"), ("password", "correct horse")];
    client.post("/account/login").form(&form).send().await.assert_redirect("/");
    let page = client.post("/account/connections/company").send().await;
    let back = Browser::new(issuer.port()).follow(&address(&page)).unwrap().location.unwrap();
    come_back(&client, &Url::parse(&back).unwrap()).await.assert_redirect("/account/connections");
    sign_in(&app.client(), &issuer).await.assert_redirect("/me");
}

#[tokio::test]
async fn tokens_are_refreshed_as_often_as_they_are_needed() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = TestApp::of(app(&issuer, "rs256").set("auth.providers.company.keep_tokens", "true"))
        .clock(&clock)
        .start()
        .await;
    sign_in(&app.client(), &issuer).await.assert_redirect("/me");
    let (db, login) = (app.inject::<Db>().await, app.inject::<SocialLogin>().await);
    let owner = User::query().one(&*db).await.unwrap().principal().identity();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let token = login.access_token(&owner, "company").await.unwrap();
        assert!(!seen.contains(token.token.expose()));
        seen.push(token.token.expose().clone());
        // Its own clock stands still: only ours is an hour on, and asks for a new one.
        clock.advance(Duration::from_secs(3600));
    }
    // At once: the issuer would void all of them if a refresh token came twice.
    let (one, other) =
        tokio::join!(login.access_token(&owner, "company"), login.access_token(&owner, "company"));
    assert_eq!(one.unwrap().token.expose(), other.unwrap().token.expose());
}

#[tokio::test]
async fn signing_out_there_asks_by_the_id_token_and_comes_back() {
    let issuer = Issuer::start(&[ORIGIN]).unwrap();
    let app = TestApp::start(app(&issuer, "rs256")).await;
    let client = app.client();
    let mut browser = Browser::new(issuer.port());
    let back = go(&client, &mut browser).await;
    come_back(&client, &back).await.assert_redirect("/me");
    let page = client.post("/account/logout/company").send().await;
    client.get("/me").send().await.assert_status(401);
    let question = browser.follow(&address(&page)).unwrap();
    assert_eq!(question.status, 200, "{}", question.body);
    let field = |name: &str| {
        let rest = question.body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let sent = browser.post("/session/end/confirm", &format!("xsrf={}&logout=yes", field("xsrf"))).unwrap();
    assert_eq!(sent.location.as_deref(), Some("http://localhost/account/login"), "{}", sent.body);
}

/// A page that sends the form of the button by itself.
#[get("/begin", hidden)]
async fn begin() -> Html<&'static str> {
    Html(
        "<!doctype html><title>Begin</title><form method=post action=/account/login/company>\
         <input type=hidden name=next value=/arrived></form><script src=/begin.js></script>",
    )
}

#[get("/begin.js", hidden)]
async fn script() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "text/javascript")], "document.forms[0].submit();")
}

struct Arrivals(tokio::sync::mpsc::Sender<String>);

#[get("/arrived", hidden)]
async fn arrived(user: SignedIn<User>, arrivals: Inject<Arrivals>) -> &'static str {
    let _nobody_waits_any_more = arrivals.0.send(user.email.clone()).await;
    "There you are."
}

/// The button is a form, the issuer is another site, and the default policy lets a form go nowhere but here; and the cookie of the attempt
/// has to come back with a navigation from elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_browser_goes_there_and_comes_back() {
    goes_there_and_comes_back(|issuer| app(issuer, "es256")).await;
}

/// What another site posts brings no cookie of ours; what it leads on to does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_browser_comes_back_by_a_form() {
    goes_there_and_comes_back(|issuer| apple(issuer, &issuer.key().unwrap())).await;
}

async fn goes_there_and_comes_back(app: impl Fn(&Issuer) -> App) {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    // By two names, since two ports of one would be one site.
    let origin = format!("http://localhost:{port}");
    let issuer = Issuer::start(&[&origin]).unwrap();
    let (sender, mut arrivals) = tokio::sync::mpsc::channel(1);
    let started = app(&issuer)
        .profile(mainstay::Profile::Test)
        .set("http.port", port.to_string())
        .set("database.url", format!("sqlite:{}", folder.path().join("users.db").display()))
        .provide(move || Arrivals(sender.clone()))
        .routes(routes![begin, script, arrived])
        .assemble(mainstay::core::config::Sources::isolated())
        .start(mainstay::core::lifecycle::Services::All)
        .await
        .unwrap();
    let mut browser = browser::listening(&format!("{origin}/begin"), folder.path()).unwrap();
    let who = tokio::time::timeout(Duration::from_secs(60), arrivals.recv()).await;
    browser.kill().unwrap();
    browser.wait().unwrap();
    assert_eq!(who.expect("the browser comes back").as_deref(), Some("ann@example.org"));
    let _report = started.stop().await;
}
