//! Upstreams in an application: what is found before it starts.

use std::time::Duration;

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, CoreContributions, Inject, Module, Profile};
use mainstay_outbound::{BreakerSettings, Client, OutboundExt, Upstream};

use crate::Payments;
use crate::server::{Server, answer};

struct Hooks(#[expect(dead_code, reason = "only its being there matters")] Client);

fn findings(app: App) -> String {
    app.profile(Profile::Test).assemble(Sources::isolated()).findings().to_string()
}

#[test]
fn an_upstream_without_a_place_is_found_at_start() {
    let found = findings(App::new().outbound(Upstream::new("payments", Payments)));
    assert!(
        found.contains("error[outbound.E001]: upstream `payments` cannot be called: it has no `base`"),
        "{found}"
    );
    assert!(found.contains("MAINSTAY__OUTBOUND__PAYMENTS__BASE"), "{found}");
    for (base, what) in [
        ("payments", "is not a URL"),
        ("ftp://payments", "is neither http nor https"),
        ("https://ann:x@payments", "has credentials in it"),
        ("https://payments?x=1", "has a query"),
    ] {
        let found = findings(App::new().outbound(Upstream::new("payments", Payments).base(base)));
        assert!(found.contains(what), "{found}");
    }
}

#[test]
fn settings_that_belong_to_nobody_or_make_no_sense_are_found_at_start() {
    let app = App::new()
        .outbound(Upstream::new("payments", Payments).base("http://payments"))
        .outbound(Upstream::anywhere("hooks", Hooks))
        .set("outbound.payment.base", "http://x")
        .set("outbound.hooks.token", "s3cret")
        .set("outbound.payments.allow", "10.0.0.0/8");
    let found = findings(app);
    for what in [
        "error[outbound.E003]: no upstream is called `payment`: did you mean `payments`?",
        "error[outbound.E005]: `token` means nothing for URLs from anywhere",
        "error[outbound.E005]: `allow` means nothing for an upstream at one place",
    ] {
        assert!(found.contains(what), "{what} in {found}");
    }
    assert!(!found.contains("s3cret"), "{found}");
    for (key, value, what) in [
        ("timeout", "0s", "`outbound.payments.timeout` must be longer than nothing"),
        ("timeout", "5", "a duration is a number with a unit"),
        ("retries", "11", "`outbound.payments.retries` must be at most 10"),
        ("concurrency", "0", "`outbound.payments.concurrency` must be at least 1"),
        ("retry_share", "1.5", "`outbound.payments.retry_share` must be from 0 to 1"),
        ("breaker", "{ failures = 0.0 }", "`outbound.payments.breaker.failures` must be above 0"),
        ("allow", "10.0.0.0/99", "a network is an address"),
        ("retires", "1", "did you mean `retries`?"),
        ("breaker", "{ cals = 3 }", "did you mean `calls`?"),
    ] {
        let app = App::new().outbound(Upstream::new("payments", Payments).base("http://payments"));
        let found = findings(app.set(format!("outbound.payments.{key}"), value));
        assert!(found.contains(what), "{what} in {found}");
    }
}

#[test]
fn what_the_code_says_wrongly_is_found_at_start_too() {
    let nonsense = BreakerSettings { calls: 0, failures: f64::NAN, ..BreakerSettings::default() };
    let payments = Upstream::new("payments", Payments).base("http://payments");
    let app =
        App::new().outbound(payments.retries(99).timeout(Duration::ZERO).breaker(Some(nonsense))).outbound(
            Upstream::anywhere("hooks", Hooks).base("http://hooks").breaker(Some(BreakerSettings::default())),
        );
    let found = findings(app);
    for what in [
        "`retries` must be at most 10: more only makes an outage last\n    at  upstream `payments`, in the code",
        "`timeout` must be longer than nothing",
        "`breaker.calls` must be at least 1",
        "`breaker.failures` must be above 0 and at most 1",
        "`base` means nothing for URLs from anywhere\n    at  `.base(..)` of upstream `hooks`",
        "`breaker` means nothing for URLs from anywhere",
    ] {
        assert!(found.contains(what), "{what} in {found}");
    }
}

#[tokio::test]
async fn settings_come_from_files_and_variables_by_the_name_of_the_upstream() {
    let server = Server::start(|_, _| answer(200, "", "x")).await;
    let file = format!(
        "[outbound.payments]\nbase = '{}'\nbody_limit = '2KB'\n[outbound.payments.breaker]\ncalls = 3",
        server.url("")
    );
    let sources = Sources::isolated()
        .file("config/default.toml", &file)
        .variable("MAINSTAY__OUTBOUND__PAYMENTS__TOKEN", "s3cret")
        .variable("MAINSTAY__OUTBOUND__PAYMENTS__RETRY_SHARE", "0.1");
    let assembly =
        App::new().profile(Profile::Test).outbound(Upstream::new("payments", Payments)).assemble(sources);
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    let payments = assembly.resolver().get::<Payments>().await.unwrap();
    payments.0.get("/").send().await.unwrap();
    assert!(server.seen()[0].contains("authorization: Bearer s3cret"));
    let shown: Vec<_> = assembly.config.settings().iter().map(ToString::to_string).collect();
    let shown = shown.join("\n");
    for line in [
        "outbound.payments.body_limit = \"2KB\"  # config/default.toml:3",
        "outbound.payments.breaker.calls = 3  # config/default.toml:5",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.contains("outbound.payments.token = ********") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn two_upstreams_of_one_name_and_names_that_are_none_are_found_at_start() {
    let app = App::new()
        .outbound(Upstream::new("payments", Payments).base("http://payments"))
        .outbound(Upstream::anywhere("payments", Hooks));
    assert!(findings(app).contains("error[outbound.E002]: two upstreams are called `payments`"));
    let found = findings(App::new().outbound(Upstream::new("Pay-ments", Payments).base("http://payments")));
    assert!(found.contains("error[outbound.E004]: `Pay-ments` cannot be the name of an upstream"), "{found}");
}

#[tokio::test]
async fn a_module_has_upstreams_of_its_own_and_a_test_puts_another_in_their_place() {
    struct Shop(Inject<Payments>);
    let app = || {
        let shop = Module::new("shop")
            .outbound(Upstream::new("payments", Payments).base("http://payments.invalid"))
            .provide(|payments: Inject<Payments>| Shop(payments))
            .export::<Shop>();
        App::new().profile(Profile::Test).module(shop)
    };
    let assembly = app().assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    let _started = assembly.start(Services::Background).await.unwrap();
    let shop = assembly.resolver().get::<Shop>().await.unwrap();
    assert_eq!(shop.0.0.name(), "payments");

    let stubbed = app().replace(|| {
        Payments(Client::answering(|_| mainstay_outbound::http::Response::new("stubbed".into())))
    });
    let shop = stubbed.assemble(Sources::isolated()).resolver().get::<Shop>().await.unwrap();
    assert_eq!(shop.0.0.get("/").send().await.unwrap().text().unwrap(), "stubbed");
}
