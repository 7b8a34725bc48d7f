//! A shop whose customers sign in by a provider, and a browser that does so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use mainstay_auth::account::principal_of;
use mainstay_auth::{
    Account, AccountsExt, FromProfile, Named, PasswordHash, Passwords, SignInPagesExt, SignedIn,
    SocialLoginExt, SocialProfile,
};
use mainstay_core::clock::TestClock;
use mainstay_core::principal::Principal;
use mainstay_core::{App, Result};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, Tx, model, models};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_test::{Client, Setup, TestApp, TestResponse};
use url::Url;

use super::provider::{CLIENT, Provider, code};

#[model]
pub(crate) struct Buyer {
    pub(crate) id: i64,
    #[field(unique, max_length = 254)]
    pub(crate) email: String,
    #[field(default)]
    pub(crate) name: String,
    #[field(hidden)]
    pub(crate) password: Option<PasswordHash>,
    #[field(default = true)]
    pub(crate) active: bool,
}

impl Account for Buyer {
    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(buyer: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        buyer.password.set(hash)
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn principal(&self) -> Principal {
        principal_of(self).with_role("buyer")
    }
}

impl Named for Buyer {
    fn by_name(name: &str) -> Query<Self> {
        let name = name.to_lowercase();
        Self::filter(|buyer| buyer.email.eq(name))
    }
}

impl FromProfile for Buyer {
    fn by_verified_email(email: &str) -> Query<Self> {
        Self::by_name(email)
    }

    async fn from_profile(profile: &SocialProfile, tx: &Tx) -> Result<Option<Self>> {
        let Some(email) = profile.email() else { return Ok(None) };
        let new = NewBuyer { email: email.to_lowercase() }.name(profile.name.clone().unwrap_or_default());
        new.insert(tx).await.map(Some)
    }
}

/// Who it is.
#[get("/me", hidden)]
async fn me(buyer: SignedIn<Buyer>) -> String {
    format!("{} {}", buyer.email, buyer.name)
}

/// The shop, which does not know the provider yet.
pub(crate) fn shop(provider: &Provider) -> App {
    App::new()
        .models(models![Buyer])
        .accounts::<Buyer>()
        .sign_in_pages::<Buyer>()
        .social_login::<Buyer>()
        .routes(routes![me])
        .set("outbound.identity_providers.allow", "127.0.0.1")
        .set("outbound.identity_providers.ports", provider.port())
}

pub(crate) fn app(provider: &Provider) -> App {
    shop(provider)
        .set("auth.providers.company.issuer", &provider.honest.issuer)
        .set("auth.providers.company.client_id", CLIENT)
        .set("auth.providers.company.client_secret", SECRET)
        .set("auth.providers.company.label", "Company account")
}

pub(crate) const SECRET: &str = "hush/ +";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) async fn start() -> (Provider, TestApp) {
    let provider = Provider::start().await;
    let app = TestApp::start(app(&provider)).await;
    (provider, app)
}

/// The same with a clock that stands still.
pub(crate) fn at_rest(app: App) -> (Arc<TestClock>, Setup) {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let setup = TestApp::of(app).clock(&clock);
    (clock, setup)
}

/// Somebody with a password.
pub(crate) async fn buyer(app: &TestApp, email: &str) -> Buyer {
    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let password = passwords.hash(PASSWORD).await.unwrap();
    NewBuyer { email: email.into() }.password(password).insert(&*db).await.unwrap()
}

pub(crate) async fn log_in(client: &Client, email: &str) {
    let sent = client.post("/account/login").form(&[("name", email), ("password", PASSWORD)]);
    sent.send().await.assert_redirect("/");
}

/// A browser that is about to be sent to the provider.
pub(crate) struct Visit {
    pub(crate) url: Url,
    pub(crate) query: HashMap<String, String>,
}

impl Visit {
    /// From the page that leads there.
    pub(crate) fn of(page: &TestResponse) -> Self {
        page.assert_status(200).assert_header("referrer-policy", "no-referrer");
        assert!(page.header("cache-control").unwrap().contains("no-store"));
        let link = page.text().split("<a href=\"").find(|rest| rest.starts_with("http")).unwrap();
        let link = link.split('"').next().unwrap().replace("&#x2f;", "/").replace("&amp;", "&");
        assert!(page.text().contains("http-equiv=\"refresh\" content=\"0; url=http"), "{}", page.text());
        let url = Url::parse(&link).unwrap();
        let query = url.query_pairs().into_owned().collect();
        Self { url, query }
    }

    pub(crate) async fn begin(client: &Client) -> Self {
        Self::of(&client.post("/account/login/company").form(&[("next", "/me")]).send().await)
    }

    /// What a provider answers that has let somebody in.
    pub(crate) fn answer(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        vec![
            ("code", code(&self.query["nonce"], &self.query["code_challenge"])),
            ("state", self.query["state"].clone()),
            ("iss", provider.honest.issuer.clone()),
        ]
    }
}

/// Comes back with an answer.
pub(crate) async fn come_back(client: &Client, answer: &[(&'static str, String)]) -> TestResponse {
    client.get("/account/login/company/callback").query(answer).send().await
}

/// The whole way.
pub(crate) async fn sign_in(client: &Client, provider: &Provider) -> TestResponse {
    let visit = Visit::begin(client).await;
    come_back(client, &visit.answer(provider)).await
}

/// The whole way, from the page of connections.
pub(crate) async fn connect(client: &Client, provider: &Provider) -> TestResponse {
    let visit = Visit::of(&client.post("/account/connections/company").send().await);
    come_back(client, &visit.answer(provider)).await
}

/// Nobody has been let in.
pub(crate) async fn assert_nobody(client: &Client) {
    client.get("/me").send().await.assert_status(401);
}
