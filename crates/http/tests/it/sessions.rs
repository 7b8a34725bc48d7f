//! What is remembered of a visitor between requests.

use std::sync::Mutex;
use std::time::Duration;

use mainstay_core::{App, Error, Result};
use mainstay_http::session::{Session, SessionKey, SessionsExt};
use mainstay_http::{Path, RoutesExt, Sessions, get, post, routes};

use crate::calling::{Answer, Caller, at_rest, caller, findings};

/// Puts something into a cart.
#[post("/cart/{item}", hidden)]
async fn add(session: Session, Path(item): Path<u32>) -> Result<String> {
    let mut cart: Vec<u32> = session.get("cart")?.unwrap_or_default();
    cart.push(item);
    session.set("cart", &cart)?;
    session.flash("success", format!("{item} is in your cart."));
    Ok(format!("{cart:?}"))
}

/// What is in it.
#[get("/cart", hidden)]
async fn cart(session: Session) -> Result<String> {
    Ok(format!("{:?}", session.get::<Vec<u32>>("cart")?.unwrap_or_default()))
}

/// Messages that wait.
#[get("/flashes", hidden)]
async fn flashes(session: Session) -> String {
    session.take_flashes().iter().map(|flash| format!("{}: {}\n", flash.kind, flash.message)).collect()
}

/// Sets one value, slowly.
#[post("/slow/{name}", hidden)]
async fn slow(session: Session, Path(name): Path<String>) -> Result<&'static str> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    session.set(&name, &name)?;
    Ok("")
}

/// All that is set by that.
#[get("/names", hidden)]
async fn names(session: Session) -> Result<String> {
    let names = ["a", "b", "c", "d"].map(|name| session.get::<String>(name).map(Option::unwrap_or_default));
    Ok(names.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// Signs in.
#[post("/sign-in/{who}", hidden)]
async fn sign_in(session: Session, Path(who): Path<String>) -> String {
    session.sign_in(who);
    session.owner().unwrap_or_default()
}

/// The same after a while, as a password is checked.
#[post("/sign-in-slowly/{who}", hidden)]
async fn sign_in_slowly(session: Session, Path(who): Path<String>) {
    tokio::time::sleep(Duration::from_millis(20)).await;
    session.sign_in(who);
}

/// Rotates after a while.
#[post("/rotate-slowly", hidden)]
async fn rotate_slowly(session: Session) {
    tokio::time::sleep(Duration::from_millis(20)).await;
    session.rotate();
}

/// The same, to stay.
#[post("/stay/{who}", hidden)]
async fn stay(session: Session, Path(who): Path<String>) {
    session.sign_in(who);
    session.remember();
}

/// Who is signed in.
#[get("/who", hidden)]
async fn who(session: Session) -> String {
    session.owner().unwrap_or_default()
}

/// The same after a while.
#[get("/who-slowly", hidden)]
async fn who_slowly(session: Session) -> String {
    tokio::time::sleep(Duration::from_millis(20)).await;
    session.owner().unwrap_or_default()
}

/// Signs out.
#[post("/sign-out", hidden)]
async fn sign_out(session: Session) {
    session.end();
    session.flash("info", "Good bye.");
}

/// Signs out, and nothing else.
#[post("/end", hidden)]
async fn end(session: Session) {
    session.end();
}

/// Fails after it has set something.
#[post("/fails", hidden)]
async fn fails(session: Session) -> Result<&'static str> {
    session.set("cart", &[13])?;
    Err(Error::conflict("It failed."))
}

/// Too much.
#[post("/hoards", hidden)]
async fn hoards(session: Session) -> Result<&'static str> {
    session.set("heap", &"x".repeat(70_000))?;
    Ok("")
}

/// Has nothing to do with sessions.
#[get("/plain", hidden)]
async fn plain() -> &'static str {
    "plain"
}

fn app() -> App {
    App::new().sessions().routes(routes![
        add,
        cart,
        flashes,
        slow,
        names,
        sign_in,
        sign_in_slowly,
        rotate_slowly,
        stay,
        who,
        who_slowly,
        sign_out,
        end,
        fails,
        hoards,
        plain
    ])
}

/// A browser: it keeps the cookie that it is given.
struct Browser<'a> {
    caller: &'a Caller,
    cookie: Mutex<Option<String>>,
}

impl<'a> Browser<'a> {
    fn new(caller: &'a Caller) -> Self {
        Self { caller, cookie: Mutex::default() }
    }

    fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    fn key(&self) -> SessionKey {
        let token = self.cookie().unwrap();
        let token = token.split_once('=').unwrap().1;
        let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
        SessionKey::from_text(mainstay_core::random::hex(digest.as_ref()))
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        let cookie = self.cookie().unwrap_or_default();
        let said = [("cookie", &*cookie), ("user-agent", "Tester/1.0"), ("sec-fetch-site", "same-origin")];
        let answer = self.caller.ask(method, path, &said).await;
        let set = answer.header("set-cookie");
        if let Some(pair) = set.split(';').next().filter(|pair| !pair.is_empty()) {
            let goes = set.contains("Max-Age=0");
            *self.cookie.lock().unwrap() = (!goes).then(|| pair.to_owned());
        }
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.ask("GET", path).await.body
    }

    async fn post(&self, path: &str) -> Answer {
        self.ask("POST", path).await
    }
}

#[tokio::test]
async fn remembers_a_visitor_and_nobody_of_whom_there_is_nothing_to_remember() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    let first = browser.ask("GET", "/cart").await;
    assert_eq!((first.body.as_str(), first.header("set-cookie")), ("[]", ""));
    assert_eq!((first.header("vary"), first.header("cache-control")), ("cookie", "private, no-cache"));

    let set = browser.post("/cart/7").await;
    let cookie = set.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("session=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(set.header("cache-control"), "private, no-store");
    let again = browser.post("/cart/8").await;
    assert_eq!((again.body.as_str(), again.header("set-cookie")), ("[7, 8]", ""), "the cookie stays");
    assert_eq!(browser.get("/cart").await, "[7, 8]");
    assert_eq!(Browser::new(&caller).get("/cart").await, "[]", "another visitor");
    let plain = browser.ask("GET", "/plain").await;
    assert_eq!((plain.header("vary"), plain.header("cache-control")), ("", ""), "nobody asked for it");
}

#[tokio::test]
async fn shows_a_message_once() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/cart/7").await;
    browser.post("/cart/8").await;
    assert_eq!(browser.get("/flashes").await, "success: 7 is in your cart.\nsuccess: 8 is in your cart.\n");
    assert_eq!(browser.get("/flashes").await, "");
}

#[tokio::test]
async fn a_cookie_that_is_none_of_ours_opens_nothing_and_is_never_taken_over() {
    let caller = caller(app()).await;
    let unknown = "0".repeat(64);
    let with = |cookie: &str| Browser { caller: &caller, cookie: Mutex::new(Some(cookie.to_owned())) };
    for (cookie, is_removed) in [
        ("session=", true),
        ("session=x", true),
        ("session=../../etc", true),
        (&*"session=\u{2764}".repeat(40), true),
        // It may have been one of ours, and the browser may have got another meanwhile.
        (&*format!("session={unknown}"), false),
    ] {
        let answer = with(cookie).post("/sign-in/ann").await;
        assert_eq!(answer.body, "ann", "{cookie}");
        assert!(!answer.header("set-cookie").contains(&unknown), "somebody else has chosen the cookie");
        let answer = with(cookie).ask("GET", "/who").await;
        assert_eq!(answer.body, "", "{cookie}");
        assert_eq!(answer.header("set-cookie").contains("Max-Age=0"), is_removed, "{cookie}");
    }
}

#[tokio::test]
async fn who_signs_in_twice_at_once_is_signed_in() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/cart/7").await;
    let other = Browser { caller: &caller, cookie: Mutex::new(browser.cookie()) };
    tokio::join!(browser.post("/sign-in-slowly/ann"), other.post("/sign-in-slowly/ann"));
    for browser in [&browser, &other] {
        assert_eq!(browser.get("/who").await, "ann");
    }
}

#[tokio::test]
async fn a_request_that_rotates_does_not_bring_back_what_was_ended() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/sign-in/ann").await;
    let other = Browser { caller: &caller, cookie: Mutex::new(browser.cookie()) };
    let (_, _) = tokio::join!(other.post("/rotate-slowly"), browser.post("/end"));
    assert_eq!(other.get("/who").await, "");
    let sessions = caller.resolver.get::<Sessions>().await.unwrap();
    assert_eq!(sessions.of_owner("ann").await.unwrap(), []);
}

#[tokio::test]
async fn that_it_was_seen_is_noted_once_and_costs_nobody_an_answer() {
    let (caller, clock) = at_rest(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/sign-in/ann").await;
    clock.advance(Duration::from_secs(120));
    let asked = (0..40).map(|_| browser.ask("GET", "/who-slowly"));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "ann"));
    }
    let sessions = caller.resolver.get::<Sessions>().await.unwrap();
    let (_, record) = sessions.of_owner("ann").await.unwrap().remove(0);
    assert_eq!(record.revision, 2, "all had loaded the same");
}

