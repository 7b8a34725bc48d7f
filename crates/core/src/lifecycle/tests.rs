use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::config::Sources;
use crate::service::Running;
use crate::{App, CoreContributions, Profile, Provider};

/// What happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn note(&self, line: &'static str) {
        self.0.lock().unwrap().push(line);
    }

    fn read(&self) -> String {
        self.0.lock().unwrap().join(", ")
    }

    /// An application that notes what is built, started and stopped.
    fn app(&self) -> App {
        let (built, disposed, service) = (self.clone(), self.clone(), self.clone());
        let build = move || {
            built.note("built");
            Store
        };
        let dispose = move |_: Arc<Store>| {
            let disposed = disposed.clone();
            async move { disposed.note("disposed") }
        };
        App::new().profile(Profile::Test).provide(Provider::singleton(build).dispose(dispose)).service(
            Service::new("worker", move |running: Running, _store: Inject<Store>| {
                let diary = service.clone();
                async move {
                    diary.note("worker started");
                    running.ready();
                    running.shutdown().requested().await;
                    diary.note("worker stopped");
                    Ok(())
                }
            }),
        )
    }
}

struct Store;

async fn start_until(app: App, patience: Duration) -> Result<Option<Started>, Vec<Error>> {
    let (ask, asked) = Shutdown::channel();
    let assembly = app.assemble(Sources::isolated());
    let give_up = async {
        tokio::time::sleep(patience).await;
        ask.request(None);
        std::future::pending().await
    };
    tokio::select! {
        started = assembly.start_unless(Services::All, &asked) => started,
        () = give_up => unreachable!("it never ends"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_given_up_stops_what_has_started() {
    let diary = Diary::default();
    let slow = Service::new("slow", |running: Running| async move {
        running.shutdown().requested().await;
        Ok(())
    });
    let started = start_until(diary.app().service(slow), Duration::from_secs(5)).await;
    assert!(matches!(started, Ok(None)));
    assert_eq!(diary.read(), "built, worker started, worker stopped, disposed");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_given_up_while_it_builds_disposes_of_what_is_built() {
    struct Remote;
    let diary = Diary::default();
    let remote = Provider::asynchronous(async |_store: Inject<Store>| -> Result<Remote> {
        std::future::pending().await
    });
    let started = start_until(diary.app().provide(remote), Duration::from_secs(5)).await;
    assert!(matches!(started, Ok(None)));
    assert_eq!(diary.read(), "built, disposed");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_start_stops_what_has_started_and_says_why() {
    let diary = Diary::default();
    let broken = Service::new("broken", |_: Running| async { Err(Error::internal("no route to host")) });
    let errors = start_until(diary.app().service(broken), Duration::MAX).await.err().unwrap();
    let reports: Vec<_> = errors.iter().map(Error::report).collect();
    assert_eq!(reports, ["starting service `broken`: no route to host"]);
    assert_eq!(diary.read(), "built, worker started, worker stopped, disposed");
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_told_to_readiness_first() {
    let diary = Diary::default();
    let started = start_until(diary.app(), Duration::MAX).await.unwrap_or_default().unwrap();
    let readiness = Arc::clone(started.assembly()).resolver().get::<Readiness>().await.unwrap();
    assert!(readiness.is_ready());
    assert!(started.stop().await.is_clean());
    assert!(readiness.is_draining());
    assert_eq!(diary.read(), "built, worker started, worker stopped, disposed");
}
