//! How a session is set up, and what the server then refuses.

use chrono::NaiveDate;
use mainstay_db::driver::Statement;
use mainstay_db::mysql::MySqlOptions;
use mainstay_db::value::Value;
use mainstay_db::{DbError, Dialect};

use super::{ids, on, open, value};

#[tokio::test]
async fn texts_are_equal_only_letter_by_letter() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        for (a, b, equal) in [("a", "a", 1), ("a", "A", 0), ("a", "a ", 0), ("e", "é", 0)] {
            let sql = "SELECT COUNT(*) FROM notes WHERE text = ?";
            driver
                .run(Statement::write("INSERT INTO notes (text) VALUES (?)", vec![Value::Text(a.to_owned())]))
                .await
                .unwrap();
            let reply = driver.run(Statement::read(sql, vec![Value::Text(b.to_owned())])).await.unwrap();
            assert_eq!(reply.rows.first().unwrap().get::<i64>(0), Ok(equal), "{a:?} = {b:?}");
            assert_eq!(value::<i64>(&driver, &format!("SELECT '{a}' = '{b}'")).await, equal);
            driver.run(Statement::write("DELETE FROM notes", vec![])).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn gives_back_texts_of_every_letter() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        for text in ["", "a\0b", "😀é", "'; --", "\\%_", "\u{10ffff}"] {
            let bound = vec![Value::Text(text.to_owned())];
            let same = Statement::read("SELECT CONCAT(?, '')", bound.clone());
            let reply = driver.run(same).await.unwrap();
            assert_eq!(reply.rows.first().unwrap().get::<String>(0).as_deref(), Ok(text));
            driver.run(Statement::write("INSERT INTO notes (text) VALUES (?)", bound)).await.unwrap();
            assert_eq!(value::<String>(&driver, "SELECT text FROM notes").await, text);
            driver.run(Statement::write("DELETE FROM notes", vec![])).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn works_in_utc_and_strictly() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        assert_eq!(value::<String>(&driver, "SELECT @@time_zone").await, "+00:00");
        let mode: String = value(&driver, "SELECT @@sql_mode").await;
        assert!(mode.contains("STRICT_ALL_TABLES") && !mode.contains("ANSI_QUOTES"), "{mode}");
        assert_eq!(value::<String>(&driver, "SELECT @@character_set_client").await, "utf8mb4");
        assert_eq!(
            driver.dialect().collation(),
            Some(&*value::<String>(&driver, "SELECT @@collation_connection").await)
        );
    })
    .await;
}

#[tokio::test]
async fn refuses_what_does_not_fit_into_a_column() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        let engine = driver.dialect().name();
        let table =
            "CREATE TABLE few (small SMALLINT, day DATE, short VARCHAR(3), exact DECIMAL(4, 2), doc JSON)";
        driver.run(Statement::script(table)).await.unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let year = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
        for (column, value) in [
            ("small", Value::Int(40_000)),
            ("small", text("many")),
            ("day", text("2026-02-30")),
            ("day", text("0000-00-00")),
            ("day", Value::Date(year)),
            ("short", text("four")),
            ("exact", Value::Int(100)),
            ("short", Value::Unstorable("a thing".into())),
        ] {
            let sql = format!("INSERT INTO few ({column}) VALUES (?)");
            let fault = driver.run(Statement::write(sql, vec![value.clone()])).await.unwrap_err();
            assert!(
                matches!(&fault, DbError::Unstorable { engine: named, .. } if *named == engine),
                "{column} {value:?}: {fault:?}"
            );
        }
        let fault = driver
            .run(Statement::write("INSERT INTO few (doc) VALUES (?)", vec![text("{")]))
            .await
            .unwrap_err();
        assert!(matches!(fault, DbError::CheckViolation { .. } | DbError::Unstorable { .. }), "{fault:?}");
        assert_eq!(value::<i64>(&driver, "SELECT COUNT(*) FROM few").await, 0);
    })
    .await;
}

