//! What people do by links that come by mail.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use mainstay_auth::audit::{Audit, AuditEntry, Outcome};
use mainstay_auth::{
    Account, AccountsExt, AuditLogExt, JwtExt, Named, PasswordHash, Passwords, Person, RecoveryPagesExt,
    Registration, RegistrationPagesExt, SignInLinksExt, SignInPagesExt, SignedIn,
};
use mainstay_core::clock::TestClock;
use mainstay_core::{App, Error, Fault, Result};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, Tx, model, models};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_jobs::{JobsExt, jobs};
use mainstay_mail::DeliverMail;
use mainstay_test::{Client, TestApp, TestResponse, on_each_engine};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[model]
pub(crate) struct Reader {
    id: i64,
    #[field(unique, max_length = 255)]
    email: String,
    #[field(unique, max_length = 255)]
    nickname: String,
    #[field(hidden)]
    password: PasswordHash,
}

impl Account for Reader {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(reader: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        reader.password.set(hash)
    }
}

impl Named for Reader {
    fn by_name(name: &str) -> Query<Self> {
        Self::by_email(&name.to_lowercase())
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone(), self.nickname.clone()]
    }
}

impl Person for Reader {
    fn email(&self) -> &str {
        &self.email
    }

    fn by_email(email: &str) -> Query<Self> {
        let email = email.to_owned();
        Self::filter(|reader| reader.email.eq(email))
    }

    fn set_email(reader: Self::Fields, email: String) -> Assignment<Self> {
        reader.email.set(email)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct More {
    nickname: String,
}

impl Registration for Reader {
    type More = More;

    const FIELDS: &'static [(&'static str, &'static str)] = &[("nickname", "Nickname")];

    async fn check(more: &More, db: &Db) -> Result<()> {
        let nickname = more.nickname.clone();
        if Self::filter(|reader| reader.nickname.eq(nickname)).exists(db).await? {
            return Err(Error::invalid(vec![Fault::new(
                "/nickname",
                "taken",
                "Somebody else has this name.",
            )]));
        }
        Ok(())
    }

    async fn register(email: String, password: PasswordHash, more: More, tx: &Tx) -> Result<Self> {
        NewReader { email, password, nickname: more.nickname }.insert(tx).await
    }
}

/// Who it is.
#[get("/me", hidden)]
async fn me(reader: SignedIn<Reader>) -> String {
    reader.email.clone()
}

pub(crate) fn app() -> App {
    let app = App::new().models(models![Reader]).accounts::<Reader>().audit_log();
    app.sign_in_pages::<Reader>()
        .recovery_pages::<Reader>()
        .sign_in_links::<Reader>()
        .registration_pages::<Reader>()
        .routes(routes![me])
}

const PASSWORD: &str = "correct horse";

pub(crate) async fn ann(app: &TestApp) -> Reader {
    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let password = passwords.hash(PASSWORD).await.unwrap();
    let (email, nickname) = ("ann@example.com".to_owned(), "ann".to_owned());
    NewReader { email, nickname, password }.insert(&db).await.unwrap()
}

async fn start() -> (TestApp, Reader) {
    let app = TestApp::start(app()).await;
    let ann = ann(&app).await;
    (app, ann)
}

/// The path that the newest mail leads to.
pub(crate) async fn link(app: &TestApp) -> String {
    let mails = app.mails().await;
    let mail = mails.last().expect("a mail");
    let link = mail.links().next().unwrap_or_else(|| panic!("a link: {}", mail.text));
    let path = link.split_once("://").unwrap().1;
    path[path.find('/').unwrap()..].to_owned()
}

async fn last_mail(app: &TestApp) -> (String, String) {
    let mails = app.mails().await;
    let mail = mails.last().expect("a mail");
    (mail.to[0].address().to_owned(), mail.subject.clone())
}

async fn register(client: &Client, email: &str, nickname: &str) -> TestResponse {
    let form = [("email", email), ("nickname", nickname), ("password", "battery staple")];
    client.post("/account/register").form(&form).send().await
}

async fn log_in(client: &Client, name: &str, password: &str) -> TestResponse {
    client.post("/account/login").form(&[("name", name), ("password", password)]).send().await
}

const NOTHING: [(&str, &str); 0] = [];

#[tokio::test]
async fn registers_whoever_owns_the_mailbox() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let client = app.client();
            client.get("/account/login").send().await.assert_text_contains("Create an account");
            client.get("/account/register").send().await.assert_text_contains("Nickname");
            register(&client, " Bob@Example.com", "bob")
                .await
                .assert_status(200)
                .assert_text_contains("mailbox");
            log_in(&client, "bob@example.com", "battery staple").await.assert_status(422);
            assert_eq!(last_mail(app).await, ("bob@example.com".into(), "Finish your registration".into()));
            let link = link(app).await;
            let page = client.get(&link).send().await;
            page.assert_status(200).assert_text_contains("bob@example.com");
            assert!(!page.text().contains("type=\"password\""), "it is the browser that has asked");
            client.post(&link).form(&NOTHING).send().await.assert_redirect("/");
            client.get("/me").send().await.assert_text("bob@example.com");
            client.post(&link).form(&NOTHING).send().await.assert_status(422);
            log_in(&client.stranger(), "bob@example.com", "battery staple").await.assert_redirect("/");
            assert_eq!(app.inject::<Audit>().await.verify().await.unwrap().broken, None);
        },
    )
    .await;
}

