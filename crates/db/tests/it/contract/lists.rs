//! Lists in columns: what an engine with arrays keeps, finds and indexes, and what the others say of it.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use mainstay_db::meta::meta_of;
use mainstay_db::schema::{self, ColumnType, Schema};
use mainstay_db::{
    CursorRequest, Db, DbEnum, DbType, Decimal, Dialect, Executor, ModelMeta, Query, Settings, Uuid, model,
    sql,
};

use super::migrations::walk;
use super::{Engine, suite};

suite!(
    an_engine_without_arrays_says_so,
    keeps_any_list,
    every_way_to_write_keeps_lists,
    finds_rows_by_their_lists,
    refuses_what_a_list_cannot_hold,
    selects_and_sorts_lists,
    migrations_make_lists_and_their_indexes,
);

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Calm,
    WideAwake,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[db(integer)]
enum Rank {
    Second = 2,
    First = 1,
}

#[derive(DbType, Clone, Debug, PartialEq)]
struct Word(String);

/// Lists of every type.
#[model]
#[derive(PartialEq)]
struct Bag {
    id: i64,
    words: Vec<String>,
    numbers: Option<Vec<i32>>,
    #[field(default)]
    flags: Vec<bool>,
    #[field(default)]
    small: Vec<i8>,
    #[field(default)]
    ports: Vec<u16>,
    #[field(default)]
    large: Vec<i64>,
    #[field(default)]
    reals: Vec<f32>,
    #[field(default)]
    doubles: Vec<f64>,
    #[field(default)]
    prices: Vec<Decimal>,
    #[field(default = vec![Uuid::nil()])]
    tokens: Vec<Uuid>,
    #[field(default)]
    blobs: Vec<Vec<u8>>,
    #[field(default)]
    moments: Vec<DateTime<Utc>>,
    #[field(default)]
    days: Vec<NaiveDate>,
    #[field(default)]
    hours: Vec<NaiveTime>,
    #[field(default)]
    moods: Vec<Mood>,
    #[field(default)]
    ranks: Vec<Rank>,
    #[field(default)]
    own: Vec<Word>,
    #[field(default)]
    gaps: Vec<Option<i64>>,
}

#[model]
#[index(tags, using = "gin")]
struct Note {
    id: i64,
    #[field(unique)]
    title: String,
    #[field(default)]
    tags: Vec<String>,
    scores: Option<Vec<i32>>,
}

fn models() -> [&'static ModelMeta; 2] {
    [meta_of::<Bag>(), meta_of::<Note>()]
}

/// A database with the tables, where the engine can have them.
async fn lists(engine: Engine) -> Option<Db> {
    let db = Db::over(engine.driver().await, Settings::default());
    if !db.dialect().has_arrays() {
        return None;
    }
    schema::create_tables(&models(), &db).await.unwrap();
    Some(db)
}

/// Texts that the text form of an array has to escape, or could take for something else.
fn hostile() -> Vec<String> {
    let texts = [
        "",
        " ",
        "a,b",
        "\"",
        "{}",
        "\\",
        "\\\"",
        "NULL",
        "null",
        "ß\u{1f600}",
        "'; DROP TABLE bags; --",
        "\n",
    ];
    texts.map(str::to_owned).to_vec()
}

async fn an_engine_without_arrays_says_so(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let findings = schema::unsupported(&models(), db.dialect());
    if db.dialect() == Dialect::Postgres {
        assert!(findings.is_empty(), "{findings:?}");
        return;
    }
    let name = db.dialect().name();
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let found = found.join("\n");
    for expected in [
        format!("error[db.E026]: {name} has no arrays, and `Bag.words` is one"),
        "make it a `Json<Vec<…>>`".to_owned(),
        format!("error[db.E021]: {name} has no index `using = \"gin\"`, which `notes_tags_idx` of `Note` is"),
    ] {
        assert!(found.contains(&expected), "{expected}\n---\n{found}");
    }
    let fault = schema::create_tables(&models(), &db).await.unwrap_err().report();
    assert!(fault.contains("has no arrays, and `Bag.words` is one"), "{fault}");
    let fault = Note::filter(|n| n.tags.has("a")).count(&db).await.unwrap_err().report();
    assert!(fault.contains("has no arrays: keep the list in a `Json<Vec<…>>`"), "{fault}");
}

