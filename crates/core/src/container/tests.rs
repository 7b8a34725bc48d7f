//! The container, seen through applications that are put together without configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::assembly::Assembly;
use crate::config::Sources;
use crate::lifecycle::Services;
use crate::{App, Contribute, Contribution, CoreContributions, Inject, Module, Profile, Provider};

struct Low(u32);
struct Middle(Inject<Low>);
struct High(Inject<Middle>);
trait Speak: Send + Sync {
    fn word(&self) -> u32;
}
impl Speak for Low {
    fn word(&self) -> u32 {
        self.0
    }
}

fn assemble(app: App) -> Arc<Assembly> {
    app.profile(Profile::Test).assemble(Sources::isolated())
}

fn findings(app: App) -> Vec<String> {
    assemble(app).findings().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_only(app: App, id: &str, words: &[&str]) {
    let found = findings(app);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(id), "{}", found[0]);
    for word in words {
        assert!(found[0].contains(word), "no `{word}` in {}", found[0]);
    }
}

#[tokio::test]
async fn builds_each_singleton_once_from_its_dependencies() {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let low = || {
        BUILT.fetch_add(1, Ordering::Relaxed);
        Low(7)
    };
    let app = App::new()
        .provide(|middle: Inject<Middle>| High(middle))
        .provide(|low: Inject<Low>| Middle(low))
        .provide(Provider::singleton(low).bind(|low| low as Arc<dyn Speak>));
    let assembly = assemble(app);
    let started = assembly.start(Services::None).await.expect("it starts");
    let resolver = assembly.resolver();
    assert_eq!(resolver.get::<High>().await.expect("provided").0.0.0, 7);
    assert_eq!(resolver.ready::<dyn Speak>().expect("built at start").word(), 7);
    assert_eq!(BUILT.load(Ordering::Relaxed), 1);
    started.stop().await;
}

#[tokio::test]
async fn gives_each_request_its_own_value_and_the_same_one_within() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = || COUNT.fetch_add(1, Ordering::Relaxed);
    let app = App::new()
        .provide(Provider::<usize>::request(count))
        .provide(Provider::transient(|count: Inject<usize>| Low(u32::try_from(*count).expect("small"))));
    let assembly = assemble(app);
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
    let (one, two) = (assembly.resolver().request(), assembly.resolver().request());
    let first = *one.get::<usize>().await.expect("in a request");
    assert_eq!(*one.get::<usize>().await.expect("in a request"), first);
    assert_ne!(*two.get::<usize>().await.expect("in a request"), first);
    assert_eq!(one.get::<Low>().await.expect("transient").0 as usize, first);
    let outside = assembly.resolver().get::<usize>().await.unwrap_err();
    assert!(outside.report().contains("one request"), "{}", outside.report());
}

#[tokio::test]
async fn disposes_in_the_reverse_order_of_building() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().expect("whole").push(name)
    };
    let (low, middle) = (note("low"), note("middle"));
    let app = App::new()
        .provide(Provider::singleton(|low: Inject<Low>| Middle(low)).dispose(move |_| {
            middle();
            std::future::ready(())
        }))
        .provide(Provider::singleton(|| Low(1)).dispose(move |_| {
            low();
            std::future::ready(())
        }));
    let assembly = assemble(app);
    assembly.start(Services::None).await.expect("it starts").stop().await;
    assert_eq!(*order.lock().expect("whole"), ["middle", "low"]);
}

#[tokio::test]
async fn reports_each_failing_factory_once_and_not_what_depends_on_it() {
    let app = App::new()
        .provide(Provider::<Low>::asynchronous(async || Err(crate::Error::internal("no disk"))))
        .provide(|low: Inject<Low>| Middle(low))
        .provide(|middle: Inject<Middle>| High(middle));
    let errors = assemble(app).start(Services::None).await.err().expect("it does not start");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].report().contains("no disk"), "{}", errors[0].report());
    assert!(errors[0].report().contains("tests.rs"), "{}", errors[0].report());
}

#[test]
fn finds_what_nothing_provides_and_hints_at_the_nearest() {
    struct Mailer;
    struct Mailers;
    let app = App::new().provide(|| Mailers).provide(|_: Inject<Mailer>| Low(1));
    assert_only(app, "core.E001", &["`Low`", "needs `Mailer`", "did you mean `Mailers`?"]);
}

#[test]
fn takes_an_optional_dependency_or_leaves_it() {
    assert!(findings(App::new().provide(|low: Option<Inject<Low>>| low.is_some())).is_empty());
}

