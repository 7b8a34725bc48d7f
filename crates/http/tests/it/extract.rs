//! Arguments and return types, in routes of a whole application.

use std::io::Write as _;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::FromRequestParts;
use futures_util::{StreamExt, stream};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Error, Profile, Result};
use mainstay_http::describe::probe::{describe_argument, describe_response};
use mainstay_http::describe::{Operation, Place};
use mainstay_http::extract::{
    BodyStream, ClientIp, Form, Host, Json, MultipartForm, Path, Query, RawBody, Text, Upload,
};
use mainstay_http::negotiate::Accepts;
use mainstay_http::respond::{Created, Event, Negotiated, Redirect, SetCookie, Sse, Stream};
use mainstay_http::{RequestId, Route, RoutesExt, Scheme};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::calling::{Answer, Caller, caller};

#[derive(Debug, Serialize, Deserialize)]
struct Article {
    title: String,
    rank: u8,
}

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", content_type).body(body.into()).unwrap()
}

async fn create(Json(article): Json<Article>) -> Created<Json<Article>> {
    Created(format!("/articles/{}", article.title), Json(article))
}

async fn articles() -> Caller {
    caller(App::new().route(Route::new(Method::POST, "/articles", create))).await
}

async fn posted(body: impl Into<Body>) -> Answer {
    articles().await.send(post("/articles", "application/json", body)).await
}

