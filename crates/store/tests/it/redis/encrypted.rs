//! A server that speaks TLS, with a certificate of an authority of one's own.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Profile};
use mainstay_store::redis::{Redis, RedisAddress, RedisOptions};
use mainstay_store::{Cache, Entry, Keep, Locks, Quota, Store, StoreError, module};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use servers::{Durability, Server};

use super::{prefix, start};

/// A server that speaks TLS at a second port, with a certificate for `localhost`.
struct Encrypted {
    server: Server,
    port: u16,
    certificate: String,
    key: String,
    /// Where `ca.pem` is, the authority.
    home: tempfile::TempDir,
}

fn encrypted() -> Option<Encrypted> {
    encrypted_as(CertificateParams::new(vec!["localhost".to_owned()]).unwrap())
}

fn encrypted_as(issued: CertificateParams) -> Option<Encrypted> {
    let server = start(Durability::Durable)?;
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("ca.pem"), authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = issued.signed_by(&key, &authority).unwrap().pem();
    let key = key.serialize_pem();
    let port = server.encrypt(None, &certificate, &key).unwrap();
    Some(Encrypted { server, port, certificate, key, home })
}

impl Encrypted {
    fn url(&self, host: &str) -> String {
        url(host, self.port)
    }

    fn ca(&self) -> std::path::PathBuf {
        self.home.path().join("ca.pem")
    }
}

fn url(host: &str, port: u16) -> String {
    format!("rediss://:mainstay@{host}:{port}/0")
}

/// What holds for all of them: the deadline.
const TIMEOUT: Duration = Duration::from_millis(1500);

fn connect(address: &RedisAddress) -> Store {
    Store::over(Redis::new(address, RedisOptions { prefix: prefix(), timeout: TIMEOUT, clock: None }))
}

fn app(url: &str) -> App {
    let app = App::new().profile(Profile::Production).module(module::module());
    app.set("store.url", url).set("store.prefix", prefix()).set("store.timeout", "1500ms")
}

/// Why it does not start.
async fn refusal(app: App, home: &Path) -> String {
    match app.assemble(Sources::isolated().home(home)).start(Services::Background).await {
        Ok(_) => "it has started".to_owned(),
        Err(errors) => errors.iter().map(|error| error.report().to_string()).collect(),
    }
}

