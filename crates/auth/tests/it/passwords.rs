//! The threads that hash.

use std::sync::Arc;

use futures_util::future::join_all;
use mainstay_auth::passwords::{AuthConfig, LONGEST, Verdict};
use mainstay_auth::{PasswordHash, Passwords};
use mainstay_core::Profile;
use mainstay_core::random::SecureRandom;

fn passwords(config: &AuthConfig) -> Passwords {
    Passwords::new(config, &Profile::Test, Arc::new(SecureRandom::new())).unwrap()
}

#[tokio::test]
async fn salts_every_hash() {
    let passwords = passwords(&AuthConfig::default());
    let (one, other) = (passwords.hash("same").await.unwrap(), passwords.hash("same").await.unwrap());
    assert_ne!(one, other);
    for hash in [one, other] {
        assert_eq!(passwords.verify("same", &hash).await.unwrap(), Verdict::Right);
        assert_eq!(passwords.verify("same\0", &hash).await.unwrap(), Verdict::Wrong);
    }
}

#[tokio::test]
async fn reads_hashes_of_other_applications() {
    // As the reference implementation writes it: `echo -n password | argon2 somesalt -t 2 -k 65536 -p 1 -id -e`.
    let foreign = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let foreign = PasswordHash::parse(foreign).unwrap();
    let passwords = passwords(&AuthConfig::default());
    assert_eq!(passwords.verify("password", &foreign).await.unwrap(), Verdict::Stale);
    assert_eq!(passwords.verify("passwort", &foreign).await.unwrap(), Verdict::Wrong);
    for none in ["", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1,t=1,p=1$$"] {
        assert!(PasswordHash::parse(none).is_err(), "{none}");
    }
}

#[tokio::test]
async fn refuses_what_nobody_types() {
    let passwords = passwords(&AuthConfig::default());
    let longest = "x".repeat(LONGEST);
    let hash = passwords.hash(&longest).await.unwrap();
    assert_eq!(passwords.verify(&longest, &hash).await.unwrap(), Verdict::Right);
    let error = passwords.hash(&(longest + "x")).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (400, "password_too_long"));
}

#[tokio::test]
async fn refuses_a_flood_and_recovers() {
    let config = AuthConfig { password_threads: 1, password_memory: Some(1024), ..AuthConfig::default() };
    let passwords = passwords(&config);
    let outcomes = join_all((0..200).map(|_| passwords.hash("flood"))).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!((100..200).contains(&refused.len()), "{} were refused", refused.len());
    for error in refused {
        assert_eq!((error.status().as_u16(), error.machine_code()), (503, "too_busy"));
        assert!(error.headers().contains_key("retry-after"));
    }
    assert!(passwords.hash("calm").await.is_ok());
}