#[tokio::test]
async fn json_goes_in_and_out() {
    let answer = posted(r#"{"title": "été", "rank": 1}"#).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (201, "/articles/%C3%A9t%C3%A9"));
    assert_eq!(answer.json(), serde_json::json!({ "title": "été", "rank": 1 }));
}

#[tokio::test]
async fn data_that_does_not_fit_is_a_problem_with_one_entry_a_fault() {
    let mut problem = posted(r#"{"title": 5, "rank": 256}"#).await.json();
    problem.as_object_mut().unwrap().remove("request_id").unwrap();
    let expected = serde_json::json!({
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "The body at `/title`: expected a string, found the integer `5`. And 1 more.",
        "instance": "/articles",
        "code": "validation_failed",
        "errors": [
            { "pointer": "/title", "code": "type", "message": "expected a string, found the integer `5`" },
            {
                "pointer": "/rank",
                "code": "value",
                "message": "expected an integer from 0 to 255, found the integer `256`",
            },
        ],
    });
    assert_eq!(problem, expected);
}

#[tokio::test]
async fn a_body_of_another_type_or_size_is_refused() {
    let caller = articles().await;
    let answer = caller.send(post("/articles", "text/plain", "{}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("accept")), (415, "application/json"));
    let large = vec![b' '; 3 * 1024 * 1024];
    let answer = caller.send(post("/articles", "application/json", large.clone())).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (413, Some("body_too_large")));

    let mut gzip = flate(&large);
    assert!(gzip.len() < 10_000);
    let mut request = post("/articles", "application/json", std::mem::take(&mut gzip));
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let answer = caller.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (413, Some("body_too_large")));
}

/// A gzip stream by the system's own tool, so that it is not our code on both sides.
fn flate(bytes: &[u8]) -> Vec<u8> {
    use std::process::{Command, Stdio};
    let mut child =
        Command::new("gzip").args(["-9", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

#[tokio::test]
async fn a_route_may_take_more_or_less_than_the_others() {
    async fn length(RawBody(body): RawBody) -> String {
        body.len().to_string()
    }
    async fn count(mut body: BodyStream) -> Result<String> {
        let mut length = 0;
        while let Some(chunk) = body.next().await {
            length += chunk?.len();
        }
        Ok(length.to_string())
    }
    let app = App::new()
        .route(Route::new(Method::POST, "/large", length).body_limit(5 * 1024 * 1024))
        .route(Route::new(Method::POST, "/small", count).body_limit(10));
    let caller = caller(app).await;
    let answer = caller.send(post("/large", "a/b", vec![0; 4 * 1024 * 1024])).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "4194304"));
    let answer = caller.send(post("/large", "a/b", vec![0; 6 * 1024 * 1024])).await;
    assert_eq!(
        answer.json()["detail"],
        "The body is larger than 5 MiB, which is the most that is accepted here."
    );
    let chunks = || stream::iter(["12345", "67890", "1"].map(Ok::<_, std::convert::Infallible>));
    let answer = caller.send(post("/small", "a/b", Body::from_stream(chunks()))).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (413, Some("body_too_large")));
    let answer = caller.send(post("/small", "a/b", Body::from_stream(chunks().take(2)))).await;
    assert_eq!(answer.body, "10");
}

#[tokio::test]
async fn paths_and_queries_are_read_and_refused_with_their_names() {
    #[derive(Deserialize)]
    struct Page {
        limit: Option<u8>,
        #[serde(default)]
        tag: Vec<String>,
    }
    async fn list(Path((user, year)): Path<(String, u16)>, Query(page): Query<Page>) -> String {
        format!("{user} {year} {:?} {:?}", page.limit, page.tag)
    }
    let caller = caller(App::new().route(Route::new(Method::GET, "/{user}/{year}", list))).await;
    let answer = caller.get("/ann%20b/2024?tag=a&tag=b%2Bc&limit=").await;
    assert_eq!(answer.body, r#"ann b 2024 None ["a", "b+c"]"#);
    let answer = caller.get("/ann/soon").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["errors"][0]["pointer"], "path:year");
    let answer = caller.get("/ann/2024?limit=300").await;
    assert_eq!(answer.json()["errors"][0]["pointer"], "query:limit");
    assert_eq!(caller.get("/ann/2024?tag=%ff").await.status, 400);
    assert_eq!(caller.get("/%ff/2024").await.status, 400);
}

#[tokio::test]
async fn forms_and_uploads_are_read() {
    #[derive(Deserialize)]
    struct Note {
        text: String,
    }
    async fn form(Form(note): Form<Note>) -> (SetCookie, Redirect) {
        (SetCookie::new("last", note.text), Redirect::local("/done"))
    }
    #[derive(Deserialize)]
    struct NoteWithFile {
        text: String,
        f: Upload,
    }
    async fn upload(MultipartForm(note): MultipartForm<NoteWithFile>) -> String {
        format!("{} {}", note.text, note.f.size())
    }
    let app = App::new().route(Route::new(Method::POST, "/form", form)).route(Route::new(
        Method::POST,
        "/upload",
        upload,
    ));
    let caller = caller(app).await;
    let answer = caller.send(post("/form", "application/x-www-form-urlencoded", "text=a+b")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/done"));
    assert_eq!(answer.header("set-cookie"), "last=a%20b; Path=/; Secure; HttpOnly; SameSite=Lax");
    let body = "--x\r\nContent-Disposition: form-data; name=text\r\n\r\nhi\r\n\
        --x\r\nContent-Disposition: form-data; name=f; filename=a.txt\r\n\r\nfile\r\n--x--\r\n";
    let answer = caller.send(post("/upload", "multipart/form-data; boundary=x", body)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "hi 4"));
}

#[tokio::test]
async fn a_handler_may_ask_who_calls() {
    async fn who(
        ClientIp(ip): ClientIp,
        Host(host): Host,
        scheme: Scheme,
        id: RequestId,
        Text(body): Text,
    ) -> String {
        format!("{ip} {host} {} {} {body}", scheme.as_str(), !id.to_string().is_empty())
    }
    let caller = caller(App::new().route(Route::new(Method::POST, "/", who))).await;
    let mut request = post("/", "text/plain", "x");
    request.headers_mut().insert("host", "localhost:8000".parse().unwrap());
    assert_eq!(caller.send(request).await.body, "127.0.0.1 localhost:8000 http true x");
}

#[tokio::test]
async fn one_thing_is_json_or_a_page() {
    async fn both(accepts: Accepts) -> Negotiated<u8> {
        accepts.json_or_html(|| 7, || "<p>7".to_owned())
    }
    let caller = caller(App::new().route(Route::new(Method::GET, "/", both))).await;
    let page = caller.ask("GET", "/", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!((page.body.as_str(), page.header("vary")), ("<p>7", "accept"));
    assert_eq!(caller.get("/").await.body, "7");
}

#[tokio::test]
async fn streams_and_events_go_out_piece_by_piece() {
    async fn numbers() -> Stream {
        Stream::new(stream::iter(["1", "2"].map(Ok::<_, Error>))).content_type("text/csv")
    }
    async fn broken() -> Stream {
        Stream::new(stream::iter([Ok("1"), Err(Error::internal("the disk is gone"))]))
    }
    async fn events() -> Sse {
        Sse::new(stream::iter([Ok::<_, Error>(Event::new("a").id("1"))]))
    }
    let app = App::new()
        .route(Route::new(Method::GET, "/numbers", numbers))
        .route(Route::new(Method::GET, "/broken", broken))
        .route(Route::new(Method::GET, "/events", events));
    let caller = caller(app).await;
    let answer = caller.get("/numbers").await;
    assert_eq!((answer.body.as_str(), answer.header("content-type")), ("12", "text/csv"));
    assert_eq!(caller.get("/events").await.body, ":\n\nid: 1\ndata: a\n\n");
    let response = caller.http.call(crate::calling::request("GET", "/broken"), &caller.peer).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap_err();
}

#[tokio::test]
async fn a_browser_that_listens_does_not_hold_up_the_end() {
    async fn events() -> Sse {
        Sse::new(stream::pending::<Result<Event>>())
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("http.sock");
    let app = App::new()
        .profile(Profile::Test)
        .set("http.unix", socket.display().to_string())
        .route(Route::new(Method::GET, "/events", events));
    let assembly = app.assemble(Sources::isolated());
    let started = assembly.start(Services::All).await.unwrap();

    let mut browser = tokio::net::UnixStream::connect(&socket).await.unwrap();
    browser.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    while !heard.contains(":\n\n") {
        let mut bytes = [0; 1024];
        let length = browser.read(&mut bytes).await.unwrap();
        assert_ne!(length, 0, "{heard}");
        heard.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    let before = Instant::now();
    let (_report, rest) = tokio::join!(started.stop(), async {
        let mut rest = String::new();
        browser.read_to_string(&mut rest).await.unwrap();
        rest
    });
    assert!(rest.ends_with("0\r\n\r\n"), "it ends as a whole: {rest:?}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
}

/// A user's extractor that says nothing of itself.
struct Silent;

impl<S: Sync> FromRequestParts<S> for Silent {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self)
    }
}

#[test]
fn arguments_of_another_crate_are_asked_too() {
    let mut operation = Operation::new(Method::GET, "/{id}", "show");
    describe_argument!(Path<u32>, &mut operation);
    describe_argument!(Option<ClientIp>, &mut operation);
    assert!(operation.opaque.is_empty(), "{:?}", operation.opaque);
    assert!(!operation.needs_axum_router);
    assert_eq!((operation.parameters[0].name.as_str(), operation.parameters[0].place), ("id", Place::Path));
    describe_argument!(Silent, &mut operation);
    assert!(operation.needs_axum_router);
    // `Article` has no schema here, whether the feature is on or not; what is known of it is said all the same.
    describe_response!(Result<Created<Json<Article>>>, &mut operation);
    assert_eq!(operation.responses[0].status, 201);
}
