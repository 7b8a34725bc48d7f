//! Mails from views.

use mainstay_core::{App, Profile, Result};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_mail::{Mail, MailExt, Mailer, Message};
use mainstay_test::TestApp;
use mainstay_view::minijinja::State;
use mainstay_view::minijinja::value::Value;
use mainstay_view::{Context, ViewFolder, ViewsExt, context};

const VIEWS: ViewFolder = ViewFolder::embedded(
    "/nowhere",
    &[
        (
            "mails/reset.txt",
            "{% block subject %}\n  A new password\n  for {{ name }}\n{% endblock %}\nHello {{ name }},\n\ngo to {{ absolute_url_for(\"reset\", token=token) }}.\n",
        ),
        (
            "mails/reset.html",
            "{% extends \"mainstay/mail.html\" %}{% from \"mainstay/mail_parts.html\" import button %}\
             {% block content %}<p>Hello {{ name }},</p>{{ button(absolute_url_for(\"reset\", token=token), \"Go on\") }}{% endblock %}",
        ),
        (
            "mails/plain.txt",
            "{% extends \"mainstay/mail.txt\" %}{% block subject %}Plain{% endblock %}{% block content %}{{ name }}: {{ absolute_url(\"/help\") }}{% endblock %}",
        ),
        (
            "mails/in.txt",
            "{% block subject %}In {{ locale | default('English') }}{% endblock %}{{ t('greeting') }}",
        ),
        ("mails/in.html", "{% extends \"mainstay/mail.html\" %}{% block content %}English{% endblock %}"),
        ("mails/in.de.txt", "{% block subject %}Auf {{ locale }}{% endblock %}{{ t('greeting') }}"),
        (
            "mails/in.de.html",
            "{% extends \"mainstay/mail.html\" %}{% block content %}<style>p{x:y}</style><p>{% endblock %}",
        ),
        ("mails/in.fr.txt", "{% block subject %}En {{ locale }}{% endblock %}x"),
        ("mails/nameless.txt", "Hello!"),
        (
            "mails/astray.txt",
            "{% block subject %}x{% endblock %}{{ absolute_url(\"//evil.example\") }} {{ absolute_url(\"evil\") }}",
        ),
        ("mails/unnamed.txt", "{% block subject %}x{% endblock %}{{ absolute_url_for(\"rest\") }}"),
    ],
);

/// Sets a password.
#[get("/reset/{token}", name = "reset", hidden)]
async fn reset() -> &'static str {
    "reset"
}

fn app() -> App {
    App::new().mail().views(VIEWS).routes(routes![reset])
}

async fn render(view: &str, context: Context) -> Result<Message> {
    let app = TestApp::of(app()).set("http.public_url", "https://shop.example/app/").start().await;
    app.inject::<Mailer>().await.render(Mail::to("ann@example.org").view(view, context))
}

#[tokio::test]
async fn the_text_says_the_subject_and_both_make_links_that_lead_here() {
    let message = render("mails/reset", context! { name => "Tom & <b>", token => "a/b" }).await.unwrap();
    assert_eq!(message.subject, "A new password for Tom & <b>");
    assert_eq!(message.text, "Hello Tom & <b>,\n\ngo to https://shop.example/app/reset/a%2Fb.\n");
    assert_eq!(message.links().collect::<Vec<_>>(), ["https://shop.example/app/reset/a%2Fb"]);
    let html = message.html.unwrap();
    assert!(html.contains("<p>Hello Tom &amp; &lt;b&gt;,</p>"), "{html}");
    assert!(html.contains("<title>A new password for Tom &amp; &lt;b&gt;</title>"), "{html}");
    assert!(html.contains("reset&#x2f;a%2Fb\"") && !html.contains("<script"), "{html}");
}

#[tokio::test]
async fn a_view_may_have_text_alone_and_extend_the_built_in_one() {
    let message = render("mails/plain", context! { name => "Tom" }).await.unwrap();
    assert_eq!((message.subject.as_str(), message.html), ("Plain", None));
    assert_eq!(message.text, "Tom: https://shop.example/app/help\n");
}

#[tokio::test]
async fn what_is_said_goes_before_the_view() {
    let app = TestApp::start(app()).await;
    let mailer = app.inject::<Mailer>().await;
    let mail = Mail::to("ann@example.org").subject("Mine").view("mails/nameless", context! {});
    assert_eq!(mailer.render(mail).unwrap().subject, "Mine");
}

