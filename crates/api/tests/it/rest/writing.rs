//! Making, replacing, changing and removing rows.

use mainstay_test::TestApp;
use serde_json::{Value, json};

use super::{faults, on_every_engine};

const ANN: (&str, &str) = ("authorization", "Seller 1");

async fn post(app: &TestApp, body: &str) -> mainstay_test::TestResponse {
    app.post("/products").header(ANN.0, ANN.1).body("application/json", body.to_owned()).send().await
}

#[tokio::test]
async fn makes_a_row_and_says_where_it_is() {
    on_every_engine(async |app| {
        let body = r#"{"name":"Flour","price":"2.50","seller_id":1,"status":"on_sale","made_on":"2026-11-28","details":{"b":[1,2.50],"a":null}}"#;
        let made = post(app, body).await;
        let row: Value = made.assert_status(201).json();
        let location = format!("/products/{}", row["id"]);
        made.assert_header("location", &location);
        assert_eq!((&row["stock"], &row["sold"], &row["price"]), (&json!(0), &json!(0), &json!("2.50")));
        let shown = app.get(&location).header(ANN.0, ANN.1).send().await;
        shown.assert_status(200).assert_json(row.clone());
        assert_eq!(shown.header("etag"), made.header("etag"));
        let tag = shown.header("etag").unwrap().to_owned();
        app.get(&location).header(ANN.0, ANN.1).header("if-none-match", &tag).send().await.assert_status(304);
        let exact = post(app, r#"{"name":"Gold","price":99999999.99,"seller_id":1}"#).await;
        exact.assert_json_at("/price", json!("99999999.99"));
    })
    .await;
}

#[tokio::test]
async fn tells_every_fault_of_a_body_by_its_name() {
    on_every_engine(async |app| {
        let refused = post(
            app,
            r#"{"nam":"x","price":"cheap","status":"Sold","sold":3,"id":9,"token":"t","made_on":"today"}"#,
        )
        .await;
        let problem: Value = refused.assert_problem(422, "validation_failed").json();
        let mut found = faults(&problem);
        found.sort();
        assert_eq!(
            found,
            [
                ("/id", "read_only"),
                ("/made_on", "type"),
                ("/nam", "unknown_field"),
                ("/name", "required"),
                ("/price", "type"),
                ("/seller_id", "required"),
                ("/sold", "read_only"),
                ("/status", "type"),
                ("/token", "unknown_field"),
            ]
        );

        let rules = post(app, r#"{"name":"","price":"1.234","seller_id":1,"stock":-1}"#).await;
        let problem: Value = rules.assert_problem(422, "validation_failed").json();
        let mut found = faults(&problem);
        found.sort();
        assert_eq!(found, [("/name", "too_short"), ("/price", "digits"), ("/stock", "too_small")]);

        for (body, status) in [
            (r#"{"name":"a","name":"b","price":"1","seller_id":1}"#, 422),
            (r#"{"name":null,"price":"1","seller_id":1}"#, 422),
            (r#"{"name":"a","price":1e400,"seller_id":1}"#, 422),
            (r#"{"name":"a","price":"1","seller_id":4711}"#, 422),
            (r#"{"name":"a","price":"1","seller_id":99999999999999999999}"#, 422),
            (r#"{"name":"\ud800","price":"1","seller_id":1}"#, 422),
            (r#"{"name":"Apple","price":"1","seller_id":1}"#, 409),
            (r#"{"name":"a","price":"-1","seller_id":1}"#, 422),
            ("[]", 422),
            ("null", 422),
            ("{", 400),
            ("", 400),
        ] {
            let refused = post(app, body).await;
            assert_eq!(refused.status(), status, "{body}: {}", refused.text());
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let deep =
            post(app, &format!(r#"{{"name":"deep","price":"1","seller_id":1,"details":{deep}}}"#)).await;
        assert!(deep.status().is_client_error(), "{}", deep.text());
        let foreign = app.post("/products").header(ANN.0, ANN.1).body("text/plain", "{}").send().await;
        foreign.assert_status(415);
        let gone = app.get("/products").header(ANN.0, ANN.1).send().await;
        gone.assert_json_at("/total", json!(5));
    })
    .await;
}

#[tokio::test]
async fn replaces_all_and_merges_some() {
    on_every_engine(async |app| {
        let merged = app
            .patch("/products/1")
            .header(ANN.0, ANN.1)
            .body("application/merge-patch+json", r#"{"text":"green","made_on":null}"#)
            .send()
            .await;
        let row: Value = merged.assert_status(200).json();
        assert_eq!(
            (&row["text"], &row["made_on"], &row["stock"]),
            (&json!("green"), &Value::Null, &json!(100))
        );
        app.patch("/products/1")
            .header(ANN.0, ANN.1)
            .json(&json!({}))
            .send()
            .await
            .assert_status(200)
            .assert_json(row);

        // Its owner may not set the name, so a replacement leaves that as it is.
        let replaced = app
            .put("/products/1")
            .header(ANN.0, ANN.1)
            .json(&json!({ "price": "0.40", "seller_id": 1, "status": "on_sale" }))
            .send()
            .await;
        let row: Value = replaced.assert_status(200).json();
        assert_eq!((&row["name"], &row["stock"], &row["text"]), (&json!("Apple"), &json!(0), &json!("")));
        let lacking = app.put("/products/1").header(ANN.0, ANN.1).json(&json!({ "price": "1" })).send().await;
        lacking
            .assert_problem(422, "validation_failed")
            .assert_json_at("/errors/0/pointer", json!("/seller_id"));
        app.put("/products/999").header(ANN.0, ANN.1).json(&json!({})).send().await.assert_status(404);
        app.patch("/products/first").header(ANN.0, ANN.1).json(&json!({})).send().await.assert_status(404);
    })
    .await;
}

#[tokio::test]
async fn refuses_to_write_over_what_the_client_has_not_seen() {
    on_every_engine(async |app| {
        let tag = app.get("/products/2").header(ANN.0, ANN.1).send().await.header("etag").unwrap().to_owned();
        let change = |stock: i32, tag: &str| {
            app.patch("/products/2")
                .header(ANN.0, ANN.1)
                .header("if-match", tag)
                .json(&json!({ "stock": stock }))
                .send()
        };
        let first = change(4, &tag).await;
        first.assert_status(200);
        change(3, &tag).await.assert_problem(412, "precondition_failed");
        change(3, "\"other\", W/\"weak\"").await.assert_status(412);
        change(2, &format!("\"other\", {}", first.header("etag").unwrap()))
            .await
            .assert_json_at("/stock", json!(2));
        change(1, "*").await.assert_json_at("/stock", json!(1));
        change(0, "none").await.assert_status(400);
        let delete =
            |tag: &str| app.delete("/products/2").header(ANN.0, ANN.1).header("if-match", tag).send();
        delete(&tag).await.assert_status(412);
        let tag = app.get("/products/2").header(ANN.0, ANN.1).send().await.header("etag").unwrap().to_owned();
        delete(&tag).await.assert_status(204);
        delete(&tag).await.assert_status(404);
    })
    .await;
}

#[tokio::test]
async fn keys_of_several_fields_are_one_part_of_an_address() {
    on_every_engine(async |app| {
        for (room, location) in [
            ("a/b ?", "/shelves/a%2Fb%20%3F%2C2"),
            ("a,b", "/shelves/a%252Cb%2C2"),
            ("50%, %2C", "/shelves/50%2525%252C%20%25252C%2C2"),
        ] {
            let new = json!({ "room": room, "number": 2, "label": "new" });
            let made = app.post("/shelves").json(&new).send().await;
            made.assert_status(201).assert_header("location", location);
            let shown = app.get(location).send().await;
            let expected = json!({ "room": room, "number": 2, "label": "new", "version": 1 });
            shown.assert_status(200).assert_json(expected);
            app.delete(location).send().await.assert_status(204);
        }
        let address = "/shelves/attic,1";
        let tag = app.get(address).send().await.header("etag").unwrap().to_owned();
        let put = app.put(address).header("if-match", &tag).json(&json!({ "label": "newer" })).send().await;
        put.assert_status(200).assert_json_at("/version", json!(2));
        let late = app.put(address).header("if-match", &tag).json(&json!({ "label": "x" })).send().await;
        late.assert_status(412);
        let key = app.patch(address).json(&json!({ "number": 3 })).send().await;
        key.assert_problem(422, "validation_failed").assert_json_at("/errors/0/code", json!("read_only"));
        for none in ["/shelves/attic", "/shelves/attic,1,2", "/shelves/attic,one", "/shelves/attic,2"] {
            app.get(none).send().await.assert_status(404);
        }
        app.delete(address).send().await.assert_status(204);
    })
    .await;
}

#[tokio::test]
async fn is_in_the_document() {
    on_every_engine(async |app| {
        let document: Value = app.get("/openapi.json").send().await.assert_status(200).json();
        let list = &document["paths"]["/products"]["get"];
        assert_eq!(document["paths"]["/letters"]["get"]["operationId"], "list_letter");
        assert_eq!(list["summary"], "Lists products.");
        let parameters = list["parameters"].as_array().unwrap();
        let find = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
        assert_eq!(find("price[gte]").unwrap()["schema"]["format"], "decimal");
        assert_eq!(find("status").unwrap()["schema"]["enum"], json!(["draft", "on_sale"]));
        assert_eq!(find("include").unwrap()["description"], "Relations to show with it: `seller`.");
        assert_eq!(find("include").unwrap()["schema"]["items"]["enum"], json!(["seller"]));
        assert_eq!(find("sort").unwrap()["explode"], false);
        assert!(find("details").is_none() && find("token").is_none() && find("search").is_some());
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["NewProduct"]["required"], json!(["name", "price", "seller_id"]));
        assert_eq!(schemas["NewProduct"]["additionalProperties"], false);
        assert_eq!(schemas["Product"]["properties"]["name"]["maxLength"], 60);
        assert_eq!(schemas["Product"]["properties"]["name"]["description"], "What it is called.");
        assert_eq!(schemas["Product"]["properties"]["made_on"]["type"], json!(["string", "null"]));
        assert!(schemas["NewProduct"]["properties"].get("sold").is_none());
        let patch = &document["paths"]["/products/{key}"]["patch"];
        assert!(patch["requestBody"]["content"].get("application/merge-patch+json").is_some());
        for status in ["200", "401", "403", "404", "412", "422"] {
            assert!(patch["responses"].get(status).is_some(), "{status}");
        }
        assert_eq!(patch["security"], json!([{ "seller": [] }, {}]));
        let scheme = json!({ "type": "apiKey", "in": "header", "name": "Authorization" });
        assert_eq!(document["components"]["securitySchemes"]["seller"], scheme);
    })
    .await;
}

#[tokio::test]
async fn a_tag_is_good_although_its_row_came_compressed() {
    on_every_engine(async |app| {
        let long = json!({ "text": "compress me ".repeat(400) });
        app.patch("/products/1").header(ANN.0, ANN.1).json(&long).send().await.assert_status(200);
        let read = app.get("/products/1").header(ANN.0, ANN.1).header("accept-encoding", "gzip").send().await;
        let tag = read.header("etag").unwrap().to_owned();
        assert!(tag.starts_with("W/"), "{tag}");
        let change = app.patch("/products/1").header(ANN.0, ANN.1).header("if-match", &tag);
        change.json(&json!({ "stock": 3 })).send().await.assert_status(200);
        let change = app.patch("/products/1").header(ANN.0, ANN.1).header("if-match", &tag);
        change.json(&json!({ "stock": 4 })).send().await.assert_status(412);
    })
    .await;
}

#[tokio::test]
async fn a_tag_tells_nothing_of_what_is_not_shown() {
    on_every_engine(async |app| {
        let tag = async || app.get("/products/3").send().await.header("etag").unwrap().to_owned();
        let before = tag().await;
        app.patch("/products/3")
            .header(ANN.0, ANN.1)
            .json(&json!({ "cost": 501 }))
            .send()
            .await
            .assert_status(200);
        assert_eq!(tag().await, before, "nobody but its seller sees the cost");
        let own = app.get("/products/3").header(ANN.0, ANN.1).send().await;
        assert_ne!(own.header("etag"), Some(before.as_str()));
    })
    .await;
}

#[tokio::test]
async fn documents_are_merged_member_by_member() {
    on_every_engine(async |app| {
        let patch = async |details: Value| {
            let changed = app
                .patch("/products/1")
                .header(ANN.0, ANN.1)
                .json(&json!({ "details": details }))
                .send()
                .await;
            changed.assert_status(200).json::<Value>()["details"].clone()
        };
        assert_eq!(
            patch(json!({ "a": 1, "b": { "c": [1], "d": 2 } })).await,
            json!({ "a": 1, "b": { "c": [1], "d": 2 } })
        );
        assert_eq!(
            patch(json!({ "b": { "c": null, "e": 3 } })).await,
            json!({ "a": 1, "b": { "d": 2, "e": 3 } })
        );
        assert_eq!(patch(Value::Null).await, Value::Null);
        let body = json!({ "price": "1", "seller_id": 1, "details": { "z": 1 } });
        let replaced = app.put("/products/1").header(ANN.0, ANN.1).json(&body).send().await;
        replaced.assert_json_at("/details", json!({ "z": 1 }));
    })
    .await;
}

#[tokio::test]
async fn takes_lists_of_operations() {
    on_every_engine(async |app| {
        let patch = |body: Value| {
            let request = app.patch("/products/1").header(ANN.0, ANN.1);
            request.body("application/json-patch+json", body.to_string()).send()
        };
        let done = patch(json!([
            { "op": "test", "path": "/stock", "value": 100 },
            { "op": "replace", "path": "/stock", "value": 99 },
            { "op": "add", "path": "/details", "value": { "tags": ["a"] } },
            { "op": "add", "path": "/details/tags/-", "value": "b" },
            { "op": "remove", "path": "/made_on" },
        ]));
        let row: Value = done.await.assert_status(200).json();
        assert_eq!(
            (&row["stock"], &row["details"], &row["made_on"]),
            (&json!(99), &json!({ "tags": ["a", "b"] }), &Value::Null)
        );
        let stale = patch(json!([{ "op": "test", "path": "/stock", "value": 100 }])).await;
        stale.assert_problem(409, "patch_test_failed").assert_json_at("/errors/0/pointer", json!("/0"));
        for (operations, pointer) in [
            (json!([{ "op": "replace", "path": "/sold", "value": 7 }]), "/sold"),
            (json!([{ "op": "replace", "path": "/stock", "value": -7 }]), "/stock"),
            (json!([{ "op": "add", "path": "/colour", "value": "red" }]), "/colour"),
            (json!([{ "op": "copy", "from": "/token", "path": "/text" }]), "/0"),
            (json!([{ "op": "replace", "path": "/name", "value": "x" }]), "/name"),
        ] {
            let refused = patch(operations).await;
            refused
                .assert_problem(422, "validation_failed")
                .assert_json_at("/errors/0/pointer", json!(pointer));
        }
        let other =
            app.patch("/products/5").header(ANN.0, ANN.1).body("application/json-patch+json", "[]").send();
        other.await.assert_problem(403, "forbidden");
    })
    .await;
}
