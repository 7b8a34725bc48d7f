mod rings;

use proptest::prelude::*;

use super::*;
use crate::clock::TestClock;
use crate::config::{Loader, Secret, Sources};
use crate::random::SeededRandom;

const SECRET: &str = "YwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";

fn keys_of(secret: &str, clock: Arc<TestClock>) -> Keys {
    let config = KeysConfig { secret: Some(Secret::new(secret.to_owned())), ..KeysConfig::default() };
    Keys::new(&config, &Profile::Production, clock, Arc::new(SeededRandom::new(1))).unwrap()
}

fn keys() -> Keys {
    keys_of(SECRET, Arc::new(TestClock::default()))
}

#[test]
fn a_token_is_good_for_its_purpose_and_its_kind_alone() {
    let keys = keys();
    let (signed, sealed) = (keys.sign("a", b"x", None), keys.seal("a", b"x", None));
    assert_eq!(keys.verify("b", &signed), Err(KeyError::WrongPurposeOrForged));
    assert_eq!(keys.open("b", &sealed), Err(KeyError::WrongPurposeOrForged));
    assert_eq!(keys.open("a", &signed), Err(KeyError::WrongPurposeOrForged));
    assert_eq!(keys.verify("a", &sealed), Err(KeyError::WrongPurposeOrForged));
}

#[test]
fn a_token_of_another_secret_is_of_an_unknown_key() {
    let other = keys_of(&SECRET.replace('Y', "Z"), Arc::new(TestClock::default()));
    assert_eq!(keys().verify("a", &other.sign("a", b"x", None)), Err(KeyError::UnknownKey));
    assert_eq!(keys().open("a", &other.seal("a", b"x", None)), Err(KeyError::UnknownKey));
}

#[test]
fn a_token_outlives_the_process_but_not_its_time() {
    let clock = Arc::new(TestClock::default());
    let before = keys_of(SECRET, clock.clone());
    let minute = Some(Duration::from_secs(60));
    let (signed, sealed, forever) =
        (before.sign("a", b"x", minute), before.seal("a", b"x", minute), before.sign("a", b"x", None));

    let after = keys_of(SECRET, clock.clone());
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(after.verify("a", &signed).as_deref(), Ok(&b"x"[..]));
    assert_eq!(after.open("a", &sealed).as_deref(), Ok(&b"x"[..]));
    clock.advance(Duration::from_millis(1));
    assert_eq!(after.verify("a", &signed), Err(KeyError::Expired));
    assert_eq!(after.open("a", &sealed), Err(KeyError::Expired));
    assert!(after.verify("a", &forever).is_ok());
}

#[test]
fn the_form_of_a_token_does_not_change() {
    // Tokens in the hands of users must be read by every later version.
    let (signed, sealed) = (keys().sign("a", b"hello", None), keys().seal("a", b"hello", None));
    assert_eq!(
        (signed.as_str(), sealed.as_str()),
        (
            "ASOhyF8AAAAAAAAAAGhlbGxvsJqKjCGQVFkM2VQDfd0P8iGN1TN0ue0H8Yw-6dVXwi8",
            "AiOhyF8AAAAAAAAAAMFcAonsLQqRZ-yOZWupQDLvC--YJdUQ3nEeSKdGV97vsg"
        )
    );
}

#[test]
fn a_seal_hides_its_data_and_never_looks_the_same_twice() {
    let keys = keys();
    let (one, two) = (keys.seal("a", &[0; 64], None), keys.seal("a", &[0; 64], None));
    assert_ne!(one, two);
    assert!(!one.contains("AAAAAAAAAAAAAAAAAAAAAAAA"), "{one}");
}

#[test]
fn a_purpose_kept_at_hand_makes_the_same_tokens() {
    let keys = keys();
    let purpose = keys.purpose("session");
    assert_eq!(purpose.verify(&keys.sign("session", b"x", None)).as_deref(), Ok(&b"x"[..]));
    assert_eq!(keys.open("session", &purpose.seal(b"x", None)).as_deref(), Ok(&b"x"[..]));
}

