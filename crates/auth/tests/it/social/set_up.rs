//! What is found before an application starts.

use mainstay_auth::{AccountsExt, SignInPagesExt, SocialLoginExt};
use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::{App, Profile};
use mainstay_db::{ModelsExt, models};

use super::provider::new_key;
use super::world::Buyer;

fn findings(app: App) -> String {
    app.profile(Profile::Test).assemble(Sources::isolated()).findings().to_string()
}

fn accounts() -> App {
    App::new()
        .models(models![Buyer])
        .accounts::<Buyer>()
        .sign_in_pages::<Buyer>()
        .set("database.url", "sqlite::memory:")
}

fn with(settings: &[(&str, &str)]) -> String {
    let app = accounts().social_login::<Buyer>();
    findings(settings.iter().fold(app, |app, (key, value)| app.set(format!("auth.providers.{key}"), *value)))
}

#[test]
fn providers_that_are_whole_are_no_finding() {
    for settings in [
        vec![("google.preset", "google"), ("google.client_id", "a"), ("google.client_secret", "b")],
        vec![("github.preset", "github"), ("github.client_id", "a"), ("github.client_secret", "b")],
        vec![
            ("microsoft.preset", "microsoft"),
            ("microsoft.client_id", "a"),
            ("microsoft.client_secret", "b"),
        ],
        vec![
            ("gitlab.preset", "gitlab"),
            ("gitlab.client_id", "a"),
            ("gitlab.issuer", "https://gitlab.example"),
        ],
        vec![
            ("apple.preset", "apple"),
            ("apple.client_id", "a"),
            ("apple.team_id", "TEAM123456"),
            ("apple.key_id", "KEY1234567"),
            ("apple.private_key", &super::apple::pem(&new_key())),
        ],
        vec![
            ("company.issuer", "https://id.example"),
            ("company.client_id", "a"),
            ("company.client_authentication", "none"),
        ],
        vec![
            ("old.client_id", "a"),
            ("old.authorization_endpoint", "https://old.example/authorize"),
            ("old.token_endpoint", "https://old.example/token"),
            ("old.userinfo_endpoint", "https://old.example/me"),
        ],
    ] {
        let found = with(&settings);
        assert!(!found.contains("error"), "{settings:?}: {found}");
    }
}

#[test]
fn a_table_that_cannot_work_is_found_with_its_key_and_its_fix() {
    for (settings, said) in [
        (vec![("a.issuer", "https://id.example")], "`auth.providers.a.client_id` is missing"),
        (
            vec![("a.client_id", "a")],
            "`auth.providers.a.authorization_endpoint` is missing, and neither a `preset` nor an `issuer`",
        ),
        (
            vec![("a.client_id", "a"), ("a.issuer", "http://id.example")],
            "`auth.providers.a.issuer` is not a URL with https",
        ),
        (
            vec![("a.client_id", "a"), ("a.issuer", "https://ann:pw@id.example")],
            "`auth.providers.a.issuer` has credentials",
        ),
        (vec![("a.client_id", "a"), ("a.preset", "google")], "`auth.providers.a.client_secret` is missing"),
        (vec![("a.client_id", "a"), ("a.preset", "gogle")], "gogle"),
        (
            vec![("a.client_id", "a"), ("a.issuer", "https://id.example"), ("a.tenant", "x")],
            "`auth.providers.a.tenant` means something",
        ),
        (
            vec![
                ("a.client_id", "a"),
                ("a.client_secret", "b"),
                ("a.preset", "microsoft"),
                ("a.trust_email", "true"),
            ],
            "`auth.providers.a.trust_email` would let every tenant say who has which address",
        ),
        (
            vec![
                ("a.client_id", "a"),
                ("a.client_secret", "b"),
                ("a.preset", "microsoft"),
                ("a.tenant", "../x"),
            ],
            "`auth.providers.a.tenant` is neither an id",
        ),
        (
            vec![
                ("a.client_id", "a"),
                ("a.client_secret", "b"),
                ("a.preset", "github"),
                ("a.issuer", "https://github.com"),
            ],
            "`auth.providers.a.issuer` is for OpenID Connect",
        ),
        (
            vec![
                ("a.client_id", "a"),
                ("a.issuer", "https://id.example"),
                ("a.client_authentication", "basic"),
            ],
            "`client_authentication` needs it",
        ),
        (
            vec![("a.client_id", "a"), ("a.preset", "apple"), ("a.key_id", "KEY1234567")],
            "`auth.providers.a.team_id` is missing",
        ),
        (
            vec![("a.client_id", "a"), ("a.preset", "apple"), ("a.team_id", "a/b")],
            "`auth.providers.a.team_id` is missing, or is none of Apple's ids",
        ),
        (
            vec![
                ("a.client_id", "a"),
                ("a.preset", "apple"),
                ("a.private_key", "-----BEGIN PRIVATE KEY-----\n:pw@"),
            ],
            "`auth.providers.a.private_key` is missing, or is no key for ES256 in PEM",
        ),
        (
            vec![("a.client_id", "a"), ("a.preset", "apple"), ("a.client_secret", "b")],
            "`auth.providers.a.client_secret` is made of `private_key` for Apple",
        ),
        (
            vec![("a.client_id", "a"), ("a.issuer", "https://id.example"), ("a.private_key", "x")],
            "`auth.providers.a.private_key` means something for the preset `apple` alone",
        ),
        (vec![("a.client_id", "a"), ("a.isuer", "https://id.example")], "issuer"),
        (vec![("A.client_id", "a"), ("A.issuer", "https://id.example")], "cannot be part of an address"),
    ] {
        let found = with(&settings);
        assert!(found.contains("error[") && found.contains(said), "{settings:?}: {found}");
        assert!(!found.contains(":pw@"), "{found}");
    }
}

#[test]
fn providers_without_anybody_and_the_other_way_round() {
    let found = findings(
        accounts()
            .set("auth.providers.a.issuer", "https://id.example")
            .set("auth.providers.a.client_id", "a"),
    );
    assert!(
        found.contains("error[auth.E010]: providers are configured, and nobody signs in by them"),
        "{found}"
    );
    // A developer needs none; where it is deployed, somebody has forgotten them.
    let app = accounts().social_login::<Buyer>().profile(Profile::Test).assemble(Sources::isolated());
    assert!(!app.findings().to_string().contains("auth."), "{}", app.findings());
    let found = app.run_checks(Phase::Deploy).to_string();
    assert!(found.contains("warning[auth.W010]"), "{found}");
}