async fn keeps_any_list(engine: Engine) {
    let Some(db) = lists(engine).await else { return };
    let hour = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    let day = |year| NaiveDate::from_ymd_opt(year, 2, 28).unwrap();
    let full = NewBag { words: hostile() }
        .numbers(vec![i32::MIN, 0, i32::MAX])
        .flags(vec![true, false])
        .small(vec![i8::MIN, i8::MAX])
        .ports(vec![u16::MIN, u16::MAX])
        .large(vec![i64::MIN, i64::MAX])
        .reals(vec![f32::MIN_POSITIVE, f32::MAX, f32::NEG_INFINITY])
        .doubles(vec![f64::MIN, -0.0, 5e-324])
        .prices(vec![Decimal::MAX, Decimal::new(150, 2), Decimal::new(-1, 28)])
        .blobs(vec![Vec::new(), (0..=255).collect()])
        .moments(vec![day(1).and_time(hour).and_utc(), day(9999).and_time(hour).and_utc()])
        .days(vec![day(1), day(9999)])
        .hours(vec![NaiveTime::MIN, hour])
        .moods(vec![Mood::WideAwake, Mood::Calm])
        .ranks(vec![Rank::Second, Rank::First])
        .own(vec![Word("a".into())])
        .gaps(vec![None, Some(7), None]);
    let full = full.insert(&db).await.unwrap();
    assert_eq!((&full.words, &full.tokens), (&hostile(), &vec![Uuid::nil()]));
    assert_eq!((full.small.as_slice(), full.ports.as_slice()), (&[i8::MIN, i8::MAX][..], &[0, u16::MAX][..]));
    assert_eq!(
        (full.ranks.as_slice(), full.gaps.as_slice()),
        (&[Rank::Second, Rank::First][..], &[None, Some(7), None][..])
    );
    assert_eq!(Bag::find(full.id, &db).await.unwrap(), full);
    let json = serde_json::to_value(&full).unwrap();
    assert_eq!(json["words"][2], "a,b");
    assert_eq!(
        (&json["moods"], &json["gaps"]),
        (&["wide_awake", "calm"].into(), &serde_json::json!([null, 7, null]))
    );

    let empty = NewBag { words: Vec::new() }.numbers(Vec::new()).insert(&db).await.unwrap();
    assert_eq!((empty.words.len(), empty.numbers), (0, Some(Vec::new())));
    let none = NewBag { words: vec![String::new()] }.insert(&db).await.unwrap();
    assert_eq!((none.words, none.numbers), (vec![String::new()], None));
    let long: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    assert!(NewBag { words: long.clone() }.insert(&db).await.unwrap().words == long);
    // Less than a microsecond is left out here too, so that what is returned is what is stored.
    let moment = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    let fine = NewBag { words: Vec::new() }.moments(vec![moment]).insert(&db).await.unwrap();
    assert_eq!(fine.moments, [DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap()]);
}

async fn every_way_to_write_keeps_lists(engine: Engine) {
    let Some(db) = lists(engine).await else { return };
    let note = |title: &str| NewNote { title: title.to_owned() }.tags(hostile());
    let tags = async |title: &str| {
        let title = title.to_owned();
        Note::filter(|n| n.title.eq(title)).one(&db).await.unwrap().tags
    };
    Note::insert_all([note("a"), note("b"), note("c")], &db).await.unwrap();
    let stored = Note::insert_all_returning([note("d"), note("e")], &db).await.unwrap();
    assert_eq!(stored[1].tags, hostile());
    let two = vec!["x".to_owned(), "y".to_owned()];
    assert_eq!(note("a").tags(two.clone()).upsert(|n| n.title, &db).await.unwrap().tags, two);
    Note::upsert_all([note("b").tags(two.clone()), note("f")], |n| n.title, &db).await.unwrap();
    assert_eq!((tags("b").await, tags("f").await), (two.clone(), hostile()));
    let mut c = Note::filter(|n| n.title.eq("c")).one(&db).await.unwrap();
    c.update(|n| n.tags(two.clone()).scores(vec![1]), &db).await.unwrap();
    assert_eq!((c.tags.clone(), c.scores.clone()), (two.clone(), Some(vec![1])));
    c.edit(|n| n.tags.push("z".into()), &db).await.unwrap();
    assert_eq!(tags("c").await, ["x", "y", "z"]);
    c.tags.clear();
    assert_eq!(Note::save_all(&[c], &db).await.unwrap(), 1);
    assert!(tags("c").await.is_empty());
    Note::filter(|n| n.title.eq("d")).update(|n| n.tags(two.clone()).scores(None), &db).await.unwrap();
    let mut d = Note::filter(|n| n.title.eq("d")).one(&db).await.unwrap();
    assert_eq!((&d.tags, &d.scores), (&two, &None));
    d.update_with(|n| n.tags.set(["w"]), &db).await.unwrap();
    assert_eq!(d.tags, ["w"]);
    let by_hand = sql("SELECT tags FROM notes WHERE tags = $1").bind(hostile()).rows(&db).await.unwrap();
    assert_eq!(by_hand.first().unwrap().get::<Vec<String>>(0), Ok(hostile()));
}

