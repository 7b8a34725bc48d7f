//! Each type goes in and comes out unchanged.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, Decimal, HasMany, Query, Settings, Uuid, model, schema};

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
    schema::create_tables(&[meta_of::<Sample>()], &db).await.unwrap();
    db
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

async fn keys_can_be_identifiers(engine: Engine) {
    let db = samples(engine).await;
    let parent = sample().insert(&db).await.unwrap();
    let child = sample().parent(parent.key()).insert(&db).await.unwrap();
    let plain: Uuid = parent.id;
    let read = Sample::filter(|s| s.parent.eq(plain)).with(|s| s.parent).one(&db).await.unwrap();
    assert_eq!(read.parent.as_ref().unwrap().get().unwrap().id, parent.id);
    let read =
        Sample::filter(|s| s.id.is_in([parent.id, Uuid::nil()])).with(|s| s.children).one(&db).await.unwrap();
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
    assert_eq!(
        Sample::filter(|s| s.price.is_in([Decimal::new(95, 1), Decimal::TEN])).count(&db).await.unwrap(),
        2
    );
    assert_eq!(Sample::filter(|s| s.price.eq(Decimal::TEN)).count(&db).await.unwrap(), 1);
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
    keys_can_be_identifiers,
    exact_numbers_compare_and_sort_as_numbers,
    exact_numbers_differ_in_their_last_digit
);
