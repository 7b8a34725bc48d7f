//! Who may see and change what.

use mainstay_db::Db;
use serde_json::{Value, json};

use super::on_every_engine;

const ANN: (&str, &str) = ("authorization", "Seller 1");
const BOB: (&str, &str) = ("authorization", "Seller 2");

#[tokio::test]
async fn shows_rows_and_fields_by_the_policy() {
    on_every_engine(async |app| {
        app.get("/products/4").send().await.assert_problem(404, "not_found");
        let dough: Value = app.get("/products/4").header(ANN.0, ANN.1).send().await.assert_status(200).json();
        assert_eq!(dough["cost"], 60);
        app.get("/products/4").header(BOB.0, BOB.1).send().await.assert_status(404);
        let apple: Value = app.get("/products/1").send().await.json();
        assert!(apple.get("cost").is_none() && apple.get("token").is_none(), "{apple}");
        let total = |page: &Value| page["total"].as_u64().unwrap();
        assert_eq!(total(&app.get("/products").send().await.json()), 4);
        assert_eq!(total(&app.get("/products").header(ANN.0, ANN.1).send().await.json()), 5);

        // What cannot be seen cannot be asked about either.
        for query in ["cost=500", "cost[gt]=1", "sort=cost", "fields=cost"] {
            app.get(&format!("/products?{query}")).send().await.assert_problem(400, "invalid_parameters");
            app.get(&format!("/products?{query}")).header(ANN.0, ANN.1).send().await.assert_status(200);
        }
        for query in ["token=secret", "sort=token", "token[starts_with]=s"] {
            app.get(&format!("/sellers?{query}")).send().await.assert_problem(400, "invalid_parameters");
        }
    })
    .await;
}

#[tokio::test]
async fn asks_the_database_only_for_what_the_row_does_not_tell() {
    on_every_engine(async |app| {
        let log = app.inject::<Db>().await.record();
        let letter = json!({ "text": "hello" });
        app.post("/letters").header(ANN.0, ANN.1).json(&letter).send().await.assert_status(201);
        let asked: Vec<_> =
            log.queries().into_iter().filter(|query| query.sql.starts_with("SELECT")).collect();
        assert!(asked.is_empty(), "{asked:?}");
        let read = json!({ "text": "hello", "read": true });
        app.post("/letters").header(ANN.0, ANN.1).json(&read).send().await.assert_problem(403, "forbidden");
        let left: Value = app.get("/letters").header(ANN.0, ANN.1).send().await.json();
        assert_eq!(left["total"], 1, "what was refused is not there");
    })
    .await;
}

#[tokio::test]
async fn changes_rows_by_the_policy() {
    on_every_engine(async |app| {
        let stock = json!({ "stock": 7 });
        app.patch("/products/1").json(&stock).send().await.assert_problem(401, "unauthorized");
        app.patch("/products/1")
            .header(BOB.0, BOB.1)
            .json(&stock)
            .send()
            .await
            .assert_problem(403, "forbidden");
        app.patch("/products/4")
            .header(BOB.0, BOB.1)
            .json(&stock)
            .send()
            .await
            .assert_problem(404, "not_found");
        app.delete("/products/1").header(BOB.0, BOB.1).send().await.assert_status(403);
        app.delete("/products/1").send().await.assert_status(401);

        // Nor may a row become somebody else's: the transaction is rolled back.
        let given_away = json!({ "seller_id": 2, "stock": 1 });
        app.patch("/products/1")
            .header(ANN.0, ANN.1)
            .json(&given_away)
            .send()
            .await
            .assert_problem(403, "forbidden");
        let mine = json!({ "name": "Forged", "price": "1", "seller_id": 1 });
        app.post("/products").header(BOB.0, BOB.1).json(&mine).send().await.assert_problem(403, "forbidden");
        let apple: Value = app.get("/products/1").send().await.json();
        assert_eq!((&apple["seller_id"], &apple["stock"]), (&json!(1), &json!(100)));
        assert_eq!(
            app.get("/products?name=Forged").header(ANN.0, ANN.1).send().await.json::<Value>()["total"],
            0
        );

        let renamed =
            app.patch("/products/1").header(ANN.0, ANN.1).json(&json!({ "name": "Pear" })).send().await;
        renamed.assert_problem(422, "validation_failed").assert_json_at("/errors/0/pointer", json!("/name"));
        renamed.assert_json_at("/errors/0/code", json!("read_only"));
        app.patch("/products/1")
            .header(ANN.0, ANN.1)
            .json(&stock)
            .send()
            .await
            .assert_json_at("/stock", json!(7));
        app.delete("/products/4").header(ANN.0, ANN.1).send().await.assert_status(204);
        app.get("/products/4").header(ANN.0, ANN.1).send().await.assert_status(404);
    })
    .await;
}