async fn finds_rows_by_their_lists(engine: Engine) {
    let Some(db) = lists(engine).await else { return };
    let note = |title: &str, tags: &[&str]| {
        NewNote { title: title.to_owned() }.tags(tags.iter().map(|tag| (*tag).to_owned()).collect())
    };
    let notes = [
        note("none", &[]),
        note("one", &["a"]).scores(vec![1, 2]),
        note("two", &["a", "b"]).scores(vec![2]),
        note("three", &["b", "c", "{,\"\\"]).scores(Vec::new()),
    ];
    Note::insert_all(notes, &db).await.unwrap();
    let titles = async |query: Query<Note>| {
        let found = query.order_by(|n| n.id).all(&db).await.unwrap();
        found.into_iter().map(|note| note.title).collect::<Vec<_>>()
    };
    assert_eq!(titles(Note::filter(|n| n.tags.has("a"))).await, ["one", "two"]);
    assert_eq!(titles(Note::filter(|n| !n.tags.has("a"))).await, ["none", "three"]);
    assert_eq!(titles(Note::filter(|n| n.tags.has("{,\"\\"))).await, ["three"]);
    assert_eq!(titles(Note::filter(|n| n.tags.has_all(["b", "a"]))).await, ["two"]);
    assert_eq!(titles(Note::filter(|n| n.tags.has_all(Vec::new()))).await.len(), 4);
    assert_eq!(titles(Note::filter(|n| n.tags.overlaps(["c", "a"]))).await, ["one", "two", "three"]);
    assert!(titles(Note::filter(|n| n.tags.overlaps(Vec::new()))).await.is_empty());
    assert_eq!(titles(Note::filter(|n| n.tags.is_empty())).await, ["none"]);
    assert_eq!(titles(Note::filter(|n| n.tags.len().ge(2))).await, ["two", "three"]);
    assert_eq!(titles(Note::filter(|n| n.tags.eq(["a", "b"]))).await, ["two"]);
    assert_eq!(titles(Note::filter(|n| n.tags.ne(["a", "b"]))).await, ["none", "one", "three"]);
    let lists = [vec!["a".to_owned()], Vec::new(), vec!["b".to_owned(), "a".to_owned()]];
    assert_eq!(titles(Note::filter(|n| n.tags.is_in(lists))).await, ["none", "one"]);
    // A column that may be NULL.
    assert_eq!(titles(Note::filter(|n| n.scores.has(2))).await, ["one", "two"]);
    assert_eq!(titles(Note::filter(|n| n.scores.eq([2]))).await, ["two"]);
    assert_eq!(titles(Note::filter(|n| n.scores.is_empty())).await, ["three"]);
    assert_eq!(titles(Note::filter(|n| n.scores.is_null())).await, ["none"]);
    assert_eq!(titles(Note::filter(|n| n.scores.len().eq(2))).await, ["one"]);
    // What is computed can be looked for, but not be one of several that are written down.
    let upper = Note::filter(|n| n.tags.has(n.title.lower()));
    assert!(titles(upper).await.is_empty());
    let fault = Note::filter(|n| n.tags.has_all([n.title])).count(&db).await.unwrap_err().report();
    assert!(fault.contains("a list is of values"), "{fault}");
    let plan = Note::filter(|n| n.tags.has("a"));
    db.transaction(async |tx| {
        sql("SET LOCAL enable_seqscan = off").execute(tx).await?;
        let plan = plan.explain(tx).await?;
        assert!(plan.contains("notes_tags_idx"), "{plan}");
        Ok(())
    })
    .await
    .unwrap();
}

