//! URLs that somebody else has chosen.

use mainstay_core::StatusCode;
use mainstay_outbound::{Failure, Refusal};

use crate::server::{Server, answer, redirect};
use crate::{Caller, failure};

/// What the filter said.
#[track_caller]
fn refusal(error: &mainstay_core::Error) -> Refusal {
    match failure(error) {
        Failure::Refused(refusal) => refusal.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn loopback_is_refused_in_every_spelling() {
    let server = Server::start(|_, _| answer(200, "", "secret")).await;
    let caller = Caller::anywhere(&server, &[]).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127.000.000.001",
        "127.0.0.1%2e",
        "1２7.0.0.1",
        "①②⑦.0.0.1",
        "localhost",
        "localhost.",
        "hooks.localhost",
        "LOCALHOST",
        "loc%61lhost",
        "ⓛocalhost",
        "0.0.0.0",
        "0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let error = caller.get(format!("http://{host}:{}/", server.port())).send().await.unwrap_err();
        assert!(matches!(refusal(&error), Refusal::Address { .. }), "{host}: {error:?}");
        assert_eq!((error.status(), error.machine_code()), (StatusCode::UNPROCESSABLE_ENTITY, "url_refused"));
        assert_eq!(error.message(), "This URL may not be called.");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_address_that_is_allowed_is_called_and_no_other() {
    let server = Server::start(|_, _| answer(200, "", "hook")).await;
    let caller = Caller::anywhere(&server, &[("allow", "127.0.0.1/32")]).await;
    let answer = caller.post(server.url("/hook")).json("x").send().await.unwrap();
    assert_eq!(answer.text().unwrap(), "hook");
    let mapped = format!("http://[::ffff:127.0.0.1]:{}/", server.port());
    assert_eq!(caller.get(mapped).send().await.unwrap().text().unwrap(), "hook");
    for host in ["127.0.0.2", "[::1]", "10.0.0.1", "169.254.169.254"] {
        let error = caller.get(format!("http://{host}:{}/", server.port())).send().await.unwrap_err();
        assert!(matches!(refusal(&error), Refusal::Address { .. }), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn a_name_is_refused_for_one_address_that_may_not_be_called() {
    let server = Server::start(|_, _| answer(200, "", "")).await;
    // `localhost` is 127.0.0.1 and ::1.
    let caller = Caller::anywhere(&server, &[("allow", "::1")]).await;
    let error = caller.get(format!("http://localhost:{}/", server.port())).send().await.unwrap_err();
    match refusal(&error) {
        Refusal::Address { host, address, what } => {
            assert_eq!(
                (host.as_str(), address.to_string().as_str(), what),
                ("localhost", "127.0.0.1", "loopback")
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(error.report().contains("`localhost` is at 127.0.0.1"), "{}", error.report());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn other_schemes_ports_and_credentials_are_refused() {
    let server = Server::start(|_, _| answer(200, "", "")).await;
    let caller = Caller::anywhere(&server, &[("allow", "127.0.0.1"), ("ports", "443")]).await;
    let refused = async |url: &str| refusal(&caller.get(url).send().await.unwrap_err());
    assert_eq!(refused("file:///etc/passwd").await, Refusal::Scheme("file".into()));
    assert_eq!(refused("gopher://127.0.0.1:443/x").await, Refusal::Scheme("gopher".into()));
    assert_eq!(refused("https://ann@127.0.0.1/").await, Refusal::Credentials);
    assert_eq!(refused("https://:s3cret@127.0.0.1/").await, Refusal::Credentials);
    assert_eq!(refused("http://127.0.0.1/").await, Refusal::Port { port: 80, allowed: vec![443] });
    assert!(matches!(refused(&server.url("/")).await, Refusal::Port { .. }));
    for url in ["/relative", "", "http://", "https://exa mple/", "//127.0.0.1/", "http://[::1/"] {
        assert!(matches!(refused(url).await, Refusal::NotAUrl(_)), "{url}");
    }
    for url in
        ["https://ann:s3cret@127.0.0.1/", "ftp://ann:s3cret@x/", "https://ann:s3cret@exa mple/?t=s3cret"]
    {
        let error = caller.get(url).send().await.unwrap_err();
        assert!(!error.report().contains("s3cret"), "{}", error.report());
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_redirect_goes_through_the_same_filter() {
    let inner = Server::start(|_, _| answer(200, "", "secret")).await;
    // Both have one port, so that only the address tells them apart.
    let to = inner.url("/admin");
    let port = inner.port();
    let outer = Server::at(&format!("127.0.0.2:{port}"), move |_, request| {
        match request.split(' ').nth(1).unwrap() {
            "/inner" => redirect(302, &to),
            "/decimal" => redirect(307, &format!("http://2130706433:{port}/")),
            "/relative" => redirect(302, &format!("//localhost:{port}/")),
            "/file" => redirect(302, "file:///etc/passwd"),
            "/port" => redirect(302, "http://127.0.0.2:22/"),
            "/credentials" => redirect(302, &format!("http://ann:x@127.0.0.2:{port}/")),
            "/round" => redirect(302, "/round"),
            _ => answer(200, "", "outer"),
        }
    })
    .await;
    let caller = Caller::anywhere(&outer, &[("allow", "127.0.0.2"), ("redirects", "3")]).await;
    for path in ["/inner", "/decimal", "/relative"] {
        let error = caller.get(outer.url(path)).send().await.unwrap_err();
        assert!(matches!(refusal(&error), Refusal::Address { .. }), "{path}: {error:?}");
    }
    let refused = async |path: &str| refusal(&caller.get(outer.url(path)).send().await.unwrap_err());
    assert_eq!(refused("/file").await, Refusal::Scheme("file".into()));
    assert_eq!(refused("/port").await, Refusal::Port { port: 22, allowed: vec![port] });
    assert_eq!(refused("/credentials").await, Refusal::Credentials);
    assert_eq!(inner.count(), 0);
    let before = outer.count();
    let error = caller.get(outer.url("/round")).send().await.unwrap_err();
    assert!(matches!(failure(&error), Failure::Redirects(3)), "{error:?}");
    assert_eq!(outer.count() - before, 4);
}

#[tokio::test]
async fn what_is_meant_for_one_origin_does_not_go_to_another() {
    let second = Server::start(|_, _| answer(200, "", "second")).await;
    let to = second.url("/there");
    let first = Server::at(&format!("127.0.0.2:{}", second.port()), move |_, request| {
        if request.starts_with("POST /here ") { redirect(307, "/again") } else { redirect(307, &to) }
    })
    .await;
    let caller = Caller::anywhere(&first, &[("allow", "127.0.0.0/8")]).await;
    let mut key = mainstay_outbound::http::HeaderValue::from_static("s3cret-key");
    key.set_sensitive(true);
    let request = caller.post(first.url("/here")).bearer("s3cret").json("payload");
    let name = mainstay_outbound::http::HeaderName::from_static;
    let request =
        request.header(name("cookie"), "s3cret=1").header(name("x-key"), key).header(name("x-plain"), "kept");
    assert_eq!(request.send().await.unwrap().text().unwrap(), "second");
    let again = &first.seen()[1];
    assert!(again.contains("Bearer s3cret") && again.contains("x-key: s3cret-key"), "{again}");
    let there = &second.seen()[0];
    assert!(!there.contains("s3cret"), "{there}");
    assert!(there.contains("x-plain: kept") && there.ends_with("\"payload\""), "{there}");
    assert!(there.contains(&format!("host: 127.0.0.1:{}", second.port())), "{there}");
}

#[tokio::test]
async fn an_upstream_from_the_configuration_may_be_private() {
    let server = Server::start(|_, _| answer(200, "", "inside")).await;
    let caller = Caller::of(&server, &[]).await;
    assert_eq!(caller.get("/").send().await.unwrap().text().unwrap(), "inside");
}