#[tokio::test]
async fn without_a_policy_nobody_may_do_anything() {
    on_every_engine(async |app| {
        app.get("/ledger").send().await.assert_problem(401, "unauthorized");
        app.get("/ledger").header(ANN.0, ANN.1).send().await.assert_problem(403, "forbidden");
        app.get("/ledger/1").header(ANN.0, ANN.1).send().await.assert_status(403);
        app.post("/ledger")
            .header(ANN.0, ANN.1)
            .json(&json!({ "note": "x" }))
            .send()
            .await
            .assert_status(403);
        app.delete("/ledger/1").header(ANN.0, ANN.1).send().await.assert_status(403);
        app.post("/sellers")
            .header(ANN.0, ANN.1)
            .json(&json!({ "name": "Eve" }))
            .send()
            .await
            .assert_status(403);
        let findings = app.assembly().findings().to_string();
        assert!(findings.contains("resource.W001") && findings.contains("`Ledger`"), "{findings}");
        assert_eq!(findings.matches("resource.W001").count(), 1, "{findings}");
    })
    .await;
}

#[tokio::test]
async fn shows_relations_by_the_policy_of_what_they_lead_to() {
    on_every_engine(async |app| {
        let page: Value =
            app.get("/products?include=seller&fields=name&sort=name").send().await.assert_status(200).json();
        let sellers: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| (&item["name"], &item["seller"])).collect();
        let ann = json!({ "id": 1, "name": "Ann" });
        assert_eq!(sellers[0], (&json!("Apple"), &ann));
        // Whoever may not see Bob sees that there is a seller, and not who.
        let of_bob = |page: &Value| {
            let items = page["items"].as_array().unwrap();
            items.iter().find(|item| item["name"] == "Élan").map(|item| item["seller"].clone()).unwrap()
        };
        assert_eq!(of_bob(&page), Value::Null);
        let signed_in = app.get("/products?include=seller").header(ANN.0, ANN.1).send().await;
        assert_eq!(of_bob(&signed_in.json()), json!({ "id": 2, "name": "Bob" }));

        let one = app.get("/sellers/1?include=products,ledgers").send().await;
        let one: Value = one.assert_status(200).assert_no_header("etag").json();
        let names: Vec<_> =
            one["products"].as_array().unwrap().iter().map(|product| &product["name"]).collect();
        assert_eq!(names, ["Cheese", "Bread"], "what is on sale, the dearest two");
        assert!(one["products"][0].get("cost").is_none(), "{one}");
        assert_eq!(one["ledgers"], json!([]), "nobody has said who may see a ledger");
        let by_bob: Value = app.get("/sellers/1?include=products").header(BOB.0, BOB.1).send().await.json();
        assert_eq!(by_bob["products"][0]["cost"], 500);

        let wrong = app.get("/products?include=sellr,seller,seller").send().await;
        wrong
            .assert_problem(400, "invalid_parameters")
            .assert_json_at("/errors/0/pointer", json!("query:include"));
        wrong.assert_text_contains("did you mean `seller`?");
        app.get("/shelves?include=room").send().await.assert_status(400);
        app.get("/products?include=seller").send().await.assert_queries_at_most(2);
    })
    .await;
}

#[tokio::test]
async fn answers_no_row_that_its_writer_may_not_see() {
    on_every_engine(async |app| {
        let made = app.post("/letters").json(&json!({ "text": "from outside" })).send().await;
        made.assert_status(201).assert_header("location", "/letters/1").assert_text("");
        app.get("/letters/1").send().await.assert_status(401);
        app.patch("/letters/1").json(&json!({ "text": "changed" })).send().await.assert_status(204);
        // What may be made is a condition as well.
        app.post("/letters").json(&json!({ "text": "x", "read": true })).send().await.assert_status(401);
        let read = app.get("/letters").header(ANN.0, ANN.1).send().await;
        read.assert_json_at("/total", json!(1)).assert_json_at("/items/0/text", json!("changed"));
    })
    .await;
}
