//! Keys that are changed by schedule, by hand, and by several processes at once.

use std::path::Path;

use super::*;
use crate::config::{Secret, Sources};
use crate::keys::file::InFile;
use crate::keys::keeper::{Keeper, Rotation};
use crate::lifecycle::Services;
use crate::{App, CoreContributions, Inject, Profile};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A process: its keys, and the ring that it shares with others.
struct Process {
    keys: Keys,
    keeper: Keeper,
}

fn process(file: &Path, clock: &Arc<TestClock>, seed: u64, secrets: [&str; 2]) -> Process {
    let [secret, previous] = secrets.map(|secret| Secret::new(secret.to_owned()));
    let previous = if previous.expose().is_empty() { vec![] } else { vec![previous] };
    let config = KeysConfig { secret: Some(secret), previous, ..KeysConfig::default() };
    let random = Arc::new(SeededRandom::new(seed));
    let keys = Keys::new(&config, &Profile::Production, Arc::clone(clock) as Arc<dyn Clock>, random).unwrap();
    Process { keeper: Keeper::new(keys.clone(), Arc::new(InFile(file.to_owned())), &config), keys }
}

/// By which key a token was made.
fn id_of(token: &str) -> String {
    crate::random::hex(&base64url::decode(token).unwrap()[1..5])
}

#[tokio::test]
async fn what_was_made_with_a_secret_of_before_is_still_read() {
    let other = SECRET.replace('Y', "Z");
    let old = keys().sign("a", b"x", None);
    let config = KeysConfig {
        secret: Some(Secret::new(other)),
        previous: vec![Secret::new(SECRET.to_owned())],
        ..KeysConfig::default()
    };
    let clock = Arc::new(TestClock::default());
    let keys = Keys::new(&config, &Profile::Production, clock, Arc::new(SeededRandom::new(1))).unwrap();
    assert_eq!(keys.verify("a", &old).as_deref(), Ok(&b"x"[..]));
    assert_ne!(id_of(&keys.sign("a", b"x", None)), id_of(&old), "nothing is made with it any more");
}

#[tokio::test]
async fn keys_follow_each_other_by_schedule_and_old_ones_are_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let (file, clock) = (folder.path().join("keys/ring"), Arc::new(TestClock::default()));
    let Process { keys, keeper } = process(&file, &clock, 1, [SECRET, ""]);
    let before_the_ring = keys.sign("a", b"x", None);
    assert_eq!(keeper.keep_up().await.unwrap().keys().len(), 1);
    let purpose = keys.purpose("a");
    let first = purpose.seal(b"first", None);
    assert_ne!(id_of(&first), id_of(&before_the_ring));

    clock.advance(DAY * 87);
    assert_eq!(keeper.keep_up().await.unwrap().keys().len(), 1);
    clock.advance(DAY);
    assert_eq!(keeper.keep_up().await.unwrap().keys().len(), 2, "two days before the end");
    assert_eq!(keeper.keep_up().await.unwrap().keys().len(), 2);
    assert_eq!(id_of(&purpose.seal(b"x", None)), id_of(&first), "everybody learns of it first");
    clock.advance(DAY * 2);
    let second = purpose.seal(b"second", None);
    assert_ne!(id_of(&second), id_of(&first));
    assert_eq!(purpose.open(&first).as_deref(), Ok(&b"first"[..]));
    assert_eq!(purpose.open(&second).as_deref(), Ok(&b"second"[..]));
    assert_eq!(purpose.verify(&before_the_ring).as_deref(), Ok(&b"x"[..]));

    // A process that slept for a year.
    clock.advance(DAY * 365);
    let ring = keeper.keep_up().await.unwrap();
    assert_eq!(ring.keys().len(), 3);
    clock.advance(Duration::from_secs(120));
    assert_eq!(id_of(&purpose.seal(b"x", None)), ring.keys()[2].id);
}

#[tokio::test]
async fn another_process_reads_what_this_one_makes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, clock) = (folder.path().join("ring"), Arc::new(TestClock::default()));
    let one = process(&file, &clock, 1, [SECRET, ""]);
    let other = process(&file, &clock, 2, [SECRET, ""]);
    one.keeper.keep_up().await.unwrap();
    other.keeper.keep_up().await.unwrap();
    assert_eq!(other.keys.verify("a", &one.keys.sign("a", b"x", None)).as_deref(), Ok(&b"x"[..]));
    let ring = one.keeper.rotate(Rotation::WhenAllKnow).await.unwrap();
    assert_eq!(id_of(&one.keys.sign("a", b"x", None)), ring.keys()[0].id, "not before the other can know it");
    other.keeper.look().await.unwrap();
    clock.advance(Duration::from_secs(120));
    let token = one.keys.sign("a", b"x", None);
    assert_eq!(id_of(&token), ring.keys()[1].id);
    assert_eq!(other.keys.verify("a", &token).as_deref(), Ok(&b"x"[..]));
    // At once: others refuse it until they look.
    one.keeper.rotate(Rotation::AtOnce).await.unwrap();
    let token = one.keys.sign("a", b"x", None);
    assert_eq!(other.keys.verify("a", &token), Err(KeyError::UnknownKey));
    other.keeper.look().await.unwrap();
    assert!(other.keys.verify("a", &token).is_ok());
}

