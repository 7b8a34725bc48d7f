//! A provider that lies, is slow, or answers with garbage: nobody is let in, nothing of it is shown, and the visitor is told what they
//! can do.

use std::time::{Duration, Instant};

use mainstay_auth::jwt::{Algorithm, KeySet, SigningKey};
use mainstay_core::keys::base64url;
use mainstay_db::Db;
use mainstay_test::TestApp;
use ring::hmac;
use serde_json::{Value, json};

use super::provider::{Honest, Provider, Reply, nonce_of};
use super::world::{Buyer, Visit, app, assert_nobody, come_back, sign_in, start};

const DOCUMENT: &str = "/.well-known/openid-configuration";
const UNTRUSTED: &str = "gave an answer that cannot be trusted";
const UNREACHABLE: &str = "cannot be reached right now";

/// Whoever signs in by a provider that answers so is refused with 502, told this, and has no account.
async fn refused(told: &str, lie: impl FnOnce(&Provider)) {
    let (provider, app) = start().await;
    lie(&provider);
    let client = app.client();
    let page = client.post("/account/login/company").form(&[("next", "/me")]).send().await;
    let page = if page.status() == 200 {
        come_back(&client, &Visit::of(&page).answer(&provider)).await
    } else {
        page
    };
    page.assert_status(502).assert_text_contains(told).assert_header("cache-control", "no-store");
    assert!(!page.text().contains("SECRET"), "{}", page.text());
    assert_nobody(&client).await;
    let db = app.inject::<Db>().await;
    assert_eq!(Buyer::query().count(&*db).await.unwrap(), 0);
    // Once it is honest, it is as if nothing had been.
    provider.repents();
}

/// An id token whose claims are changed.
async fn refuses_claims(change: impl Fn(&mut Value) + Clone + Send + Sync + 'static) {
    refuses_token(move |honest, mut claims| {
        change(&mut claims);
        honest.sign(&claims)
    })
    .await;
}

/// An id token that is made otherwise.
async fn refuses_token(make: impl Fn(&Honest, Value) -> String + Send + Sync + 'static) {
    refused(UNTRUSTED, |provider| {
        provider.lies("/token", move |seen, honest| {
            let claims = honest.claims(&nonce_of(seen).unwrap());
            Reply::Json(200, honest.grant(&make(honest, claims)))
        });
    })
    .await;
}

fn parts(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| base64url::encode(value.to_string().as_bytes());
    format!("{}.{}", encode(header), encode(claims))
}

#[tokio::test]
async fn an_id_token_for_somebody_else_or_another_time_is_refused() {
    let seconds = |claims: &Value, name: &str| claims[name].as_u64().unwrap();
    for (name, value) in [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("aud", json!("another shop")),
        ("aud", json!([])),
        ("aud", json!(["shop", "another"])),
        ("azp", json!("another")),
        ("iss", json!("http://127.0.0.1:1")),
        ("iss", Value::Null),
        ("sub", json!(7)),
        ("sub", json!("")),
        ("sub", json!("s".repeat(256))),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("at_hash", json!(1)),
        ("exp", json!("soon")),
        ("exp", Value::Null),
        ("iat", Value::Null),
    ] {
        refuses_claims(move |claims| claims[name] = value.clone()).await;
    }
    refuses_claims(move |claims| claims["exp"] = (seconds(claims, "iat") - 61).into()).await;
    refuses_claims(move |claims| claims["iat"] = (seconds(claims, "iat") + 90).into()).await;
    refuses_claims(move |claims| claims["nbf"] = (seconds(claims, "iat") + 90).into()).await;
    for missing in ["nonce", "aud", "iss", "sub", "exp", "iat"] {
        refuses_claims(move |claims| {
            claims.as_object_mut().unwrap().remove(missing);
        })
        .await;
    }
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let (provider, app) = start().await;
    for apart in [-50, 50] {
        provider.lies("/token", move |seen, honest| {
            let mut claims = honest.claims(&nonce_of(seen).unwrap());
            let now = claims["iat"].as_i64().unwrap();
            claims["iat"] = (now + apart).into();
            claims["exp"] = (now + apart + 1).into();
            Reply::Json(200, honest.grant(&honest.sign(&claims)))
        });
        sign_in(&app.client(), &provider).await.assert_redirect("/me");
    }
}