/// What is said of a server when it is asked, the password aside.
async fn fault(address: &RedisAddress) -> String {
    let error = connect(address).get("key").await.unwrap_err();
    let StoreError::OutOfReach { why, .. } = &error else { panic!("{error:?}") };
    assert!(!format!("{error:?} {error} {why}").contains(":mainstay@"), "{error:?}");
    why.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_counts_and_locks_are_kept_over_tls() {
    let Some(encrypted) = encrypted() else { return };
    let url = encrypted.url("localhost");
    let on_both = app(&url);
    let locks_alone = app("memory:").set("store.locks", &*url);
    for app in [on_both, locks_alone] {
        // The file is meant from the home folder on.
        let app = app.set("store.ca", "ca.pem");
        let assembly = app.assemble(Sources::isolated().home(encrypted.home.path()));
        let _started = assembly.start(Services::Background).await.unwrap();
        let cache = assembly.resolver().get::<Cache>().await.unwrap();
        let keep = Keep::for_(Duration::from_secs(60)).tag("red");
        cache.set("key", &"x".repeat(1 << 20), keep).await.unwrap();
        assert_eq!(cache.get::<String>("key").await.unwrap().map(|value| value.len()), Some(1 << 20));
        cache.forget_tag("red").await.unwrap();
        assert_eq!(cache.get::<String>("key").await.unwrap(), None);
        let store = assembly.resolver().get::<Store>().await.unwrap();
        for allowed in [true, false] {
            assert_eq!(store.limit("ann", &[Quota::per_day(1)], 1).await.unwrap()[0].allowed, allowed);
        }
        let locks = assembly.resolver().get::<Locks>().await.unwrap();
        let lock = locks.try_acquire("imports", Duration::from_secs(60)).await.unwrap().unwrap();
        assert!(locks.try_acquire("imports", Duration::from_secs(60)).await.unwrap().is_none());
        assert!(lock.release().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_share_an_encrypted_connection_and_it_comes_back() {
    let Some(mut encrypted) = encrypted() else { return };
    let address: RedisAddress = encrypted.url("localhost").parse().unwrap();
    let store = connect(&address.trusting(encrypted.ca()));
    let quota = [Quota::per_day(500)];
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.limit("all", &quota, 1).await.unwrap()[0].allowed })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += u32::from(task.await.unwrap());
    }
    assert_eq!(allowed, 500);

    store
        .set("key", Entry { value: "kept".into(), lifetime: Duration::from_secs(60), ..Entry::default() })
        .await
        .unwrap();
    encrypted.server.kill();
    let began = Instant::now();
    store.get("key").await.unwrap_err();
    assert!(began.elapsed() < TIMEOUT, "{:?}", began.elapsed());
    encrypted.server.start_again().unwrap();
    encrypted.server.encrypt(Some(encrypted.port), &encrypted.certificate, &encrypted.key).unwrap();
    while store.get("key").await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.get("key").await.unwrap().value.as_deref(), Some(&b"kept"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_vouches_for_is_refused_with_the_setting_to_make() {
    let Some(encrypted) = encrypted() else { return };
    let url = encrypted.url("localhost");
    let why = fault(&url.parse().unwrap()).await;
    assert!(why.contains("nobody who is trusted vouches for the certificate of localhost"), "{why}");
    assert!(why.contains("set `store.ca` to the file"), "{why}");

    let told = refusal(app(&url), encrypted.home.path()).await;
    assert!(told.contains("error[store.E003]") && told.contains("at  store.url"), "{told}");
    assert!(told.contains("fix set `store.ca` to the file (PEM) of the authority"), "{told}");
    let told = refusal(app("memory:").set("store.locks", &*url), encrypted.home.path()).await;
    assert!(told.contains("it has started"), "nobody needs locks: {told}");
    for file in ["none.pem", "empty.pem"] {
        std::fs::write(encrypted.home.path().join("empty.pem"), "").unwrap();
        let told = refusal(app(&url).set("store.ca", file), encrypted.home.path()).await;
        assert!(told.contains("error[store.E003]") && told.contains(file), "{told}");
        assert!(!told.contains("mainstay@"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_name_is_refused() {
    let Some(encrypted) = encrypted() else { return };
    let address: RedisAddress = encrypted.url("127.0.0.1").parse().unwrap();
    let why = fault(&address.trusting(encrypted.ca())).await;
    assert!(why.contains("the certificate is not that of 127.0.0.1") && why.contains("localhost"), "{why}");
    let told =
        refusal(app(&encrypted.url("127.0.0.1")).set("store.ca", "ca.pem"), encrypted.home.path()).await;
    assert!(told.contains("error[store.E003]"), "{told}");
    assert!(told.contains("fix write the name into the address that its certificate has"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_whose_time_is_over_is_refused() {
    let mut issued = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    issued.not_after = rcgen::date_time_ymd(2020, 2, 2);
    let Some(encrypted) = encrypted_as(issued) else { return };
    let told =
        refusal(app(&encrypted.url("localhost")).set("store.ca", "ca.pem"), encrypted.home.path()).await;
    assert!(told.contains("error[store.E003]") && told.contains("expired"), "{told}");
    assert!(told.contains("fix give the server another certificate"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_named_in_time_and_nothing_is_told_to_it() {
    let Some(server) = start(Durability::Fast) else { return };
    let address: RedisAddress = url("localhost", server.port()).parse().unwrap();
    let began = Instant::now();
    let why = fault(&address).await;
    assert!(began.elapsed() < 2 * TIMEOUT, "{:?}", began.elapsed());
    assert!(why.contains("localhost does not answer by TLS at this port"), "{why}");
    assert!(why.contains("or redis:// for a server that does not"), "{why}");
    // It may be about to start.
    let told = refusal(app(&url("localhost", server.port())), Path::new("")).await;
    assert_eq!(told, "it has started");

    // One that says something else.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let _closed = socket.and_then(|mut socket| {
                socket.write_all(b"-ERR unknown command\r\n")?;
                std::thread::sleep(Duration::from_millis(100));
                Ok(())
            });
        }
    });
    let told = refusal(app(&url("127.0.0.1", port)), Path::new("")).await;
    assert!(told.contains("error[store.E003]") && told.contains("does not speak TLS"), "{told}");
    assert!(!told.contains("mainstay@"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls_does_not_let_in_who_comes_without() {
    let Some(encrypted) = encrypted() else { return };
    let plain = encrypted.url("localhost").replace("rediss://", "redis://");
    let began = Instant::now();
    let why = fault(&plain.parse().unwrap()).await;
    assert!(began.elapsed() < 2 * TIMEOUT, "{:?}: {why}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_a_certificate_of_ours_is_named() {
    let Some(encrypted) = encrypted() else { return };
    let mut connection = redis::Client::open(encrypted.server.url()).unwrap().get_connection().unwrap();
    redis::cmd("CONFIG").arg("SET").arg("tls-auth-clients").arg("yes").exec(&mut connection).unwrap();
    let told =
        refusal(app(&encrypted.url("localhost")).set("store.ca", "ca.pem"), encrypted.home.path()).await;
    assert!(told.contains("error[store.E003]") && told.contains("lets in only who shows"), "{told}");
    assert!(told.contains("fix tell the server `tls-auth-clients no`"), "{told}");
}

#[test]
fn a_server_elsewhere_without_tls_is_found_before_deployment() {
    let found = |url: &str| {
        let app = app(url).set("store.locks", "redis://:s3cret@locks.internal");
        app.assemble(Sources::isolated()).run_checks(Phase::Deploy).to_string()
    };
    let told = found("redis://:s3cret@cache.internal:6380/2");
    assert!(told.contains("warning[store.W003]: the way to redis://cache.internal:6380/2 is not"), "{told}");
    assert!(told.contains("at  store.url") && told.contains("at  store.locks"), "{told}");
    assert!(told.contains("rediss://") && !told.contains("s3cret"), "{told}");
    for hidden in ["rediss://cache.internal", "redis://localhost", "memory:"] {
        assert!(!found(hidden).contains("at  store.url"), "{hidden}");
    }
}
