//! Hashes that Django and bcrypt have made are checked, and made anew at the next login; passwords of Django's list are
//! refused; the codes of oathtool are accepted.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use mainstay::auth::passwords::Verdict;
use mainstay::core::clock::{Clock, TestClock};
use mainstay::db::column::Assignment;
use mainstay::prelude::*;
use mainstay_test::TestApp;

#[model]
struct Member {
    id: i64,
    #[field(hidden)]
    password: PasswordHash,
}

impl Account for Member {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(member: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        member.password.set(hash)
    }
}

const PASSWORDS: [&str; 3] = ["correct horse battery staple", "pässwörd ✓", "a"];

fn made() -> BTreeMap<String, Vec<String>> {
    let made = accounts::hashes(&serde_json::to_string(&PASSWORDS).unwrap()).unwrap();
    serde_json::from_str(&made).unwrap()
}

impl Named for Member {
    fn by_name(name: &str) -> mainstay::db::Query<Self> {
        let id = name.parse::<i64>().unwrap_or_default();
        Self::filter(|member| member.id.eq(id))
    }
}

#[tokio::test]
async fn hashes_of_django_and_bcrypt_are_checked_and_made_anew() {
    let app = TestApp::start(App::new().models(models![Member]).accounts::<Member>()).await;
    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let made = made();
    let kinds: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        ["2b", "2y", "argon2", "bcrypt", "bcrypt_sha256", "pbkdf2_sha1", "pbkdf2_sha256", "scrypt"]
    );
    for (kind, hashes) in &made {
        for (password, text) in PASSWORDS.iter().zip(hashes) {
            if kind == "scrypt" {
                let refused = PasswordHash::parse(text).unwrap_err();
                assert!(refused.report().contains("cannot be read"), "{}", refused.report());
                continue;
            }
            let hash = PasswordHash::parse(text).unwrap_or_else(|error| panic!("{kind}: {}", error.report()));
            assert_eq!(passwords.verify("another", &hash).await.unwrap(), Verdict::Wrong, "{text}");
            assert_eq!(passwords.verify(password, &hash).await.unwrap(), Verdict::Stale, "{text}");

            let member = NewMember { password: hash }.insert(&db).await.unwrap();
            assert!(passwords.log_in(Some(member), "another", &*db).await.is_err());
            let member = Member::query().order_by(|member| member.id.desc()).first(&db).await.unwrap();
            let member = passwords.log_in(member, password, &*db).await.unwrap();
            assert!(member.password.expose().starts_with("$argon2id$"), "{}", member.password.expose());
            assert_eq!(passwords.verify(password, &member.password).await.unwrap(), Verdict::Right);
        }
    }
}

#[test]
fn refuses_what_it_cannot_check() {
    let salt = "s".repeat(22);
    for text in [
        "!unusable",
        "plain text",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "pbkdf2_sha256$1000$salt",
        "pbkdf2_sha256$0$salt$AAAA",
        "pbkdf2_sha256$4000000000$salt$AAAA",
        "pbkdf2_sha256$1000$salt$",
        "pbkdf2_sha256$1000$salt$*",
        "$2b$31$abcdefghijklmnopqrstuuIsHVQ8ubMF4nRcY8NcJ5s0vQ6Hk2vYe",
        "$2b$12$short",
        "bcrypt$",
        "argon2$argon2id$v=19",
        &format!("$2b$12${salt}"),
    ] {
        let refused = PasswordHash::parse(text).expect_err(text).report();
        assert!(refused.contains("a password hash cannot be read"), "{text}: {refused}");
    }
}

#[tokio::test]
async fn no_password_of_the_list_of_django_can_be_chosen() {
    let app = TestApp::start(App::new().models(models![Member]).accounts::<Member>()).await;
    let passwords = app.inject::<Passwords>().await;
    let list = accounts::common_passwords().unwrap();
    let mut refused = 0;
    for common in list.lines().filter(|line| line.chars().count() >= 8) {
        for typed in [common.to_owned(), common.to_uppercase()] {
            let error = passwords.check_choice("password", &typed, &[]).await.expect_err(&typed);
            assert_eq!(error.faults()[0].code, "password_too_common", "{typed}");
            refused += 1;
        }
    }
    assert!(refused > 10_000, "{refused}");
}

#[tokio::test]
async fn a_code_of_oathtool_turns_a_second_factor_on_and_gets_in() {
    let clock = Arc::new(TestClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
    let app = App::new()
        .models(models![Member])
        .accounts::<Member>()
        .sign_in_pages::<Member>()
        .second_factor::<Member>();
    let app = TestApp::of(app).clock(&clock).start().await;
    let factors = app.inject::<SecondFactors>().await;
    let begun = factors.begin("ann");
    let code = |step: u64| {
        clock.advance(Duration::from_secs(step * 30));
        let seconds = clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        accounts::one_time_code(begun.secret(), seconds).unwrap()
    };
    assert!(factors.turn_on(&begun, &code(0)).await.unwrap().is_some());
    let next = code(1);
    assert!(factors.accept("ann", &next).await.unwrap());
    assert!(!factors.accept("ann", &next).await.unwrap(), "a code is good once");
    assert!(!factors.accept("bob", &code(1)).await.unwrap());
}
