//! For which tenant requests are.

use std::time::Duration;

use mainstay_api::transaction::transaction;
use mainstay_api::{OutputCache, RequestTx, ResourcesExt, TenancyExt, TenantDb, TenantFrom};
use mainstay_core::principal::Principal;
use mainstay_core::{App, Contribute, Resolver, Result};
use mainstay_db::{BelongsTo, Db, HasMany, ModelsExt, model, models};
use mainstay_http::stack::principal::{Authenticate, Authenticator};
use mainstay_http::{Exchange, Json, RoutesExt, get, post, routes};
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_test::{Client, TestApp, on_each_engine};
use serde_json::{Value, json};

#[model]
struct Ledger {
    id: i64,
    #[field(tenant, index)]
    company: i64,
    #[field(max_length = 100)]
    name: String,
    #[has_many]
    lines: HasMany<Line>,
}

#[model]
struct Line {
    id: i64,
    #[field(tenant, index)]
    company: i64,
    #[field(max_length = 100)]
    text: String,
    #[belongs_to]
    ledger: BelongsTo<Ledger>,
}

/// Of no company itself: what it is about is of one.
#[model]
struct Remark {
    id: i64,
    #[field(max_length = 100)]
    text: String,
    #[belongs_to]
    ledger: BelongsTo<Ledger>,
}

/// `x-companies: 1,2` is somebody who belongs to these.
struct ByHeader;

impl Authenticate for ByHeader {
    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut http::request::Parts,
        _: &'a Resolver,
    ) -> futures_util::future::BoxFuture<'a, Result<Option<Principal>>> {
        let companies = request.headers.get("x-companies").and_then(|value| value.to_str().ok());
        let all =
            companies.map(|text| text.split(',').filter_map(|one| one.parse().ok()).collect::<Vec<i64>>());
        let who = all.map(|all| {
            let who = Principal::user("1").with_claim("companies", all.clone());
            match &*all {
                [only] => who.with_claim("company", *only),
                _ => who,
            }
        });
        Box::pin(std::future::ready(Ok(who)))
    }
}

#[get("/names")]
async fn names(db: TenantDb) -> Result<Json<Vec<String>>> {
    Ok(Json(Ledger::query().select(|ledger| ledger.name).all(&db).await?))
}

#[post("/both")]
async fn both(tx: RequestTx) -> Result<String> {
    let made = NewLedger { name: "by hand".into() }.insert(&tx).await?;
    Ok(format!("{} of {}", Ledger::query().count(&tx).await?, made.company))
}

#[get("/plain")]
async fn plain(db: mainstay_core::Inject<Db>) -> Result<String> {
    Ok(Ledger::query().count(&db).await?.to_string())
}

fn app(from: TenantFrom) -> App {
    App::new()
        .models(models![Ledger, Line, Remark])
        .contribute(Authenticator::new(ByHeader))
        .tenancy(from)
        .resource(Resource::<Ledger>::new("/ledgers").policy(Open).include(|ledger| ledger.lines))
        .resource(Resource::<Line>::new("/lines").policy(Open).include(|line| line.ledger))
        .resource(Resource::<Remark>::new("/remarks").policy(Open).include(|remark| remark.ledger))
        .routes(routes![names, plain])
        .routes(routes![both].middleware(transaction))
}

async fn fill(app: &TestApp) -> [Ledger; 2] {
    let db = app.inject::<Db>().await;
    let mut made = Vec::new();
    for (company, name) in [(1_i64, "plain"), (2, "secret")] {
        let db = db.tenant(company);
        let ledger = NewLedger { name: name.into() }.insert(&db).await.unwrap();
        NewLine { text: format!("{name} line"), ledger: ledger.key() }.insert(&db).await.unwrap();
        made.push(ledger);
    }
    made.try_into().unwrap()
}

fn of(app: &TestApp, companies: &str) -> Client {
    app.client().with_header("x-companies", companies)
}

#[tokio::test]
async fn a_resource_is_of_the_tenant_by_itself() {
    on_each_engine(
        || TestApp::of(app(TenantFrom::claim::<i64>("company"))),
        async |app| {
            let [mine, theirs] = fill(app).await;
            let client = of(app, "1");
            for path in [
                "/ledgers",
                "/ledgers?include=lines",
                "/lines?include=ledger",
                "/names",
                "/ledgers?sort=name",
            ] {
                let told = client.get(path).send().await;
                told.assert_success().assert_text_contains("plain");
                assert!(!told.text().contains("secret"), "{path}: {}", told.text());
            }
            let their_path = format!("/ledgers/{}", theirs.id);
            client.get(&their_path).send().await.assert_status(404);
            client.patch(&their_path).json(&json!({ "name": "x" })).send().await.assert_status(404);
            client.put(&their_path).json(&json!({ "name": "x" })).send().await.assert_status(404);
            client.delete(&their_path).send().await.assert_status(404);

            let made = client.post("/ledgers").json(&json!({ "name": "new" })).send().await;
            let made: Value = made.assert_status(201).json();
            assert_eq!(made["company"], 1);
            // Nobody says of which tenant a row is.
            let said = client.post("/ledgers").json(&json!({ "name": "new", "company": 2 })).send().await;
            said.assert_status(422);
            let line = json!({ "text": "x", "ledger_id": theirs.id });
            client.post("/lines").json(&line).send().await.assert_problem(422, "unknown_reference");
            let line = json!({ "text": "x", "ledger_id": mine.id });
            client.post("/lines").json(&line).send().await.assert_status(201);
            client.post("/both").send().await.assert_text("3 of 1");
            let db = app.inject::<Db>().await;
            assert_eq!(Ledger::query().count(&db.tenant(2_i64)).await.unwrap(), 1);
        },
    )
    .await;
}

