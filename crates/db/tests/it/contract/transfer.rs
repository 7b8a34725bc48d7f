//! Rows out of a database and into another.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use futures_util::TryStreamExt;
use mainstay_core::Result;
use mainstay_db::meta::meta_of;
use mainstay_db::transfer::{self, Chosen, Source};
use mainstay_db::{
    BelongsTo, Db, DbEnum, Decimal, Json, Key, Model, ModelMeta, Settings, Tx, Uuid, model, schema, sql,
};
use serde_json::json;

use super::{Engine, blog, suite};
use crate::blog::{Article, Comment, NewTag, NewUser, Status, User, article, comment, models, tag, user};
use crate::{office, people};

suite!(
    a_dump_comes_back_with_its_keys_and_references,
    every_type_is_the_same_text_on_every_engine,
    what_is_deleted_softly_and_counted_comes_back_as_it_was,
    tables_between_two_models_are_among_it,
    only_what_is_chosen_is_dumped,
    a_dump_is_as_of_one_moment,
    keys_go_on_after_those_that_were_loaded,
    references_to_rows_further_down_are_kept,
    models_that_refer_to_each_other_are_loaded,
    rows_that_must_refer_to_rows_further_down_wait_for_them,
    rows_that_must_come_after_each_other_are_refused,
    variants_that_are_stored_as_numbers_are_loaded_by_their_names_too,
);

/// A field of every type.
#[model]
#[derive(PartialEq)]
struct Sample {
    id: Uuid,
    tiny: i8,
    port: Option<u16>,
    big: i64,
    real: f32,
    double: f64,
    flag: bool,
    #[field(precision = 12, scale = 2)]
    price: Decimal,
    token: Option<Uuid>,
    day: NaiveDate,
    hour: NaiveTime,
    moment: DateTime<Utc>,
    text: String,
    bytes: Vec<u8>,
    json: Json<serde_json::Value>,
}

/// How much hurry there is.
#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[db(integer)]
enum Urgency {
    Low = 1,
    High = 7,
}

/// Something to be done.
#[model]
struct Ticket {
    id: i64,
    urgency: Urgency,
}

/// A team, which may have a captain.
#[model]
struct Team {
    id: i64,
    #[belongs_to]
    captain: Option<BelongsTo<Player>>,
}

/// A player, who must have a team.
#[model]
struct Player {
    id: i64,
    #[belongs_to]
    team: BelongsTo<Team>,
}

/// A place in a tree, whose root is its own parent.
#[model]
struct Node {
    id: i64,
    #[belongs_to]
    parent: BelongsTo<Self>,
}

