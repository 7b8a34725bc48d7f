//! Each type goes in and comes out unchanged, extremes included; what an engine cannot hold is said of the field.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, Decimal, Dialect, HasMany, Json, Query, Settings, Uuid, model, schema};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{Engine, suite};

/// A field of every type.
#[model]
#[derive(PartialEq)]
struct Sample {
    #[field(default = Uuid::now_v7())]
    id: Uuid,
    tiny: i8,
    byte: u8,
    small: i16,
    port: u16,
    int: i32,
    count: u32,
    big: i64,
    real: f32,
    double: f64,
    flag: bool,
    price: Decimal,
    token: Option<Uuid>,
    day: NaiveDate,
    hour: NaiveTime,
    moment: NaiveDateTime,
    #[belongs_to]
    parent: Option<BelongsTo<Self>>,
    #[has_many]
    children: HasMany<Self>,
}

/// What may be there or not.
#[model]
#[derive(PartialEq)]
struct Keep {
    id: i64,
    big: Option<i64>,
    real: Option<f32>,
    double: Option<f64>,
    exact: Option<Decimal>,
    #[field(precision = 12, scale = 2)]
    price: Option<Decimal>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    day: Option<NaiveDate>,
    hour: Option<NaiveTime>,
    moment: Option<DateTime<Utc>>,
    token: Option<Uuid>,
    json: Option<Json<serde_json::Value>>,
}

fn sample() -> NewSample {
    let day = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let hour = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    NewSample {
        tiny: i8::MIN,
        byte: u8::MAX,
        small: i16::MIN,
        port: u16::MAX,
        int: i32::MIN,
        count: u32::MAX,
        big: i64::MIN,
        real: f32::MIN_POSITIVE,
        double: f64::MAX,
        flag: true,
        price: Decimal::new(1_250, 2),
        day,
        hour,
        moment: day.and_time(hour),
    }
}

async fn samples(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Sample>(), meta_of::<Keep>()], &db).await.unwrap();
    db
}

/// Stores it, reads it, and finds that the database and the program agree.
async fn keep(db: &Db, fill: impl FnOnce(KeepDraft) -> KeepDraft) -> Result<Keep> {
    let stored = fill(KeepDraft::from(NewKeep {})).insert(db).await?;
    let read = Keep::find(stored.id, db).await?;
    assert_eq!(read, stored);
    read.clone().delete(db).await?;
    Ok(read)
}

/// The field that the fault is about, and what of it.
fn fault(result: Result<Keep>) -> (String, String) {
    let error: Error = result.unwrap_err();
    assert_eq!(error.status(), StatusCode::UNPROCESSABLE_ENTITY, "{}", error.report());
    let [fault] = error.faults() else { panic!("{error:?}") };
    (fault.pointer.clone(), fault.code.to_string())
}

async fn gives_back_what_was_stored(engine: Engine) {
    let db = samples(engine).await;
    let stored = sample().token(Uuid::new_v4()).insert(&db).await.unwrap();
    let read = Sample::find(stored.id, &db).await.unwrap();
    assert_eq!(read, stored);
    assert_eq!((read.tiny, read.byte, read.port, read.count), (i8::MIN, u8::MAX, u16::MAX, u32::MAX));
    assert_eq!((read.real, read.double, read.big), (f32::MIN_POSITIVE, f64::MAX, i64::MIN));
    assert_eq!(read.moment, sample().moment);
    let found = Sample::filter(|s| {
        s.token.eq(stored.token) & s.real.eq(f32::MIN_POSITIVE) & s.moment.eq(read.moment)
    });
    assert_eq!(found.one(&db).await.unwrap(), stored);
}