#[tokio::test]
async fn is_in_the_language_of_whoever_gets_it() {
    // What translates, whatever that is: it goes by the language of the mail.
    let t = |state: &State<'_, '_>, key: &str| {
        let locale = state.lookup("locale").map_or("en".to_owned(), |locale| locale.to_string());
        format!("{key} in {locale}")
    };
    let app = TestApp::start(app()).await;
    let mailer = app.inject::<Mailer>().await;
    let mail =
        || Mail::to("ann@example.org").view("mails/in", context! {}.with("t", Value::from_function(t)));
    for (locale, subject, text, html) in [
        (None, "In English", "greeting in en\n", Some("<html lang=\"en\">")),
        (Some("de"), "Auf de", "greeting in de\n", Some("<html lang=\"de\">")),
        (Some("de-AT"), "Auf de-AT", "greeting in de-AT\n", Some("<p style=\"x:y\">")),
        (Some("es"), "In es", "greeting in es\n", Some("<html lang=\"es\">")),
        // No page in two languages.
        (Some("fr"), "En fr", "x\n", None),
    ] {
        let message = mailer.render(locale.map_or(mail(), |locale| mail().locale(locale))).unwrap();
        assert_eq!((message.subject.as_str(), message.text.as_str()), (subject, text), "{locale:?}");
        match (&message.html, html) {
            (Some(page), Some(part)) => assert!(page.contains(part), "{page}"),
            (page, part) => assert_eq!(page.is_some(), part.is_some(), "{locale:?}"),
        }
        let wire = String::from_utf8(message.to_eml().unwrap()).unwrap();
        let language = locale.map(|locale| format!("Content-Language: {locale}\r\n"));
        assert_eq!(wire.contains("Content-Language"), locale.is_some());
        assert!(wire.contains(&language.unwrap_or_default()), "{wire}");
    }
    for wrong in ["", "../de", "de_AT", "de\r\nBcc: eve@example.org", "de-", "englishes"] {
        let error = mailer.render(mail().locale(wrong)).unwrap_err();
        assert!(error.report().contains("`locale` of the mail"), "{}", error.report());
    }
}

#[tokio::test]
async fn an_application_replaces_the_layout_by_a_file() {
    let own = ViewFolder::embedded(
        "/nowhere",
        &[("mainstay/mail.html", "<title>{{ subject }}</title>OWN {% block content %}{% endblock %}")],
    );
    let app = TestApp::start(app().views(own)).await;
    let mail = Mail::to("ann@example.org").view("mails/reset", context! { name => "Tom", token => "x" });
    let html = app.inject::<Mailer>().await.render(mail).unwrap().html.unwrap();
    assert!(html.starts_with("<title>A new password for Tom</title>OWN "), "{html}");
}

#[tokio::test]
async fn a_view_that_fails_says_where() {
    for (view, told) in [
        ("mails/welcome", "there is no view `mails/welcome.txt`"),
        ("mails/nameless", "the text of its view has `{% block subject %}`"),
        ("mails/reset", "`mails/reset.txt`"),
        ("mails/astray", "a path begins with `/`"),
        (
            "mails/unnamed",
            "the view `mails/unnamed.txt`, line 1: no route is named `rest`: did you mean `reset`?",
        ),
    ] {
        let error = render(view, context! {}).await.unwrap_err();
        assert_eq!(error.status().as_u16(), 500, "{view}");
        assert!(error.report().contains(told), "{view}: {}", error.report());
    }
}

#[tokio::test]
async fn a_link_begins_with_no_host_of_a_request() {
    // Without the setting there is none in production, and in tests it is this machine.
    let test = TestApp::start(app()).await;
    let mail = || Mail::to("ann@example.org").view("mails/plain", context! { name => "Tom" });
    let message = test.inject::<Mailer>().await.render(mail()).unwrap();
    assert_eq!(message.text, "Tom: http://127.0.0.1:8000/help\n");
    let production = TestApp::of(app())
        .profile(Profile::Production)
        .set("mail.url", "memory:")
        .set("mail.from", "a@shop.example");
    let error = production.start().await.inject::<Mailer>().await.render(mail()).unwrap_err();
    assert!(error.report().contains("`http.public_url` is not set"), "{}", error.report());
}