async fn empty(engine: Engine, models: &[&'static ModelMeta]) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(models, &db).await.unwrap();
    db
}

async fn lines(models: &[&'static ModelMeta], snapshot: &Tx) -> Vec<String> {
    let pieces: Vec<String> = transfer::dump(&Chosen::all(models), snapshot).try_collect().await.unwrap();
    pieces.concat().lines().map(str::to_owned).collect()
}

async fn dump(models: &[&'static ModelMeta], db: &Db) -> Vec<String> {
    let snapshot = transfer::snapshot(db).await.unwrap();
    let lines = lines(models, &snapshot).await;
    snapshot.rollback().await.unwrap();
    lines
}

async fn load(models: &[&'static ModelMeta], db: &Db, lines: &[impl AsRef<str>]) -> Result<u64> {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    transfer::load(models, db, [Source::text("rows", lines.join("\n"))]).await
}

/// Two users, two articles, a tag, and a comment with a reply.
async fn filled(engine: Engine) -> Db {
    let db = blog(engine).await;
    let (mut ann, bob) = (user(&db, "ann").await, user(&db, "bob ' \" \\ \n €").await);
    let mut first = article(&db, &ann, "first").await;
    ann.update(|u| u.score(0.1).password_hash("secret"), &db).await.unwrap();
    first.update(|a| a.status(Status::Published).editor(bob.key()), &db).await.unwrap();
    first.tags.add([&tag(&db, "rust").await], &db).await.unwrap();
    let said = comment(&db, &first, &bob, "well").await.unwrap();
    let mut reply = comment(&db, &first, &ann, "thanks").await.unwrap();
    reply.update(|c| c.parent(said.key()), &db).await.unwrap();
    article(&db, &bob, "second").await;
    db
}

async fn a_dump_comes_back_with_its_keys_and_references(engine: Engine) {
    let (db, other) = (filled(engine).await, blog(engine).await);
    let dumped = dump(&models(), &db).await;
    assert_eq!(dumped.len(), 8);
    assert_eq!(load(&models(), &other, &dumped).await.unwrap(), 8);
    assert_eq!(dump(&models(), &other).await, dumped);
    let query = Article::filter(|a| a.slug.eq("first")).with(|a| a.tags).with(|a| a.comments);
    let first = query.one(&other).await.unwrap();
    assert_eq!((first.tags.get().unwrap().len(), first.comments.get().unwrap().len()), (1, 2));
    let ann = User::filter(|u| u.name.eq("ann")).one(&other).await.unwrap();
    assert_eq!((ann.password_hash.as_str(), ann.score), ("secret", Some(0.1)));
    // They are there already, and say so with their line.
    let again = load(&models(), &other, &dumped).await.unwrap_err();
    assert_eq!(again.status().as_u16(), 409);
    assert!(again.message().starts_with("rows, line 1: another "), "{}", again.message());
}

async fn every_type_is_the_same_text_on_every_engine(engine: Engine) {
    let model = [meta_of::<Sample>()];
    let (db, sqlite) = (empty(engine, &model).await, Db::open("sqlite::memory:").await.unwrap());
    schema::create_tables(&model, &sqlite).await.unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let hour = NaiveTime::from_hms_micro_opt(23, 59, 59, 1).unwrap();
    let new = NewSample {
        id: Uuid::from_u128(7),
        tiny: i8::MIN,
        big: i64::MIN,
        real: 0.1,
        double: 0.1 + 0.2,
        flag: true,
        price: Decimal::new(1_250, 2),
        day,
        hour,
        moment: day.and_time(hour).and_utc(),
        text: "' \" \\ \n \u{1} € 👩‍👧".into(),
        bytes: vec![0, 255],
        json: Json(json!({ "b": [1, 2.5, null, "é"], "a": { "deep": true } })),
    };
    let stored = new.insert(&db).await.unwrap();
    let dumped = dump(&model, &db).await;
    assert_eq!(
        dumped,
        [
            r#"{"model":"Sample","fields":{"id":"00000000-0000-0000-0000-000000000007","tiny":-128,"port":null,"big":-9223372036854775808,"real":0.1,"double":0.30000000000000004,"flag":true,"price":"12.50","token":null,"day":"2026-11-23","hour":"23:59:59.000001","moment":"2026-11-23T23:59:59.000001Z","text":"' \" \\ \n \u0001 € 👩‍👧","bytes":"00ff","json":{"a":{"deep":true},"b":[1,2.5,null,"é"]}}}"#
        ]
    );
    load(&model, &sqlite, &dumped).await.unwrap();
    assert_eq!(dump(&model, &sqlite).await, dumped);
    assert_eq!(Sample::query().one(&sqlite).await.unwrap(), stored);
    sqlite.close().await;
}

async fn what_is_deleted_softly_and_counted_comes_back_as_it_was(engine: Engine) {
    let models = office::models();
    let (db, other) = (empty(engine, &models).await, empty(engine, &models).await);
    let folder = office::NewFolder { name: "in".into() }.insert(&db).await.unwrap();
    let new = office::NewDocument { title: "gone".into(), folder: folder.key() };
    let mut document = new.insert(&db).await.unwrap();
    document.update(|d| d.body("changed"), &db).await.unwrap();
    document.delete(&db).await.unwrap();
    let version = office::Document::query().with_deleted().one(&db).await.unwrap().version;
    let dumped = dump(&models, &db).await;
    load(&models, &other, &dumped).await.unwrap();
    assert_eq!(dump(&models, &other).await, dumped);
    assert_eq!(office::Document::query().count(&other).await.unwrap(), 0);
    let gone = office::Document::query().with_deleted().one(&other).await.unwrap();
    assert!(version > 1);
    assert_eq!((gone.body.as_str(), gone.version, gone.deleted_at.is_some()), ("changed", version, true));
}

async fn tables_between_two_models_are_among_it(engine: Engine) {
    let models = people::models();
    let (db, other) = (empty(engine, &models).await, empty(engine, &models).await);
    let new = |name: &str| people::NewPerson { name: name.into() };
    let (mut ann, bob) = (new("ann").insert(&db).await.unwrap(), new("bob").insert(&db).await.unwrap());
    ann.follows.add([&bob], &db).await.unwrap();
    let dumped = dump(&models, &db).await;
    assert_eq!(dumped[2], r#"{"model":"PersonFollows","fields":{"from_person":1,"to_person":2}}"#);
    load(&models, &other, &dumped).await.unwrap();
    let people = people::Person::filter(|p| p.followers.any(|p| p.name.eq("ann"))).all(&other).await.unwrap();
    assert_eq!(people.len(), 1);
}

async fn only_what_is_chosen_is_dumped(engine: Engine) {
    let db = filled(engine).await;
    let models = models();
    let snapshot = transfer::snapshot(&db).await.unwrap();
    for (chosen, rows) in [
        (Chosen::all(&models).without(["Comment", "article_tags"]), 5),
        (Chosen::all(&models).only(["User", "Tag"]), 3),
    ] {
        let dump = transfer::dump(&chosen.unwrap(), &snapshot);
        let pieces: Vec<String> = dump.try_collect().await.unwrap();
        assert_eq!(pieces.concat().lines().count(), rows);
    }
    snapshot.rollback().await.unwrap();
    let unknown = Chosen::all(&models).only(["Usr"]).unwrap_err();
    assert_eq!(
        unknown.message(),
        "there is no model `Usr`; there are: User, Article, Comment, Tag, ArticleTag"
    );
}

async fn a_dump_is_as_of_one_moment(engine: Engine) {
    let db = filled(engine).await;
    let before = dump(&models(), &db).await;
    let snapshot = transfer::snapshot(&db).await.unwrap();
    let mut dump = transfer::dump(&Chosen::all(&models()), &snapshot);
    let mut pieces = dump.try_next().await.unwrap().unwrap();
    Comment::query().delete(&db).await.unwrap();
    NewTag { name: "late".into() }.insert(&db).await.unwrap();
    while let Some(piece) = dump.try_next().await.unwrap() {
        pieces.push_str(&piece);
    }
    assert_eq!(pieces.lines().collect::<Vec<_>>(), before);
}

async fn keys_go_on_after_those_that_were_loaded(engine: Engine) {
    let (db, other) = (filled(engine).await, blog(engine).await);
    let gone = user(&other, "gone").await;
    sql(format!("UPDATE {} SET id = 500 WHERE id = {}", User::META.table, gone.id))
        .execute(&other)
        .await
        .unwrap();
    User::query().delete(&other).await.unwrap();
    load(&models(), &other, &dump(&models(), &db).await).await.unwrap();
    let greatest = User::query().order_by(|u| u.id.desc()).first(&other).await.unwrap().unwrap().id;
    let next = NewUser { name: "new".into() }.insert(&other).await.unwrap();
    assert!(next.id > greatest, "{} after {greatest}", next.id);
    // A table without rows counts from where it was.
    NewTag { name: "new".into() }.insert(&other).await.unwrap();
}

async fn references_to_rows_further_down_are_kept(engine: Engine) {
    let (db, other) = (filled(engine).await, blog(engine).await);
    let first = Article::filter(|a| a.slug.eq("first")).one(&db).await.unwrap();
    let ann = User::filter(|u| u.name.eq("ann")).one(&db).await.unwrap();
    // Each is the reply to the next, over more rows than are written at once.
    let mut replies: Vec<Comment> = Vec::new();
    for number in 0..600 {
        replies.push(comment(&db, &first, &ann, &number.to_string()).await.unwrap());
    }
    for pair in 0..replies.len() - 1 {
        let next = replies[pair + 1].key();
        replies[pair].update(|c| c.parent(next), &db).await.unwrap();
    }
    let dumped = dump(&models(), &db).await;
    load(&models(), &other, &dumped).await.unwrap();
    assert_eq!(dump(&models(), &other).await, dumped);
    let nowhere: Vec<String> = dumped
        .iter()
        .map(|line| {
            line.replace("\"text\":\"599\"", "\"text\":\"last\"")
                .replace("\"parent\":null}", "\"parent\":99999}")
        })
        .collect();
    let third = blog(engine).await;
    let refused = load(&models(), &third, &nowhere).await.unwrap_err();
    assert!(
        refused.message().ends_with("`Comment.parent` refers to a row that does not exist"),
        "{}",
        refused.message()
    );
}

async fn models_that_refer_to_each_other_are_loaded(engine: Engine) {
    let models = [meta_of::<Team>(), meta_of::<Player>()];
    let (db, other) = (empty(engine, &models).await, empty(engine, &models).await);
    for _ in 0..2 {
        let mut team = NewTeam {}.insert(&db).await.unwrap();
        let player = NewPlayer { team: team.key() }.insert(&db).await.unwrap();
        team.update(|t| t.captain(player.key()), &db).await.unwrap();
    }
    let mut dumped = dump(&models, &db).await;
    load(&models, &other, &dumped).await.unwrap();
    assert_eq!(dump(&models, &other).await, dumped);
    // In the other order, the players wait for their teams, and the teams are given their captains later.
    dumped.reverse();
    let third = empty(engine, &models).await;
    load(&models, &third, &dumped).await.unwrap();
    dumped.reverse();
    assert_eq!(dump(&models, &third).await, dumped);
}

fn node(id: i64, parent: i64) -> String {
    format!(r#"{{"model":"Node","fields":{{"id":{id},"parent":{parent}}}}}"#)
}

async fn rows_that_must_refer_to_rows_further_down_wait_for_them(engine: Engine) {
    let models = [meta_of::<Node>()];
    let db = empty(engine, &models).await;
    // The root comes last.
    let mut nodes: Vec<String> = (2..=400).rev().map(|id| node(id, id / 2)).collect();
    nodes.push(node(1, 1));
    assert_eq!(load(&models, &db, &nodes).await.unwrap(), 400);
    nodes.reverse();
    assert_eq!(dump(&models, &db).await, nodes);
    let child = NewNode { parent: Key::new(400) }.insert(&db).await.unwrap();
    assert_eq!(child.id, 401);
}

async fn rows_that_must_come_after_each_other_are_refused(engine: Engine) {
    let models = [meta_of::<Node>()];
    let db = empty(engine, &models).await;
    let refused = load(&models, &db, &[node(1, 1), node(2, 3), node(3, 2)]).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "rows, line 2: `Node.parent` refers to a row that refers back to this one, and neither can come first: one of \
         the two references must be optional"
    );
    let refused = load(&models, &db, &[node(1, 1), node(2, 9)]).await.unwrap_err();
    assert_eq!(refused.message(), "rows, line 2: `Node.parent` refers to a row that does not exist");
    assert_eq!(Node::query().count(&db).await.unwrap(), 0);
}

async fn variants_that_are_stored_as_numbers_are_loaded_by_their_names_too(engine: Engine) {
    let models = [meta_of::<Ticket>()];
    let db = empty(engine, &models).await;
    let ticket = |urgency: &str| format!(r#"{{"model":"Ticket","fields":{{"urgency":{urgency}}}}}"#);
    load(&models, &db, &[ticket("\"high\""), ticket("1")]).await.unwrap();
    let tickets = Ticket::query().order_by(|t| t.id.asc()).all(&db).await.unwrap();
    assert_eq!((tickets[0].urgency, tickets[1].urgency), (Urgency::High, Urgency::Low));
    assert!(dump(&models, &db).await[0].ends_with(r#""urgency":7}}"#));
    for wrong in ["\"none\"", "5"] {
        let refused = load(&models, &db, &[ticket(wrong)]).await.unwrap_err();
        assert!(
            refused.message().starts_with("rows, line 1: `Ticket.urgency` must be"),
            "{}",
            refused.message()
        );
    }
}