#[tokio::test]
async fn an_id_token_that_nobody_has_signed_is_refused() {
    let of = |honest: &Honest, alg: &str| json!({ "alg": alg, "kid": honest.key().id(), "typ": "JWT" });
    refuses_token(move |honest, claims| format!("{}.", parts(&of(honest, "none"), &claims))).await;
    refuses_token(move |honest, claims| format!("{}.", parts(&of(honest, "None"), &claims))).await;
    // HMAC, by what everybody knows: the public key, and the secret that the provider shares with us.
    refuses_token(move |honest, claims| {
        let message = parts(&of(honest, "HS256"), &claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, honest.jwks().to_string().as_bytes());
        format!("{message}.{}", base64url::encode(hmac::sign(&key, message.as_bytes()).as_ref()))
    })
    .await;
    refuses_token(move |honest, claims| {
        let message = parts(&of(honest, "HS256"), &claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, super::world::SECRET.as_bytes());
        format!("{message}.{}", base64url::encode(hmac::sign(&key, message.as_bytes()).as_ref()))
    })
    .await;
    // By a key of the forger's own, under the name of the right one, and with the key in the header.
    refuses_token(move |honest, claims| {
        let own = SigningKey::generate(Algorithm::Es256).unwrap();
        let signed = own.sign("JWT", &claims).unwrap();
        let signature = signed.rsplit('.').next().unwrap();
        let mut header = of(honest, "ES256");
        header["jwk"] = own.public().to_jwk();
        format!("{}.{signature}", parts(&header, &claims))
    })
    .await;
    refuses_token(|_, claims| SigningKey::generate(Algorithm::EdDsa).unwrap().sign("JWT", &claims).unwrap())
        .await;
    // Cut off, swapped, of another kind, not a token at all.
    refuses_token(|honest, claims| {
        let token = honest.sign(&claims);
        token[..token.len() - 8].to_owned()
    })
    .await;
    refuses_token(|honest, claims| {
        let mut other = claims.clone();
        other["sub"] = "bob".into();
        let (ann, bob) = (honest.sign(&claims), honest.sign(&other));
        format!("{}.{}", bob.rsplit_once('.').unwrap().0, ann.rsplit_once('.').unwrap().1)
    })
    .await;
    refuses_token(|honest, claims| honest.key().sign("at+jwt", &claims).unwrap()).await;
    refuses_token(|_, _| "SECRET".to_owned()).await;
    refuses_token(|_, _| "a.b.c".to_owned()).await;
    refuses_token(|honest, claims| format!("{}{}", honest.sign(&claims), "A".repeat(20_000))).await;
}