#[tokio::test]
async fn a_list_goes_on_past_a_relation_that_is_anothers() {
    let app = TestApp::start(app(TenantFrom::claim::<i64>("company"))).await;
    let db = app.inject::<Db>().await;
    for ledger in fill(&app).await {
        NewRemark { text: "a remark".into(), ledger: ledger.key() }.insert(&db).await.unwrap();
    }
    let client = of(&app, "1");
    let told: Value = client.get("/remarks?include=ledger&sort=id").send().await.assert_success().json();
    let names: Vec<&Value> = told["items"].as_array().unwrap().iter().map(|one| &one["ledger"]).collect();
    assert!(names[0]["name"] == "plain" && names[1].is_null() && names.len() == 2, "{told}");
    let path = format!("/remarks/{}?include=ledger", told["items"][1]["id"]);
    client.get(&path).send().await.assert_success().assert_json_at("/ledger", json!(null));
}

#[tokio::test]
async fn a_request_of_no_tenant_finds_nothing() {
    let app = TestApp::start(app(TenantFrom::claim::<i64>("company"))).await;
    fill(&app).await;
    let stranger = app.client();
    stranger.get("/names").send().await.assert_status(401);
    of(&app, "1,2").get("/names").send().await.assert_problem(403, "wrong_tenant");
    stranger.get("/ledgers").send().await.assert_success().assert_json_at("/total", json!(0));
    let made = stranger.post("/ledgers").json(&json!({ "name": "x" })).send().await;
    assert!(!made.status().is_success(), "{}", made.text());
    // A handler that forgets it gets nothing at all.
    of(&app, "1").get("/plain").send().await.assert_status(500);
}

#[tokio::test]
async fn whoever_asks_for_a_tenant_must_belong_to_it() {
    let app =
        TestApp::start(app(TenantFrom::header::<i64>("x-company").allowed_by::<i64>("companies"))).await;
    fill(&app).await;
    let client = of(&app, "1,3");
    client.get("/names").header("x-company", "1").send().await.assert_json(json!(["plain"]));
    client.get("/names").header("x-company", "2").send().await.assert_problem(403, "wrong_tenant");
    client.get("/ledgers").header("x-company", "2").send().await.assert_problem(403, "wrong_tenant");
    client.get("/names").header("x-company", "two").send().await.assert_problem(400, "invalid_tenant");
    app.client().get("/names").header("x-company", "1").send().await.assert_status(401);
    client.get("/names").send().await.assert_problem(403, "wrong_tenant");
}

#[tokio::test]
async fn a_tenant_can_be_a_part_of_the_host_or_looked_up() {
    let by_host = TenantFrom::subdomain_of::<i64>("example.com").allowed_by::<i64>("companies");
    let app_by_host =
        TestApp::start(app(by_host).set("http.allowed_hosts", "*.example.com, example.com")).await;
    fill(&app_by_host).await;
    let client = of(&app_by_host, "2");
    client.get("/names").header("host", "2.example.com").send().await.assert_json(json!(["secret"]));
    client.get("/names").header("host", "1.example.com").send().await.assert_problem(403, "wrong_tenant");
    client.get("/names").header("host", "a.2.example.com").send().await.assert_status(403);
    client.get("/names").header("host", "example.com").send().await.assert_problem(403, "wrong_tenant");

    let looked_up = TenantFrom::new(async |asked: mainstay_api::tenancy::TenantQuestion| {
        if !asked.who.is_authenticated() {
            return Ok(None);
        }
        Ok(Ledger::filter(|ledger| ledger.name.eq("secret"))
            .first(&asked.db)
            .await?
            .map(|ledger| ledger.company))
    });
    let app = TestApp::start(app(looked_up)).await;
    fill(&app).await;
    of(&app, "1").get("/names").send().await.assert_json(json!(["secret"]));
}

#[get("/kept")]
async fn kept(db: TenantDb) -> Result<Json<Vec<String>>> {
    Ok(Json(Ledger::query().select(|ledger| ledger.name).all(&db).await?))
}

#[tokio::test]
async fn a_kept_answer_is_given_to_nobody_of_another_tenant() {
    let cached = routes![kept].middleware(OutputCache::for_(Duration::from_secs(60)));
    let app = app(TenantFrom::header::<i64>("x-company")).routes(cached);
    let app = TestApp::start(app).await;
    fill(&app).await;
    for _ in 0..2 {
        for (company, name) in [("1", "plain"), ("2", "secret")] {
            let told = app.client().get("/kept").header("x-company", company).send().await;
            told.assert_json(json!([name]));
        }
    }
}
