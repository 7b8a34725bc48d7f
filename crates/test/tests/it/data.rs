//! What is in the database before a test begins.

use futures_util::FutureExt;
use mainstay_core::{App, Result};
use mainstay_db::{BelongsTo, Db, ModelsExt, model, models};
use mainstay_test::{Factory, Make, TestApp};

/// Somebody who keeps notes.
#[model]
pub struct Keeper {
    pub id: i64,
    #[field(unique)]
    pub name: String,
}

/// What they keep.
#[model]
pub struct Kept {
    pub id: i64,
    pub text: String,
    #[belongs_to]
    pub keeper: BelongsTo<Keeper>,
}

struct KeeperFactory;

impl Factory for KeeperFactory {
    type Model = Keeper;

    async fn define(&self, make: &mut Make<'_, Keeper>) -> Result<KeeperDraft> {
        Ok(NewKeeper { name: format!("keeper-{}", make.number()) }.into())
    }
}

fn app() -> App {
    App::new().models(models![Keeper, Kept])
}

#[tokio::test]
async fn fixtures_are_found_by_their_names() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::create_dir_all(home.path().join("fixtures")).unwrap();
        std::fs::write(home.path().join("fixtures").join(name), text).unwrap();
    };
    file("keepers.jsonl", r#"{"model":"Keeper","fields":{"name":"ann"}}"#);
    file("notes.jsonl", r#"{"model":"Kept","fields":{"text":"hello","keeper":{"name":"ann"}}}"#);
    file("broken.jsonl", "\n{}");
    let app = TestApp::of(app()).home(home.path()).start().await;
    app.load_fixtures(["keepers", "notes"]).await;
    let db = app.inject::<Db>().await;
    let note = Kept::query().with(|k| k.keeper).one(&db).await.unwrap();
    assert_eq!(note.keeper.get().unwrap().name, "ann");

    for (name, said) in [
        ("nothing", "there is no fixture `nothing`"),
        ("nothing", "there are: broken, keepers, notes"),
        ("broken", "broken.jsonl, line 2: missing field `model`"),
    ] {
        let refused = std::panic::AssertUnwindSafe(app.load_fixtures([name])).catch_unwind().await;
        let said_there = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(said_there.contains(said), "{said_there}");
    }
    app.stop().await;
}

#[tokio::test]
async fn factories_count_from_one_in_each_application() {
    for _ in 0..2 {
        let app = TestApp::start(app()).await;
        let keepers = KeeperFactory.create_many(2, &app.inject::<Db>().await).await.unwrap();
        assert_eq!(keepers[1].name, "keeper-2");
        app.stop().await;
    }
}
