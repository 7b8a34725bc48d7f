//! Encrypted fields in an application, whose ring of keys is kept in the same database.

use mainstay_core::keys::{Keeper, Rotation};
use mainstay_core::{App, Profile};
use mainstay_db::encrypted::reseal;
use mainstay_db::meta::meta_of;
use mainstay_db::{Db, DbError, ModelsExt, model, models};
use mainstay_test::{TestApp, on_each_engine};

const SECRET: &str = "YwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";

/// Something that nobody else is to read.
#[model]
pub struct Secret {
    pub id: i64,
    #[field(encrypted, blind_index, unique)]
    pub name: String,
    #[field(encrypted)]
    pub text: String,
}

fn app() -> App {
    App::new().models(models![Secret])
}

#[tokio::test]
async fn the_ring_is_kept_in_the_database_whose_fields_it_seals() {
    let setup = || TestApp::of(app()).set("keys.secret", SECRET).set("keys.ring", "database");
    on_each_engine(setup, async |app| {
        let db = app.inject::<Db>().await;
        NewSecret { name: "one".into(), text: "first".into() }.insert(&db).await.unwrap();
        let keeper = Keeper::of(&app.assembly().resolver()).await.unwrap().expect("there is a ring");
        let first = keeper.look().await.unwrap().keys()[0].id.clone();
        keeper.rotate(Rotation::AtOnce).await.unwrap();
        NewSecret { name: "two".into(), text: "second".into() }.insert(&db).await.unwrap();
        let texts = async || Secret::query().order_by(|s| s.id).select(|s| s.text).all(&*db).await;
        assert_eq!(texts().await.unwrap(), ["first", "second"], "an old key still reads");
        assert_eq!(Secret::filter(|s| s.name.eq("one")).count(&*db).await.unwrap(), 1, "and digests stay");

        let done = reseal(meta_of::<Secret>(), &db).await.unwrap();
        assert_eq!((done.rows, done.sealed), (2, 1));
        keeper.revoke(&first).await.unwrap();
        assert_eq!(texts().await.unwrap(), ["first", "second"], "nothing is left of the revoked key");
        assert_eq!(Secret::filter(|s| s.name.eq("one")).one(&*db).await.unwrap().text, "first");

        // Whoever revokes before that, loses what was sealed.
        let second = keeper.look().await.unwrap().keys()[1].id.clone();
        keeper.revoke(&second).await.unwrap();
        let lost = Secret::query().order_by(|s| s.id).all(&*db).await.unwrap_err();
        assert!(matches!(lost.source_as::<DbError>(), Some(DbError::Encrypted { .. })));
        assert!(
            lost.report().contains("`secrets.name` of the row 1") && lost.report().contains("revoked"),
            "{}",
            lost.report()
        );
    })
    .await;
}

#[tokio::test]
async fn says_that_a_secret_is_missing_before_anything_is_lost() {
    let refused = async |profile: Profile| {
        let setup = TestApp::of(app()).profile(profile).set("log.level", "off");
        setup.try_start().await.err().expect("it does not start")
    };
    let production = refused(Profile::Production).await;
    assert!(production.contains("keys.E001") && !production.contains("db.E031"), "{production}");
    let development = refused(Profile::Development).await;
    assert!(
        development.contains("db.E031") && development.contains("`Secret` has encrypted fields"),
        "{development}"
    );
    let unknown = TestApp::of(app()).set("keys.secret", SECRET).set("keys.ring", "databse").try_start().await;
    let unknown = unknown.err().expect("it does not start");
    assert!(unknown.contains("keys.E002") && unknown.contains("did you mean `database`?"), "{unknown}");
    TestApp::start(app()).await.stop().await;
}
