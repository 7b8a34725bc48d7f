//! Fields that are stored sealed: read and set like others, and asked about by nobody.

use mainstay_api::{Api, ApiExt, ResourcesExt};
use mainstay_core::App;
use mainstay_db::{Db, model, sql};
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_test::{TestApp, on_each_engine};
use serde_json::{Value, json};

use super::faults;

/// Somebody who is treated.
#[model]
struct Patient {
    id: i64,
    #[field(encrypted, blind_index, unique, max_length = 40)]
    email: String,
    #[field(encrypted)]
    notes: Option<String>,
    #[field(encrypted, hidden)]
    number: Option<i64>,
}

fn app() -> App {
    App::new().resource(Resource::<Patient>::new("/patients").policy(Open)).api(Api::new().title("Patients"))
}

#[tokio::test]
async fn sealed_fields_are_read_and_set_and_neither_compared_nor_sorted_by() {
    on_each_engine(
        || TestApp::of(app()),
        async |app: &TestApp| {
            let new = json!({ "email": "ann@example.org", "notes": "nuts" });
            let made: Value = app.post("/patients").json(&new).send().await.assert_status(201).json();
            assert_eq!(made, json!({ "id": made["id"], "email": "ann@example.org", "notes": "nuts" }));
            let address = format!("/patients/{}", made["id"]);
            let change = json!({ "notes": null });
            app.patch(&address)
                .json(&change)
                .send()
                .await
                .assert_status(200)
                .assert_json_at("/notes", Value::Null);
            app.put(&address)
                .json(&new)
                .send()
                .await
                .assert_status(200)
                .assert_json_at("/notes", json!("nuts"));
            let list = app.get("/patients?fields=email").send().await;
            list.assert_status(200).assert_json_at("/items/0", json!({ "email": "ann@example.org" }));

            let db = app.inject::<Db>().await;
            let stored: String = sql("SELECT notes FROM patients").fetch_one(&*db).await.unwrap();
            assert!(stored.starts_with("sealed:"), "{stored}");

            let taken = app.post("/patients").json(&new).send().await;
            assert_eq!(faults(&taken.assert_status(409).json()), [("/email", "taken")]);
            let long: Value = app
                .post("/patients")
                .json(&json!({ "email": "x".repeat(41) }))
                .send()
                .await
                .assert_status(422)
                .json();
            assert_eq!(faults(&long), [("/email", "too_long")]);
            for query in [
                "email=ann@example.org",
                "email[in]=a",
                "notes[contains]=n",
                "sort=email",
                "search=ann",
                "number=1",
            ] {
                let refused = app.get(&format!("/patients?{query}")).send().await;
                refused.assert_problem(400, "invalid_parameters");
            }
            let without = app.get("/patients?notes[null]=true").send().await;
            without.assert_status(200).assert_json_at("/total", json!(0));

            let document = app.get("/openapi.json").send().await.assert_status(200).text().to_owned();
            assert!(
                document.contains("notes[null]")
                    && !document.contains("email[")
                    && !document.contains("_index"),
                "{document}"
            );
        },
    )
    .await;
}
