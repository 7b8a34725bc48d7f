//! Actions of an application's own on rows of a resource.

use mainstay_api::Authorized;
use mainstay_http::{RoutesExt, get, routes};
use mainstay_test::TestApp;
use serde_json::{Value, json};

use super::on_every_engine;
use super::shop::Product;

#[tokio::test]
async fn act_on_rows_by_the_policy() {
    on_every_engine(async |app| {
        let restock = |name: &str, seller: &str| {
            app.post(&format!("/products/{name}/restock")).header("authorization", seller).send()
        };
        let done = restock("Bread", "Seller 1").await;
        done.assert_status(200).assert_json_at("/stock", json!(100));
        app.get("/goods/Bread").send().await.assert_json_at("/stock", json!(100));
        restock("Bread", "Seller 2").await.assert_problem(403, "forbidden");
        restock("Nothing", "Seller 1").await.assert_problem(404, "not_found");
        // A draft is seen by its seller alone.
        restock("Dough", "Seller 2").await.assert_problem(404, "not_found");
        app.post("/products/Bread/restock").send().await.assert_problem(401, "unauthorized");

        assert_eq!(app.get("/products/1/label").send().await.assert_status(200).text(), "APPLE");
        app.get("/products/4/label").send().await.assert_problem(404, "not_found");
        app.get("/products/Apple/label").send().await.assert_problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn are_documented_with_how_they_refuse() {
    let app = TestApp::of(super::shop::app()).start().await;
    let document: Value = app.get("/openapi.json").send().await.json();
    let responses = document["paths"]["/products/{name}/restock"]["post"]["responses"].as_object().unwrap();
    for status in ["200", "401", "403", "404"] {
        assert!(responses.contains_key(status), "{status}: {responses:?}");
    }
    app.stop().await;
}

#[get("/sellers/{seller}/goods/{key}/label")]
async fn unclear(product: Authorized<Product>) -> String {
    product.name.clone()
}

#[get("/sellers/{seller}/goods/{product}/name")]
async fn clear(product: Authorized<Product>) -> String {
    product.name.clone()
}

#[tokio::test]
async fn of_several_parameters_one_is_called_as_the_model() {
    let unclear = TestApp::of(super::shop::app().routes(routes![unclear])).try_start().await.err().unwrap();
    let words =
        "the handler takes a row of `Product`: name it by one parameter, or by `{product}` among several";
    assert!(unclear.contains(words), "{unclear}");
    let app = TestApp::of(super::shop::app().routes(routes![clear])).start().await;
    super::shop::fill(&*app.inject::<mainstay_db::Db>().await).await;
    assert_eq!(app.get("/sellers/2/goods/1/name").send().await.text(), "Apple");
    app.stop().await;
}
