//! Forms prove that they are ours, where a browser does not say so by itself.

use std::collections::BTreeMap;

use axum::body::Body;
use futures_util::stream;
use mainstay_core::{App, Result};
use mainstay_http::session::{Session, SessionsExt};
use mainstay_http::{CsrfToken, Form, MultipartForm, RawBody, RoutesExt, get, post, routes};
use serde::Deserialize;

use crate::calling::{Answer, Caller, caller, request};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

/// A page with a form.
#[get("/form", hidden)]
async fn form(csrf: CsrfToken) -> String {
    csrf.field()
}

/// A page with the same form that begins a session.
#[get("/begin", hidden)]
async fn begin(session: Session, csrf: CsrfToken) -> Result<String> {
    session.set("seen", &true)?;
    Ok(csrf.field())
}

/// A page without.
#[get("/plain", hidden)]
async fn plain(_csrf: CsrfToken) -> &'static str {
    "plain"
}

/// Takes a form.
#[post("/note", hidden)]
async fn note(Form(note): Form<Note>) -> String {
    note.text
}

/// Takes whatever fields there are.
#[post("/fields", hidden)]
async fn fields(Form(fields): Form<BTreeMap<String, String>>) -> String {
    format!("{fields:?}")
}

/// Takes a form with files.
#[post("/upload", hidden)]
async fn upload(MultipartForm(note): MultipartForm<Note>) -> String {
    note.text
}

/// Takes anything, and looks at nothing.
#[post("/raw", hidden)]
async fn raw(RawBody(body): RawBody) -> String {
    body.len().to_string()
}

/// Signs in.
#[post("/sign-in", hidden)]
async fn sign_in(session: Session) {
    session.sign_in("ann");
}

/// For other programs.
#[post("/hook", hidden, cross_origin)]
async fn hook() -> &'static str {
    "hooked"
}

fn app() -> App {
    App::new().sessions().routes(routes![form, begin, plain, note, fields, upload, raw, sign_in, hook])
}