#[tokio::test]
async fn who_signs_in_gets_a_new_cookie_and_keeps_the_cart() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/cart/7").await;
    let before = browser.cookie();
    browser.post("/sign-in/ann").await;
    assert_ne!(browser.cookie(), before);
    assert_eq!((browser.get("/who").await.as_str(), browser.get("/cart").await.as_str()), ("ann", "[7]"));
    let thief = Browser { caller: &caller, cookie: Mutex::new(before) };
    assert_eq!((thief.get("/who").await.as_str(), thief.get("/cart").await.as_str()), ("", "[]"));
    // Somebody else at the same browser.
    browser.post("/sign-in/bob").await;
    assert_eq!((browser.get("/who").await.as_str(), browser.get("/cart").await.as_str()), ("bob", "[]"));
}

#[tokio::test]
async fn signing_out_ends_it_everywhere() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/sign-in/ann").await;
    let before = browser.cookie();
    let answer = browser.post("/end").await;
    assert!(answer.header("set-cookie").starts_with("session=; "), "{}", answer.header("set-cookie"));
    let thief = Browser { caller: &caller, cookie: Mutex::new(before) };
    assert_eq!(thief.get("/who").await, "");
    // What is said afterwards begins another.
    browser.post("/sign-in/ann").await;
    browser.post("/sign-out").await;
    assert_eq!(browser.get("/who").await, "");
    assert_eq!(browser.get("/flashes").await, "info: Good bye.\n");
}

#[tokio::test]
async fn requests_at_once_do_not_undo_each_other() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/cart/1").await;
    tokio::join!(
        browser.post("/slow/a"),
        browser.post("/slow/b"),
        browser.post("/slow/c"),
        browser.post("/slow/d")
    );
    assert_eq!(browser.get("/names").await, "abcd");
    assert_eq!(browser.get("/cart").await, "[1]");
}

#[tokio::test]
async fn a_request_that_is_under_way_does_not_bring_back_what_was_ended() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    browser.post("/sign-in/ann").await;
    let other = Browser { caller: &caller, cookie: Mutex::new(browser.cookie()) };
    let (slow, _) = tokio::join!(other.post("/slow/a"), browser.post("/end"));
    assert_eq!(slow.header("set-cookie"), "");
    let sessions = caller.resolver.get::<Sessions>().await.unwrap();
    assert_eq!(sessions.of_owner("ann").await.unwrap(), []);
}

#[tokio::test]
async fn keeps_what_was_set_before_an_error() {
    let caller = caller(app()).await;
    let browser = Browser::new(&caller);
    let answer = browser.post("/fails").await;
    assert_eq!(answer.status, 409);
    assert_eq!(browser.get("/cart").await, "[13]");
}

#[tokio::test]
async fn does_not_keep_more_than_it_may() {
    let caller = caller(app()).await;
    let answer = Browser::new(&caller).post("/hoards").await;
    assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (500, ""));
}

#[tokio::test]
async fn ends_after_its_time() {
    let (caller, clock) = at_rest(app()).await;
    const HOUR: Duration = Duration::from_secs(3600);
    let (idle, busy, stays) = (Browser::new(&caller), Browser::new(&caller), Browser::new(&caller));
    idle.post("/sign-in/idle").await;
    busy.post("/sign-in/busy").await;
    let cookie = stays.post("/stay/stays").await.header("set-cookie").to_owned();
    assert!(cookie.contains("Max-Age=2592000"), "{cookie}");
    for _ in 0..30 {
        clock.advance(HOUR);
        assert_eq!(busy.get("/who").await, "busy");
    }
    assert_eq!((idle.get("/who").await.as_str(), stays.get("/who").await.as_str()), ("", "stays"));
    for _ in 0..29 {
        clock.advance(HOUR * 23);
        busy.get("/who").await;
    }
    assert_eq!((busy.get("/who").await.as_str(), stays.get("/who").await.as_str()), ("busy", "stays"));
    clock.advance(HOUR * 23);
    assert_eq!(busy.get("/who").await, "", "after 30 days in any case");
    assert_eq!(stays.get("/who").await, "");
}

#[tokio::test]
async fn lists_the_sessions_of_an_owner_and_ends_them() {
    let caller = caller(app()).await;
    let (desk, phone, other) = (Browser::new(&caller), Browser::new(&caller), Browser::new(&caller));
    for browser in [&desk, &phone] {
        browser.post("/sign-in/ann").await;
    }
    other.post("/sign-in/bob").await;
    let sessions = caller.resolver.get::<Sessions>().await.unwrap();
    let all = sessions.of_owner("ann").await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|(_, record)| record.agent.as_deref() == Some("Tester/1.0")));
    assert!(!sessions.end("ann", &other.key()).await.unwrap(), "it is not hers");
    assert!(sessions.end("ann", &phone.key()).await.unwrap());
    assert_eq!((phone.get("/who").await.as_str(), desk.get("/who").await.as_str()), ("", "ann"));
    phone.post("/sign-in/ann").await;
    assert_eq!(sessions.end_all("ann", Some(&desk.key())).await.unwrap(), 1);
    assert_eq!((phone.get("/who").await.as_str(), desk.get("/who").await.as_str()), ("", "ann"));
    assert_eq!(other.get("/who").await, "bob");
}

