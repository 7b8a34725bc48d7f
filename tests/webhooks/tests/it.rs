//! What the library of the specification says of our signatures, and what we say of its.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::time::{SystemTime, UNIX_EPOCH};

use mainstay::bus::webhooks::{WebhookSecret, WebhookVerifier};
use mainstay::core::random::SecureRandom;
use mainstay::outbound::http::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use webhooks::{CHECK, SIGN, run};

const BODIES: [&str; 4] =
    ["{}", r#"{"type":"invoice.paid","data":{"name":"Zoë \" 💡"}}"#, "[]", "\"\\u0000\""];

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_library_of_the_specification_believes_ours_and_nothing_else() {
    let secret = WebhookSecret::random(&SecureRandom::new());
    let other = WebhookSecret::random(&SecureRandom::new());
    let message = |id: &str, timestamp: u64, signature: String, body: &str| {
        json!({
            "headers": { "webhook-id": id, "webhook-timestamp": timestamp.to_string(), "webhook-signature": signature },
            "body": body,
        })
    };
    let mut messages = Vec::new();
    for (number, body) in BODIES.iter().enumerate() {
        let id = format!("019b796d-{number}");
        messages.push(message(&id, now(), secret.sign(&id, now(), body.as_bytes()), body));
        let both = [&other, &secret].map(|one| one.sign(&id, now(), body.as_bytes())).join(" ");
        messages.push(message(&id, now(), both, body));
    }
    let good = messages.len();
    messages.push(message("a", now(), other.sign("a", now(), b"{}"), "{}"));
    messages.push(message("b", now(), secret.sign("a", now(), b"{}"), "{}"));
    messages.push(message("a", now() - 301, secret.sign("a", now() - 301, b"{}"), "{}"));
    let said = run(CHECK, &json!({ "secret": secret.to_string(), "messages": messages })).unwrap();
    let expected: Vec<Value> = (0..messages.len()).map(|number| (number < good).into()).collect();
    assert_eq!(said, Value::Array(expected));
}

#[test]
fn we_believe_what_the_library_of_the_specification_signs() {
    let secret = WebhookSecret::random(&SecureRandom::new()).to_string();
    let messages: Vec<Value> =
        BODIES.iter().map(|body| json!({ "id": "msg_1", "timestamp": now(), "body": body })).collect();
    let signed = run(SIGN, &json!({ "secret": secret, "messages": messages })).unwrap();
    let verifier = WebhookVerifier::of(&secret).unwrap();
    for (message, signature) in messages.iter().zip(signed.as_array().unwrap()) {
        let parts = [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", message["timestamp"].to_string()),
            ("webhook-signature", signature.as_str().unwrap().to_owned()),
        ];
        let headers: HeaderMap = parts
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let body = message["body"].as_str().unwrap();
        assert_eq!(verifier.verify(&headers, body.as_bytes(), SystemTime::now()).unwrap(), "msg_1");
        assert!(verifier.verify(&headers, format!("{body} ").as_bytes(), SystemTime::now()).is_err());
    }
}
