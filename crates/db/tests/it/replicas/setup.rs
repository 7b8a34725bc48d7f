//! What is wrong with a configuration, and what `check --deploy` says of the servers.

use std::sync::Arc;

use mainstay_core::assembly::Assembly;
use mainstay_core::check::Inspection;
use mainstay_core::config::Sources;
use mainstay_core::{App, Contribute, Profile};
use mainstay_db::module::{self, ReadsFromReplicas};

use super::Rig;

fn app(settings: &[(&str, &str)]) -> Arc<Assembly> {
    let mut app = App::new().module(module::module()).set("log.level", "off");
    for (key, value) in settings {
        app = app.set(*key, *value);
    }
    app.profile(Profile::Test).assemble(Sources::isolated())
}

fn findings(settings: &[(&str, &str)]) -> String {
    app(settings).findings().to_string()
}

#[test]
fn says_what_cannot_be_a_replica() {
    let with =
        |url: &str, replicas: &str| findings(&[("database.url", url), ("database.replicas", replicas)]);
    for (url, replicas, expected) in [
        ("sqlite::memory:", "sqlite:other.db", "`sqlite:other.db` cannot be a replica of `url`"),
        ("postgres://a/app", "mysql://b/app", "`b/app` cannot be a replica of `url`"),
        (
            "postgres://a/app",
            "postgresql://ann:secret@a/app?sslmode=require",
            "`a/app` is the primary itself",
        ),
        (
            "postgres://a/app",
            "postgres://b/app, postgres://c/app, postgres://b/app",
            "`b/app` is named twice",
        ),
        ("oracle://a/app", "oracle://b/app", "cannot be a replica"),
    ] {
        let text = with(url, replicas);
        assert!(text.contains(expected) && text.contains("database.replicas"), "{expected}\n---\n{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let two =
        [("database.url", "mysql://a/app"), ("database.replicas", "mariadb://b/app,mysql://c:3307/app")];
    assert!(!app(&two).findings().has_errors(), "{}", findings(&two));
    let short = [two[0], two[1], ("database.replica_lag", "200ms")];
    assert!(findings(&short).contains("must be at least 1s"), "{}", findings(&short));
    assert!(findings(&[("database.replica_lag", "200ms")]).is_empty(), "nobody reads it");
}

#[test]
fn says_that_nothing_reads_from_the_replicas() {
    let settings = [("database.url", "postgres://a/app"), ("database.replicas", "postgres://b/app")];
    let text = findings(&settings);
    assert!(text.contains("warning[db.W030]") && text.contains(".read_replicas()"), "{text}");
    let mut read = App::new().module(module::module()).contribute(ReadsFromReplicas);
    for (key, value) in settings {
        read = read.set(key, value);
    }
    let assembly = read.profile(Profile::Test).assemble(Sources::isolated());
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
}

#[test]
fn takes_a_list_from_the_environment_and_shows_no_password() {
    let sources = Sources::isolated()
        .variable("DATABASE_URL", "postgres://a/app")
        .variable("DATABASE_REPLICAS", "postgres://ann:secret@b/app,postgres://c/app");
    let app = App::new().module(module::module()).contribute(ReadsFromReplicas).profile(Profile::Test);
    let assembly = app.assemble(sources);
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
    let config = assembly.config.section::<mainstay_db::DatabaseConfig>().unwrap();
    assert_eq!(config.replicas, ["postgres://ann:secret@b/app", "postgres://c/app"]);
    let shown = serde_json::to_string(&*config).unwrap();
    assert!(shown.contains("ann:***@b/app") && !shown.contains("secret"), "{shown}");
}

async fn deployed(rig: &Rig, replicas: Vec<String>) -> String {
    let config = rig.config();
    let settings = [("database.url", &*config.url), ("database.replicas", &*replicas.join(","))];
    let assembly = app(&settings);
    let mut said = Vec::new();
    for inspection in assembly.contributions.of::<Inspection>() {
        said.push(inspection.value.look(Arc::clone(&assembly)).await.to_string());
    }
    said.concat()
}

super::on_both!(tells_before_a_deployment_whether_replicas_are_what_they_are_said_to_be with 1);

async fn tells_before_a_deployment_whether_replicas_are_what_they_are_said_to_be(mut rig: Rig) {
    let config = rig.config();
    let db = rig.open().await;
    rig.is_ready(&db).await;
    db.close().await;
    assert_eq!(deployed(&rig, config.replicas.clone()).await, "");
    let itself = config.url.replace("127.0.0.1", "localhost");
    let said = deployed(&rig, vec![itself, config.replicas[0].clone()]).await;
    assert_eq!(said.matches("error[db.E030]").count(), 1, "{said}");
    assert!(said.contains("the replica `localhost:") && said.contains("it is no replica"), "{said}");
    tokio::task::block_in_place(|| rig.replicas[0].kill());
    let said = deployed(&rig, config.replicas.clone()).await;
    assert!(said.contains("cannot be read from") && !said.contains("mainstay:mainstay"), "{said}");
    rig.end().await;
}
