//! Rows within another one, and rows that are named by another field than their key.

use mainstay_api::ResourcesExt;
use mainstay_core::App;
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_test::TestApp;
use serde_json::{Value, json};

use super::on_every_engine;
use super::shop::{Product, Shelf};

const ANN: (&str, &str) = ("authorization", "Seller 1");

#[tokio::test]
async fn lists_and_finds_only_what_belongs_to_the_row_around() {
    on_every_engine(async |app| {
        let of_ann = app.get("/sellers/1/products?fields=name&per_page=2").send().await;
        of_ann.assert_status(200).assert_json_at("/total", json!(3));
        let links = of_ann.header("link").unwrap().to_owned();
        assert!(links.contains("</sellers/1/products?"), "{links}");
        app.get("/sellers/1/products?name=Apple").send().await.assert_json_at("/total", json!(1));
        app.get("/sellers/1/products/1").send().await.assert_json_at("/name", json!("Apple"));
        // The fifth product is Bob's.
        app.get("/sellers/1/products/5").send().await.assert_problem(404, "not_found");
        app.get("/sellers/4711/products").send().await.assert_problem(404, "not_found");
        app.get("/sellers/x/products").send().await.assert_problem(404, "not_found");
        // Strangers do not see Bob, and so nothing of his at this address.
        app.get("/sellers/2/products").send().await.assert_problem(404, "not_found");
        let of_bob = app.get("/sellers/2/products").header(ANN.0, ANN.1).send().await;
        of_bob.assert_status(200).assert_json_at("/total", json!(1));
    })
    .await;
}

#[tokio::test]
async fn what_is_made_there_belongs_to_the_row_around() {
    on_every_engine(async |app| {
        let body = json!({ "name": "Flour", "price": "2.50" });
        let made = app.post("/sellers/1/products").header(ANN.0, ANN.1).json(&body).send().await;
        let row: Value = made.assert_status(201).json();
        assert_eq!(row["seller_id"], 1);
        let location = made.header("location").unwrap().to_owned();
        assert_eq!(location, format!("/sellers/1/products/{}", row["id"]));
        let change =
            |location: &str, body: Value| app.patch(location).header(ANN.0, ANN.1).json(&body).send();
        change(&location, json!({ "stock": 7 })).await.assert_json_at("/stock", json!(7));

        let other = json!({ "name": "Salt", "price": "1", "seller_id": 2 });
        let refused = app.post("/sellers/1/products").header(ANN.0, ANN.1).json(&other).send().await;
        refused
            .assert_problem(422, "validation_failed")
            .assert_json_at("/errors/0/pointer", json!("/seller_id"));
        change(&location, json!({ "seller_id": 2 })).await.assert_problem(422, "validation_failed");
        // By the policy nobody makes anything for others.
        let gift = json!({ "name": "Pepper", "price": "1" });
        let for_bob = app.post("/sellers/2/products").header(ANN.0, ANN.1).json(&gift).send().await;
        for_bob.assert_problem(403, "forbidden");
        let gone = app.post("/sellers/4711/products").header(ANN.0, ANN.1).json(&body).send().await;
        gone.assert_problem(404, "not_found");
        app.delete("/sellers/2/products/1")
            .header(ANN.0, ANN.1)
            .send()
            .await
            .assert_problem(404, "not_found");
        app.delete(&location).header(ANN.0, ANN.1).send().await.assert_status(204);
        app.get(&location).header(ANN.0, ANN.1).send().await.assert_status(404);
    })
    .await;
}

#[tokio::test]
async fn names_rows_by_another_field() {
    on_every_engine(async |app| {
        app.get("/goods/Apple").send().await.assert_status(200).assert_json_at("/id", json!(1));
        app.get("/goods/%C3%89lan").send().await.assert_json_at("/id", json!(5));
        app.get("/goods/1").send().await.assert_problem(404, "not_found");
        let body = json!({ "name": "a/b, c", "price": "1", "seller_id": 1 });
        let made = app.post("/goods").header(ANN.0, ANN.1).json(&body).send().await;
        made.assert_status(201).assert_header("location", "/goods/a%2Fb%2C%20c");
        app.get("/goods/a%2Fb%2C%20c")
            .header(ANN.0, ANN.1)
            .send()
            .await
            .assert_json_at("/name", json!("a/b, c"));
        let below = app.get("/shops/Ann/goods/a%2Fb%2C%20c").header(ANN.0, ANN.1).send().await;
        below.assert_status(200).assert_json_at("/seller_id", json!(1));
        app.get("/shops/Ann/goods/%C3%89lan").send().await.assert_problem(404, "not_found");
        let other = json!({ "name": "Tea", "price": "1" });
        let made = app.post("/shops/Ann/goods").header(ANN.0, ANN.1).json(&other).send().await;
        made.assert_status(201).assert_header("location", "/shops/Ann/goods/Tea");
        app.delete("/goods/a%2Fb%2C%20c").header(ANN.0, ANN.1).send().await.assert_status(204);
    })
    .await;
}

#[tokio::test]
async fn documents_them_without_what_the_address_says() {
    let app = TestApp::of(super::shop::app()).start().await;
    let document: Value = app.get("/openapi.json").send().await.json();
    let of = |path: &str, method: &str, rest: &str| {
        let operation = &document["paths"][path][method];
        operation.pointer(rest).unwrap_or_else(|| panic!("{method} {path}: {operation}")).clone()
    };
    let body = "/requestBody/content/application~1json/schema/properties";
    let new = of("/sellers/{seller}/products", "post", body);
    assert!(new.get("name").is_some() && new.get("seller_id").is_none(), "{new}");
    assert_eq!(of("/sellers/{seller}/products", "post", "/parameters/0/name"), "seller");
    assert_eq!(of("/goods/{name}", "get", "/parameters/0/name"), "name");
    let shown = "/responses/200/content/application~1json/schema/allOf";
    let seller = of("/products/{key}", "get", &format!("{shown}/1/properties/seller"));
    assert_eq!(seller["type"], json!(["object", "null"]));
    assert!(seller["properties"].get("token").is_none(), "{seller}");
    let products = of("/sellers/{key}", "get", &format!("{shown}/1/properties/products"));
    assert_eq!((&products["type"], &products["items"]["type"]), (&json!("array"), &json!("object")));
    app.stop().await;
}

#[tokio::test]
async fn an_address_that_names_no_row_does_not_start() {
    let app = App::new()
        .resource(Resource::<Product>::new("/a").policy(Open).by(|product| product.text))
        .resource(Resource::<Product>::new("/sellers/{seller}/products"))
        .resource(Resource::<Product>::new("/products").within(|product| product.seller))
        .resource(Resource::<Shelf>::new("/shelves").policy(Open));
    let findings = TestApp::of(app).try_start().await.err().unwrap();
    for (id, words) in [
        ("resource.E002", "`Product.text` cannot name one row at `/a`"),
        ("resource.E003", "the path `/sellers/{seller}/products` of `Product` has a parameter"),
        ("resource.E003", "the path `/products` of `Product` has not one parameter"),
    ] {
        assert!(findings.contains(id) && findings.contains(words), "{words}\n{findings}");
    }
}
