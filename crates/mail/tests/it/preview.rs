//! The pages to look at mails.

use mainstay_core::{App, Profile};
use mainstay_mail::{Mail, MailExt, Mailer};
use mainstay_test::TestApp;

async fn start(home: &tempfile::TempDir) -> TestApp {
    TestApp::of(App::new().mail()).profile(Profile::Development).home(home.path()).start().await
}

#[tokio::test]
async fn shows_what_was_sent() {
    let home = tempfile::tempdir().unwrap();
    let app = start(&home).await;
    app.get("/_mainstay/mails")
        .send()
        .await
        .assert_status(200)
        .assert_text_contains("None has been sent yet");
    let mail = Mail::to("Ann <ann@example.org>")
        .bcc("bob@example.org")
        .subject("Tom & <b>")
        .text("Go to https://shop.example/reset?token=x&y=1.")
        .html("<p>Hello</p><script>alert(1)</script>");
    app.inject::<Mailer>().await.send(mail).await.unwrap();
    let id = app.mails().await[0].id.clone();

    let list = app.get("/_mainstay/mails").send().await;
    list.assert_status(200).assert_text_contains("Tom &amp; &lt;b&gt;").assert_text_contains(&id);
    let page = app.get(&format!("/_mainstay/mails/{id}")).send().await;
    page.assert_status(200)
        .assert_text_contains("Ann &lt;ann@example.org&gt;")
        .assert_text_contains("bob@example.org");
    page.assert_text_contains("token=x&amp;y=1\">").assert_text_contains("<iframe class=\"paper\" sandbox ");
    assert!(!page.text().contains("<script>alert"), "{}", page.text());
}

#[tokio::test]
async fn the_page_of_a_mail_can_do_nothing() {
    let home = tempfile::tempdir().unwrap();
    let app = start(&home).await;
    let mailer = app.inject::<Mailer>().await;
    mailer
        .send(Mail::to("ann@example.org").subject("x").text("x").html("<script>alert(1)</script>"))
        .await
        .unwrap();
    let id = app.mails().await[0].id.clone();
    let page = app.get(&format!("/_mainstay/mails/{id}/html")).send().await;
    page.assert_status(200)
        .assert_text("<script>alert(1)</script>")
        .assert_header("x-frame-options", "SAMEORIGIN");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none'") && !policy.contains("script"), "{policy}");
    assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
}

#[tokio::test]
async fn shows_pictures_and_hands_out_files() {
    let home = tempfile::tempdir().unwrap();
    let app = start(&home).await;
    let mail = Mail::to("ann@example.org")
        .subject("x")
        .text("x")
        .html("<img src=\"cid:logo\"> cid:logo")
        .embed("logo", "image/png", &b"png"[..])
        .attach("<b>März.html", "text/html", "<script>alert(1)</script>");
    app.inject::<Mailer>().await.send(mail).await.unwrap();
    let id = app.mails().await[0].id.clone();
    let page = app.get(&format!("/_mainstay/mails/{id}/html")).send().await;
    page.assert_text("<img src=\"data:image/png;base64,cG5n\"> cid:logo");
    let shown = app.get(&format!("/_mainstay/mails/{id}")).send().await;
    shown.assert_text_contains(&format!("/_mainstay/mails/{id}/files/1\" download>&lt;b&gt;März.html</a>"));
    shown.assert_text_contains("25 bytes");
    let file = app.get(&format!("/_mainstay/mails/{id}/files/1")).send().await;
    file.assert_status(200).assert_text("<script>alert(1)</script>");
    let disposition = file.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; "), "{disposition}");
    app.get(&format!("/_mainstay/mails/{id}/files/2")).send().await.assert_status(404);
}

#[tokio::test]
async fn says_that_there_is_no_such_mail() {
    let home = tempfile::tempdir().unwrap();
    let app = start(&home).await;
    app.get("/_mainstay/mails/nothing").send().await.assert_status(404);
    app.get("/_mainstay/mails/..%2F..%2Fsecret/html").send().await.assert_status(404);
    app.inject::<Mailer>().await.send(Mail::to("ann@example.org").subject("x").text("x")).await.unwrap();
    let id = app.mails().await[0].id.clone();
    app.get(&format!("/_mainstay/mails/{id}/html")).send().await.assert_status(404);
}

#[tokio::test]
async fn is_there_in_development_alone() {
    for profile in [Profile::Test, Profile::Production, Profile::Custom("staging".to_owned())] {
        let app = TestApp::of(App::new().mail()).profile(profile.clone());
        let app = app.set("mail.url", "memory:").set("mail.from", "a@shop.example").start().await;
        app.inject::<Mailer>().await.send(Mail::to("ann@example.org").subject("x").text("x")).await.unwrap();
        let id = app.mails().await[0].id.clone();
        for path in [
            "/_mainstay/mails".to_owned(),
            format!("/_mainstay/mails/{id}"),
            format!("/_mainstay/mails/{id}/html"),
            format!("/_mainstay/mails/{id}/files/0"),
        ] {
            let answer = app.get(&path).header("accept", "application/json").send().await;
            answer.assert_problem(404, "not_found");
        }
        let http = app.inject::<mainstay_http::Http>().await;
        assert!(
            http.routes().all(|route| !route.operation.path.starts_with("/_mainstay/mails")),
            "{profile}"
        );
    }
}
