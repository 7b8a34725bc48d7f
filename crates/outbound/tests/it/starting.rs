//! Upstreams in an application: what is found before it starts.

use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, CoreContributions, Inject, Module, Profile};
use mainstay_outbound::{Client, OutboundExt, Upstream};

use crate::Payments;

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
    ] {
        let app = App::new().outbound(Upstream::new("payments", Payments).base("http://payments"));
        let found = findings(app.set(format!("outbound.payments.{key}"), value));
        assert!(found.contains(what), "{what} in {found}");
    }
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
