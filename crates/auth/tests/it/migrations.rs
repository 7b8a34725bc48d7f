//! The migrations of the crate's parts make the tables that its models need.

use mainstay_auth::{
    AccessTokensExt, AccountsExt, AuditLogExt, JwtExt, RecoveryPagesExt, RolesExt, SecondFactorExt,
    SignInPagesExt, SocialLoginExt,
};
use mainstay_core::App;
use mainstay_db::{Migrations, ModelsExt};
use mainstay_test::{Setup, TestApp};

use crate::mailed::Reader;
use crate::social::world::Buyer;

#[tokio::test]
async fn make_the_tables_that_the_models_need() {
    let readers = App::new()
        .models(mainstay_db::models![Reader])
        .accounts::<Reader>()
        .sign_in_pages::<Reader>()
        .recovery_pages::<Reader>()
        .second_factor::<Reader>()
        .access_tokens::<Reader>()
        .jwt::<Reader>()
        .roles::<Reader>()
        .audit_log();
    assert_eq!(differences(TestApp::of(readers)).await, 7);
    let buyers = App::new()
        .models(mainstay_db::models![Buyer])
        .accounts::<Buyer>()
        .sign_in_pages::<Buyer>()
        .social_login::<Buyer>();
    let buyers = TestApp::of(buyers).set("auth.providers.github.preset", "github");
    let buyers =
        buyers.set("auth.providers.github.client_id", "x").set("auth.providers.github.client_secret", "y");
    assert_eq!(differences(buyers).await, 2);
}

/// Finds none, and returns how many parts brought migrations.
async fn differences(setup: Setup) -> usize {
    let app = setup.start().await;
    app.assert_migrations_make("mainstay_");
    app.assembly().contributions.of::<Migrations>().count()
}
