//! Fields with names that mean something elsewhere.

use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, HasMany, model, schema};

/// A message, with every name that the generated code could stumble over.
#[model]
#[derive(PartialEq, Eq)]
struct Message {
    id: i64,
    r#type: String,
    from: String,
    key: String,
    value: String,
    reader: String,
    scope: Option<String>,
    map: Option<String>,
    #[field(default = "select")]
    order: String,
    #[field(default, column = "group by")]
    new: i32,
    #[belongs_to]
    values: Option<BelongsTo<Message>>,
    #[has_many]
    update: HasMany<Message>,
}

#[tokio::test]
async fn any_name_can_be_a_field() {
    let db = Db::open("sqlite::memory:").await.unwrap();
    schema::create_tables(&[meta_of::<Message>()], &db).await.unwrap();
    let new = |text: &str| NewMessage {
        r#type: "mail".into(),
        from: text.into(),
        key: "k".into(),
        value: "v".into(),
        reader: "r".into(),
    };
    let first = new("ann").new(3).scope("s".to_owned()).insert(&db).await.unwrap();
    let second = new("bob").values(first.key()).order("by").insert(&db).await.unwrap();
    assert_eq!(Message::find(&second, &db).await.unwrap(), second);
    assert_eq!((first.order.as_str(), first.new, second.order.as_str()), ("select", 3, "by"));
    let found = Message::filter(|m| m.r#type.eq("mail") & m.values.is(|m| m.from.eq("ann")) & m.new.lt(1))
        .with(|m| m.values.with(|m| m.update))
        .one(&db)
        .await
        .unwrap();
    let answered = found.values.as_ref().unwrap().get().unwrap();
    assert_eq!(answered.update.get().unwrap(), [second]);
    assert_eq!(serde_json::to_value(&first).unwrap()["type"], "mail");
}
