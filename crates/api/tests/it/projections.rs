//! What of a model leaves the process.

use mainstay_api::{Api, ApiExt};
use mainstay_core::{App, Inject, Projection, Result};
use mainstay_db::relation::{BelongsTo, HasMany};
use mainstay_db::{Db, ModelsExt, model, models};
use mainstay_http::{Json, RoutesExt, get, routes};
use mainstay_test::TestApp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Somebody with a password.
#[model]
pub struct Member {
    pub id: i64,
    pub name: String,
    pub password: String,
    #[has_many]
    pub letters: HasMany<Letter>,
}

/// A letter.
#[model]
pub struct Letter {
    pub id: i64,
    pub subject: String,
    pub draft: String,
    #[belongs_to]
    pub member: BelongsTo<Member>,
}

/// A member, as others see it.
#[derive(Serialize, JsonSchema, Projection)]
#[projection(of = Member)]
struct PublicMember {
    id: i64,
    #[projection(from = name)]
    #[serde(rename = "displayName")]
    display_name: String,
    #[projection(nested)]
    letters: Option<Vec<PublicLetter>>,
    #[projection(with = initial)]
    initial: String,
}

/// A letter, as others see it.
#[derive(Serialize, JsonSchema, Projection)]
#[projection(of = Letter)]
struct PublicLetter {
    subject: String,
    #[projection(nested)]
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Writer>,
}

#[derive(Serialize, JsonSchema, Projection)]
#[projection(of = Member)]
struct Writer {
    name: String,
}

fn initial(member: &Member) -> String {
    member.name.chars().take(1).collect()
}

#[get("/members")]
async fn members(db: Inject<Db>) -> Result<Json<Vec<PublicMember>>> {
    let members = Member::query().with(|m| m.letters).order_by(|m| m.id).all(&db).await?;
    Ok(Json(PublicMember::each(members)))
}

#[get("/letters")]
async fn letters(db: Inject<Db>) -> Result<Json<Vec<PublicLetter>>> {
    let letters = Letter::query().with(|l| l.member).order_by(|l| l.id).all(&db).await?;
    let borrowed: Vec<_> = letters.iter().map(PublicLetter::from).collect();
    Ok(Json(borrowed))
}

#[get("/first")]
async fn first(db: Inject<Db>) -> Result<Json<PublicMember>> {
    Ok(Json(
        Member::query()
            .first(&db)
            .await?
            .map(PublicMember::from)
            .ok_or_else(|| mainstay_core::Error::not_found("none"))?,
    ))
}

#[tokio::test]
async fn only_what_a_projection_names_leaves_and_is_documented() {
    let routes = routes![members, letters, first];
    let app = App::new().models(models![Member, Letter]).api(Api::new()).routes(routes);
    let app = TestApp::start(app).await;
    let db = app.inject::<Db>().await;
    let ann = NewMember { name: "Ann".into(), password: "secret".into() }.insert(&db).await.unwrap();
    NewLetter { subject: "Hello".into(), draft: "secret".into(), member: ann.key() }
        .insert(&db)
        .await
        .unwrap();

    let letter = json!({ "subject": "Hello" });
    let expected = json!([{ "id": 1, "displayName": "Ann", "letters": [letter], "initial": "A" }]);
    let answer = app.get("/members").send().await;
    assert_eq!(answer.json::<serde_json::Value>(), expected);
    let expected = json!([{ "subject": "Hello", "member": { "name": "Ann" } }]);
    assert_eq!(app.get("/letters").send().await.json::<serde_json::Value>(), expected);
    let unloaded = json!({ "id": 1, "displayName": "Ann", "letters": null, "initial": "A" });
    assert_eq!(app.get("/first").send().await.json::<serde_json::Value>(), unloaded);

    let document = app.get("/openapi.json").send().await.json::<serde_json::Value>();
    let content = &document["paths"]["/members"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(content["schema"]["items"]["$ref"], "#/components/schemas/PublicMember");
    let properties = document["components"]["schemas"]["PublicMember"]["properties"].as_object().unwrap();
    let names: Vec<_> = properties.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 4);
    assert!(names.contains(&"displayName") && !document.to_string().contains("password"));
    app.stop().await;
}
