//! What people get to see of a failure.

use crate::process::{Program, Setup};
use crate::wire::{get, send};

const BROWSER: &str = "accept: text/html,application/xhtml+xml\r\nconnection: close\r\n";

#[tokio::test]
async fn nothing_internal_is_shown_in_production() {
    let program = Setup::new().argument("--profile=production").serve();
    for path in ["/panic", "/broken"] {
        for headers in [BROWSER, "accept: application/json\r\nconnection: close\r\n", "connection: close\r\n"]
        {
            let answer = send(program.address(), get(path, headers)).await;
            assert_eq!(answer.status, 500);
            let id = answer.header("x-request-id");
            assert!(!id.is_empty() && answer.body.contains(id), "{answer:?}");
            for internal in ["secret", "main.rs", "panicked", "tests/", "mainstay"] {
                let everything = format!("{}{}", answer.head, answer.body).to_lowercase();
                assert!(!everything.contains(internal), "{internal:?} in {answer:?}");
            }
            program.log.wait_for(&[id, "secret"]);
        }
    }
}

#[tokio::test]
async fn a_developer_sees_the_source() {
    let program = Program::start();
    let page = send(program.address(), get("/panic", BROWSER)).await;
    assert_eq!((page.status, page.header("content-type")), (500, "text/html; charset=utf-8"));
    for shown in ["the recipe is secret", "tests/e2e/src/main.rs", "panic!(", "async fn panics()"] {
        assert!(page.body.contains(shown), "no {shown:?} in {}", page.body);
    }
    let page = send(program.address(), get("/broken", BROWSER)).await;
    for shown in ["the password of the database is secret", "tests/e2e/src/main.rs", "Error::internal("] {
        assert!(page.body.contains(shown), "no {shown:?} in {}", page.body);
    }
    // A program gets problem details also then.
    send(program.address(), get("/broken", "accept: application/json\r\nconnection: close\r\n"))
        .await
        .problem(500);
}
