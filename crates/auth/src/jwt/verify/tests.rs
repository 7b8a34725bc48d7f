use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::super::key_set::{KeySetError, PublicKey};
use super::super::sign::SigningKey;
use super::*;

const ISSUER: &str = "https://issuer.example";
const NOW: u64 = 1_900_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER, "client")
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "client", "sub": "42", "iat": NOW, "exp": NOW + 900 })
}

fn keys_of(key: &SigningKey) -> KeySet {
    KeySet::of([key.public().clone()]).unwrap()
}

fn part(value: &Value) -> String {
    base64url::encode(value.to_string().as_bytes())
}

/// The token with another header, and the signature it had.
fn with_header(token: &str, header: &Value) -> String {
    format!("{}.{}", part(header), token.split_once('.').unwrap().1)
}

/// Keys and tokens as another implementation makes them: PyJWT over OpenSSL.
#[derive(Deserialize)]
struct Foreign {
    jwks: Value,
    pem: String,
    pem384: String,
    tokens: BTreeMap<String, String>,
}

fn foreign() -> Foreign {
    serde_json::from_str(include_str!("foreign.json")).unwrap()
}

#[test]
fn accepts_what_it_has_signed_itself() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let key = SigningKey::generate(algorithm).unwrap();
        let token = key.sign("JWT", &claims()).unwrap();
        let read = verifier().verify(&token, &keys_of(&key), now()).unwrap();
        assert_eq!(Value::Object(read.all().clone()), claims());
        assert_eq!(read.expires_at(), Some(now() + Duration::from_secs(900)));
        let again = SigningKey::from_pkcs8(algorithm, key.pkcs8()).unwrap();
        assert_eq!(again.id(), key.id());
        assert!(!format!("{key:?}").contains(&base64url::encode(key.pkcs8())));
    }
    assert!(SigningKey::generate(Algorithm::Rs256).is_err());
}

#[test]
fn follows_the_vectors_of_rfc_8037() {
    let jwks =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let keys = KeySet::from_jwks(jwks).unwrap();
    let key = &keys.keys()[0];
    assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = base64url::decode(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    )
    .unwrap();
    assert!(key.has_signed(Algorithm::EdDsa, message, &signature));
    assert!(!key.has_signed(Algorithm::EdDsa, b"another", &signature));
}

#[test]
fn accepts_what_others_have_signed_with_every_algorithm() {
    let foreign = foreign();
    let keys = KeySet::from_jwks(&foreign.jwks.to_string()).unwrap();
    for (name, token) in &foreign.tokens {
        let claims = verifier().verify(token, &keys, now()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(claims.text("nonce"), Some("n-0S6"));
        let only = verifier().algorithms([Algorithm::Es256]);
        assert_eq!(only.verify(token, &keys, now()), Err(JwtError::Algorithm), "{name} is not allowed");
    }
    let names: Vec<_> = foreign.tokens.keys().map(String::as_str).collect();
    assert_eq!(names, ["ES384", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]);
}

#[test]
fn reads_keys_in_pem() {
    let foreign = foreign();
    let rsa = PublicKey::from_pem(&foreign.pem).unwrap().with_id("rsa").only_for(Algorithm::Rs256).unwrap();
    let curve = PublicKey::from_pem(&foreign.pem384).unwrap().with_id("p384");
    assert!(curve.clone().only_for(Algorithm::Es256).is_none());
    let keys = KeySet::of([rsa, curve]).unwrap();
    assert!(verifier().verify(&foreign.tokens["RS256"], &keys, now()).is_ok());
    assert!(verifier().verify(&foreign.tokens["ES384"], &keys, now()).is_ok());
    // The key is for RS256 alone, whatever the header says.
    assert_eq!(verifier().verify(&foreign.tokens["PS256"], &keys, now()), Err(JwtError::UnknownKey));
    for end in 0..foreign.pem.len() - 26 {
        assert_eq!(PublicKey::from_pem(&foreign.pem[..end]), Err(KeySetError::NotAPem));
    }
    assert_eq!(PublicKey::from_pem(&foreign.pem.replace("MIIB", "MIIC")), Err(KeySetError::NotAPem));
}

#[test]
fn refuses_algorithms_that_are_none_or_have_a_shared_secret() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (token, keys) = (key.sign("JWT", &claims()).unwrap(), keys_of(&key));
    for alg in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "es256", "ES256 ", "ES256K", "RSA1_5"]
    {
        let header = json!({ "alg": alg, "kid": key.id() });
        let with_signature = with_header(&token, &header);
        assert_eq!(verifier().verify(&with_signature, &keys, now()), Err(JwtError::Algorithm), "{alg}");
        let without = format!("{}.", with_signature.rsplit_once('.').unwrap().0);
        assert_eq!(verifier().verify(&without, &keys, now()), Err(JwtError::Algorithm), "{alg}");
    }
    // One that is known, but is not that of the key.
    for alg in ["RS256", "PS256", "EdDSA", "ES384"] {
        let header = json!({ "alg": alg, "kid": key.id() });
        assert_eq!(verifier().verify(&with_header(&token, &header), &keys, now()), Err(JwtError::UnknownKey));
    }
}

