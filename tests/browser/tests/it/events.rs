//! A browser's own `EventSource`, whose connection is cut again and again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay::core::config::Sources;
use mainstay::core::lifecycle::Services;
use mainstay::http::extract::LastEventId;
use mainstay::http::respond::EventLog;
use mainstay::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;

/// So many events are published while the browser listens.
const EVENTS: u32 = 300;

/// Collects what comes, and sends it when the last has come.
const PAGE: &str = "<!doctype html><title>Events</title><script nonce=\"NONCE\">
const heard = [];
const events = new EventSource('/events');
const end = () => { events.close(); fetch('/report', { method: 'POST', body: heard.join(' ') }); };
events.addEventListener('lagged', event => { heard.push('lagged'); });
events.onmessage = event => { heard.push(event.data); if (event.data === 'end') end(); };
</script>";

#[get("/page")]
async fn page() -> ([(header::HeaderName, &'static str); 2], String) {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; script-src 'nonce-browser'"),
    ];
    (headers, PAGE.replace("NONCE", "browser"))
}

#[get("/events")]
async fn events(log: Inject<EventLog>, last: Option<Header<LastEventId>>) -> Sse {
    log.resume(last)
}

/// Where the page says what it has heard.
struct Reports(mpsc::Sender<String>);

#[post("/report")]
async fn report(reports: Inject<Reports>, Text(heard): Text) -> NoContent {
    let _nobody_listens_any_more = reports.0.send(heard).await;
    NoContent
}

/// Passes connections on, and cuts each off in the middle of the events that it carries.
async fn cut(listener: TcpListener, socket: std::path::PathBuf, cuts: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(pass_on(client, socket.clone(), Arc::clone(&cuts)));
    }
}

async fn pass_on(mut client: TcpStream, socket: std::path::PathBuf, cuts: Arc<AtomicUsize>) -> Option<()> {
    let mut server = UnixStream::connect(socket).await.ok()?;
    let (mut asked, mut told) = ([0; 4096], [0; 4096]);
    let mut left = None;
    loop {
        tokio::select! {
            length = client.read(&mut asked) => {
                let asked = asked.get(..length.ok().filter(|length| *length > 0)?)?;
                if asked.starts_with(b"GET /events") {
                    // Past the head, and at another place of an event each time.
                    left = Some(900 + cuts.load(Ordering::Relaxed) * 37 % 400);
                }
                server.write_all(asked).await.ok()?;
            }
            length = server.read(&mut told) => {
                let told = told.get(..length.ok().filter(|length| *length > 0)?)?;
                let passed = told.get(..left.unwrap_or(told.len()).min(told.len()))?;
                client.write_all(passed).await.ok()?;
                if let Some(left) = &mut left {
                    *left -= passed.len();
                    if *left == 0 {
                        cuts.fetch_add(1, Ordering::Relaxed);
                        return None;
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_is_cut_off_loses_no_event_and_gets_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("http.sock");
    let (sender, mut reports) = mpsc::channel(1);
    let log = EventLog::new();
    let kept = log.clone();
    let app = App::new()
        .profile(Profile::Test)
        .set("http.unix", socket.display().to_string())
        .provide(move || kept.clone())
        .provide(move || Reports(sender.clone()))
        .routes(routes![page, events, report]);
    let started = app.assemble(Sources::isolated()).start(Services::All).await.unwrap();

    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cuts = Arc::new(AtomicUsize::new(0));
    let cutting = tokio::spawn(cut(listener, socket, Arc::clone(&cuts)));
    let mut browser = browser::listening(&format!("http://127.0.0.1:{port}/page"), folder.path()).unwrap();

    // The first cut comes before the first event, too: comments and the beginning count.
    let publishing = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        for number in 1..=EVENTS {
            log.publish(Event::new(number.to_string()).retry(Duration::from_millis(30)));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        log.publish(Event::new("end"));
        reports.recv().await
    };
    let heard = tokio::time::timeout(Duration::from_secs(60), publishing).await;
    browser.kill().unwrap();
    browser.wait().unwrap();
    cutting.abort();
    let heard = heard.expect("the browser hears the end").unwrap();
    let heard: Vec<&str> = heard.split(' ').collect();
    // It connects at some time, and from then on hears all.
    let first: u32 = heard[0].parse().unwrap();
    let expected: Vec<String> =
        (first..=EVENTS).map(|number| number.to_string()).chain(["end".into()]).collect();
    assert_eq!(heard, expected);
    assert!(first < 100 && cuts.load(Ordering::Relaxed) > 5, "from {first} on, cut {cuts:?} times");
    started.stop().await;
}