fn token_in(page: &Answer) -> String {
    let field = page.body.strip_prefix(r#"<input type="hidden" name="_csrf" value=""#).expect(&page.body);
    field.strip_suffix(r#"">"#).unwrap().to_owned()
}

fn cookies_in(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

fn pair(cookie: &str) -> String {
    cookie.split(';').next().unwrap().to_owned()
}

/// Sends a body with a cookie, and no word of where it comes from.
async fn send(
    caller: &Caller,
    path: &str,
    cookie: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> Answer {
    let mut request = request("POST", path);
    for (name, value) in [("cookie", cookie), ("content-type", content_type)] {
        request.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
    }
    *request.body_mut() = body.into();
    caller.send(request).await
}

const FORM: &str = "application/x-www-form-urlencoded";

fn assert_refused(answer: &Answer, code: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (403, Some(code)),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_form_of_ours_passes_and_one_without_proof_does_not() {
    let caller = caller(app()).await;
    let page = caller.get("/form").await;
    let set = cookies_in(&page).remove(0).to_owned();
    assert!(set.starts_with("csrf=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    assert_eq!((page.header("vary"), page.header("cache-control")), ("cookie", "private, no-cache"));
    let (cookie, token) = (pair(&set), token_in(&page));

    let good = send(&caller, "/note", &cookie, FORM, format!("_csrf={token}&text=hello+you")).await;
    assert_eq!(good.body, "hello you");
    let last = send(&caller, "/fields", &cookie, FORM, format!("text=a&_csrf={token}")).await;
    assert_eq!(last.body, r#"{"text": "a"}"#, "the handler does not see it");
    assert_refused(&send(&caller, "/note", &cookie, FORM, "text=hello").await, "csrf_token_missing");
    assert_refused(&send(&caller, "/note", &cookie, FORM, "_csrf=&text=x").await, "csrf_token_invalid");
    let other = token_in(&caller.get("/form").await);
    let stolen = send(&caller, "/note", &cookie, FORM, format!("_csrf={other}&text=x")).await;
    assert_refused(&stolen, "csrf_token_invalid");
    let none = send(&caller, "/note", "theme=dark", FORM, format!("_csrf={token}&text=x")).await;
    assert_refused(&none, "csrf_token_invalid");

    // The cookie stays, and with it every token of it.
    let again = caller.ask("GET", "/form", &[("cookie", &cookie)]).await;
    assert_eq!(cookies_in(&again), [""; 0]);
    assert_ne!(token_in(&again), token, "another mask");
    let good = send(&caller, "/note", &cookie, FORM, format!("_csrf={}&text=x", token_in(&again))).await;
    assert_eq!(good.body, "x");
    assert_eq!(caller.get("/plain").await.header("set-cookie"), "", "who shows no token needs no cookie");
}

#[tokio::test]
async fn no_handler_can_forget_to_look() {
    let caller = caller(app()).await;
    let page = caller.get("/form").await;
    let (cookie, token) = (pair(cookies_in(&page)[0]), token_in(&page));
    for content_type in [FORM, "application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let answer = send(&caller, "/raw", &cookie, content_type, "{}").await;
        assert_refused(&answer, "csrf_token_missing");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_refused(&caller.ask(method, "/nowhere", &[("cookie", &cookie)]).await, "csrf_token_missing");
    }
    let script = [("cookie", &*cookie), ("x-csrf-token", &token)];
    assert_eq!(caller.ask("POST", "/raw", &script).await.body, "0");
    let wrong = [("cookie", &*cookie), ("x-csrf-token", "x")];
    assert_refused(&caller.ask("POST", "/raw", &wrong).await, "csrf_token_invalid");
}

#[tokio::test]
async fn who_says_where_it_comes_from_or_brings_no_cookie_needs_no_token() {
    let caller = caller(app()).await;
    for headers in [
        &[][..],
        &[("authorization", "Bearer x")],
        &[("cookie", "a=1"), ("authorization", "Bearer x")],
        &[("cookie", "a=1"), ("sec-fetch-site", "same-origin")],
        &[("cookie", "a=1"), ("host", "localhost"), ("origin", "http://localhost")],
    ] {
        assert_eq!(caller.ask("POST", "/raw", headers).await.body, "0", "{headers:?}");
    }
    assert_eq!(caller.ask("POST", "/hook", &[("cookie", "a=1")]).await.body, "hooked");
    let cross = [("cookie", "a=1"), ("sec-fetch-site", "cross-site"), ("x-csrf-token", "x")];
    assert_refused(&caller.ask("POST", "/raw", &cross).await, "cross_origin_request");
}

#[tokio::test]
async fn a_form_with_files_is_read_no_further_than_needed() {
    let caller = caller(app()).await;
    let page = caller.get("/form").await;
    let (cookie, token) = (pair(cookies_in(&page)[0]), token_in(&page));
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let type_of = "multipart/form-data; boundary=x";
    let form = part("_csrf", &token) + &part("text", "hello") + "--x--\r\n";
    assert_eq!(send(&caller, "/upload", &cookie, type_of, form.clone()).await.body, "hello");
    // In pieces of any size.
    for size in [1, 7, 100] {
        let pieces: Vec<_> =
            form.as_bytes().chunks(size).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = Body::from_stream(stream::iter(pieces));
        assert_eq!(send(&caller, "/upload", &cookie, type_of, body).await.body, "hello", "{size}");
    }
    let form = part("text", "hello") + "--x--\r\n";
    assert_refused(&send(&caller, "/upload", &cookie, type_of, form).await, "csrf_token_missing");
    // What comes too late is not looked for, and what is large is not held in memory for it.
    let late = part("text", &"x".repeat(70_000)) + &part("_csrf", &token) + "--x--\r\n";
    let pieces: Vec<_> =
        late.as_bytes().chunks(1000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = Body::from_stream(stream::iter(pieces));
    assert_refused(&send(&caller, "/upload", &cookie, type_of, body).await, "csrf_token_missing");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_not_waited_for() {
    let caller = caller(app()).await;
    let body = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = send(&caller, "/note", "a=1", FORM, body).await;
    assert_eq!(answer.status, 408);
    let broken = stream::iter([Ok(b"text=".to_vec()), Err(std::io::Error::other("reset"))]);
    let answer = send(&caller, "/note", "a=1", FORM, Body::from_stream(broken)).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some("incomplete_body")));
}

#[tokio::test]
async fn signing_in_begins_with_new_tokens() {
    let caller = caller(app()).await;
    let page = caller.get("/form").await;
    let (before, old) = (pair(cookies_in(&page)[0]), token_in(&page));
    let own = [("cookie", &*before), ("sec-fetch-site", "same-origin")];
    let signed_in = caller.ask("POST", "/sign-in", &own).await;
    let set = cookies_in(&signed_in);
    assert!(set[0].starts_with("session=") && set[1].starts_with("csrf=; Path=/; Max-Age=0"), "{set:?}");
    let session = pair(set[0]);
    assert_refused(
        &send(&caller, "/raw", &session, FORM, format!("_csrf={old}")).await,
        "csrf_token_invalid",
    );
    let page = caller.ask("GET", "/form", &[("cookie", &session)]).await;
    assert_eq!(page.header("set-cookie"), "", "the session's own cookie does");
    let body = format!("_csrf={}", token_in(&page));
    assert_eq!(send(&caller, "/raw", &session, FORM, body.clone()).await.status, 200);
    assert_refused(&send(&caller, "/raw", &before, FORM, body).await, "csrf_token_invalid");
}

#[tokio::test]
async fn a_page_that_begins_a_session_has_a_token_that_is_good_afterwards() {
    let caller = caller(app()).await;
    for stale in [String::new(), format!("session={}", "a".repeat(64))] {
        let page = caller.ask("GET", "/begin", &[("cookie", &stale)]).await;
        let cookies: Vec<_> = cookies_in(&page).into_iter().map(pair).collect();
        assert_eq!(cookies.len(), 2, "{cookies:?}");
        let body = format!("_csrf={}", token_in(&page));
        assert_eq!(send(&caller, "/raw", &cookies.join("; "), FORM, body).await.status, 200);
    }
}

#[tokio::test]
async fn tokens_can_be_switched_off() {
    let caller = caller(app().set("http.csrf.fallback", "pass")).await;
    assert_eq!(send(&caller, "/note", "a=1", FORM, "text=hello").await.body, "hello");
    let page = caller.get("/form").await;
    assert_eq!((page.body.as_str(), page.header("set-cookie"), page.header("vary")), ("", "", ""));
    let cross = [("cookie", "a=1"), ("sec-fetch-site", "cross-site")];
    assert_refused(&caller.ask("POST", "/raw", &cross).await, "cross_origin_request");
}

#[tokio::test]
async fn over_https_only_this_host_can_set_the_cookie() {
    let caller = caller(app().set("http.trusted_proxies", "loopback")).await;
    let page = caller.ask("GET", "/form", &[("x-forwarded-proto", "https")]).await;
    let set = cookies_in(&page)[0];
    assert!(set.starts_with("__Host-csrf=") && set.contains("; Secure; HttpOnly; "), "{set}");
}
