//! A resource whose model is searched by its words.

use mainstay_api::{Api, ApiExt, ResourcesExt};
use mainstay_core::App;
use mainstay_db::{Db, model};
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_test::{Engine, TestApp};
use serde_json::Value;

#[model]
#[search(title, text, language = "english")]
struct Recipe {
    id: i64,
    #[field(max_length = 80)]
    title: String,
    #[field(default = "")]
    text: String,
}

async fn titles(app: &TestApp, query: &str) -> Vec<String> {
    let page: Value = app.get(&format!("/recipes?{query}")).send().await.assert_status(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn finds_by_words_and_best_first() {
    let app = App::new()
        .resource(Resource::<Recipe>::new("/recipes").policy(Open))
        .api(Api::new().title("Recipes"));
    let app = TestApp::of(app).database(Engine::Sqlite).start().await;
    let db = app.inject::<Db>().await;
    for (title, text) in
        [("Soup", "Leeks, and an onion."), ("Onion pie", "Onions, and onions again."), ("Bread", "Flour.")]
    {
        NewRecipe { title: title.into() }.text(text).insert(&*db).await.unwrap();
    }
    for (query, expected) in [
        ("search=onion", &["Onion pie", "Soup"][..]),
        ("search=onion&sort=-title", &["Soup", "Onion pie"]),
        ("search=onion+-pie", &["Soup"]),
        ("search=flo*+OR+leek", &["Soup", "Bread"]),
        ("search=onion&title[starts_with]=s", &["Soup"]),
        ("search=%22%27)%00*", &[]),
        ("search=+", &["Soup", "Onion pie", "Bread"]),
    ] {
        let mut found = titles(&app, query).await;
        if query.contains("OR") {
            found.sort_by_key(|title| title != "Soup");
        }
        assert_eq!(found, expected, "{query}");
    }
    let first: Value = app.get("/recipes?search=onion&limit=1").send().await.assert_status(200).json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(titles(&app, &format!("search=onion&limit=1&after={next}")).await, ["Soup"]);
    app.stop().await;
}