async fn refuses_what_a_list_cannot_hold(engine: Engine) {
    let Some(db) = lists(engine).await else { return };
    let fault = NewBag { words: vec!["a".into(), "\0".into()] }.insert(&db).await.unwrap_err();
    assert_eq!((fault.faults()[0].pointer.as_str(), &*fault.faults()[0].code), ("/words/1", "text_with_nul"));
    let far = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
    let fault = NewBag { words: Vec::new() }.days(vec![far]).insert(&db).await.unwrap_err();
    assert_eq!((fault.faults()[0].pointer.as_str(), &*fault.faults()[0].code), ("/days/0", "year"));
    // What others write is held to the names too, and what does not fit the type is told of when it is read.
    let bag = NewBag { words: Vec::new() }.moods(vec![Mood::Calm]).insert(&db).await.unwrap();
    for (change, check) in [("moods = '{calm,angry}'", "moods_choice"), ("ranks = '{1,3}'", "ranks_choice")] {
        let fault = sql(format!("UPDATE bags SET {change}")).execute(&db).await.unwrap_err().report();
        assert!(fault.contains(check), "{fault}");
    }
    for (change, expected) in [
        ("numbers = '{1,NULL}'", "column `numbers` holds NULL, expected a 32-bit integer"),
        ("numbers = '{{1},{2}}'", "column `numbers` holds an array, expected a list of one dimension"),
        ("ports = '{70000}'", "column `ports` holds the integer 70000, expected an unsigned 16-bit integer"),
    ] {
        db.transaction(async |tx| {
            sql(format!("UPDATE bags SET {change}")).execute(tx).await?;
            let fault = Bag::find(bag.id, tx).await.unwrap_err().report();
            assert!(fault.contains(expected), "{expected}\n---\n{fault}");
            Err::<(), _>(fault_to_undo())
        })
        .await
        .unwrap_err();
    }
}

fn fault_to_undo() -> mainstay_core::Error {
    mainstay_core::Error::internal("undone")
}

async fn selects_and_sorts_lists(engine: Engine) {
    let Some(db) = lists(engine).await else { return };
    for (title, scores) in [("b", vec![2, 1]), ("a", vec![1, 9]), ("c", vec![2]), ("d", Vec::new())] {
        NewNote { title: title.into() }
            .tags(vec![title.to_owned()])
            .scores(scores)
            .insert(&db)
            .await
            .unwrap();
    }
    let pairs =
        Note::query().order_by(|n| n.title).select(|n| (n.tags, n.scores.len())).all(&db).await.unwrap();
    assert_eq!(pairs[0], (vec!["a".to_owned()], Some(2)));
    assert_eq!(pairs[3], (vec!["d".to_owned()], Some(0)));
    let mut titles = Vec::new();
    let mut request = CursorRequest::first(1);
    loop {
        let sorted = Note::query().order_by(|n| n.scores.desc());
        let page = sorted.paginate_by_cursor(request, &db).await.unwrap();
        titles.extend(page.items.iter().map(|note| note.title.clone()));
        let Some(next) = page.next else { break };
        request = CursorRequest::after(next, 1);
    }
    assert_eq!(titles, ["b", "c", "a", "d"]);
}

async fn migrations_make_lists_and_their_indexes(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    if !db.dialect().has_arrays() {
        return;
    }
    let full = Schema::of_models(&models());
    let mut first = full.clone();
    for table in &mut first.tables {
        table.columns.retain(|column| !matches!(column.name.as_str(), "scores" | "numbers"));
        table.indexes.retain(|index| index.using.is_none());
    }
    let mut last = full.clone();
    let note = last.tables.iter_mut().find(|table| table.name == "notes").unwrap();
    let scores = note.columns.iter_mut().find(|column| column.name == "scores").unwrap();
    scores.kind = ColumnType::Array(Box::new(ColumnType::BigInt));
    walk(&db, &[first, full, last]).await;

    schema::create_tables(&models(), &db).await.unwrap();
    let live = schema::live(db.target()).await.unwrap().recognised(db.dialect());
    let source = schema::source(&live);
    for expected in [
        "#[index(tags, using = \"gin\")]\npub struct Note {",
        "pub tags: Vec<String>,",
        "pub scores: Option<Vec<i32>>,",
        "pub prices: Vec<Decimal>,",
        "pub blobs: Vec<Vec<u8>>,",
        "pub moments: Vec<DateTime<Utc>>,",
    ] {
        assert!(source.contains(expected), "{expected}\n---\n{source}");
    }
}
