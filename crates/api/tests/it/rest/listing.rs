//! Lists: filters, words, order, fields, pages.

use mainstay_test::{TestApp, TestResponse};
use serde_json::{Value, json};

use super::{faults, on_every_engine};

async fn list(app: &TestApp, query: &str) -> TestResponse {
    app.get(&format!("/products?{query}")).send().await
}

async fn names(app: &TestApp, query: &str) -> Vec<String> {
    let page: Value = list(app, query).await.assert_status(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn compares_fields_with_values_of_their_types() {
    on_every_engine(async |app| {
        for (query, expected) in [
            ("", &["Apple", "Bread", "Cheese", "Élan"][..]),
            ("name=Bread", &["Bread"]),
            ("name[ne]=Bread", &["Apple", "Cheese", "Élan"]),
            ("price[gte]=3.50&price[lt]=10", &["Bread", "Cheese"]),
            ("price[lte]=0.3", &["Apple"]),
            ("stock[gt]=4", &["Apple", "Bread"]),
            ("stock[in]=1,5", &["Bread", "Élan"]),
            ("made_on=2026-05-02", &["Bread"]),
            ("made_on[null]=true", &["Cheese", "Élan"]),
            ("made_on[null]=false", &["Apple", "Bread"]),
            ("status=on_sale&seller_id=2", &["Élan"]),
            ("status[in]=draft,on_sale&seller_id[ne]=2", &["Apple", "Bread", "Cheese"]),
            ("name[contains]=EA", &["Bread"]),
            ("name[starts_with]=c", &["Cheese"]),
            ("text[contains]=%25", &["Cheese"]),
            ("text[contains]=_", &["Cheese"]),
            ("name=%27;DROP+TABLE+products--", &[]),
            ("search=round", &["Apple", "Bread"]),
            ("search=round+loaf", &["Bread"]),
            ("search=++", &["Apple", "Bread", "Cheese", "Élan"]),
            ("created_at[gt]=2001-01-01T00:00:00Z&id[gt]=0&name=Apple", &["Apple"]),
        ] {
            assert_eq!(names(app, query).await, expected, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn sorts_and_pages() {
    on_every_engine(async |app| {
        assert_eq!(names(app, "sort=-price").await, ["Élan", "Cheese", "Bread", "Apple"]);
        assert_eq!(names(app, "sort=seller_id,-stock").await, ["Apple", "Bread", "Cheese", "Élan"]);
        let second = list(app, "sort=-price&per_page=3&page=2&status=on_sale").await;
        let page: Value = second.assert_status(200).json();
        assert_eq!(
            (&page["total"], &page["pages"], &page["items"][0]["name"]),
            (&json!(4), &json!(2), &json!("Apple"))
        );
        second.assert_header(
            "link",
            "</products?sort=-price&status=on_sale&page=1&per_page=3>; rel=\"first\", \
             </products?sort=-price&status=on_sale&page=1&per_page=3>; rel=\"prev\", \
             </products?sort=-price&status=on_sale&page=2&per_page=3>; rel=\"last\"",
        );
        let beyond: Value = list(app, "page=99").await.assert_status(200).json();
        assert_eq!((beyond["items"].as_array().unwrap().len(), &beyond["total"]), (0, &json!(4)));

        // By cursor, to the end and back.
        let (mut seen, mut query) = (Vec::new(), "sort=-price&limit=3".to_owned());
        let mut last = Value::Null;
        while !query.is_empty() {
            let page: Value = list(app, &query).await.assert_status(200).json();
            seen.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["name"].as_str().unwrap().to_owned()),
            );
            query = page["next"]
                .as_str()
                .map(|next| format!("sort=-price&limit=3&after={next}"))
                .unwrap_or_default();
            last = page;
        }
        assert_eq!(seen, ["Élan", "Cheese", "Bread", "Apple"]);
        let back = format!("sort=-price&limit=3&before={}", last["previous"].as_str().unwrap());
        assert_eq!(names(app, &back).await, ["Élan", "Cheese", "Bread"]);
    })
    .await;
}

#[tokio::test]
async fn shows_the_fields_that_are_asked_for() {
    on_every_engine(async |app| {
        let page: Value = list(app, "fields=name,price,seller_id&name=Apple").await.json();
        assert_eq!(page["items"], json!([{ "name": "Apple", "price": "0.30", "seller_id": 1 }]));
        let one: Value = app
            .get("/products/1?fields=name")
            .send()
            .await
            .assert_status(200)
            .assert_no_header("etag")
            .json();
        assert_eq!(one, json!({ "name": "Apple" }));
        let whole: Value = app.get("/products/1").send().await.json();
        assert_eq!(whole["made_on"], "2026-05-01");
        assert_eq!(whole["status"], "on_sale");
        assert!(whole["created_at"].as_str().unwrap().ends_with('Z'));
        assert!(whole.get("details").unwrap().is_null());
    })
    .await;
}

#[tokio::test]
async fn tells_every_fault_of_a_query() {
    on_every_engine(async |app| {
        let refused =
            list(app, "nam=x&price[gte]=cheap&status=Sold&stock[contains]=1&sort=details,colour&fields=nme&page=x&serach=a&include=sellr")
                .await;
        refused.assert_problem(400, "invalid_parameters");
        let problem: Value = refused.json();
        assert_eq!(
            faults(&problem),
            [
                ("query:page", "type"),
                ("query:nam", "unknown_field"),
                ("query:price[gte]", "type"),
                ("query:status", "type"),
                ("query:stock[contains]", "operator"),
                ("query:serach", "unknown_field"),
                ("query:sort", "not_sortable"),
                ("query:sort", "unknown_field"),
                ("query:fields", "unknown_field"),
                ("query:include", "unknown_relation"),
            ]
        );
        assert!(problem["errors"][1]["message"].as_str().unwrap().contains("did you mean `name`?"));
        assert!(problem["errors"][3]["message"].as_str().unwrap().contains("`on_sale`"));
        assert!(problem["errors"][5]["message"].as_str().unwrap().contains("did you mean `search`?"));
        for broken in ["after=abc", "before=", "after=%00", "limit=0", "page=-1", "sort=-price&after=e30"] {
            let refused = list(app, broken).await;
            assert_eq!(refused.status(), 400, "{broken}: {}", refused.text());
        }
        let nul = list(app, "search=%00&name=%00").await;
        assert!([200, 422].contains(&nul.status().as_u16()), "{}", nul.text());
    })
    .await;
}

#[tokio::test]
async fn a_cursor_of_another_order_is_none() {
    on_every_engine(async |app| {
        let page: Value = list(app, "sort=-price&limit=1").await.json();
        let cursor = page["next"].as_str().unwrap();
        list(app, &format!("sort=name&limit=1&after={cursor}")).await.assert_problem(400, "invalid_cursor");
        let mut forged = cursor.to_owned();
        forged.replace_range(2..3, if &forged[2..3] == "A" { "B" } else { "A" });
        let answer = list(app, &format!("sort=-price&limit=1&after={forged}")).await;
        assert!([200, 400].contains(&answer.status().as_u16()), "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn looks_at_no_more_than_anybody_asks_for() {
    on_every_engine(async |app| {
        let many = |part: &str| part.repeat(3_000);
        for (query, pointer, code) in [
            (format!("sort={}", many("id,")), "query:sort", "too_many"),
            ("sort=id,-id".to_owned(), "query:sort", "duplicate"),
            (format!("search={}", many("a+")), "query:search", "too_many"),
            (many("stock=1&"), "query:stock", "too_many"),
            (format!("include={}", many("x,")), "query:include", "too_many"),
            (format!("fields={}", many("x,")), "query:fields", "too_many"),
            ("fields=".to_owned(), "query:fields", "empty"),
        ] {
            let refused = list(app, &query).await;
            refused.assert_problem(400, "invalid_parameters");
            refused
                .assert_json_at("/errors/0/pointer", json!(pointer))
                .assert_json_at("/errors/0/code", json!(code));
        }
        let most = "stock[gte]=0&".repeat(64);
        assert_eq!(names(app, &most).await, ["Apple", "Bread", "Cheese", "Élan"]);
        assert_eq!(names(app, &format!("search={}", "round+".repeat(64))).await, ["Apple", "Bread"]);
    })
    .await;
}
