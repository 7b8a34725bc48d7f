//! What `check --deploy` says of the settings of accounts.

use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::{App, Profile};

use crate::shop;

fn careful() -> App {
    shop::app()
        .set("http.allowed_hosts", "shop.example")
        .set("http.trusted_proxies", "loopback")
        .set("keys.secret", "mJ7pQw2xV9bT4nK8rL3sD6fG1hZ5cY0a")
}

fn found(app: App) -> Vec<(&'static str, String)> {
    let assembly = app.profile(Profile::Production).assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    let findings = assembly.run_checks(Phase::Deploy);
    findings
        .into_iter()
        .map(|finding| {
            assert!(finding.fix.is_some(), "{finding}");
            (finding.id, finding.place.unwrap_or_default())
        })
        .collect()
}

#[test]
fn a_careful_configuration_has_nothing_to_complain_of() {
    assert_eq!(found(careful()), []);
}

#[test]
fn every_weak_setting_is_named() {
    for (id, key, value, place) in [
        ("auth.W020", "auth.password_memory", "8192", "auth.password_memory"),
        ("auth.W020", "auth.password_passes", "1", "auth.password_memory"),
        ("auth.W021", "auth.token_lifetime", "365d", "auth.token_lifetime"),
        ("auth.W022", "auth.attempts", "100/1m", "auth.attempts"),
        ("auth.W022", "auth.attempts_by_account", "1000/1m", "auth.attempts_by_account"),
        ("auth.W022", "auth.attempts_by_address", "1000/1m", "auth.attempts_by_address"),
        ("auth.W022", "auth.second_factor_attempts", "10/1m", "auth.second_factor_attempts"),
        ("db.W031", "database.url", "postgres://ann:pw@db.example/shop", "database.url"),
        ("log.W001", "log.level", "trace", "log.level"),
    ] {
        assert_eq!(found(careful().set(key, value)), [(id, place.to_owned())], "{key} = {value}");
    }
    #[cfg(feature = "breached-passwords")]
    for (base, check, found_is) in [
        ("http://passwords.example", "true", vec!["auth.W023"]),
        ("http://localhost.example", "true", vec!["auth.W023"]),
        ("http://passwords.example", "false", vec![]),
        ("https://passwords.example", "true", vec![]),
        ("http://127.0.0.1:8080", "true", vec![]),
    ] {
        let app = careful().set("auth.breached_passwords.check", check);
        let found = found(app.set("outbound.breached_passwords.base", base));
        assert_eq!(found.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), found_is, "{base} {check}");
    }
    let more = careful().set("auth.password_memory", "47104").set("auth.password_passes", "1");
    assert_eq!(found(more), []);
}
