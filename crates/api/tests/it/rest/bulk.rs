//! Several writes in one request.

use mainstay_test::{TestApp, TestResponse};
use serde_json::{Value, json};

use super::{faults, on_every_engine};

const ANN: (&str, &str) = ("authorization", "Seller 1");

async fn several(app: &TestApp, operations: Value) -> TestResponse {
    let body = json!({ "operations": operations });
    app.patch("/products").header(ANN.0, ANN.1).json(&body).send().await
}

#[tokio::test]
async fn does_all_of_it_in_order() {
    on_every_engine(async |app| {
        let apple = app.get("/products/1").header(ANN.0, ANN.1).send().await;
        let tag = apple.header("etag").unwrap().to_owned();
        let done = several(
            app,
            json!([
                { "op": "create", "set": { "name": "Flour", "price": "2.50", "seller_id": 1 } },
                { "op": "change", "key": 1, "if_match": tag, "set": { "stock": 7 } },
                { "op": "change", "key": "1", "set": { "text": "green" } },
                { "op": "delete", "key": 4 },
            ]),
        )
        .await;
        let done: Value = done.assert_status(200).json();
        let statuses: Vec<_> = done["results"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, [201, 200, 200, 204]);
        let flour = done["results"][0]["key"].as_str().unwrap();
        let shown = app.get(&format!("/products/{flour}")).header(ANN.0, ANN.1).send().await;
        shown.assert_json_at("/name", json!("Flour"));
        assert_eq!(shown.header("etag"), done["results"][0]["etag"].as_str());
        let apple = &done["results"][2]["row"];
        assert_eq!((&apple["stock"], &apple["text"]), (&json!(7), &json!("green")));
        app.get("/products/4").header(ANN.0, ANN.1).send().await.assert_status(404);
    })
    .await;
}

#[tokio::test]
async fn does_nothing_when_a_part_cannot_be_done_and_tells_every_fault() {
    on_every_engine(async |app| {
        let before: Value = app.get("/products").header(ANN.0, ANN.1).send().await.json();
        let refused = several(
            app,
            json!([
                { "op": "create", "set": { "name": "Flour", "price": "2.50", "seller_id": 1 } },
                { "op": "create", "set": { "nam": "", "price": "x", "seller_id": 1 } },
                { "op": "change", "key": 1, "if_match": "\"old\"", "set": { "stock": 7 } },
                { "op": "change", "key": 2, "set": { "stock": -1 } },
                { "op": "delete", "key": 5 },
                { "op": "delete", "key": 4711 },
            ]),
        )
        .await;
        let problem: Value = refused.assert_problem(422, "validation_failed").json();
        assert_eq!(
            faults(&problem),
            [
                ("/operations/1/set/nam", "unknown_field"),
                ("/operations/1/set/price", "type"),
                ("/operations/1/set/name", "required"),
                ("/operations/2", "precondition_failed"),
                ("/operations/3/set/stock", "too_small"),
                ("/operations/4", "forbidden"),
                ("/operations/5", "not_found"),
            ]
        );
        let taken = several(
            app,
            json!([
                { "op": "change", "key": 1, "set": { "stock": 1 } },
                { "op": "create", "set": { "name": "Apple", "price": "1", "seller_id": 1 } },
                { "op": "change", "key": 2, "set": { "stock": 3 } },
                { "op": "change", "key": 2, "set": { "stock": -3 } },
            ]),
        )
        .await;
        taken.assert_status(409).assert_json_at("/errors/0/pointer", json!("/operations/1/set/name"));
        taken.assert_json_at("/errors/1/pointer", json!("/operations/3/set/stock"));
        assert!(taken.json::<Value>()["errors"].get(2).is_none(), "{}", taken.text());
        app.get("/products").header(ANN.0, ANN.1).send().await.assert_json(before);
    })
    .await;
}

#[tokio::test]
async fn refuses_what_contradicts_itself() {
    on_every_engine(async |app| {
        let refused = several(
            app,
            json!([
                { "op": "create", "key": 9, "if_match": "*" },
                { "op": "change", "set": {} },
                { "op": "delete", "key": 1, "set": {} },
            ]),
        )
        .await;
        let problem: Value = refused.assert_problem(422, "validation_failed").json();
        assert_eq!(
            faults(&problem),
            [
                ("/operations/0/key", "contradiction"),
                ("/operations/0/set", "required"),
                ("/operations/0/if_match", "contradiction"),
                ("/operations/1/key", "required"),
                ("/operations/2/set", "contradiction"),
            ]
        );
        for (body, status) in [
            (json!([{ "op": "upsert", "key": 1 }]), 422),
            (json!([{ "op": "delete", "key": 1.5 }]), 422),
            (json!([{ "op": "delete", "key": 1, "if_match": "no tag" }]), 422),
            (json!([{ "op": "delete", "key": 1, "iff": 1 }]), 422),
            (json!({}), 422),
            (json!([]), 200),
            (Value::from(vec![json!({ "op": "delete", "key": 1 }); 1001]), 422),
        ] {
            let answer = several(app, body.clone()).await;
            assert_eq!(answer.status(), status, "{body}: {}", answer.text());
        }
        let nobody = app.patch("/products").json(&json!({ "operations": [{ "op": "delete", "key": 1 }] }));
        nobody.send().await.assert_problem(401, "unauthorized");
        app.get("/products").header(ANN.0, ANN.1).send().await.assert_json_at("/total", json!(5));
    })
    .await;
}