#[tokio::test]
async fn refuses_a_text_that_is_larger_than_the_server_takes() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        driver.run(Statement::script("CREATE TABLE long_texts (text LONGTEXT)")).await.unwrap();
        let most: i64 = value(&driver, "SELECT @@max_allowed_packet").await;
        let text = "x".repeat(usize::try_from(most).unwrap() + 1);
        let sql = "INSERT INTO long_texts VALUES (?)";
        let fault = driver.run(Statement::write(sql, vec![Value::Text(text)])).await.unwrap_err();
        assert!(matches!(fault, DbError::Unstorable { .. }), "{fault:?}");
        let text = Value::Text("y".repeat(1024 * 1024));
        driver.run(Statement::write(sql, vec![text])).await.unwrap();
        assert_eq!(
            value::<i64>(&driver, "SELECT SUM(LENGTH(text)) DIV 1 FROM long_texts").await,
            1024 * 1024
        );
    })
    .await;
}

#[tokio::test]
async fn a_prepared_statement_follows_its_table() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        let all = || driver.run(Statement::read("SELECT * FROM notes", vec![]));
        driver.run(Statement::write("INSERT INTO notes (text) VALUES ('12')", vec![])).await.unwrap();
        assert_eq!(all().await.unwrap().rows.first().unwrap().get::<String>(1).unwrap(), "12");
        let alter = "ALTER TABLE notes MODIFY text INT, ADD COLUMN more VARCHAR(9) NOT NULL DEFAULT 'new'";
        driver.run(Statement::script(alter)).await.unwrap();
        let reply = all().await.unwrap();
        let row = reply.rows.first().unwrap();
        assert_eq!((row.get::<i64>(1).unwrap(), row.get::<String>(2).unwrap()), (12, "new".to_owned()));
        driver.run(Statement::script("DROP TABLE notes")).await.unwrap();
        assert!(matches!(all().await.unwrap_err(), DbError::Statement { .. }));
    })
    .await;
}

#[tokio::test]
async fn runs_what_cannot_be_prepared() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        let trigger =
            "CREATE TRIGGER shout BEFORE INSERT ON notes FOR EACH ROW SET NEW.text = UPPER(NEW.text)";
        driver.run(Statement::write(trigger, vec![])).await.unwrap();
        driver.run(Statement::write("INSERT INTO notes (text) VALUES ('one')", vec![])).await.unwrap();
        assert_eq!(value::<String>(&driver, "SELECT text FROM notes").await, "ONE");
    })
    .await;
}

#[tokio::test]
async fn counts_the_rows_that_a_write_finds() {
    on(async |url| {
        let driver = open(&url, MySqlOptions::default()).await;
        let write = |sql: &str| driver.run(Statement::write(sql.to_owned(), vec![]));
        let reply = write("INSERT INTO notes (text) VALUES ('one'), ('two')").await.unwrap();
        assert_eq!((reply.affected, reply.generated_key), (2, Some(1)));
        // Both are found, although one is already what it should be.
        assert_eq!(write("UPDATE notes SET text = 'one'").await.unwrap().affected, 2);
        // A key of 0 is a key like others.
        write("INSERT INTO notes (id) VALUES (0)").await.unwrap();
        assert_eq!(ids(&driver).await, [0, 1, 2]);
        if driver.dialect() == Dialect::MariaDb {
            let reply = write("DELETE FROM notes RETURNING id").await.unwrap();
            assert_eq!((reply.affected, reply.rows.len()), (3, 3));
        }
    })
    .await;
}

#[tokio::test]
async fn runs_a_statement_for_many_sets_all_or_none() {
    on(async |url| {
        let driver = open(&url, MySqlOptions { connections: 1, ..MySqlOptions::default() }).await;
        let sets = |ids: &[i64]| {
            let values = ids.iter().copied().map(Value::Int).collect();
            Statement::write_many("INSERT INTO notes (id) VALUES (?)", values, ids.len())
        };
        assert_eq!(driver.run(sets(&[1, 2, 3])).await.unwrap().affected, 3);
        assert!(driver.run(sets(&[4, 5, 1])).await.is_err());
        assert_eq!(ids(&driver).await, [1, 2, 3]);
        let transaction = driver.begin(mainstay_db::driver::Begin::default()).await.unwrap();
        transaction.run(sets(&[6])).await.unwrap();
        assert!(transaction.run(sets(&[7, 8, 1])).await.is_err());
        transaction.end(mainstay_db::driver::Ending::Commit).await.unwrap();
        assert_eq!(ids(&driver).await, [1, 2, 3, 6]);
    })
    .await;
}
