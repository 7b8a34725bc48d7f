//! Secrets that come with a request are seen nowhere: in no line of the log at any level, and on no page.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use mainstay_core::{App, Error, Profile, Result};
use mainstay_http::session::SessionsExt;
use mainstay_http::{Cookie, Exchange, Form, Headers, Json, Path, Query, RoutesExt, get, post, routes};
use serde::Deserialize;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::calling::{Caller, caller_in, request};

/// Everything that is said, at every level, by everybody: more than any log writes.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

struct Writer<'a>(&'a mut String);

impl Visit for Writer<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Everything {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut Writer(&mut self.0.lock().unwrap()));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut Writer(&mut self.0.lock().unwrap()));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Writer(&mut self.0.lock().unwrap()));
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is sent does not fit, so that there is something to say of it")]
struct Secrets {
    token: u8,
    password: Choice,
}

#[derive(Deserialize)]
enum Choice {}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "as above")]
struct OfHeaders {
    x_api_key: u8,
}

#[get("/reset/{token}", hidden)]
async fn reset(Path(token): Path<u64>) -> Result<String> {
    Err(Error::conflict(format!("It has {} bits.", token.count_ones())))
}

#[get("/reset/by-name/{token}", hidden)]
async fn reset_by_name(exchange: Exchange, Path(_token): Path<String>) -> Result<String> {
    tracing::trace!(?exchange, "asked");
    Err(Error::internal("it fails"))
}

#[get("/query", hidden)]
async fn query(_: Query<Secrets>) {}

#[post("/form", hidden)]
async fn form(_: Form<Secrets>) {}

#[post("/json", hidden)]
async fn json(_: Json<Secrets>) {}

#[get("/headers", hidden)]
async fn headers(_: Headers<OfHeaders>) {}

#[get("/cookies", hidden)]
async fn cookies(_: Cookie<Secrets>) {}

#[get("/fails", hidden)]
async fn fails() -> Result<()> {
    Err(Error::internal("it fails"))
}

fn app() -> App {
    App::new().sessions().routes(routes![reset, reset_by_name, query, form, json, headers, cookies, fails])
}

/// Sends the secret wherever one may be, and returns all that was said and answered.
async fn sent(caller: &Caller, accept: &str) -> (String, Vec<String>) {
    let everything = Everything::default();
    let subscriber = tracing_subscriber::registry().with(everything.clone());
    let send = async |method: &str, path: String, headers: &[(&'static str, String)], body: String| {
        let mut request = request(method, &path);
        for (name, value) in [("accept", accept.to_owned())].iter().chain(headers) {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        *request.body_mut() = Body::from(body);
        caller.send(request).await
    };
    let answers = async {
        let mut answers = Vec::new();
        let everywhere = [
            ("authorization", format!("Bearer {SECRET}")),
            ("proxy-authorization", format!("Basic {SECRET}")),
            ("cookie", format!("session={SECRET}; __Host-csrf={SECRET}; token={SECRET}; password={SECRET}")),
            ("x-api-key", SECRET.to_owned()),
            ("x-csrf-token", SECRET.to_owned()),
            ("x-access-token", SECRET.to_owned()),
            ("referer", format!("http://localhost/callback?code={SECRET}&state={SECRET}")),
            ("sec-fetch-site", "same-origin".to_owned()),
        ];
        let form = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        let of_json = [("content-type", "application/json".to_owned())];
        for path in ["/fails", "/headers", "/cookies", "/nowhere"] {
            answers.push((path, send("GET", path.into(), &everywhere, String::new()).await));
        }
        for path in ["/reset", "/reset/by-name"] {
            answers.push((path, send("GET", format!("{path}/{SECRET}"), &everywhere, String::new()).await));
        }
        for path in ["/query", "/fails", "/reset/by-name/x"] {
            let query = format!(
                "{path}?token={SECRET}&password={SECRET}&code={SECRET}&state={SECRET}&a%5Bpassword%5D={SECRET}"
            );
            answers.push((path, send("GET", query, &[], String::new()).await));
        }
        let body = format!("token={SECRET}&password={SECRET}");
        answers.push(("/form", send("POST", "/form".into(), &form, body).await));
        let body = format!(r#"{{"token":"{SECRET}","password":"{SECRET}"}}"#);
        answers.push(("/json", send("POST", "/json".into(), &of_json, body).await));
        // Without a word of where it comes from.
        answers.push(("/form", send("POST", "/form".into(), &everywhere[2..5], String::new()).await));
        answers
    };
    let answers = answers.with_subscriber(subscriber).await;
    let said = everything.0.lock().unwrap().clone();
    let answers = answers.into_iter().map(|(path, answer)| {
        assert!(answer.status.as_u16() >= 400, "{path}: {}", answer.status);
        format!("{path}: {:?} {}", answer.headers, answer.body)
    });
    (said, answers.collect())
}

#[tokio::test]
async fn no_secret_of_a_request_is_seen_in_the_log_or_on_a_page() {
    for profile in [Profile::Development, Profile::Test, Profile::Production] {
        let is_production = profile.is_production();
        let app = if is_production { app().set("http.allowed_hosts", "*") } else { app() };
        let caller = caller_in(profile, app).await;
        for accept in ["text/html", "application/json"] {
            let (said, answers) = sent(&caller, accept).await;
            assert!(said.contains("it fails") && said.contains("/reset/{token}"), "{said}");
            let at = said.find(SECRET).map(|at| &said[at.saturating_sub(300)..at + 50]);
            assert_eq!(at, None);
            for answer in answers {
                // Only the client itself is told of the path that it has asked for, and that there is nothing.
                let answer = answer.replace(&format!("\"instance\":\"/reset/{SECRET}\""), "");
                let answer = answer.replace(&format!("\"instance\":\"/reset/by-name/{SECRET}\""), "");
                assert!(!answer.contains(SECRET), "{answer}");
            }
        }
    }
}

// Down here, since the page for developers shows the source around a fault.
const SECRET: &str = "hunter2hunter2";