async fn gives_it_back_in_lists(engine: Engine) {
    let db = samples(engine).await;
    let stored = sample().token(Uuid::new_v4()).insert(&db).await.unwrap();
    let whole = Sample::query().select(|s| {
        (s.tiny.list(), s.int.list(), s.port.list(), s.count.list(), s.big.list(), s.flag.list())
    });
    let expected =
        (vec![i8::MIN], vec![i32::MIN], vec![u16::MAX], vec![u32::MAX], vec![i64::MIN], vec![stored.flag]);
    assert_eq!(whole.one(&db).await.unwrap(), expected);
    let others = Sample::query().select(|s| {
        (s.id.list(), s.token.list(), s.price.list(), s.day.list(), s.hour.list(), s.moment.list())
    });
    let expected = (
        vec![stored.id],
        vec![stored.token],
        vec![stored.price],
        vec![stored.day],
        vec![stored.hour],
        vec![stored.moment],
    );
    assert_eq!(others.one(&db).await.unwrap(), expected);
    let without = Sample::filter(|s| s.flag.eq(false)).select(|s| (s.id.list(), s.token.list()));
    assert_eq!(without.one(&db).await.unwrap(), (vec![], vec![]));
    sample().insert(&db).await.unwrap();
    let tokens = Sample::query().select(|s| s.token.list()).one(&db).await.unwrap();
    assert_eq!(tokens.iter().filter(|token| token.is_none()).count(), 1, "{tokens:?}");

    for double in
        [f64::MIN, f64::MAX, f64::MIN_POSITIVE, f64::EPSILON, 0.1 + 0.2, 5e-324, -0.5, 954_530.911_446_040_4]
    {
        Sample::query().update(|s| s.double(double), &db).await.unwrap();
        let list = Sample::query().select(|s| s.double.list()).one(&db).await.unwrap();
        assert_eq!(list, [double, double]);
    }
    let mut runner = TestRunner::deterministic();
    for _ in 0..40 {
        let double = proptest::num::f64::NORMAL.new_tree(&mut runner).unwrap().current();
        Sample::query().update(|s| s.double(double), &db).await.unwrap();
        assert_eq!(Sample::query().select(|s| s.double.list()).one(&db).await.unwrap(), [double, double]);
    }
    for real in [f32::MIN, f32::MAX, f32::MIN_POSITIVE, 0.1, 1e-45] {
        Sample::query().update(|s| s.real(real), &db).await.unwrap();
        assert_eq!(Sample::query().select(|s| s.real.list()).one(&db).await.unwrap(), [real, real]);
    }
    NewKeep {}.bytes(vec![0, 255]).insert(&db).await.unwrap();
    let bytes = Keep::query().select(|k| k.bytes.list()).one(&db).await;
    if db.dialect() == Dialect::Postgres {
        assert_eq!(bytes.unwrap(), [Some(vec![0, 255])]);
    } else {
        let refused = bytes.unwrap_err().report();
        assert!(refused.contains("cannot make a list of bytes: load the rows"), "{refused}");
    }
}

async fn keys_can_be_identifiers(engine: Engine) {
    let db = samples(engine).await;
    let parent = sample().insert(&db).await.unwrap();
    let child = sample().parent(parent.key()).insert(&db).await.unwrap();
    let plain: Uuid = parent.id;
    let read = Sample::filter(|s| s.parent.eq(plain)).with(|s| s.parent).one(&db).await.unwrap();
    assert_eq!(read.parent.as_ref().unwrap().get().unwrap().id, parent.id);
    let read = Sample::filter(|s| s.id.is_in([parent.id, Uuid::nil()]));
    let read = read.with(|s| s.children).one(&db).await.unwrap();
    assert_eq!(read.children.get().unwrap()[0].id, child.id);
    assert!(Sample::filter(|s| s.children.any(|c| c.id.eq(child.id))).exists(&db).await.unwrap());
}

async fn exact_numbers_compare_and_sort_as_numbers(engine: Engine) {
    let db = samples(engine).await;
    for cents in [1_000, 950, -100, -1_000, 9] {
        let mut new = sample();
        new.price = Decimal::new(cents, 2);
        new.insert(&db).await.unwrap();
    }
    let sorted = Sample::query().order_by(|s| s.price).all(&db).await.unwrap();
    let prices: Vec<_> = sorted.iter().map(|s| s.price).collect();
    assert_eq!(prices, [-1_000, -100, 9, 950, 1_000].map(|cents| Decimal::new(cents, 2)));
    let over = |price: Decimal| Sample::filter(move |s| s.price.gt(price)).count(&db);
    assert_eq!(over(Decimal::new(95, 1)).await.unwrap(), 1);
    let two = [Decimal::new(95, 1), Decimal::TEN];
    assert_eq!(Sample::filter(|s| s.price.is_in(two)).count(&db).await.unwrap(), 2);
    assert_eq!(Sample::filter(|s| s.price.eq(Decimal::TEN)).count(&db).await.unwrap(), 1);
}