#[tokio::test]
async fn another_browser_that_follows_a_registration_is_asked_for_the_password() {
    let (app, _) = start().await;
    register(&app.client(), "bob@example.com", "bob").await.assert_status(200);
    let (link, other) = (link(&app).await, app.client().stranger());
    other.get(&link).send().await.assert_text_contains("type=\"password\"");
    let finish = async |form: &[(&str, &str)]| other.post(&link).form(form).send().await;
    finish(&[]).await.assert_status(422);
    finish(&[("password", "guessed")])
        .await
        .assert_status(422)
        .assert_text_contains("not the password that was chosen");
    other.get("/me").send().await.assert_status(401);
    finish(&[("password", "battery staple")]).await.assert_redirect("/");
    other.get("/me").send().await.assert_text("bob@example.com");
}

#[tokio::test]
async fn says_nothing_of_who_has_an_account() {
    let (app, _) = start().await;
    let mut told = Vec::new();
    for email in ["ann@example.com", "nobody@example.com"] {
        let client = app.client().stranger();
        for (path, form) in [
            (
                "/account/register",
                vec![("email", email), ("nickname", "new"), ("password", "battery staple")],
            ),
            ("/account/forgot", vec![("email", email)]),
            ("/account/link", vec![("email", email)]),
        ] {
            let answer = client.post(path).form(&form).send().await;
            let set_cookie = answer.header("set-cookie").is_some();
            told.push((path, answer.status(), answer.text().replace(email, "EMAIL"), set_cookie));
        }
    }
    let (known, unknown) = told.split_at(3);
    assert_eq!(known, unknown);
    let mails = app.mails().await;
    let subjects: Vec<&str> = mails.iter().map(|mail| &*mail.subject).collect();
    assert_eq!(
        subjects,
        [
            "You have an account already",
            "Choose another password",
            "Sign in",
            "Finish your registration",
            "There is no account with this address",
            "There is no account with this address",
        ]
    );
    assert!(mails.iter().all(|mail| mail.html.is_some()));
}

#[tokio::test]
async fn no_answer_waits_for_the_mail_server_where_jobs_deliver() {
    // It takes connections and says nothing: a mail that is sent at once waits for it, ten seconds long.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}?tls=none", silent.local_addr().unwrap());
    let app = TestApp::of(app().jobs(jobs![DeliverMail])).set("mail.url", url).start().await;
    ann(&app).await;
    let begun = std::time::Instant::now();
    for email in ["ann@example.com", "nobody@example.com"] {
        app.post("/account/forgot").form(&[("email", email)]).send().await.assert_text_contains("mailbox");
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(app.enqueued::<DeliverMail>().await.len(), 2);
}

#[tokio::test]
async fn two_registrations_of_one_address_make_one_account() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let (one, two) = (app.client(), app.client().stranger());
            register(&one, "bob@example.com", "bob").await.assert_status(200);
            let first = link(app).await;
            register(&two, "bob@example.com", "bobby").await.assert_status(200);
            let second = link(app).await;
            let answers =
                join_all([one.post(&first).form(&NOTHING).send(), two.post(&second).form(&NOTHING).send()])
                    .await;
            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 409], "{answers:?}");
            let refused = answers.iter().find(|answer| answer.status() == 409).unwrap();
            refused.assert_text_contains("There is such an account already. Sign in.");
            let db = app.inject::<Db>().await;
            let count = Reader::filter(|reader| reader.email.eq("bob@example.com")).count(&*db);
            assert_eq!(count.await.unwrap(), 1);
        },
    )
    .await;
}

