//! Passwords that were stolen elsewhere, by a service of our own that plays the one that knows them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mainstay_auth::Passwords;
use mainstay_core::config::Sources;
use mainstay_core::{App, Profile};
use mainstay_test::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::mailed;

/// What the service does.
#[derive(Clone, Copy)]
enum Mood {
    /// It knows [`STOLEN`], and pads.
    Honest,
    /// It knows it, and asks for patience.
    Slow,
    Garbage,
    Empty,
    Down,
    /// More than anybody wants to read.
    Endless,
    /// Elsewhere, it says.
    Leads,
}

const STOLEN: &str = "plausible horse 7";
const GOOD: &str = "battery staple";

struct Service {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
    mood: Arc<Mutex<Mood>>,
    task: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let mood = Arc::new(Mutex::new(Mood::Honest));
        let (noted, felt) = (Arc::clone(&seen), Arc::clone(&mood));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&noted), Arc::clone(&felt)));
            }
        });
        Self { address, seen, mood, task }
    }

    fn feels(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The heads of the requests that have come since it was last asked.
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    fn asked_by(&self, app: App) -> App {
        app.set("auth.breached_passwords.check", "true")
            .set("outbound.breached_passwords.base", &self.address)
            .set("outbound.breached_passwords.timeout", "300ms")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, mood: Arc<Mutex<Mood>>) -> Option<()> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let asked = head.split(' ').nth(1)?.to_owned();
    seen.lock().unwrap().push(head);
    let felt = *mood.lock().unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, STOLEN.as_bytes());
    let stolen = mainstay_core::random::hex(digest.as_ref()).to_uppercase();
    let mut list = String::new();
    for number in 0..800 {
        list.push_str(&format!("{number:035X}:{}\r\n", if number < 400 { number + 1 } else { 0 }));
    }
    if asked == format!("/range/{}", &stolen[..5]) {
        list.push_str(&format!("{}:3\r\n", &stolen[5..]));
    }
    let (status, more, body) = match felt {
        Mood::Honest => (200, "", list),
        Mood::Slow => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return None;
        }
        Mood::Garbage => (200, "", "<html>Come back later.</html>".to_owned()),
        Mood::Empty => (200, "", String::new()),
        Mood::Down => (503, "", "down".to_owned()),
        Mood::Endless => (200, "", list.repeat(40)),
        Mood::Leads => (302, "location: https://elsewhere.example/\r\n", String::new()),
    };
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status} X\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.ok()
}

/// The code of what is wrong with a password, or of the error.
async fn said(app: &TestApp, password: &str) -> Option<String> {
    let passwords = app.inject::<Passwords>().await;
    let error = passwords.check_choice("password", password, &[]).await.err()?;
    let code = error.faults().first().map(|fault| fault.code.clone().into_owned());
    code.or_else(|| Some(error.machine_code().to_owned()))
}

#[tokio::test]
async fn refuses_a_password_that_was_stolen_and_sends_five_digits_of_its_hash() {
    let service = Service::start().await;
    let app = TestApp::start(service.asked_by(super::shop::app())).await;
    assert_eq!(said(&app, STOLEN).await.as_deref(), Some("password_breached"));
    let seen = service.seen();
    let [head] = seen.as_slice() else { panic!("{seen:?}") };
    let lower = head.to_lowercase();
    assert!(lower.contains("\r\nadd-padding: true\r\n") && lower.contains("\r\nuser-agent: "), "{head}");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, STOLEN.as_bytes());
    let hash = mainstay_core::random::hex(digest.as_ref());
    let path = head.split(' ').nth(1).unwrap();
    assert_eq!(path, format!("/range/{}", hash[..5].to_uppercase()));
    assert!(!lower.contains(&hash[..6]) && !lower.contains(&hash[5..]) && !lower.contains("horse"), "{head}");
    // One that nobody has stolen, among padding.
    assert_eq!(said(&app, GOOD).await, None);
    assert_eq!(service.seen().len(), 1);
    // What is refused here already is no question to anybody.
    assert_eq!(said(&app, "short").await.as_deref(), Some("password_too_short"));
    assert_eq!(said(&app, "sunshine2024!").await.as_deref(), Some("password_too_common"));
    assert!(service.seen().is_empty());
}