#[test]
fn a_token_does_not_say_where_its_key_is() {
    let (ours, theirs) =
        (SigningKey::generate(Algorithm::Es256).unwrap(), SigningKey::generate(Algorithm::Es256).unwrap());
    let keys = keys_of(&ours);
    let forged = theirs.sign("JWT", &claims()).unwrap();
    assert_eq!(verifier().verify(&forged, &keys, now()), Err(JwtError::UnknownKey));
    for kid in
        ["../../../dev/null", "https://evil.example/jwks.json", "' OR 1=1 --", "", "\0", &"k".repeat(5000)]
    {
        let header = json!({ "alg": "ES256", "kid": kid });
        let refused = verifier().verify(&with_header(&forged, &header), &keys, now());
        assert_eq!(refused, Err(JwtError::UnknownKey), "{kid:.30}");
    }
    for extra in ["jwk", "jku", "x5u", "x5c"] {
        let mut header = json!({ "alg": "ES256", "kid": ours.id() });
        header[extra] =
            if extra == "jwk" { theirs.public().to_jwk() } else { "https://evil.example/".into() };
        let refused = verifier().verify(&with_header(&forged, &header), &keys, now());
        assert_eq!(refused, Err(JwtError::Signature), "{extra}");
    }
}

#[test]
fn refuses_headers_that_are_not_what_they_seem() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (token, keys) = (key.sign("JWT", &claims()).unwrap(), keys_of(&key));
    let refused = |header: &str| {
        let rest = token.split_once('.').unwrap().1;
        let forged = format!("{}.{rest}", base64url::encode(header.as_bytes()));
        verifier().verify(&forged, &keys, now()).unwrap_err()
    };
    assert_eq!(refused(r#"{"alg":"ES256","crit":["exp"],"exp":1}"#), JwtError::Critical);
    assert_eq!(refused(r#"{"alg":"ES256","crit":[]}"#), JwtError::Critical);
    assert_eq!(refused(r#"{"alg":"ES256","typ":"at+jwt"}"#), JwtError::Type);
    assert_eq!(refused(r#"{"alg":"none","alg":"ES256"}"#), JwtError::Malformed);
    assert_eq!(refused(r#"{"alg":["ES256"]}"#), JwtError::Malformed);
    assert_eq!(refused(r#"{"alg":"ES256","kid":1}"#), JwtError::Malformed);
    assert_eq!(refused(r#"["ES256",null,"JWT",null]"#), JwtError::Malformed);
    assert_eq!(refused("{}"), JwtError::Malformed);
    assert_eq!(refused(""), JwtError::Malformed);
    // What is left is a header that nobody has signed.
    assert_eq!(refused(r#"{"alg":"ES256","typ":"application/jwt"}"#), JwtError::Signature);
}

#[test]
fn checks_who_made_it_and_for_whom() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = keys_of(&key);
    let answer = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        verifier().verify(&key.sign("JWT", &claims).unwrap(), &keys, now()).map(|_| ())
    };
    assert_eq!(answer(&|claims| claims["iss"] = "https://issuer.example/".into()), Err(JwtError::Issuer));
    assert_eq!(answer(&|claims| claims["iss"] = json!([ISSUER])), Err(JwtError::Claim("iss")));
    assert_eq!(answer(&|claims| claims["aud"] = "client2".into()), Err(JwtError::Audience));
    assert_eq!(answer(&|claims| claims["aud"] = json!([])), Err(JwtError::Audience));
    assert_eq!(answer(&|claims| claims["aud"] = json!({ "client": 1 })), Err(JwtError::Audience));
    assert_eq!(answer(&|claims| claims["aud"] = json!(["other", "client"])), Ok(()));
    for name in ["iss", "aud", "exp"] {
        let missing = answer(&|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert_eq!(missing, Err(JwtError::Claim(name)));
    }
}

#[test]
fn goes_by_the_clock_with_a_leeway() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let keys = keys_of(&key);
    let verifier = verifier().leeway(Duration::from_secs(30));
    let answer = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        verifier.verify(&key.sign("JWT", &claims).unwrap(), &keys, now()).map(|_| ())
    };
    assert_eq!(answer("exp", (NOW - 29).into()), Ok(()));
    assert_eq!(answer("exp", (NOW - 30).into()), Err(JwtError::Expired));
    assert_eq!(answer("exp", (-1).into()), Err(JwtError::Expired));
    assert_eq!(answer("exp", json!(NOW as f64 + 0.5)), Ok(()));
    assert_eq!(answer("exp", json!(1e300)), Ok(()));
    assert_eq!(answer("exp", "2000000000".into()), Err(JwtError::Claim("exp")));
    assert_eq!(answer("exp", Value::Null), Err(JwtError::Claim("exp")));
    for name in ["nbf", "iat"] {
        assert_eq!(answer(name, (NOW + 30).into()), Ok(()));
        assert_eq!(answer(name, (NOW + 31).into()), Err(JwtError::NotYet));
        assert_eq!(answer(name, "now".into()), Err(JwtError::Claim(name)));
    }
}

#[test]
fn a_token_without_a_key_name_has_the_only_key_there_is() {
    let (one, two) =
        (SigningKey::generate(Algorithm::Es256).unwrap(), SigningKey::generate(Algorithm::Es256).unwrap());
    let nameless = PublicKey::point(Algorithm::Es256.family(), {
        let jwk = one.public().to_jwk();
        let bytes = |name: &str| base64url::decode(jwk[name].as_str().unwrap()).unwrap();
        [&[4], &bytes("x")[..], &bytes("y")[..]].concat()
    });
    let alone = KeySet::of([nameless.clone()]).unwrap();
    assert!(alone.find(None, Algorithm::Es256).is_some());
    assert!(alone.find(Some(one.id()), Algorithm::Es256).is_none());
    let both = KeySet::of([nameless, two.public().clone()]).unwrap();
    assert!(both.find(None, Algorithm::Es256).is_none());
    assert!(both.find(Some(two.id()), Algorithm::Es256).is_some());
    let twice = KeySet::of([one.public().clone(), two.public().clone().with_id(one.id())]);
    assert_eq!(twice.unwrap_err(), KeySetError::Twice(one.id().to_owned()));
}

#[test]
fn leaves_out_of_a_set_what_cannot_check_tokens() {
    let good = SigningKey::generate(Algorithm::Es256).unwrap().public().to_jwk();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let short = json!({ "kty": "RSA", "n": base64url::encode(&[0xff; 128]), "e": "AQAB", "kid": "short" });
    let weak = json!({ "kty": "RSA", "n": base64url::encode(&[0xff; 256]), "e": "AQ", "kid": "weak" });
    let shared = json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "shared" });
    let bad = [
        short,
        weak,
        shared,
        with("use", "enc".into()),
        with("key_ops", json!(["encrypt"])),
        with("alg", "HS256".into()),
        with("alg", "ES384".into()),
        with("crv", "P-521".into()),
        with("x", "AAAA".into()),
        with("x", "!".into()),
        with("kid", 1.into()),
        json!("key"),
        Value::Null,
    ];
    for key in &bad {
        let refused = KeySet::from_jwks(&json!({ "keys": [key] }).to_string()).unwrap_err();
        assert_eq!(refused, KeySetError::NothingUsable(1), "{key}");
    }
    let mixed = json!({ "keys": [bad[2], good, bad[0]] });
    assert_eq!(KeySet::from_jwks(&mixed.to_string()).unwrap().keys().len(), 1);
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert!(matches!(KeySet::from_jwks(text), Err(KeySetError::NotASet(_))), "{text}");
    }
    let many = json!({ "keys": vec![good; 65] });
    assert_eq!(KeySet::from_jwks(&many.to_string()).unwrap_err(), KeySetError::TooMany(65));
}

proptest! {
    #[test]
    fn nothing_that_was_changed_or_cut_is_good(at in 0.0..1.0_f64, letter in "[A-Za-z0-9_.=%-]", cut: bool, seed in 0..2_usize) {
        let algorithm = [Algorithm::Es256, Algorithm::EdDsa][seed];
        let key = SigningKey::generate(algorithm).unwrap();
        let token = key.sign("JWT", &claims()).unwrap();
        let at = (at * token.len() as f64) as usize;
        let changed = if cut {
            token[..at].to_owned()
        } else {
            format!("{}{letter}{}", &token[..at], &token[at + 1..])
        };
        prop_assume!(changed != token);
        prop_assert!(verifier().verify(&changed, &keys_of(&key), now()).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", header in "\\PC{0,40}", claims in "\\PC{0,40}") {
        let keys = KeySet::from_jwks(&foreign().jwks.to_string()).unwrap();
        prop_assert!(verifier().verify(&text, &keys, now()).is_err());
        let parts = [header, claims, text].map(|part| base64url::encode(part.as_bytes()));
        prop_assert!(verifier().verify(&parts.join("."), &keys, now()).is_err());
    }
}
