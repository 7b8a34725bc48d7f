//! What is different in a test, and how an application ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use mainstay_core::lifecycle::Hook;
use mainstay_core::service::{Running, Service};
use mainstay_core::{App, Contribute, CoreContributions, Inject, Module, Profile, Provider};
use mainstay_http::{HttpConfig, Route, RoutesExt, get, routes};
use mainstay_test::TestApp;

trait Mailer: Send + Sync {
    fn send(&self) -> &'static str;
}

struct Real;

impl Mailer for Real {
    fn send(&self) -> &'static str {
        "sent"
    }
}

struct Stub;

impl Mailer for Stub {
    fn send(&self) -> &'static str {
        "kept"
    }
}

fn mail() -> Module {
    Module::new("mail")
        .provide(Provider::singleton(|| Real).bind(|mailer| mailer as Arc<dyn Mailer>))
        .route(Route::new(Method::POST, "/mail", async |mailer: Inject<dyn Mailer>| mailer.send()))
}

#[tokio::test]
async fn starts_the_application_as_it_is_in_the_profile_test() {
    let app = TestApp::start(App::new().module(mail()).profile(Profile::Production)).await;
    assert_eq!(app.assembly().profile, Profile::Test);
    app.post("/mail").send().await.assert_text("sent");
    app.stop().await;
}

#[tokio::test]
async fn replaces_what_is_provided() {
    let stub = Provider::singleton(|| Stub).bind(|mailer| mailer as Arc<dyn Mailer>);
    let app = TestApp::of(App::new().module(mail())).replace(stub).start().await;
    app.post("/mail").send().await.assert_text("kept");
    // A test may take what the module does not export.
    assert_eq!(app.inject::<dyn Mailer>().await.send(), "kept");
}

#[tokio::test]
async fn reads_the_files_of_the_package_and_what_the_test_sets_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("config/default.toml", "[http]\nbody_limit = \"1KB\"\nmax_headers = 20\nbacklog = 7");
    write("config/test.toml", "[http]\nmax_headers = 30\nbacklog = 8");
    write("config/development.toml", "[http]\nmax_headers = 99");
    write(".env", "PORT=4711");
    let app = TestApp::of(App::new().module(mail())).home(home.path()).set("http.backlog", "9").start().await;
    let config = app.inject::<HttpConfig>().await;
    assert_eq!((config.body_limit, config.max_headers, config.backlog), (1000, 30, 9));
    assert_eq!(config.port, 8000);
}

#[get("/needy")]
async fn needy(_: Inject<String>) -> &'static str {
    ""
}

#[tokio::test]
async fn says_everything_that_is_wrong() {
    let needy = |module: &'static str| Module::new(module).routes(routes![needy]);
    let setup = TestApp::of(App::new().module(needy("one")).module(needy("two"))).set("http.prot", "9");
    let faults = setup.try_start().await.err().unwrap();
    for expected in [
        "http.prot",
        "`port`",
        "GET /needy",
        "core.E001",
        "at  crates/test/tests/it/starting.rs:",
        "String",
        "fix",
    ] {
        assert!(faults.contains(expected), "no `{expected}` in:\n{faults}");
    }
}

#[tokio::test]
#[should_panic(expected = "starting.rs")]
async fn a_panic_at_start_names_the_test() {
    TestApp::of(App::new()).set("nothing.of_the_kind", "1").start().await;
}

#[tokio::test]
async fn a_part_that_does_not_start_is_named() {
    let app = App::new().provide(Provider::asynchronous(|| async {
        Err::<u32, _>(mainstay_core::Error::internal("the moon is not full"))
    }));
    let faults = TestApp::of(app).try_start().await.err().unwrap();
    assert!(faults.contains("the moon is not full"), "{faults}");
}

/// An application that notes what it does at its end.
fn noting(stopped: &Arc<AtomicBool>, disposed: &Arc<AtomicBool>) -> App {
    let (stopped, disposed) = (Arc::clone(stopped), Arc::clone(disposed));
    App::new()
        .hook(Hook::on_stop("note", move || {
            stopped.store(true, Ordering::SeqCst);
            async { Ok(()) }
        }))
        .provide(Provider::singleton(|| Stub).dispose(move |_| {
            disposed.store(true, Ordering::SeqCst);
            async {}
        }))
        .contribute(Service::new("deaf", |running: Running| async move {
            running.ready();
            std::future::pending().await
        }))
}

#[tokio::test]
async fn stops_as_after_a_signal() {
    let (stopped, disposed) = Default::default();
    let app = TestApp::of(noting(&stopped, &disposed)).set("app.shutdown_deadline", "50ms").start().await;
    let ended = tokio::spawn(app.stop()).await;
    assert!(ended.unwrap_err().is_panic(), "a service that hears nothing is a fault");
    assert!(stopped.load(Ordering::SeqCst) && disposed.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_test_that_ends_without_stopping_does_not_hang_and_disposes_of_what_was_built() {
    let (stopped, disposed) = Default::default();
    let app = TestApp::start(noting(&stopped, &disposed)).await;
    let began = Instant::now();
    drop(app);
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    assert!(!stopped.load(Ordering::SeqCst) && disposed.load(Ordering::SeqCst));
}
