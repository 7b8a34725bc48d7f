//! What PyJWT says of our tokens, and what we say of PyJWT's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mainstay::auth::jwt::{Algorithm, Device, JwtError, KeySet, PublicKey, SigningKeys, Verifier};
use mainstay::auth::scopes::Scopes;
use mainstay::db::column::Assignment;
use mainstay::prelude::*;
use mainstay_test::TestApp;
use serde_json::{Value, json};
use tokens::{CHECK, FORGE, ISSUE, run};

#[model]
struct Member {
    id: i64,
    #[field(hidden)]
    password: Option<PasswordHash>,
}

impl Account for Member {
    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(member: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        member.password.set(hash)
    }
}

#[get("/me")]
async fn me(member: SignedIn<Member>) -> String {
    member.id.to_string()
}

const ISSUER: &str = "https://shop.example";
const AUDIENCE: &str = "shop-api";

async fn app(algorithm: &str) -> TestApp {
    let app = App::new().models(models![Member]).accounts::<Member>().jwt::<Member>().routes(routes![me]);
    let setup = TestApp::of(app).set("jwt.issuer", ISSUER).set("jwt.audience", AUDIENCE);
    setup.set("jwt.algorithm", algorithm).start().await
}

async fn token(app: &TestApp) -> String {
    let member = NewMember {}.insert(&app.inject::<Db>().await).await.unwrap();
    let pairs = app.inject::<TokenPairs>().await;
    pairs.sign_in(&member, &Device::default(), &Scopes::everything()).await.unwrap().access_token
}

async fn jwks(app: &TestApp) -> Value {
    app.get("/.well-known/jwks.json").send().await.assert_status(200).json()
}

#[tokio::test]
async fn pyjwt_accepts_our_tokens_by_the_keys_that_we_publish() {
    for algorithm in ["ES256", "EdDSA"] {
        let app = app(algorithm).await;
        let old = token(&app).await;
        app.inject::<SigningKeys>().await.replace().await.unwrap();
        let new = token(&app).await;
        let last = if new.ends_with('A') { "B" } else { "A" };
        // The last letter but four: all of its bits count.
        let (start, end) = new.split_at(new.len() - 5);
        let changed = format!("{start}{last}{}", &end[1..]);
        let input = |issuer: &str, audience: &str, jwks: &Value| json!({ "jwks": jwks, "issuer": issuer, "audience": audience, "tokens": [new, old, changed] });
        let published = jwks(&app).await;
        assert_eq!(published["keys"][0]["alg"], algorithm);
        let said = run(CHECK, &input(ISSUER, AUDIENCE, &published)).unwrap();
        let claims = &said[0];
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(AUDIENCE)), "{said}");
        assert_eq!(
            (&claims["sub"], &claims["scope"], &claims["account"]),
            (&json!("2"), &json!("*"), &json!("Member"))
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
        assert_eq!(said[1], "KeyError", "its key was replaced");
        if end.starts_with(last) {
            assert_eq!(said[2]["sub"], "2");
        } else {
            assert_eq!(said[2], "InvalidSignatureError");
        }
        let said = run(CHECK, &input("https://evil.example", AUDIENCE, &published)).unwrap();
        assert_eq!(said[0], "InvalidIssuerError");
        let said = run(CHECK, &input(ISSUER, "another", &published)).unwrap();
        assert_eq!(said[0], "InvalidAudienceError");
        app.stop().await;
    }
}

#[tokio::test]
async fn what_pyjwt_forges_opens_nothing() {
    let app = app("ES256").await;
    let good = token(&app).await;
    let input = json!({ "jwks": jwks(&app).await, "issuer": ISSUER, "audience": AUDIENCE, "token": good });
    let forged = run(FORGE, &input).unwrap();
    let forged = forged.as_object().unwrap();
    assert!(forged.len() > 50, "{} tokens", forged.len());
    app.get("/me").bearer(&good).send().await.assert_text("1");
    for (name, token) in forged {
        let refused = app.get("/me").bearer(token.as_str().unwrap()).send().await;
        assert_eq!(refused.status(), 401, "{name}: {}", refused.text());
        refused.assert_problem(401, "invalid_token");
    }
    app.get("/me").bearer(&good).send().await.assert_text("1");
    app.stop().await;
}

#[test]
fn tokens_of_others_are_checked_as_they_should_be() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let issued = run(ISSUE, &json!({ "issuer": ISSUER, "audience": AUDIENCE, "now": now })).unwrap();
    let published = KeySet::from_jwks(&issued["jwks"].to_string()).unwrap();
    let pinned = issued["pems"].as_object().unwrap().iter().map(|(name, pem)| {
        let key = PublicKey::from_pem(pem.as_str().unwrap()).unwrap().with_id(name);
        key.only_for(Algorithm::by_name(name).unwrap()).unwrap()
    });
    let pinned = KeySet::of(pinned).unwrap();
    let verifier = Verifier::new(ISSUER, AUDIENCE).leeway(Duration::from_secs(30));
    let at = UNIX_EPOCH + Duration::from_secs(now);
    let tokens = issued["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 5 * 20);
    for case in tokens {
        for keys in [&published, &pinned] {
            let answer = match verifier.verify(case["token"].as_str().unwrap(), keys, at) {
                Ok(claims) => {
                    assert_eq!(claims.subject(), Some("42"));
                    "Ok"
                }
                Err(JwtError::Issuer) => "Issuer",
                Err(JwtError::Audience) => "Audience",
                Err(JwtError::Expired) => "Expired",
                Err(JwtError::NotYet) => "NotYet",
                Err(JwtError::Claim(_)) => "Claim",
                Err(other) => panic!("{case}: {other}"),
            };
            assert_eq!(answer, case["answer"], "{case}");
        }
    }
}
