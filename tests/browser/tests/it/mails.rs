//! Whether the pages that show mails, and the page of a mail itself, are accessible, in light and in dark.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mainstay::core::config::Sources;
use mainstay::core::lifecycle::Services;
use mainstay::prelude::*;
use mainstay::view::ViewFolder;
use tokio::sync::mpsc;

use crate::accessible::{Axe, Report, Reports, layout, scripts, watched};

const VIEWS: ViewFolder = ViewFolder::embedded(
    "/nowhere",
    &[
        ("mails/hello.txt", "{% block subject %}Hello{% endblock %}\nGo to {{ absolute_url(\"/mail\") }}."),
        (
            "mails/hello.html",
            "{% extends \"mainstay/mail.html\" %}{% from \"mainstay/mail_parts.html\" import button, address %}\
             {% block content %}<h1>Hello</h1><p>This is for you.</p>{{ button(\"/mail\", \"Go on\") }}{{ address(\"https://shop.example/mail\") }}{% endblock %}\
             {% block footer %}You get this mail because of something.{% endblock %}",
        ),
    ],
);

fn hello() -> Mail {
    Mail::to("Ann <ann@example.org>").view("mails/hello", context! {})
}

/// The page of a mail, as a mail program shows it.
#[get("/mail", hidden)]
async fn mail(mailer: Inject<Mailer>) -> Result<([(header::HeaderName, &'static str); 1], Html<String>)> {
    let page = mailer.render(hello())?.html.unwrap_or_default();
    // What is beside the elements there is nothing that a page of ours may have.
    let policy = "default-src 'self'; style-src 'unsafe-inline'";
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(watched(&page))))
}

/// Takes a report, and says where to go next.
#[post("/report", hidden)]
async fn report(
    reports: Inject<Reports>,
    mailer: Inject<Mailer>,
    Json(report): Json<Report>,
) -> Result<String> {
    let next = match report.page.as_str() {
        "/_mainstay/mails" => {
            let mails = mailer.kept().await?.unwrap_or_default();
            format!("/_mainstay/mails/{}", mails[0].id)
        }
        "/mail" => String::new(),
        _ => "/mail".to_owned(),
    };
    let _nobody_listens_any_more = reports.0.send(report).await;
    Ok(next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_mails_and_the_pages_that_show_them() {
    for (dark, setting) in [
        (false, "--blink-settings=preferredColorScheme=1"),
        (true, "--blink-settings=preferredColorScheme=0"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut reports) = mpsc::channel(8);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let app = App::new()
            .profile(Profile::Development)
            .set("http.port", port.to_string())
            .mail()
            .views(layout())
            .views(VIEWS)
            .provide(move || Reports(sender.clone()))
            .provide(Axe::read)
            .routes(scripts())
            .routes(routes![mail, report]);
        let assembly = app.assemble(Sources::isolated().home(folder.path()));
        let resolver = assembly.resolver();
        let started = assembly.start(Services::All).await.unwrap();
        resolver.get::<Mailer>().await.unwrap().send(hello()).await.unwrap();
        let first = format!("http://127.0.0.1:{port}/_mainstay/mails");
        let mut browser = browser::listening_with(&first, folder.path(), &[setting]).unwrap();
        let mut titles = Vec::new();
        while titles.len() < 3 {
            let report = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await;
            let report = report.expect("the browser reports").unwrap();
            assert_eq!(report.faults, Vec::<String>::new(), "{} in dark: {dark}", report.page);
            assert_eq!(report.dark, dark, "{}", report.page);
            titles.push(report.title);
        }
        browser.kill().unwrap();
        browser.wait().unwrap();
        assert_eq!(titles, ["Mails", "Hello", "Hello"]);
        let _report = started.stop().await;
    }
}