#[tokio::test]
async fn an_answer_of_the_token_endpoint_that_makes_no_sense_is_refused() {
    let with = |change: fn(&mut Value)| {
        move |provider: &Provider| {
            provider.lies("/token", move |seen, honest| {
                let mut grant = honest.grant(&honest.sign(&honest.claims(&nonce_of(seen).unwrap())));
                change(&mut grant);
                Reply::Json(200, grant)
            });
        }
    };
    refused(UNTRUSTED, with(|grant| grant["id_token"] = Value::Null)).await;
    refused(UNTRUSTED, with(|grant| grant["access_token"] = Value::Null)).await;
    refused(UNTRUSTED, with(|grant| grant["access_token"] = "two\r\nlines SECRET".into())).await;
    refused(UNTRUSTED, with(|grant| grant["access_token"] = json!({ "SECRET": 1 }))).await;
    refused(UNTRUSTED, with(|grant| grant["token_type"] = "mac".into())).await;
    for body in ["", "<html>SECRET</html>", "[]", "null", "{\"access_token\": \"SECRET", "\u{0}"] {
        refused(UNTRUSTED, |provider| {
            provider.lies("/token", move |_, _| Reply::Raw(200, "", body.to_owned()));
        })
        .await;
    }
    refused(UNTRUSTED, |provider| provider.lies("/token", |_, _| Reply::Json(400, json!({ "SECRET": 1 }))))
        .await;
    refused(UNREACHABLE, |provider| provider.lies("/token", |_, _| Reply::Raw(500, "", "SECRET".into())))
        .await;
    refused(UNREACHABLE, |provider| {
        provider.lies("/token", |_, _| Reply::Raw(200, "", "x".repeat(300_000)));
    })
    .await;
    refused("not set up rightly here", |provider| {
        provider.lies("/token", |_, _| {
            Reply::Json(401, json!({ "error": "invalid_client", "error_description": "SECRET" }))
        });
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_not_the_issuers_or_leads_elsewhere_is_refused() {
    let with = |name: &'static str, value: Value| {
        move |provider: &Provider| {
            provider.lies(DOCUMENT, move |_, honest| {
                let mut document = honest.document();
                document[name] = value.clone();
                Reply::Json(200, document)
            });
        }
    };
    for (name, value) in [
        ("issuer", json!("https://evil.example")),
        ("issuer", Value::Null),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("authorization_endpoint", json!("http://evil.example/")),
        ("token_endpoint", json!("http://evil.example/")),
        ("token_endpoint", Value::Null),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("userinfo_endpoint", json!("//evil.example")),
    ] {
        refused(UNREACHABLE, with(name, value)).await;
    }
    for body in ["", "<html>", "[]", "{", "{}"] {
        refused(UNREACHABLE, |provider| {
            provider.lies(DOCUMENT, move |_, _| Reply::Raw(200, "", body.to_owned()));
        })
        .await;
    }
    // A redirect is followed nowhere, neither in a circle nor to where only we can go.
    for location in [DOCUMENT, "http://169.254.169.254/latest/meta-data"] {
        refused(UNREACHABLE, |provider| {
            let header: &'static str = format!("location: {location}\r\n").leak();
            provider.lies(DOCUMENT, move |_, _| Reply::Raw(302, header, String::new()));
        })
        .await;
    }
    refused(UNREACHABLE, |provider| provider.lies(DOCUMENT, |_, _| Reply::Raw(404, "", "SECRET".into())))
        .await;
    refused(UNREACHABLE, |provider| {
        provider.lies(DOCUMENT, |_, honest| {
            let mut document = honest.document();
            document["claims_supported"] = "x".repeat(300_000).into();
            Reply::Json(200, document)
        });
    })
    .await;
}

#[tokio::test]
async fn no_endpoint_leads_to_where_only_this_machine_can_go() {
    // The document may name it; it is not called.
    for url in [
        "https://169.254.169.254/token",
        "https://10.0.0.1/token",
        "https://[::1]/token",
        "https://127.0.0.1:22/",
    ] {
        refused(UNREACHABLE, |provider| {
            provider.lies(DOCUMENT, move |_, honest| {
                let mut document = honest.document();
                document["token_endpoint"] = url.into();
                Reply::Json(200, document)
            });
        })
        .await;
    }
}

#[tokio::test]
async fn keys_that_are_none_or_too_many_are_refused() {
    for body in [
        "",
        "<html>",
        "{}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":{}}",
    ] {
        refused(UNREACHABLE, |provider| {
            provider.lies("/keys", move |_, _| Reply::Raw(200, "", body.to_owned()));
        })
        .await;
    }
    refused(UNREACHABLE, |provider| {
        let keys = (0..65).map(|_| SigningKey::generate(Algorithm::EdDsa).unwrap().public().to_jwk());
        let keys: Vec<Value> = keys.collect();
        provider.lies("/keys", move |_, _| Reply::Json(200, json!({ "keys": keys })));
    })
    .await;
    refused(UNREACHABLE, |provider| {
        provider.lies("/keys", |_, honest| {
            let mut keys = honest.jwks();
            keys["keys"][0]["x5c"] = "x".repeat(300_000).into();
            Reply::Json(200, keys)
        });
    })
    .await;
    // Keys of somebody else: the right name with another key.
    refused(UNTRUSTED, |provider| {
        provider.lies("/keys", |_, honest| {
            let other =
                SigningKey::generate(Algorithm::Es256).unwrap().public().clone().with_id(honest.key().id());
            Reply::Json(200, KeySet::of([other]).unwrap().to_jwks())
        });
    })
    .await;
}

#[tokio::test]
async fn a_profile_of_somebody_else_is_refused() {
    for sub in [json!("bob"), Value::Null, json!(1)] {
        refused(UNTRUSTED, |provider| {
            provider.lies("/me", move |_, honest| {
                let mut person = honest.person();
                person["sub"] = sub.clone();
                Reply::Json(200, person)
            });
        })
        .await;
    }
    refused(UNTRUSTED, |provider| provider.lies("/me", |_, _| Reply::Raw(200, "", "SECRET".into()))).await;
    refused(UNTRUSTED, |provider| {
        provider.lies("/me", |_, _| Reply::Raw(200, "content-type: application/jwt\r\n", "a.b.c".into()));
    })
    .await;
    refused(UNREACHABLE, |provider| provider.lies("/me", |_, _| Reply::Raw(403, "", "SECRET".into()))).await;
}

#[tokio::test]
async fn an_answer_in_the_name_of_another_provider_is_refused() {
    let (provider, app) = start().await;
    for issuer in [Some("https://evil.example"), None] {
        let client = app.client();
        let mut answer = Visit::begin(&client).await.answer(&provider);
        answer.pop();
        answer.extend(issuer.map(|issuer| ("iss", issuer.to_owned())));
        come_back(&client, &answer).await.assert_status(502).assert_text_contains(UNTRUSTED);
        assert_nobody(&client).await;
    }
    assert_eq!(provider.count("/token"), 0, "the code has gone to nobody");
}

#[tokio::test]
async fn a_code_that_the_provider_does_not_know_is_over() {
    let (provider, app) = start().await;
    let client = app.client();
    let mut answer = Visit::begin(&client).await.answer(&provider);
    // Somebody else's code, put into this browser: it was given for another challenge.
    let other = Visit::begin(&app.client()).await.answer(&provider);
    answer[0] = other[0].clone();
    come_back(&client, &answer).await.assert_status(400).assert_text_contains("Begin again.");
    assert_nobody(&client).await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_costs_a_moment_and_then_nothing_for_a_while() {
    let provider = Provider::start().await;
    let app = TestApp::start(app(&provider).set("outbound.identity_providers.timeout", "300ms")).await;
    provider.lies(DOCUMENT, |_, _| Reply::Silence);
    let began = Instant::now();
    for _ in 0..5 {
        let page = app.client().post("/account/login/company").form(&[("next", "/")]).send().await;
        page.assert_status(504).assert_text_contains(UNREACHABLE);
    }
    assert!(began.elapsed() < Duration::from_millis(1200), "{:?}", began.elapsed());
    assert!(provider.count(DOCUMENT) <= 2, "it was asked {} times", provider.count(DOCUMENT));
    // The rest of the application does not know of it.
    app.client().get("/account/login").send().await.assert_status(200);
}
