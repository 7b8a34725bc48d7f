//! What is wrong with a set-up.

use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::{App, Inject, Profile, Result};
use mainstay_http::{Links, RoutesExt, post, routes};
use mainstay_mail::{Mail, MailExt, Mailer};

/// Sends a mail.
#[post("/mails")]
async fn send(mailer: Inject<Mailer>) -> Result<()> {
    mailer.send(Mail::to("ann@example.org").subject("x").text("x")).await
}

/// Makes a link.
#[post("/links")]
async fn link(links: Inject<Links>) -> Result<String> {
    links.to("/")
}

fn app() -> App {
    App::new().mail().routes(routes![send]).profile(Profile::Production)
}

/// The findings of the start, and those of the deployment.
fn findings(app: App, settings: &[(&str, &str)]) -> (String, String) {
    let app = settings.iter().fold(app, |app, (key, value)| app.set(*key, *value));
    let assembly = app.assemble(Sources::isolated());
    (assembly.findings().to_string(), assembly.run_checks(Phase::Deploy).to_string())
}

const FROM: (&str, &str) = ("mail.from", "Shop <no-reply@shop.example>");

#[test]
fn production_has_to_say_where_mails_go_and_whom_they_are_from() {
    let (start, _) = findings(app(), &[]);
    assert!(start.contains("error[mail.E001]") && start.contains("error[mail.E003]"), "{start}");
    let (start, deploy) = findings(app(), &[("mail.url", "smtp://ann:hunter2@mail.example"), FROM]);
    assert_eq!(start, "");
    assert!(
        !deploy.contains("mail.W001") && !deploy.contains("mail.W002") && deploy.contains("mail.W003"),
        "{deploy}"
    );
    // Who has the module and sends nothing needs no server.
    let (start, _) = findings(App::new().mail().profile(Profile::Production), &[]);
    assert!(!start.contains("mail."), "{start}");
    for profile in [Profile::Development, Profile::Test] {
        assert_eq!(findings(app().profile(profile), &[]).0, "");
    }
}

#[test]
fn names_what_is_wrong_with_an_address_and_not_the_password() {
    for (key, value, id, told) in [
        (
            "mail.url",
            "smpt://ann:hunter2@mail.example",
            "mail.E002",
            "nothing sends mails to `smpt`: did you mean `smtp`?",
        ),
        ("mail.url", "smtp:ann:hunter2@mail.example", "config.E007", "names no server"),
        ("mail.url", "smtp://ann:hunter2@", "config.E007", "is no address"),
        ("mail.url", "smtp://ann:hunter2@mail.example?tsl=none", "config.E007", "a parameter that is not"),
        ("mail.from", "no-reply", "config.E007", "it has no `@`"),
        ("mail.timeout", "0s", "config.E007", "must not be 0"),
        ("mail.max_connections", "0", "config.E007", "must be from 1"),
        ("http.public_url", "shop.example", "config.E007", "`http.public_url` must begin with"),
    ] {
        let url = ("mail.url", "memory:");
        let (start, _) = findings(app(), &[FROM, url, (key, value)]);
        assert!(
            start.contains(id) && start.contains(told) && !start.contains("hunter2"),
            "{key} = {value}\n{start}"
        );
    }
}

#[test]
fn doubts_are_said_before_the_deployment() {
    for (url, is_kept, is_exposed) in [
        ("file:var/mails", true, false),
        ("memory:", true, false),
        ("smtp://127.0.0.1:25?tls=none", false, false),
        ("smtp://localhost:25?tls=none", false, false),
        ("smtp://10.0.0.5:25?tls=none", false, true),
    ] {
        let (_, deploy) =
            findings(app(), &[FROM, ("mail.url", url), ("http.public_url", "https://shop.example")]);
        assert_eq!(deploy.contains("mail.W001"), is_kept, "{url}: {deploy}");
        assert_eq!(deploy.contains("mail.W002"), is_exposed, "{url}: {deploy}");
        assert!(!deploy.contains("mail.W003"), "{deploy}");
    }
}

#[test]
fn who_makes_links_has_to_say_where_they_lead() {
    let app = || App::new().routes(routes![link]).profile(Profile::Production);
    let (start, _) = findings(app(), &[]);
    assert!(
        start.contains("error[http.E013]") && start.contains("public_url = \"https://shop.example\""),
        "{start}"
    );
    assert_eq!(findings(app(), &[("http.public_url", "https://shop.example")]).0, "");
    assert_eq!(findings(app().profile(Profile::Development), &[]).0, "");
}

#[test]
fn the_configuration_is_shown_without_the_password() {
    let app = app().set("mail.url", "smtp://ann:hunter2@mail.example:587");
    let assembly = app.assemble(Sources::isolated());
    let shown: Vec<_> = assembly.config.settings().iter().map(ToString::to_string).collect();
    let shown = shown.join("\n");
    assert!(shown.contains("smtp://ann:********@mail.example:587") && !shown.contains("hunter2"), "{shown}");
    let config = assembly.config.section::<mainstay_mail::MailConfig>().unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