async fn keeps_the_extremes_of_numbers(engine: Engine) {
    let db = samples(engine).await;
    for big in [i64::MIN, -1, 0, i64::MAX] {
        assert_eq!(keep(&db, |k| k.big(big)).await.unwrap().big, Some(big));
    }
    for double in [f64::MIN, f64::MAX, f64::MIN_POSITIVE, f64::EPSILON, 0.1, 5e-324] {
        assert_eq!(keep(&db, |k| k.double(double)).await.unwrap().double, Some(double));
    }
    for real in [f32::MIN, f32::MAX, f32::MIN_POSITIVE, 0.1, 1e-45] {
        assert_eq!(keep(&db, |k| k.real(real)).await.unwrap().real, Some(real));
    }
    for exact in [Decimal::MAX, Decimal::MIN, Decimal::new(1, 28), Decimal::new(-1, 28), Decimal::ZERO] {
        assert_eq!(keep(&db, |k| k.exact(exact)).await.unwrap().exact, Some(exact));
    }
    for (double, holds) in
        [(f64::INFINITY, "infinite"), (f64::NEG_INFINITY, "infinite"), (f64::NAN, "not_a_number")]
    {
        let can = match db.dialect() {
            Dialect::Postgres => true,
            Dialect::Sqlite => double.is_infinite(),
            _ => false,
        };
        if !can {
            assert_eq!(fault(keep(&db, |k| k.double(double)).await), ("/double".into(), holds.into()));
        } else if double.is_infinite() {
            assert_eq!(keep(&db, |k| k.double(double)).await.unwrap().double, Some(double));
        } else {
            let stored = NewKeep {}.double(double).insert(&db).await.unwrap();
            assert!(Keep::find(stored.id, &db).await.unwrap().double.unwrap().is_nan());
        }
    }
}

async fn keeps_the_digits_that_were_said(engine: Engine) {
    let db = samples(engine).await;
    let price = async |text: &str| {
        let price: Decimal = text.parse().unwrap();
        keep(&db, |k| k.price(price)).await.map(|kept| kept.price.unwrap().to_string())
    };
    for (written, read) in
        [("1.5", "1.50"), ("-0.01", "-0.01"), ("9999999999.99", "9999999999.99"), ("2.000", "2.00")]
    {
        assert_eq!(price(written).await.unwrap(), read);
    }
    let too_fine = price("0.005").await.unwrap_err();
    assert_eq!(too_fine.faults()[0].pointer, "/price");
    assert_eq!(too_fine.faults()[0].message, "must have at most 2 digits behind the point");
    let too_great = price("10000000000").await.unwrap_err();
    assert_eq!(too_great.faults()[0].message, "must have at most 10 digits before the point");
}

async fn keeps_any_text_and_any_bytes(engine: Engine) {
    let db = samples(engine).await;
    let all: String = ('\u{1}'..=char::MAX).collect();
    let texts = [String::new(), " a ".to_owned(), "a\u{301}\u{fe0f}👩‍👩‍👧".to_owned(), "x".repeat(1 << 20), all];
    for text in texts {
        let kept = keep(&db, |k| k.text(text.clone())).await.unwrap();
        assert!(kept.text.as_deref() == Some(&*text), "a text of {} bytes has changed", text.len());
    }
    let every: Vec<u8> = (0..=255).collect();
    for bytes in [Vec::new(), every.clone(), every.repeat(4_096)] {
        let kept = keep(&db, |k| k.bytes(bytes.clone())).await.unwrap();
        assert!(kept.bytes.as_ref() == Some(&bytes), "{} bytes have changed", bytes.len());
    }
    let nul = keep(&db, |k| k.text("a\0b".to_owned())).await;
    if db.dialect() == Dialect::Postgres {
        assert_eq!(fault(nul), ("/text".into(), "text_with_nul".into()));
        let nul = keep(&db, |k| k.json(Json(serde_json::json!({"a": ["\0"]})))).await;
        assert_eq!(fault(nul), ("/json".into(), "text_with_nul".into()));
    } else {
        assert_eq!(nul.unwrap().text.as_deref(), Some("a\0b"));
    }
}

