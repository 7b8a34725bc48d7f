//! Rows with structs of columns in them: objects in objects.

use mainstay_api::{Api, ApiExt, ResourcesExt};
use mainstay_core::App;
use mainstay_core::principal::Principal;
use mainstay_db::{embedded, model};
use mainstay_resource::policy::Open;
use mainstay_resource::{Action, FieldSet, Policy, Resource, Rows};
use mainstay_test::TestApp;
use serde_json::{Value, json};

use super::faults;
use mainstay_test::on_each_engine;

/// Where something is.
#[embedded]
struct Address {
    #[field(max_length = 60)]
    street: String,
    #[field(max_length = 60, searchable)]
    city: String,
    #[field(max_length = 2, default = "DE")]
    country: String,
    #[field(hidden)]
    note: Option<String>,
    #[embedded]
    point: Option<Point>,
}

#[embedded]
struct Point {
    #[field(min = -90, max = 90)]
    latitude: i32,
    longitude: i32,
}

/// Somebody who buys.
#[model]
struct Customer {
    id: i64,
    #[embedded]
    billing: Address,
    #[embedded(prefix = "ship_")]
    shipping: Option<Address>,
}

/// Of which nobody sees or sets the street.
#[model]
struct Visit {
    id: i64,
    #[embedded]
    place: Option<Point>,
}

struct WithoutLongitude;

impl Policy<Visit> for WithoutLongitude {
    fn rows(&self, _: &Principal, _: Action) -> Rows<Visit> {
        Rows::all()
    }

    fn check(&self, _: &Principal, _: Action, _: &Visit) -> bool {
        true
    }

    fn fields(&self, _: &Principal, action: Action) -> FieldSet<Visit> {
        match action {
            Action::Create => FieldSet::all(),
            _ => FieldSet::<Visit>::all_but(|visit| visit.place.longitude),
        }
    }
}

fn app() -> App {
    App::new()
        .resource(Resource::<Customer>::new("/customers").policy(Open))
        .resource(Resource::<Visit>::new("/visits").policy(WithoutLongitude))
        .api(Api::new().title("Customers"))
}

async fn send(request: mainstay_test::TestRequest, body: Value) -> mainstay_test::TestResponse {
    request.body("application/json", body.to_string()).send().await
}

#[tokio::test]
async fn rows_are_made_replaced_and_changed_by_nested_objects() {
    on_each_engine(|| TestApp::of(app()), async |app: &TestApp| {
        let new = json!({ "billing": { "street": "Main 1", "city": "Bonn" } });
        let made: Value = send(app.post("/customers"), new).await.assert_status(201).json();
        let bonn = json!({ "street": "Main 1", "city": "Bonn", "country": "DE", "point": null });
        assert_eq!((&made["billing"], &made["shipping"]), (&bonn, &Value::Null));
        let address = format!("/customers/{}", made["id"]);

        let change = json!({ "billing": { "city": "Ulm" }, "shipping": { "street": "Hill", "city": "Kiel", "country": "DK" } });
        let changed: Value = send(app.patch(&address), change).await.assert_status(200).json();
        assert_eq!((&changed["billing"]["city"], &changed["billing"]["street"]), (&json!("Ulm"), &json!("Main 1")));
        assert_eq!(changed["shipping"]["country"], "DK");
        let change = json!({ "shipping": { "point": { "latitude": 1, "longitude": 2 } } });
        let changed: Value = send(app.patch(&address), change).await.assert_status(200).json();
        assert_eq!(changed["shipping"]["point"], json!({ "latitude": 1, "longitude": 2 }));

        let whole = json!({ "billing": { "street": "A", "city": "B" }, "shipping": { "street": "C", "city": "D" } });
        let replaced: Value = send(app.put(&address), whole).await.assert_status(200).json();
        assert_eq!(replaced["shipping"], json!({ "street": "C", "city": "D", "country": "DE", "point": null }));
        let without: Value = send(app.patch(&address), json!({ "shipping": null })).await.assert_status(200).json();
        assert_eq!(without["shipping"], Value::Null);
        // Half of what is not there is refused by the table, by name.
        let half = send(app.patch(&address), json!({ "shipping": { "city": "Kiel" } })).await;
        assert!(half.text().contains("`shipping` must be there as a whole, or not at all."), "{}", half.text());
    })
    .await;
}

#[tokio::test]
async fn faults_are_where_they_are_in_the_object() {
    on_each_engine(|| TestApp::of(app()), async |app: &TestApp| {
        let wrong = json!({
            "billing": { "street": 5, "town": "x", "note": "x", "point": { "latitude": 1 } },
            "shipping": "Bonn",
        });
        let problem: Value = send(app.post("/customers"), wrong).await.assert_problem(422, "validation_failed").json();
        let mut found = faults(&problem);
        found.sort();
        assert_eq!(found, [
            ("/billing/city", "required"),
            ("/billing/note", "unknown_field"),
            ("/billing/point/longitude", "required"),
            ("/billing/street", "type"),
            ("/billing/town", "unknown_field"),
            ("/shipping", "type"),
        ]);
        let long = json!({
            "billing": { "street": "x", "city": "x", "country": "DEU", "point": { "latitude": 91, "longitude": 0 } },
            "billing.city": "x",
        });
        let problem: Value = send(app.post("/customers"), long.clone()).await.assert_status(422).json();
        assert_eq!(faults(&problem), [("/billing.city", "unknown_field")]);
        let mut long = long;
        long.as_object_mut().unwrap().remove("billing.city");
        let problem: Value = send(app.post("/customers"), long).await.assert_status(422).json();
        assert_eq!(faults(&problem), [("/billing/country", "too_long"), ("/billing/point/latitude", "too_large")]);
    })
    .await;
}

