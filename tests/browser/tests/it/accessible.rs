//! Whether the built-in pages are accessible: axe-core looks at each of them, in light and in dark.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mainstay::core::config::Sources;
use mainstay::core::lifecycle::Services;
use mainstay::db::column::Assignment;
use mainstay::db::{Query, Tx};
use mainstay::prelude::*;
use mainstay::view::ViewFolder;
use serde::Deserialize;
use tokio::sync::mpsc;

#[model]
struct Member {
    id: i64,
    #[field(unique)]
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
        Self::by_email(name)
    }
}

impl Person for Member {
    fn email(&self) -> &str {
        &self.email
    }

    fn by_email(email: &str) -> Query<Self> {
        Self::filter(|member| member.email.eq(email))
    }

    fn set_email(member: Self::Fields, email: String) -> Assignment<Self> {
        member.email.set(email)
    }
}

impl Registration for Member {
    type More = BTreeMap<String, String>;

    const FIELDS: &'static [(&'static str, &'static str)] = &[("nickname", "Nickname")];

    async fn register(email: String, password: PasswordHash, _: Self::More, tx: &Tx) -> Result<Self> {
        NewMember { email }.password(password).insert(tx).await
    }
}

impl FromProfile for Member {
    fn by_verified_email(email: &str) -> Query<Self> {
        Self::by_name(email)
    }

    async fn from_profile(_: &SocialProfile, _: &Tx) -> Result<Option<Self>> {
        Ok(None)
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

/// Pages that come only after something was sent.
#[get("/shown/{name}", hidden)]
async fn shown(Path(name): Path<String>, views: Views) -> Result<Html<String>> {
    let codes = ["abcde-fghjk", "23456-789ab"];
    let form = FormState::blank().with_error("name", "Name and password do not belong together.");
    let form = form.with_error("scopes", "Choose at least one.");
    let scopes = [("articles.read", "Read articles"), ("*", "Everything that you may do")];
    let more = context! { codes, next => "/", message => "A mail is on its way.", is_here => false, left => 9, scopes };
    views.render(
        &format!("auth/{name}.html"),
        more.with("form", form).with("label", "E-mail").with("email", "ann@example.com"),
    )
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

/// The pages, and their titles.
const PAGES: [(&str, &str); 27] = [
    ("/account/login", "Sign in"),
    ("/elements", "Elements"),
    ("/lost", "Lost"),
    ("/account/register", "Create an account"),
    ("/account/forgot", "Another password"),
    ("/account/reset?token=x", "A link that is over"),
    ("/account/link", "Sign in by a link"),
    ("/account/login/company", "Sign in with company"),
    ("/account/login/company/callback", "Not signed in"),
    ("/shown/login", "Sign in"),
    ("/shown/sent", "Look into your mailbox"),
    ("/shown/reset", "Choose another password"),
    ("/shown/register_finish", "Create an account"),
    ("/shown/link_use", "Sign in"),
    ("/shown/email_confirm", "Change your e-mail address"),
    ("/shown/recovery_codes", "Your recovery codes"),
    ("/shown/second_factor_on", "Signing in with a second factor"),
    ("/account/sessions", "Where you are signed in"),
    ("/account", "Your account"),
    ("/account/connections", "Connected accounts"),
    ("/account/access-tokens", "Access tokens"),
    ("/shown/tokens", "Access tokens"),
    ("/account/password", "Change your password"),
    ("/account/confirm", "Confirm that it is you"),
    ("/account/email", "Change your e-mail address"),
    ("/account/second-factor", "Turn on a second factor"),
    ("/account/second-factor/check", "Your second factor"),
];

/// Takes a report, and says where to go next.
#[post("/report", hidden)]
async fn report(reports: Inject<Reports>, Json(report): Json<Report>) -> &'static str {
    let at = PAGES.iter().position(|(page, _)| page.split('?').next() == Some(&*report.page));
    let _nobody_listens_any_more = reports.0.send(report).await;
    match PAGES.get(at.map_or(PAGES.len(), |at| at + 1)) {
        Some((page, _)) if *page == "/account/sessions" => "/enter",
        Some((page, _)) => page,
        None => "",
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
        .registration_pages::<Member>()
        .recovery_pages::<Member>()
        .sign_in_links::<Member>()
        .second_factor::<Member>()
        .access_token_pages::<Member>()
        .token_scope("articles.read", "Read articles")
        .social_login::<Member>()
        // Nobody goes there: the pages are looked at.
        .set("auth.providers.company.issuer", "https://id.example")
        .set("auth.providers.company.client_id", "pages")
        .views(layout())
        .provide(move || Reports(reports.clone()))
        .provide(Axe::read)
        .routes(scripts())
        .routes(routes![elements, shown, enter, report])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_on_the_built_in_pages_in_light_and_in_dark() {
    for (dark, setting) in [
        (false, "--blink-settings=preferredColorScheme=1"),
        (true, "--blink-settings=preferredColorScheme=0"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut reports) = mpsc::channel(16);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let database = format!("sqlite:{}", folder.path().join("pages.db").display());
        let started =
            app(port, database, sender).assemble(Sources::isolated()).start(Services::All).await.unwrap();
        let first = format!("http://127.0.0.1:{port}/account/login");
        let mut browser = browser::listening_with(&first, folder.path(), &[setting]).unwrap();
        let mut titles = Vec::new();
        while titles.len() < PAGES.len() {
            let report = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await;
            let report = report.expect("the browser reports").unwrap();
            assert_eq!(report.faults, Vec::<String>::new(), "{} in dark: {dark}", report.page);
            assert_eq!(report.dark, dark, "{}", report.page);
            titles.push(report.title);
        }
        browser.kill().unwrap();
        browser.wait().unwrap();
        assert_eq!(titles, PAGES.map(|(_, title)| title));
        let _report = started.stop().await;
    }
}
