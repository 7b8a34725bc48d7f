//! What goes into parameters and comes out of columns of every type.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Driver, Ending, Statement};
use mainstay_db::postgres::PostgresOptions;
use mainstay_db::value::Value;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{ask, on, one, open, read};

/// The extremes of what a type can hold, each as the column has it.
fn samples() -> Vec<(&'static str, Vec<Value>)> {
    let decimal = |text: &str| Value::Decimal(Decimal::from_str(text).unwrap());
    let time = |text: &str| Value::DateTime(text.parse::<DateTime<Utc>>().unwrap());
    let day = |year| Value::Date(NaiveDate::from_ymd_opt(year, 2, 28).unwrap());
    vec![
        ("boolean", vec![Value::Bool(true), Value::Bool(false), Value::Null]),
        ("smallint", vec![Value::Int(i16::MIN.into()), Value::Int(i16::MAX.into()), Value::Null]),
        ("integer", vec![Value::Int(i32::MIN.into()), Value::Int(i32::MAX.into())]),
        ("bigint", vec![Value::Int(i64::MIN), Value::Int(i64::MAX)]),
        ("real", vec![Value::Float(0.5), Value::Float(f32::MAX.into()), Value::Float(f64::NEG_INFINITY)]),
        ("double precision", vec![Value::Float(f64::MAX), Value::Float(f64::NAN), Value::Float(-0.0)]),
        (
            "numeric",
            vec![
                decimal("79228162514264337593543950335"),
                decimal("-0.0000000000000000000000000001"),
                decimal("12.30"),
                decimal("0"),
            ],
        ),
        ("numeric(12, 2)", vec![decimal("5.00"), decimal("-9999999999.99")]),
        ("uuid", vec![Value::Uuid(Uuid::max()), Value::Uuid(Uuid::nil())]),
        ("text", vec![Value::Text(String::new()), Value::Text("'; DROP TABLE x; -- \u{1f600}".into())]),
        ("varchar(5)", vec![Value::Text("ééééé".into())]),
        ("char(2)", vec![Value::Text("ab".into())]),
        ("bytea", vec![Value::Bytes(vec![]), Value::Bytes((0..=255).collect())]),
        ("timestamptz", vec![time("0001-01-01T00:00:00Z"), time("9999-12-31T23:59:59.999999Z")]),
        ("timestamp", vec![time("1969-12-31T23:59:59.999999Z")]),
        ("date", vec![day(1), day(9999), day(-4_000), day(200_000)]),
        (
            "time",
            vec![
                Value::Time(NaiveTime::MIN),
                Value::Time(NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap()),
            ],
        ),
        (
            "text[]",
            vec![Value::List(vec![Value::Text("NULL".into()), Value::Null, Value::Text("\"{,}\\".into())])],
        ),
        (
            "bigint[]",
            vec![Value::List(vec![]), Value::List(vec![Value::Int(i64::MIN), Value::Int(i64::MAX)])],
        ),
        ("inet", vec![Value::Text("10.0.0.1/8".into())]),
        ("interval", vec![Value::Text("3 days".into())]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_comes_back_as_it_went() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions::default()).await;
        for (sql_type, values) in samples() {
            for value in values {
                let sql = format!("SELECT CAST($1 AS {sql_type})");
                let reply = driver.run(Statement::read(sql, vec![value.clone()])).await.unwrap();
                let read = reply.rows.first().unwrap().cell(0).to_value();
                // What has no binary form here is read by those who cast it to text.
                if !matches!(sql_type, "inet" | "interval") {
                    assert_eq!(read, value, "{sql_type}");
                }
                let typed = format!("SELECT CAST(CAST($1 AS {sql_type}) AS text)");
                driver.run(Statement::read(typed, vec![value])).await.unwrap();
            }
        }
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_arrays_of_the_columns_type() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions::default()).await;
        // An array of arrays is one of two dimensions, which is another type only to us.
        for (sql_type, values) in samples().into_iter().filter(|(name, _)| !name.ends_with("[]")) {
            let sql = format!("SELECT CAST($1 AS {sql_type}) = ANY($2)");
            let value = values[0].clone();
            let bound = vec![value, Value::List(values)];
            let reply = driver.run(Statement::read(sql, bound)).await.unwrap();
            assert!(one::<bool>(&reply), "{sql_type}");
            let sql = format!("SELECT COALESCE(CAST($1 AS {sql_type}) = ANY($2), false)");
            let none = Statement::read(sql, vec![Value::Null, Value::List(vec![])]);
            assert!(!one::<bool>(&driver.run(none).await.unwrap()), "{sql_type}");
        }
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enumeration_and_a_domain_are_what_is_beneath() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions::default()).await;
        let script = "CREATE TYPE mood AS ENUM ('sad', 'happy'); \
                      CREATE DOMAIN positive AS integer CHECK (VALUE > 0); \
                      CREATE TABLE people (mood mood NOT NULL, age positive NOT NULL)";
        driver.run(Statement::script(script)).await.unwrap();
        let add = |mood: &str, age| {
            let sql = "INSERT INTO people VALUES ($1, $2) RETURNING mood, age";
            driver.run(Statement::write(sql, vec![Value::Text(mood.into()), Value::Int(age)]))
        };
        let reply = add("happy", 7).await.unwrap();
        let row = reply.rows.first().unwrap();
        assert_eq!((row.get::<String>(0).unwrap(), row.get::<i32>(1).unwrap()), ("happy".to_owned(), 7));
        let moods = Value::List(vec![Value::Text("sad".into()), Value::Text("happy".into())]);
        let among = Statement::read("SELECT COUNT(*) FROM people WHERE mood = ANY($1)", vec![moods]);
        assert_eq!(one::<i64>(&driver.run(among).await.unwrap()), 1);
        let fault = add("furious", 7).await.unwrap_err();
        assert!(matches!(fault, DbError::Unstorable { .. }), "{fault:?}");
        assert!(matches!(add("sad", -1).await.unwrap_err(), DbError::CheckViolation { .. }));
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_and_nothing_stored() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions::default()).await;
        let table =
            "CREATE TABLE t (small smallint, short varchar(3), price numeric(4, 2), born date, id uuid)";
        driver.run(Statement::script(table)).await.unwrap();
        let far = NaiveDate::MIN;
        for (column, value) in [
            ("small", Value::Int(70_000)),
            ("short", Value::Text("four".into())),
            ("short", Value::Text("a\0b".into())),
            ("price", Value::Decimal(Decimal::from_str("1234.5").unwrap())),
            ("born", Value::Date(far)),
            ("born", Value::Text("someday".into())),
            ("id", Value::Text("no uuid".into())),
            ("small", Value::Text("7; DROP TABLE t".into())),
            ("small", Value::Unstorable("a map".into())),
        ] {
            let insert = Statement::write(format!("INSERT INTO t ({column}) VALUES ($1)"), vec![value]);
            let fault = driver.run(insert.clone()).await.unwrap_err();
            assert!(matches!(fault, DbError::Unstorable { engine: "PostgreSQL", .. }), "{column}: {fault:?}");
            let transaction = driver.begin(Begin::default()).await.unwrap();
            assert!(transaction.run(insert).await.is_err());
            transaction.end(Ending::Rollback).await.unwrap();
        }
        assert_eq!(ask::<i64>(&*driver, "SELECT COUNT(*) FROM t").await, 0);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_rust_type_holds_is_said_when_it_is_read() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions::default()).await;
        let get = async |sql: &str| driver.run(read(sql)).await.unwrap();
        let fault =
            get("SELECT CAST('infinity' AS timestamptz)").await.rows.first().unwrap().get::<DateTime<Utc>>(0);
        assert!(fault.unwrap_err().to_string().contains("infinity"));
        let huge = get("SELECT CAST(10 AS numeric) ^ 60").await;
        assert!(huge.rows.first().unwrap().get::<Decimal>(0).is_err());
        assert_eq!(huge.rows.first().unwrap().get::<f64>(0).unwrap(), 1e60);
        let third = get("SELECT CAST(1 AS numeric) / 3").await;
        assert_eq!(one::<Decimal>(&third).to_string(), "0.33333333333333333333");
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_the_columns_of_constraints() {
    on(async |url: String| {
        let driver = open(&url, PostgresOptions::default()).await;
        let script = "CREATE TABLE t (a integer, \"odd, \"\"name)\" text, title text, parent integer, \
                      UNIQUE (a, \"odd, \"\"name)\"), CONSTRAINT a_is_small CHECK (a < 10)); \
                      CREATE UNIQUE INDEX t_title ON t (lower(title)); \
                      ALTER TABLE t ADD PRIMARY KEY (a); \
                      ALTER TABLE t ADD CONSTRAINT t_parent_fkey FOREIGN KEY (parent) REFERENCES t (a)";
        driver.run(Statement::script(script)).await.unwrap();
        let add = async |values: &str| {
            driver.run(Statement::write(format!("INSERT INTO t VALUES ({values})"), vec![])).await
        };
        add("1, 'x=(1)', 'One', NULL").await.unwrap();
        let unique = |fields: &[&str]| DbError::UniqueViolation {
            model: "t".into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        };
        assert_eq!(add("1, 'y', 'Two', NULL").await.unwrap_err(), unique(&["a"]));
        assert_eq!(add("2, 'x', 'oNE', NULL").await.unwrap_err(), unique(&["lower(title)"]));
        assert_eq!(
            add("12, 'x', 'z', NULL").await.unwrap_err(),
            DbError::CheckViolation { constraint: "a_is_small".into() }
        );
        assert_eq!(
            add("3, 'x', 'z', 9").await.unwrap_err(),
            DbError::ForeignKeyViolation { model: "t".into(), constraint: "t_parent_fkey".into() }
        );
        driver.run(Statement::script("ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE")).await.unwrap();
        assert_eq!(add("1, 'x=(1)', 'Two', NULL").await.unwrap_err(), unique(&["a", "odd, \"name)"]));
        driver.close().await;
    })
    .await;
}