#[tokio::test]
async fn of_keys_that_were_made_in_one_second_the_last_one_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (file, clock) = (folder.path().join("ring"), Arc::new(TestClock::default()));
    let Process { keys, keeper } = process(&file, &clock, 1, [SECRET, ""]);
    for _ in 0..8 {
        let ring = keeper.rotate(Rotation::AtOnce).await.unwrap();
        assert_eq!(id_of(&keys.sign("a", b"x", None)), ring.keys().last().unwrap().id);
        assert_eq!(ring.current(clock.now()), ring.keys().last());
        assert!(keys.purpose("a").is_current(&keys.seal("a", b"x", None)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_change_it_at_once_lose_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (file, clock) = (folder.path().join("ring"), Arc::new(TestClock::default()));
    let processes = (1..=6).map(|seed| process(&file, &clock, seed, [SECRET, ""]));
    let rotations = processes
        .map(|process| tokio::spawn(async move { process.keeper.rotate(Rotation::AtOnce).await.unwrap() }));
    for rotation in rotations.collect::<Vec<_>>() {
        rotation.await.unwrap();
    }
    let ring = process(&file, &clock, 9, [SECRET, ""]).keeper.look().await.unwrap();
    assert_eq!(ring.keys().len(), 6);
}

#[tokio::test]
async fn what_was_made_with_a_revoked_key_is_void() {
    let folder = tempfile::tempdir().unwrap();
    let (file, clock) = (folder.path().join("ring"), Arc::new(TestClock::default()));
    let Process { keys, keeper } = process(&file, &clock, 1, [SECRET, ""]);
    keeper.keep_up().await.unwrap();
    let purpose = keys.purpose("a");
    let token = purpose.sign(b"x", None);
    assert!(purpose.verify(&token).is_ok());
    let ring = keeper.revoke(&id_of(&token)).await.unwrap();
    assert_eq!(purpose.verify(&token), Err(KeyError::UnknownKey), "also where its keys are at hand");
    let next = purpose.sign(b"x", None);
    assert_eq!(id_of(&next), ring.current(clock.now()).unwrap().id);
    assert!(purpose.verify(&next).is_ok());
    let again = keeper.revoke(&id_of(&token)).await.unwrap_err();
    assert!(again.message().contains("has been revoked before"), "{again}");
    assert!(keeper.revoke("00000000").await.unwrap_err().message().contains("no key 00000000"));
}

#[tokio::test]
async fn the_file_tells_nothing_and_is_not_believed_when_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, clock) = (folder.path().join("ring"), Arc::new(TestClock::default()));
    let one = process(&file, &clock, 1, [SECRET, ""]);
    let ring = one.keeper.keep_up().await.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&base64url::encode(&ring.keys()[0].secret)), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let other_secret = SECRET.replace('Y', "Z");
    let stranger = process(&file, &clock, 2, [&other_secret, ""]);
    let refused = stranger.keeper.look().await.unwrap_err().report();
    assert!(refused.contains("sealed with another `keys.secret`"), "{refused}");
    assert!(stranger.keeper.rotate(Rotation::AtOnce).await.is_err(), "it is not written over");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    // The secret has been changed: it seals the ring anew.
    let successor = process(&file, &clock, 3, [&other_secret, SECRET]);
    assert_eq!(successor.keeper.look().await.unwrap(), ring);
    assert_eq!(successor.keeper.keep_up().await.unwrap(), ring);
    assert_eq!(stranger.keeper.look().await.unwrap(), ring);

    let mut changed = std::fs::read(&file).unwrap();
    let last = changed.len() - 1;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    std::fs::write(&file, changed).unwrap();
    assert!(stranger.keeper.look().await.is_err());
}

struct Signs;

#[tokio::test]
async fn an_application_makes_its_ring_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let sources = Sources::isolated().home(folder.path());
        let app = App::new()
            .profile(Profile::Test)
            .set("keys.secret", SECRET)
            .set("keys.ring", "file:keys/ring")
            .provide(|_: Inject<Keys>| Signs);
        let assembly = app.assemble(sources);
        assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
        assembly.start(Services::All).await.unwrap()
    };
    let started = start().await;
    let keys = started.assembly().resolver().get::<Keys>().await.unwrap();
    let token = keys.sign("a", b"x", None);
    assert!(folder.path().join("keys/ring").exists());
    let _report = started.stop().await;
    let again = start().await;
    let keys = again.assembly().resolver().get::<Keys>().await.unwrap();
    assert_eq!(keys.verify("a", &token).as_deref(), Ok(&b"x"[..]));
    let _report = again.stop().await;
}

#[test]
fn says_what_is_wrong_with_a_ring() {
    let findings = |app: App| app.assemble(Sources::isolated()).findings().to_string();
    let with = |ring: &str| {
        App::new().profile(Profile::Test).set("keys.ring", ring.to_owned()).provide(|_: Inject<Keys>| Signs)
    };
    let unknown = findings(with("files:secret/ring").set("keys.secret", SECRET));
    assert!(unknown.contains("keys.E002") && unknown.contains("did you mean `file`?"), "{unknown}");
    assert!(!unknown.contains("secret/ring"), "{unknown}");
    let without = findings(with("file:ring"));
    assert!(
        without.contains("keys.E001") && without.contains("the ring of `keys.ring` cannot be opened"),
        "{without}"
    );
    let short = findings(with("file:ring").set("keys.secret", SECRET).set("keys.lifetime", "1m"));
    assert!(short.contains("keys.lifetime"), "{short}");
}