#[tokio::test]
async fn refuses_a_registration_where_it_is_wrong_before_any_mail_goes_out() {
    let (app, _) = start().await;
    for (email, nickname, password, told) in [
        ("no address", "bob", "battery staple", "This is no e-mail address."),
        ("bob@example.com\r\nBcc: eve@example.com", "bob", "battery staple", "This is no e-mail address."),
        ("bob@example.com", "ann", "battery staple", "Somebody else has this name."),
        ("bob@example.com", "bob", "short", "at least 8 characters"),
        ("rutherford@example.com", "bob", "Rutherford1", "like your name"),
        ("bob@example.com", "nickname1", "nickname1!", "like your name"),
    ] {
        let form = [("email", email), ("nickname", nickname), ("password", password)];
        let client = app.client().stranger();
        let page = client.post("/account/register").form(&form).send().await;
        page.assert_status(422).assert_text_contains(told);
        assert!(client.cookie("session").is_none());
    }
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn a_forgotten_password_is_chosen_anew_by_a_link_that_is_good_once() {
    let (app, _) = start().await;
    let (client, other) = (app.client(), app.client().stranger());
    log_in(&other, "ann@example.com", PASSWORD).await.assert_redirect("/");
    client.post("/account/forgot").form(&[("email", "Ann@Example.com")]).send().await.assert_status(200);
    let link = link(&app).await;
    assert!(link.starts_with("/account/reset?token="), "{link}");
    client.get(&link).send().await.assert_status(200).assert_text_contains("new-password");
    let choose = async |password: &str| client.post(&link).form(&[("password", password)]).send().await;
    choose("sunshine").await.assert_status(422).assert_text_contains("tried first");
    choose("battery staple").await.assert_redirect("/account/login");
    assert_eq!(last_mail(&app).await, ("ann@example.com".into(), "Your password was changed".into()));
    other.get("/me").send().await.assert_status(401);
    choose("something else").await.assert_status(400).assert_text_contains("This link is not good any more.");
    log_in(&client, "ann@example.com", PASSWORD).await.assert_status(422);
    log_in(&client, "ann@example.com", "battery staple").await.assert_redirect("/");
}

#[tokio::test]
async fn signs_in_by_a_link_once_and_asks_before_it_does() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            ann(app).await;
            let client = app.client();
            client
                .post("/account/link")
                .form(&[("email", "ann@example.com")])
                .send()
                .await
                .assert_status(200);
            let link = link(app).await;
            client.get(&link).send().await.assert_text_contains("ann@example.com");
            client.get("/me").send().await.assert_status(401);
            let clients: Vec<Client> = (0..4).map(|_| client.stranger()).collect();
            let sent = clients.iter().map(|client| client.post(&link).form(&NOTHING).send());
            let answers = join_all(sent).await;
            let entered = answers.iter().filter(|answer| answer.status() == 303).count();
            assert_eq!(entered, 1, "{answers:?}");
            let mut signed_in = 0;
            for client in &clients {
                signed_in += usize::from(client.get("/me").send().await.status() == 200);
            }
            assert_eq!(signed_in, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn another_address_is_confirmed_from_there_and_the_old_one_is_told() {
    let (app, _) = start().await;
    let client = app.client();
    client
        .get("/account/email")
        .header("accept", "text/html")
        .send()
        .await
        .assert_redirect("/account/login?next=%2Faccount%2Femail");
    log_in(&client, "ann@example.com", PASSWORD).await.assert_redirect("/");
    client.get("/account/email").send().await.assert_text_contains("ann@example.com");
    let change = async |email: &str| client.post("/account/email").form(&[("email", email)]).send().await;
    change("ann@example.com").await.assert_status(422);
    client
        .stranger()
        .post("/account/forgot")
        .form(&[("email", "ann@example.com")])
        .send()
        .await
        .assert_status(200);
    let in_the_old_mailbox = link(&app).await;
    change("anna@example.org").await.assert_status(200);
    assert_eq!(last_mail(&app).await.0, "anna@example.org");
    let link = link(&app).await;
    client.get("/me").send().await.assert_text("ann@example.com");

    let stranger = client.stranger();
    let led = stranger.post(&link).form(&NOTHING).send().await;
    led.assert_redirect("/account/login?next=%2Faccount%2Femail%2Fconfirm");
    // Who follows it in another browser signs in there, and comes back to it.
    let led = stranger.get(&link).send().await;
    let next = form_urlencoded::byte_serialize(link.as_bytes()).collect::<String>();
    led.assert_redirect(&format!("/account/login?next={next}"));
    client.get(&link).send().await.assert_text_contains("anna@example.org");
    client.post(&link).form(&NOTHING).send().await.assert_redirect("/account");
    client.get("/me").send().await.assert_text("anna@example.org");
    assert_eq!(last_mail(&app).await, ("ann@example.com".into(), "Your address was changed".into()));
    client.post(&link).form(&NOTHING).send().await.assert_problem(400, "invalid_link");
    let late = client.post(&in_the_old_mailbox).form(&[("password", "battery staple")]).send().await;
    late.assert_status(400).assert_text_contains("This link is not good any more.");
}

#[tokio::test]
async fn nobody_takes_the_address_of_somebody_else() {
    let (app, _) = start().await;
    let (db, password) =
        (app.inject::<Db>().await, app.inject::<Passwords>().await.hash(PASSWORD).await.unwrap());
    let (email, nickname) = ("bob@example.com".to_owned(), "bob".to_owned());
    NewReader { email, nickname, password }.insert(&db).await.unwrap();
    let bob = app.client();
    log_in(&bob, "bob@example.com", PASSWORD).await.assert_redirect("/");
    let free = bob.post("/account/email").form(&[("email", "free@example.com")]).send().await;
    let theirs = bob.post("/account/email").form(&[("email", "ann@example.com")]).send().await;
    assert_eq!((free.status(), free.text()), (theirs.status(), theirs.text()));
    let (to, subject) = last_mail(&app).await;
    assert_eq!((&*to, &*subject), ("ann@example.com", "This address has an account already"));

    // A link of Bob's does nothing in the browser of Ann.
    let link = {
        let mails = app.mails().await;
        let link = mails[0].links().next().unwrap().split_once("://").unwrap().1.to_owned();
        link[link.find('/').unwrap()..].to_owned()
    };
    let ann = app.client().stranger();
    log_in(&ann, "ann@example.com", PASSWORD).await.assert_redirect("/");
    ann.post(&link).form(&NOTHING).send().await.assert_problem(400, "invalid_link");
    ann.get("/me").send().await.assert_text("ann@example.com");
}

#[tokio::test]
async fn refuses_links_that_are_forged_cut_too_old_or_for_something_else() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = TestApp::of(app()).clock(&clock).start().await;
    ann(&app).await;
    let client = app.client();
    client.post("/account/forgot").form(&[("email", "ann@example.com")]).send().await.assert_status(200);
    let reset = link(&app).await;
    let token = reset.split_once("token=").unwrap().1.to_owned();
    for bad in
        ["", "x", &token[..token.len() - 4], &format!("{token}A"), &token.replacen(&token[10..12], "__", 1)]
    {
        let page = client
            .post(&format!("/account/reset?token={bad}"))
            .form(&[("password", "battery staple")])
            .send()
            .await;
        page.assert_status(400).assert_text_contains("This link is not good any more.");
    }
    client.post("/account/reset").form(&[("password", "battery staple")]).send().await.assert_status(400);
    // A person is told where another one is to be had, a program what is wrong.
    for (path, again) in [
        ("link/use", "/account/link"),
        ("register/finish", "/account/register"),
        ("reset", "/account/forgot"),
    ] {
        let address = format!("/account/{path}?token=x{token}");
        let page = client.get(&address).send().await;
        page.assert_status(400).assert_text_contains("This link is not good any more");
        page.assert_text_contains(&format!("<a href=\"{}\">", again.replace('/', "&#x2f;")));
        client
            .get(&address)
            .header("accept", "application/json")
            .send()
            .await
            .assert_problem(400, "invalid_link");
    }
    let elsewhere = client.post(&format!("/account/link/use?token={token}")).form(&NOTHING).send().await;
    elsewhere.assert_status(400).assert_text_contains("Ask for another one");
    clock.advance(Duration::from_secs(31 * 60));
    let late = client.post(&reset).form(&[("password", "battery staple")]).send().await;
    late.assert_status(400).assert_text_contains("This link is not good any more.");
    log_in(&client, "ann@example.com", PASSWORD).await.assert_redirect("/");
}

#[tokio::test]
async fn nobody_fills_a_mailbox_from_here() {
    let (app, _) = start().await;
    for number in 0..9_u8 {
        let client = app.client().stranger().with_address(([10, 0, 0, number], 4000).into());
        client.post("/account/forgot").form(&[("email", "ann@example.com")]).send().await.assert_status(200);
    }
    assert_eq!(app.mails().await.len(), 5);
    let asked =
        AuditEntry::filter(|entry| entry.event.eq("password.reset_asked") & entry.outcome.eq(Outcome::Done));
    assert_eq!(asked.count(&app.inject::<Db>().await).await.unwrap(), 9);
}

#[tokio::test]
async fn who_finds_a_name_taken_meanwhile_is_told_so_and_not_to_sign_in() {
    let (app, _) = start().await;
    let (one, two) = (app.client(), app.client());
    register(&one, "bob@example.com", "bob").await.assert_status(200);
    let first = link(&app).await;
    register(&two, "eve@example.com", "bob").await.assert_status(200);
    let second = link(&app).await;
    let nothing: [(&str, &str); 0] = [];
    two.post(&second).form(&nothing).send().await.assert_redirect("/");
    let refused = one.post(&first).form(&nothing).send().await;
    refused.assert_status(409).assert_text_contains("taken what you chose meanwhile");
    one.get("/me").send().await.assert_status(401);
    app.stop().await;
}

#[tokio::test]
async fn programs_register_and_recover_by_json() {
    let (app, _) = start().await;
    let client = app.client();
    let bob = json!({ "email": "bob@example.com", "nickname": "bob", "password": "battery staple" });
    client.post("/account/register").json(&bob).send().await.assert_status(202);
    let link = link(&app).await;
    client
        .post(&link)
        .json(&json!({}))
        .send()
        .await
        .assert_status(200)
        .assert_json_contains(json!({ "next": "/" }));
    client.get("/me").send().await.assert_text("bob@example.com");
    let bad = json!({ "email": "nowhere", "nickname": "bob", "password": "battery staple" });
    let refused = client.post("/account/register").json(&bad).send().await;
    refused.assert_status(422).assert_json_at("/errors/0/code", json!("invalid_email"));
}

#[tokio::test]
async fn an_application_without_a_page_to_sign_in_is_told_so() {
    let app = App::new().models(models![Reader]).accounts::<Reader>().recovery_pages::<Reader>();
    let told = TestApp::of(app).try_start().await.err().unwrap();
    assert!(told.contains("auth.E002") && told.contains(".sign_in_pages::<User>()"), "{told}");
}

#[tokio::test]
async fn tells_whoever_has_lost_a_refresh_token() {
    let app = TestApp::of(app().token_login::<Reader>()).set("jwt.retry_grace", "0s").start().await;
    ann(&app).await;
    let client = app.client().with_header("user-agent", "Phone/1");
    let login = json!({ "name": "ann@example.com", "password": PASSWORD });
    let signed_in: serde_json::Value = client.post("/account/token").json(&login).send().await.json();
    let again = json!({ "refresh_token": signed_in["refresh_token"] });
    client.post("/account/token/refresh").json(&again).send().await.assert_status(200);
    assert!(app.mails().await.is_empty());
    client.post("/account/token/refresh").json(&again).send().await.assert_problem(400, "invalid_grant");
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to[0].address(), "ann@example.com");
    assert!(
        mails[0].subject.contains("signed out") && mails[0].text.contains("Phone/1"),
        "{}",
        mails[0].text
    );
    assert!(link(&app).await.starts_with("/account/forgot"));
    app.stop().await;
}