#[test]
fn finds_two_providers_of_one_type_and_names_both_places() {
    let app = App::new().provide(|| Low(1)).provide(|| Low(2)).provide(|low: Inject<Low>| Middle(low));
    assert_only(app, "core.E002", &["`Low` has 2 providers", "tests.rs"]);
}

#[test]
fn finds_circles() {
    struct Hen(#[expect(dead_code, reason = "only its type matters")] Inject<Egg>);
    struct Egg(#[expect(dead_code, reason = "only its type matters")] Inject<Hen>);
    let app = App::new().provide(|egg: Inject<Egg>| Hen(egg)).provide(|hen: Inject<Hen>| Egg(hen));
    assert_only(app, "core.E003", &["`Hen` needs `Egg` needs `Hen`"]);
}

#[test]
fn finds_a_singleton_that_would_hold_a_request_scoped_value_by_way_of_a_transient_one() {
    let app = App::new()
        .provide(Provider::request(|| Low(1)))
        .provide(Provider::transient(|low: Inject<Low>| Middle(low)))
        .provide(|middle: Inject<Middle>| High(middle));
    assert_only(app, "core.E004", &["the singleton `High`", "hold `Low`"]);
}

#[test]
fn keeps_what_a_module_does_not_export_to_itself() {
    let inner = || Module::new("inner").provide(|| Low(1)).provide(|low: Inject<Low>| Middle(low));
    let outer = |inner| {
        App::new().module(Module::new("outer").import(inner).provide(|middle: Inject<Middle>| High(middle)))
    };
    assert_only(outer(inner()), "core.E005", &["module `inner` does not export", ".export::<Middle>()"]);
    assert!(findings(outer(inner().export::<Middle>())).is_empty());
}

#[test]
fn finds_an_import_that_is_missing_and_an_export_that_is_not_provided() {
    let shop = Module::new("shop").provide(|| Low(1)).export::<Low>();
    let apart = Module::new("apart").provide(|low: Inject<Low>| Middle(low));
    assert_only(App::new().module(shop).module(apart), "core.E001", &["import module `shop` into `apart`"]);
    assert_only(App::new().module(Module::new("empty").export::<Low>()), "core.E006", &["exports `Low`"]);
}

#[test]
fn hands_on_what_an_import_exports() {
    let base = Module::new("base").provide(|| Low(1)).export::<Low>();
    let bridge = Module::new("bridge").import(base).export::<Low>();
    let top = Module::new("top").import(bridge).provide(|low: Inject<Low>| Middle(low));
    assert!(findings(App::new().module(top)).is_empty());
}

#[test]
fn lets_two_modules_import_the_same_one_and_refuses_two_of_one_name() {
    let shared = || Module::new("shared").provide(|| Low(1)).export::<Low>();
    let user = |name| Module::new(name).import(shared()).provide(|low: Inject<Low>| Middle(low));
    assert!(findings(App::new().module(user("a")).module(user("b"))).is_empty());
    let app = App::new().module(Module::new("twin")).module(Module::new("twin"));
    assert_only(app, "core.E007", &["two modules are called `twin`"]);
}

#[test]
fn a_built_in_module_may_contribute_kinds_that_install_it() {
    struct First;
    struct Second;
    impl Contribution for First {
        fn installs() -> Option<Module> {
            Some(built_in())
        }
    }
    impl Contribution for Second {
        fn installs() -> Option<Module> {
            Some(built_in())
        }
    }
    fn built_in() -> Module {
        Module::new("built in")
            .global()
            .provide(|| Low(1))
            .export::<Low>()
            .contribute(First)
            .contribute(Second)
    }
    let app = || App::new().provide(|low: Inject<Low>| Middle(low));
    assert_eq!(findings(app().contribute(First)), [""; 0]);
    assert_eq!(findings(app().contribute(Second).contribute(First)), [""; 0]);
}

#[tokio::test]
async fn replaces_a_provider_for_a_test_and_says_when_there_is_none() {
    let app = || App::new().provide(|| Low(1)).provide(|low: Inject<Low>| Middle(low));
    let assembly = assemble(app().replace(|| Low(42)));
    assert_eq!(assembly.resolver().get::<Middle>().await.expect("provided").0.0, 42);
    assert_only(app().replace(String::new), "core.E008", &["nothing provides `String`"]);
}

#[test]
fn names_types_without_the_paths_of_their_parts() {
    assert_eq!(
        super::short("core::option::Option<alloc::vec::Vec<&dyn app::Clock>>"),
        "Option<Vec<&dyn Clock>>"
    );
}
