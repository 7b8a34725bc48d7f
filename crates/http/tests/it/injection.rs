//! What a user types into something that becomes a header makes no header of its own, and no second answer.

use axum::response::{IntoResponse, Response};
use futures_util::stream;
use mainstay_core::{App, Result};
use mainstay_http::files::File;
use mainstay_http::session::{Session, SessionsExt};
use mainstay_http::{Created, Csv, Event, Query, Redirect, RoutesExt, SetCookie, Sse, get, routes};
use serde::{Deserialize, Serialize};

use crate::served::serve;

#[derive(Deserialize)]
struct Typed {
    into: String,
    text: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
}

/// Puts what was typed into a header.
#[get("/", hidden)]
async fn put(session: Session, Query(Typed { into, text }): Query<Typed>) -> Result<Response> {
    let row = || stream::iter([Ok::<_, mainstay_core::Error>(Row { name: "x".into() })]);
    Ok(match into.as_str() {
        "see_other" => Redirect::see_other(&text).into_response(),
        "temporary" => Redirect::temporary(&text).into_response(),
        "local" => Redirect::local(&format!("/{text}")).into_response(),
        "created" => Created(text, "").into_response(),
        "cookie value" => SetCookie::new("a", text).into_response(),
        "cookie name" => SetCookie::new(text, "x").into_response(),
        "cookie path" => SetCookie::new("a", "x").path(format!("/{text}")).into_response(),
        "cookie domain" => SetCookie::new("a", "x").domain(text).into_response(),
        "attachment" => File::from_bytes("a.txt", "x").attachment(&text).into_response(),
        "inline" => File::from_bytes("a.txt", "x").inline(&text).into_response(),
        "name" => File::from_bytes(&text, "x").into_response(),
        "csv" => Csv::new(row()).attachment(&text).into_response(),
        "flash" => {
            session.flash(text.clone(), text);
            "flashed".into_response()
        }
        "owner" => {
            session.sign_in(text);
            "signed in".into_response()
        }
        "event" => {
            let event = Event::new(text.clone()).event(text.clone()).id(text);
            Sse::new(stream::iter([Ok::<_, mainstay_core::Error>(event)])).into_response()
        }
        other => panic!("{other}"),
    })
}

#[tokio::test]
async fn no_text_becomes_a_header_of_its_own() {
    let served = serve(App::new().sessions().routes(routes![put])).await;
    let breaks = ["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\0", "\u{560a}\u{560d}", ";", "\""];
    for into in [
        "see_other",
        "temporary",
        "local",
        "created",
        "cookie value",
        "cookie name",
        "cookie path",
        "cookie domain",
        "attachment",
        "inline",
        "name",
        "csv",
        "flash",
        "owner",
        "event",
    ] {
        for line in breaks {
            let text = format!("a{line}X-Evil: 1{line}Set-Cookie: evil=1{line}{line}HTTP/1.1 200 OK");
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("into", into)
                .append_pair("text", &text)
                .finish();
            let head = format!("GET /?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = served.answer(head.as_bytes()).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            // A bare line feed or carriage return may end a line for somebody, too.
            for field in head.split(['\r', '\n']).skip(1) {
                let field = field.to_ascii_lowercase();
                let is_evil =
                    ["x-evil", "set-cookie: evil", "http/1.1"].iter().any(|evil| field.starts_with(evil));
                assert!(!is_evil, "{into} {line:?}: {head}");
            }
            if into == "event" {
                let evil = body
                    .split(['\r', '\n'])
                    .find(|field| field.starts_with("X-Evil") || field.starts_with("Set-Cookie"));
                assert_eq!(evil, None, "{body}");
            }
        }
    }
}
