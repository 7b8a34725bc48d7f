//! Wrong set-ups do not start: every finding at once, with id, place and fix.

use std::net::TcpListener;

use crate::process::Setup;

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_one() {
    let text = Setup::new().file("config/default.toml", "[http]\n\nprot = 1").refuses();
    assert_says(
        &text,
        &["does not start (1 error)", "error[config.E", "`http.prot`", "default.toml:3", "`port`"],
    );

    let text = Setup::new().variable("MAINSTAY__HTTP__PROT", "1").refuses();
    assert_says(&text, &["error[config.E", "`http.prot`", "MAINSTAY__HTTP__PROT", "did you mean `port`?"]);

    let text = Setup::new().argument("--set").argument("htp.port=1").refuses();
    assert_says(&text, &["error[config.E", "htp", "did you mean `http`?"]);
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_place() {
    let text = Setup::new().variable("PORT", "many").refuses();
    assert_says(&text, &["error[config.E", "http.port", "PORT", "many", "fix "]);

    let text = Setup::new().file("config/development.toml", "[http]\nmax_headers = \"all\"").refuses();
    assert_says(&text, &["error[config.E", "http.max_headers", "development.toml:2", "all", "fix "]);
}

#[test]
fn a_missing_secret_is_asked_for_in_production() {
    let sealed = || Setup::new().variable("E2E_FAULTS", "secret").argument("--profile=production");
    assert_says(&sealed().refuses(), &["error[keys.E001]", "keys.secret", "fix "]);
    drop(sealed().variable("MAINSTAY__KEYS__SECRET", "0123456789abcdef0123456789abcdef").serve());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    // Also who is allowed to read everything cannot read a folder.
    let text = Setup::new().file("config/default.toml/in.it", "").refuses();
    assert_says(&text, &["error[config.E", "default.toml", "fix "]);

    let text = Setup::new().file("config/default.toml", "[http\nport = 1").refuses();
    assert_says(&text, &["error[config.E", "default.toml:1", "fix "]);
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let text = Setup::new().variable("PORT", &port.to_string()).refuses();
    let next = format!("PORT={}", port + 1);
    assert_says(&text, &[&format!("127.0.0.1:{port}"), "another program listens there", &next]);
}

#[test]
fn two_routes_in_conflict_are_both_named() {
    let text = Setup::new().variable("E2E_FAULTS", "routes").refuses();
    assert_says(&text, &["error[http.E", "/same/{one}", "/same/{other}", "fix "]);
    assert_eq!(text.matches("main.rs:").count(), 2, "{text}");
}

#[test]
fn a_missing_provider_is_named_with_its_taker() {
    let text = Setup::new().variable("E2E_FAULTS", "provider").refuses();
    assert_says(&text, &["error[core.E001]", "`Nowhere`", "main.rs:", "fix provide `Nowhere`"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = Setup::new()
        .variable("E2E_FAULTS", "routes provider secret")
        .variable("PORT", "many")
        .file("config/default.toml", "[http]\nprot = 1\n[log]\nlevel = \"loud\"")
        .argument("--profile=production")
        .refuses();
    assert_says(
        &text,
        &["(6 errors)", "`http.prot`", "many", "loud", "/same/{one}", "`Nowhere`", "keys.secret"],
    );
    assert_eq!(text.matches("\n    fix ").count(), 6, "{text}");
    assert_eq!(text.matches("\n    at  ").count(), 6, "{text}");
}
