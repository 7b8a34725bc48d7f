//! Whether the built-in pages are accessible: axe-core looks at each of them, in light and in dark.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mainstay::core::config::Sources;
use mainstay::core::lifecycle::Services;
use mainstay::db::Query;
use mainstay::db::column::Assignment;
use mainstay::prelude::*;
use mainstay::view::ViewFolder;
use serde::Deserialize;
use tokio::sync::mpsc;

#[model]
struct Member {
    id: i64,
    email: String,
    #[field(hidden)]
    password: Option<PasswordHash>,
}

impl Account for Member {
    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(member: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        member.password.set(hash)
    }
}

impl Named for Member {
    fn by_name(name: &str) -> Query<Self> {
        Self::filter(|member| member.email.eq(name))
    }
}

/// Looks at the page, reports, and goes where it is told.
const LOOK: &str = "addEventListener('load', async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  const faults = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const report = JSON.stringify({ page: location.pathname, dark, title: document.title, faults });
  const told = await fetch('/report', { method: 'POST', headers: { 'content-type': 'application/json' }, body: report });
  const next = await told.text();
  if (next) location = next;
});";

/// What was found on a page.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) page: String,
    pub(crate) dark: bool,
    pub(crate) title: String,
    pub(crate) faults: Vec<String>,
}

/// A page with the scripts in it.
pub(crate) fn watched(page: &str) -> String {
    let scripts = "<script src=\"/axe.js\"></script><script src=\"/look.js\"></script></head>";
    page.replace("</head>", scripts)
}

/// The real layout, with the scripts in it.
pub(crate) fn layout() -> ViewFolder {
    let own = include_str!("../../../../crates/view/views/mainstay/layout.html");
    let watched = watched(own);
    assert_ne!(watched, own);
    let files = vec![
        ("mainstay/layout.html", &*String::leak(watched)),
        ("elements.html", ELEMENTS),
        (
            "errors/404.html",
            "{% extends 'mainstay/layout.html' %}{% block title %}Lost{% endblock %}{% block content %}<h1>{{ message }}</h1>{% endblock %}",
        ),
    ];
    ViewFolder::embedded("/nowhere", Vec::leak(files))
}

/// Everything that the style sheet knows.
const ELEMENTS: &str = r#"{% extends "mainstay/layout.html" %}
{% from "mainstay/forms.html" import field, choice, checkbox, summary, submit %}
{% block title %}Elements{% endblock %}
{% block content %}
<h1>Elements</h1><h2>Text</h2><p>With a <a href="/account/login">link</a> and <code>code</code>.</p><pre tabindex="0">pre</pre>
<h2>Table</h2><table><thead><tr><th scope="col">One</th></tr></thead><tbody><tr><td>Two</td></tr></tbody></table>
<h2>Form</h2>{{ summary(form) }}
<form method="post">{{ field(form, "name", "Name", hint="As in your passport.") }}{{ field(form, "about", "About", type="textarea") }}
{{ choice(form, "plan", "Plan", [["s", "Small"]], required=true) }}{{ checkbox(form, "news", "News") }}{{ submit("Send") }}
<button type="button">Other</button><button class="danger" type="button">Delete</button></form>
{% endblock %}"#;

#[get("/elements", hidden)]
async fn elements(views: Views, session: Session) -> Result<Html<String>> {
    for kind in ["success", "error", "info"] {
        session.flash(kind, "Something has happened.");
    }
    let form = FormState::blank().with_error("name", "This is missing.").with_error("plan", "Choose one.");
    views.render("elements.html", context! { form })
}

#[get("/wrong", hidden)]
async fn wrong(views: Views) -> Result<Html<String>> {
    let form = FormState::blank().with_error("name", "Name and password do not belong together.");
    views.render("auth/login.html", context! { form, label => "E-mail", next => () })
}

/// Signs somebody in.
#[get("/enter", hidden)]
async fn enter(session: Session, db: Inject<Db>) -> Result<Redirect> {
    let member = NewMember { email: "ann@example.com".into() }.insert(&db).await?;
    session.sign_in_as(&member)?;
    session.flash("success", "Welcome.");
    Ok(Redirect::see_other("/account/sessions"))
}

pub(crate) struct Reports(pub(crate) mpsc::Sender<Report>);

/// Takes a report, and says where to go next.
#[post("/report", hidden)]
async fn report(reports: Inject<Reports>, Json(report): Json<Report>) -> String {
    let pages = ["/account/login", "/wrong", "/elements", "/lost", "/account/sessions"];
    let at = pages.iter().position(|page| *page == report.page).unwrap_or(pages.len());
    let _nobody_listens_any_more = reports.0.send(report).await;
    match pages.get(at + 1) {
        Some(&"/account/sessions") => "/enter".to_owned(),
        next => next.map(|page| (*page).to_owned()).unwrap_or_default(),
    }
}

const SCRIPT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/javascript")];

/// The text of axe-core.
pub(crate) struct Axe(String);

impl Axe {
    pub(crate) fn read() -> Self {
        let axe =
            std::env::var("MAINSTAY_AXE").expect("`cargo xtask services axe-core`, or set MAINSTAY_AXE");
        Self(std::fs::read_to_string(axe).unwrap())
    }
}

/// The scripts that look at a page.
pub(crate) fn scripts() -> mainstay::http::Routes {
    routes![axe, look]
}

#[get("/axe.js", hidden)]
async fn axe(axe: Inject<Axe>) -> ([(header::HeaderName, &'static str); 1], String) {
    (SCRIPT, axe.0.clone())
}

#[get("/look.js", hidden)]
async fn look() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    (SCRIPT, LOOK)
}

fn app(port: u16, database: String, reports: mpsc::Sender<Report>) -> App {
    App::new()
        .profile(Profile::Test)
        .set("http.port", port.to_string())
        .set("database.url", database)
        .models(models![Member])
        .accounts::<Member>()
        .sign_in_pages::<Member>()
        .views(layout())
        .provide(move || Reports(reports.clone()))
        .provide(Axe::read)
        .routes(scripts())
        .routes(routes![elements, wrong, enter, report])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_the_built_in_pages_in_light_and_in_dark() {
    for (dark, setting) in [
        (false, "--blink-settings=preferredColorScheme=1"),
        (true, "--blink-settings=preferredColorScheme=0"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut reports) = mpsc::channel(8);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let database = format!("sqlite:{}", folder.path().join("pages.db").display());
        let started =
            app(port, database, sender).assemble(Sources::isolated()).start(Services::All).await.unwrap();
        let first = format!("http://127.0.0.1:{port}/account/login");
        let mut browser = browser::listening_with(&first, folder.path(), &[setting]).unwrap();
        let mut titles = Vec::new();
        while titles.len() < 5 {
            let report = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await;
            let report = report.expect("the browser reports").unwrap();
            assert_eq!(report.faults, Vec::<String>::new(), "{} in dark: {dark}", report.page);
            assert_eq!(report.dark, dark, "{}", report.page);
            titles.push(report.title);
        }
        browser.kill().unwrap();
        browser.wait().unwrap();
        assert_eq!(titles, ["Sign in", "Sign in", "Elements", "Lost", "Where you are signed in"]);
        let _report = started.stop().await;
    }
}