#[test]
fn nonsense_is_malformed() {
    for text in ["", "x", "=", "AAAA", "not a token", "äöü", &"A".repeat(40)] {
        assert_eq!(keys().verify("a", text), Err(KeyError::Malformed), "{text}");
        assert_eq!(keys().open("a", text), Err(KeyError::Malformed), "{text}");
    }
}

#[test]
fn production_refuses_to_be_without_a_secret_and_says_how_to_make_one() {
    let config = KeysConfig::default();
    let findings = check(&config, &Profile::Production);
    assert!(findings.has_errors());
    assert_eq!(
        findings.to_string(),
        "error[keys.E001]: `keys.secret` is not set, and without it nothing can be signed or sealed
    at  keys.secret
    fix make one with `openssl rand -base64 48` and set MAINSTAY__KEYS__SECRET to it, the same on every server; keep it \
         out of the repository"
    );
    let clock = Arc::new(TestClock::default());
    let made = Keys::new(&config, &Profile::Production, clock, Arc::new(SeededRandom::new(1)));
    assert!(made.unwrap_err().report().contains("keys.E001"));
}

#[test]
fn development_makes_do_with_a_random_secret_and_warns() {
    let config = KeysConfig::default();
    let findings = check(&config, &Profile::Development);
    assert!(!findings.has_errors());
    assert_eq!(findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["keys.W001"]);
    let make = |seed| {
        let random = Arc::new(SeededRandom::new(seed));
        Keys::new(&config, &Profile::Development, Arc::new(TestClock::default()), random).unwrap()
    };
    assert_eq!(make(1).verify("a", &make(2).sign("a", b"x", None)), Err(KeyError::UnknownKey));
}

#[test]
fn a_weak_secret_is_refused_and_not_shown() {
    for (secret, reason) in [
        ("hunter2", "must have at least 32 characters, but has 7"),
        (&*"ab".repeat(20), "can be guessed: it has hardly any different characters"),
    ] {
        let sources = Sources::isolated().variable("MAINSTAY__KEYS__SECRET", secret);
        let findings = Loader::new(Profile::Production, sources).section::<KeysConfig>().load().unwrap_err();
        let text = findings.to_string();
        assert!(
            text.starts_with(&format!("error[config.E007]: `keys.secret` {reason} (it is ********)")),
            "{text}"
        );
        assert!(text.contains("at  environment variable MAINSTAY__KEYS__SECRET"), "{text}");
        assert!(!text.contains(secret), "{text}");
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(data: Vec<u8>, purpose: String) {
        let keys = keys();
        let minute = Some(Duration::from_secs(60));
        prop_assert_eq!(keys.verify(&purpose, &keys.sign(&purpose, &data, minute)), Ok(data.clone()));
        prop_assert_eq!(keys.open(&purpose, &keys.seal(&purpose, &data, minute)), Ok(data));
    }

    #[test]
    fn a_change_of_any_letter_is_noticed(data in prop::collection::vec(any::<u8>(), 0..40), at: prop::sample::Index, letter in "[A-Za-z0-9_-]") {
        let keys = keys();
        for (token, open) in [
            (keys.sign("a", &data, None), Keys::verify as fn(&Keys, &str, &str) -> Result<Vec<u8>, KeyError>),
            (keys.seal("a", &data, None), Keys::open),
        ] {
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &letter);
            prop_assert_eq!(open(&keys, "a", &changed).is_ok(), changed == token);
            prop_assert!(open(&keys, "a", &token[..at]).is_err());
        }
    }
}

#[test]
fn a_change_of_any_bit_is_noticed() {
    let keys = keys();
    for (token, open) in [
        (keys.sign("a", b"hello", None), Keys::verify as fn(&Keys, &str, &str) -> Result<Vec<u8>, KeyError>),
        (keys.seal("a", b"hello", None), Keys::open),
    ] {
        let bytes = base64url::decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&keys, "a", &base64url::encode(&changed)).is_err(), "bit {bit}");
        }
    }
}
