//! The module in an application.

use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, Profile};
use mainstay_store::files::{Files, module};

fn app(profile: Profile) -> App {
    App::new().profile(profile).module(module::module())
}

#[tokio::test]
async fn files_are_in_memory_in_tests_and_in_a_folder_in_development() {
    let home = tempfile::tempdir().unwrap();
    for (profile, is_there) in [(Profile::Test, false), (Profile::Development, true)] {
        let assembly = app(profile).assemble(Sources::isolated().home(home.path()));
        assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
        let started = assembly.start(Services::Background).await.unwrap();
        let files = assembly.resolver().get::<Files>().await.unwrap();
        files.put("a.txt", "x").await.unwrap();
        assert_eq!(home.path().join("var/files/a.txt").exists(), is_there);
        // Nothing serves them: that is told, and no URL is made that leads nowhere.
        let error = files.url("a.txt").sign().await.unwrap_err();
        assert!(error.report().to_string().contains("add `.files()`"), "{}", error.report());
        drop(started);
    }
}

#[test]
fn production_has_to_say_where_and_a_store_that_nobody_knows_is_found() {
    let found = |app: App| app.assemble(Sources::isolated()).findings().to_string();
    let production = found(app(Profile::Production));
    assert!(production.contains("error[files.E001]: files are kept, and nothing says where"), "{production}");
    let unknown = found(app(Profile::Test).set("files.url", "fle:secret"));
    assert!(
        unknown.contains("error[files.E002]: nothing keeps files at `fle`: did you mean `file`?"),
        "{unknown}"
    );
    assert!(!unknown.contains("secret"), "{unknown}");
}

#[test]
fn settings_that_do_not_hold_together_are_refused() {
    for (key, value) in [
        ("url_lifetime", "8d"),
        ("url_lifetime", "0s"),
        ("attach_within", "1s"),
        ("timeout", "1ms"),
        ("access_key_id", "id"),
    ] {
        let key = format!("files.{key}");
        let found = app(Profile::Test).set(&key, value).assemble(Sources::isolated()).findings().to_string();
        assert!(found.contains(&format!("`{key}`")), "{found}");
    }
}

#[test]
fn what_is_fine_here_and_not_in_production_is_said_before_deploying() {
    for (url, id) in [("file:/srv/files", "files.W001"), ("memory:", "files.W002")] {
        let assembly = app(Profile::Production).set("files.url", url).assemble(Sources::isolated());
        let found: Vec<_> = assembly.run_checks(Phase::Deploy).iter().map(|finding| finding.id).collect();
        assert!(found.contains(&id), "{url}: {found:?}");
    }
}