#[tokio::test]
async fn asks_nobody_unless_it_is_switched_on() {
    let service = Service::start().await;
    let app = super::shop::app().set("outbound.breached_passwords.base", &service.address);
    let app = TestApp::start(app).await;
    assert_eq!(said(&app, STOLEN).await, None);
    assert!(service.seen().is_empty());
}

#[tokio::test]
async fn how_often_it_has_to_have_been_found_can_be_said() {
    let service = Service::start().await;
    for (count, code) in [("3", Some("password_breached")), ("4", None)] {
        let app = service.asked_by(super::shop::app()).set("auth.breached_passwords.min_count", count);
        let app = TestApp::start(app).await;
        assert_eq!(said(&app, STOLEN).await.as_deref(), code, "{count}");
    }
    let app = super::shop::app().set("auth.breached_passwords.min_count", "0");
    let found =
        app.profile(Profile::Test).set("database.url", "sqlite::memory:").assemble(Sources::isolated());
    let found = found.findings().to_string();
    assert!(found.contains("`auth.breached_passwords.min_count` must be at least 1"), "{found}");
}

#[tokio::test]
async fn a_service_of_no_use_keeps_nobody_out_unless_it_shall() {
    let service = Service::start().await;
    let moods = [Mood::Slow, Mood::Garbage, Mood::Empty, Mood::Down, Mood::Endless, Mood::Leads];
    let open = TestApp::start(
        service.asked_by(super::shop::app()).set("outbound.breached_passwords.breaker.calls", "1000"),
    )
    .await;
    let closed = service
        .asked_by(super::shop::app())
        .set("auth.breached_passwords.when_unavailable", "refuse")
        .set("outbound.breached_passwords.breaker.calls", "1000");
    let closed = TestApp::start(closed).await;
    for mood in moods {
        service.feels(mood);
        let began = Instant::now();
        assert_eq!(said(&open, STOLEN).await, None);
        assert_eq!(said(&closed, GOOD).await.as_deref(), Some("password_unchecked"));
        assert!(began.elapsed() < Duration::from_secs(5));
        // Once each: nobody waits for a second try.
        assert_eq!(service.seen().len(), 2);
    }
    service.feels(Mood::Honest);
    assert_eq!(said(&open, STOLEN).await.as_deref(), Some("password_breached"));
    assert_eq!(said(&closed, GOOD).await, None);
}

#[tokio::test]
async fn is_asked_where_a_password_is_chosen_and_not_where_one_is_typed() {
    let service = Service::start().await;
    let app = TestApp::start(service.asked_by(mailed::app())).await;
    mailed::ann(&app).await;
    let client = app.client();
    let told = "found among those that were stolen elsewhere";

    let register = async |password: &str| {
        let form = [("email", "bob@example.com"), ("nickname", "bob"), ("password", password)];
        client.post("/account/register").form(&form).send().await
    };
    register(STOLEN).await.assert_status(422).assert_text_contains(told);
    assert!(app.mails().await.is_empty());
    register(GOOD).await.assert_status(200);
    assert_eq!(service.seen().len(), 2);

    client.post("/account/forgot").form(&[("email", "ann@example.com")]).send().await.assert_status(200);
    let link = mailed::link(&app).await;
    let reset = async |password: &str| client.post(&link).form(&[("password", password)]).send().await;
    reset(STOLEN).await.assert_status(422).assert_text_contains(told);
    reset("another staple").await.assert_redirect("/account/login");
    assert_eq!(service.seen().len(), 2);

    let form = [("name", "ann@example.com"), ("password", "another staple")];
    client.post("/account/login").form(&form).send().await.assert_redirect("/");
    assert!(service.seen().is_empty(), "signing in asks nobody");

    let change = async |new: &str| {
        let form = [("password", "another staple"), ("new_password", new)];
        client.post("/account/password").form(&form).send().await
    };
    change(STOLEN).await.assert_status(422).assert_text_contains(told);
    change(GOOD).await.assert_redirect("/account");
    assert_eq!(service.seen().len(), 2);
}