async fn keeps_times_to_the_microsecond(engine: Engine) {
    let db = samples(engine).await;
    let day = |year| NaiveDate::from_ymd_opt(year, 12, 31).unwrap();
    let last = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    for year in [1, 999, 1582, 1969, 2038, 9999] {
        let (day, moment) = (day(year), day(year).and_time(last).and_utc());
        let kept = keep(&db, |k| k.day(day).moment(moment)).await.unwrap();
        assert_eq!((kept.day, kept.moment), (Some(day), Some(moment)));
    }
    let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
    assert_eq!(keep(&db, |k| k.day(first)).await.unwrap().day, Some(first));
    for hour in [NaiveTime::MIN, last, NaiveTime::from_hms_micro_opt(0, 0, 0, 1).unwrap()] {
        assert_eq!(keep(&db, |k| k.hour(hour)).await.unwrap().hour, Some(hour));
    }
    // Less than a microsecond is left out; a leap second is the last of its minute.
    let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_999_999_999).unwrap();
    assert_eq!(keep(&db, |k| k.hour(leap)).await.unwrap().hour, Some(last));
    let moment = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    let kept = keep(&db, |k| k.moment(moment)).await.unwrap().moment;
    assert_eq!(kept, DateTime::from_timestamp(1_700_000_000, 123_456_000));
    for year in [0, 10_000, -44] {
        assert_eq!(fault(keep(&db, |k| k.day(day(year))).await), ("/day".into(), "year".into()));
        let moment = day(year).and_time(last).and_utc();
        assert_eq!(fault(keep(&db, |k| k.moment(moment)).await), ("/moment".into(), "year".into()));
    }
}

async fn keeps_documents_and_identifiers(engine: Engine) {
    let db = samples(engine).await;
    let nested = serde_json::json!({"a": [[], {}, [null, true, -1, 0.5, "x\"y"]], "": {"ключ": "値"}});
    for json in [
        nested,
        serde_json::json!([]),
        serde_json::json!({}),
        serde_json::json!("text"),
        serde_json::json!(7),
    ] {
        assert_eq!(keep(&db, |k| k.json(Json(json.clone()))).await.unwrap().json, Some(Json(json)));
    }
    for token in [Uuid::nil(), Uuid::max(), Uuid::new_v4(), Uuid::now_v7()] {
        assert_eq!(keep(&db, |k| k.token(token)).await.unwrap().token, Some(token));
    }
    assert_eq!(keep(&db, |k| k).await.unwrap().json, None);
}

async fn gives_back_whatever_comes(engine: Engine) {
    let db = samples(engine).await;
    let text = "[^\0]{0,40}";
    let values = (
        (any::<Option<i64>>(), proptest::option::of(-1e300..1e300), proptest::option::of(text)),
        (any::<Option<Vec<u8>>>(), any::<Option<[u8; 16]>>()),
        (-62_135_596_800_i64..253_402_300_800, 0_u32..1_000_000),
        (-999_999_999_999_i64..999_999_999_999, 0_u32..28),
    );
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let ((big, double, text), (bytes, token), (seconds, micros), (digits, scale)) =
            values.new_tree(&mut runner).unwrap().current();
        let token = token.map(Uuid::from_bytes);
        let moment = DateTime::from_timestamp(seconds, micros * 1_000);
        let exact = Some(Decimal::new(digits, scale));
        let fill = |k: KeepDraft| {
            let k = k.big(big).double(double).text(text.clone()).bytes(bytes.clone()).token(token);
            k.moment(moment).exact(exact)
        };
        let kept = keep(&db, fill).await.unwrap();
        assert_eq!((kept.big, kept.double, kept.text, kept.bytes), (big, double, text, bytes));
        assert_eq!((kept.token, kept.moment, kept.exact), (token, moment, exact));
    }
}

async fn exact_numbers_differ_in_their_last_digit(engine: Engine) {
    let db = samples(engine).await;
    // More digits than a floating-point number has.
    let digits = |last: i64| Decimal::new(1_000_000_000_000_000_000 + last, 16);
    for last in 0..3 {
        let mut new = sample();
        new.price = digits(last);
        new.insert(&db).await.unwrap();
    }
    let count = async |filter: Query<Sample>| filter.count(&db).await.unwrap();
    assert_eq!(count(Sample::filter(|s| s.price.eq(digits(1)))).await, 1);
    assert_eq!(count(Sample::filter(|s| s.price.gt(digits(1)))).await, 1);
    assert_eq!(count(Sample::filter(|s| s.price.is_in([digits(1), digits(2), digits(7)]))).await, 2);
    assert_eq!(count(Sample::filter(|s| (s.price + digits(0)).eq(digits(1) + digits(0)))).await, 1);
}

suite!(
    gives_back_what_was_stored,
    gives_it_back_in_lists,
    keys_can_be_identifiers,
    exact_numbers_compare_and_sort_as_numbers,
    keeps_the_extremes_of_numbers,
    keeps_the_digits_that_were_said,
    keeps_any_text_and_any_bytes,
    keeps_times_to_the_microsecond,
    keeps_documents_and_identifiers,
    gives_back_whatever_comes,
    exact_numbers_differ_in_their_last_digit,
);