#[tokio::test]
async fn over_https_only_this_host_can_set_the_cookie() {
    let app = app().set("http.trusted_proxies", "127.0.0.0/8").set("session.same_site", "strict");
    let caller = caller(app).await;
    let https = [("x-forwarded-proto", "https"), ("x-forwarded-for", "203.0.113.9")];
    let answer = caller.ask("POST", "/sign-in/ann", &https).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-session=")
            && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let value = cookie.split(';').next().unwrap();
    let mut headers = https.to_vec();
    headers.push(("cookie", value));
    assert_eq!(caller.ask("GET", "/who", &headers).await.body, "ann");
    // One that a network could have planted over plain HTTP is not looked at.
    let planted = value.replace("__Host-", "");
    let headers = [https[0], https[1], ("cookie", planted.as_str())];
    assert_eq!(caller.ask("GET", "/who", &headers).await.body, "");
}

#[tokio::test]
async fn says_what_is_wrong_with_the_setting() {
    let wrong = findings(app().set("session.store", "memry://user:secret@host"));
    assert!(wrong.contains("session.E001") && wrong.contains("did you mean `memory`?"), "{wrong}");
    assert!(!wrong.contains("secret"), "{wrong}");
    let wrong = findings(app().set("session.cookie", "__Secure-x").set("session.lifetime", "0s"));
    assert!(wrong.contains("session.cookie") && wrong.contains("session.lifetime"), "{wrong}");
    let missing = findings(App::new().routes(routes![cart]));
    assert!(missing.contains("Sessions"), "{missing}");
}

/// What a neighbour plants is worth nothing, whatever it is called and wherever it is sent to.
#[tokio::test]
async fn nobody_can_plant_a_session_on_somebody_else() {
    let caller = caller(app().set("http.trusted_proxies", "loopback")).await;
    let https = ("x-forwarded-proto", "https");
    let ask = async |method: &str, path: &str, cookie: &str| {
        let headers = [https, ("cookie", cookie), ("sec-fetch-site", "same-origin")];
        caller.ask(method, path, &headers).await
    };
    let cookie_of = |answer: &Answer| answer.header("set-cookie").split(';').next().unwrap().to_owned();
    // The thief has a session that is good, and makes the victim's browser send its cookie.
    let planted = cookie_of(&ask("POST", "/cart/13", "").await);
    let value = planted.strip_prefix("__Host-session=").unwrap();
    for lookalike in [
        format!("session={value}"),
        format!("__Secure-session={value}"),
        format!("__host-session={value}"),
        format!("__HOST-session={value}"),
        format!("\u{2000}__Host-session={value}"),
        format!("__Host-session\u{a0}={value}"),
        format!("=__Host-session={value}"),
        format!("%5F_Host-session={value}"),
    ] {
        assert_eq!(ask("GET", "/cart", &lookalike).await.body, "[]", "{lookalike:?}");
    }
    // One that arrives under the right name is left behind by signing in.
    let signed_in = ask("POST", "/sign-in/ann", &planted).await;
    assert_ne!(cookie_of(&signed_in), planted);
    assert_eq!(ask("GET", "/who", &planted).await.body, "", "the thief");
    // Two of them: browsers send the one with the longer path first, which is the planted one.
    let (ann, thief) = (cookie_of(&signed_in), cookie_of(&ask("POST", "/sign-in/thief", "").await));
    for both in [format!("{thief}; {ann}"), format!("{ann}; {thief}")] {
        let answer = ask("GET", "/who", &both).await;
        assert_eq!(
            (answer.body.as_str(), answer.header("set-cookie")),
            ("", ""),
            "neither counts, and none is removed"
        );
        let again = ask("POST", "/sign-in/bob", &both).await;
        assert!(![&ann, &thief].contains(&&cookie_of(&again)), "it is a new one");
    }
    assert_eq!(ask("GET", "/who", &format!("{ann}; {ann}")).await.body, "ann", "twice the same is one");
    assert_eq!(ask("GET", "/who", &format!("__Host-session=x; {ann}")).await.body, "ann");
    assert_eq!(ask("GET", "/who", &thief).await.body, "thief", "it has not been touched");
}