#[tokio::test]
async fn lists_are_narrowed_by_paths() {
    on_each_engine(
        || TestApp::of(app()),
        async |app: &TestApp| {
            for (city, latitude) in [("Bonn", 3), ("Ulm", 2), ("Aachen", 1)] {
                let point = json!({ "latitude": latitude, "longitude": 0 });
                let new = json!({ "billing": { "street": "Main", "city": city, "point": point } });
                send(app.post("/customers"), new).await.assert_status(201);
            }
            let cities = async |query: &str| {
                let page: Value =
                    app.get(&format!("/customers?{query}")).send().await.assert_status(200).json();
                let items = page["items"].as_array().unwrap().iter();
                items.map(|item| item["billing"]["city"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(cities("billing.city=Bonn").await, ["Bonn"]);
            assert_eq!(cities("sort=-billing.city").await, ["Ulm", "Bonn", "Aachen"]);
            assert_eq!(
                cities("billing.point.latitude[lte]=2&sort=billing.point.latitude").await,
                ["Aachen", "Ulm"]
            );
            assert_eq!(cities("search=ulm").await, ["Ulm"]);
            let shown = app.get("/customers?fields=billing.city&billing.city=Ulm").send().await;
            let page: Value = shown.assert_status(200).json();
            assert_eq!(page["items"], json!([{ "billing": { "city": "Ulm" } }]));
            let shown = app.get("/customers?fields=shipping,billing.point&billing.city=Ulm").send().await;
            let page: Value = shown.assert_status(200).json();
            let point = json!({ "latitude": 2, "longitude": 0 });
            assert_eq!(page["items"], json!([{ "billing": { "point": point }, "shipping": null }]));
            app.get("/customers?fields=billing.note").send().await.assert_status(400);
            app.get("/customers?billing.note=x").send().await.assert_status(400);
        },
    )
    .await;
}

#[tokio::test]
async fn policies_hold_for_fields_of_parts() {
    on_each_engine(
        || TestApp::of(app()),
        async |app: &TestApp| {
            let new = json!({ "place": { "latitude": 1, "longitude": 2 } });
            let made: Value = send(app.post("/visits"), new).await.assert_status(201).json();
            assert_eq!(made["place"], json!({ "latitude": 1 }));
            let address = format!("/visits/{}", made["id"]);
            let changed: Value = send(app.patch(&address), json!({ "place": { "latitude": 5 } }))
                .await
                .assert_status(200)
                .json();
            assert_eq!(changed["place"], json!({ "latitude": 5 }));
            for refused in [json!({ "place": { "longitude": 5 } }), json!({ "place": null })] {
                let problem: Value = send(app.patch(&address), refused).await.assert_status(422).json();
                assert_eq!(faults(&problem)[0].1, "read_only");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn the_document_nests_them_too() {
    let app = TestApp::of(app()).start().await;
    let document: Value = app.get("/openapi.json").send().await.assert_status(200).json();
    let schemas = &document["components"]["schemas"];
    let new = &schemas["NewCustomer"];
    assert_eq!(new["required"], json!(["billing"]));
    let (billing, shipping) = (&new["properties"]["billing"], &new["properties"]["shipping"]);
    assert_eq!((&billing["type"], &shipping["type"]), (&json!("object"), &json!(["object", "null"])));
    assert_eq!(
        (&billing["required"], &shipping["required"]),
        (&json!(["street", "city"]), &json!(["street", "city"]))
    );
    assert_eq!(billing["additionalProperties"], false);
    assert_eq!(billing["description"], "Where something is.");
    assert_eq!(shipping["properties"]["city"]["type"], "string");
    assert_eq!(shipping["properties"]["point"]["required"], json!(["latitude", "longitude"]));
    assert!(billing["properties"].get("note").is_none());
    let parameters = document["paths"]["/customers"]["get"]["parameters"].as_array().unwrap();
    let parameter = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
    let latitude = parameter("billing.point.latitude");
    assert_eq!(latitude["schema"]["type"], "integer");
    // What is compared with need not be a value that a row can have.
    assert!(latitude["schema"].get("maximum").is_none());
    let names = parameter("fields")["schema"]["items"]["enum"].as_array().unwrap();
    let first = ["id", "billing", "billing.street", "billing.city", "billing.country", "billing.point"];
    assert_eq!(names[..first.len()], first);
    app.stop().await;
}
