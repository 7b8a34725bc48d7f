//! What goes wrong from outside, and what code gets: a typed error, and the data as before.
//!
//! That a server is restarted under load is in `crash`; texts that are made to be understood as SQL are in `models::hostile`.

use std::time::{Duration, Instant};

use mainstay_core::{Error, Result};
use mainstay_db::driver::Ending;
use mainstay_db::{Db, DbError, Dialect, Settings, Tx, schema, sql};

use crate::blog::{Article, NewTag, Tag, User, draft, user};
use crate::contract::{Engine, blog, suite};
use crate::shop::{self, Product};

suite!(
    a_full_pool_says_so_and_recovers,
    a_deadlock_ends_one_transaction_and_spares_the_other,
    a_statement_by_itself_that_loses_a_deadlock_is_run_again,
    a_transaction_whose_connection_is_killed_leaves_nothing,
    a_number_out_of_range_is_refused,
    a_text_with_nul_is_kept_or_refused,
    a_huge_text_comes_back,
    a_text_above_its_limit_is_refused_before_it_is_written,
    refuses_what_is_no_sql,
    says_the_same_of_sql_that_is_wrong,
    says_the_same_of_values_that_are_too_great,
);

fn fault(error: &Error) -> &DbError {
    error.source_as::<DbError>().expect("an error of the database")
}

async fn a_full_pool_says_so_and_recovers(engine: Engine) {
    let wait = Duration::from_millis(300);
    let db = Db::over(engine.driver_with(2, wait).await, Settings::default());
    // SQLite has one writer, whatever the number of connections.
    let places = if db.dialect() == Dialect::Sqlite { 1 } else { 2 };
    let mut held = Vec::new();
    for _ in 0..places {
        held.push(db.begin().await.unwrap());
    }
    let start = Instant::now();
    let error = db.begin().await.unwrap_err();
    assert!(matches!(fault(&error), DbError::Busy { .. }), "{}", error.report());
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "database_busy"));
    assert!(start.elapsed() >= wait && start.elapsed() < wait * 10, "{:?}", start.elapsed());
    held.pop().unwrap().rollback().await.unwrap();
    db.begin().await.unwrap().rollback().await.unwrap();
}

/// Changes one row, then the other.
async fn rename(tx: &Tx, from: &str, to: &str) -> Result<()> {
    let mut user = User::filter(|u| u.name.eq(from)).one(tx).await?;
    user.update(|u| u.name(to), tx).await
}

async fn a_deadlock_ends_one_transaction_and_spares_the_other(engine: Engine) {
    let db = blog(engine).await;
    if db.dialect() == Dialect::Sqlite {
        // Transactions take their turns: there is nothing to wait for in a circle.
        return;
    }
    user(&db, "ann").await;
    user(&db, "bob").await;
    let (one, two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    rename(&one, "ann", "ann of one").await.unwrap();
    rename(&two, "bob", "bob of two").await.unwrap();
    let (first, second) =
        futures_util::future::join(rename(&one, "bob", "bob of one"), rename(&two, "ann", "ann of two"))
            .await;
    let (loser, survivor, mark) = match (first, second) {
        (Err(error), Ok(())) => (error, two, "two"),
        (Ok(()), Err(error)) => (error, one, "one"),
        outcomes => panic!("exactly one must fail: {outcomes:?}"),
    };
    assert!(matches!(fault(&loser), DbError::Deadlock { .. }), "{}", loser.report());
    assert_eq!((loser.status().as_u16(), loser.machine_code()), (503, "deadlock"));
    survivor.commit().await.unwrap();
    let users = User::query().order_by(|u| u.name.asc()).all(&db).await.unwrap();
    let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, [format!("ann of {mark}"), format!("bob of {mark}")]);
}

async fn a_statement_by_itself_that_loses_a_deadlock_is_run_again(engine: Engine) {
    let db = blog(engine).await;
    if db.dialect() == Dialect::Sqlite {
        return;
    }
    let first = user(&db, "ann").await;
    user(&db, "bob").await;
    for number in 0..50 {
        NewTag { name: format!("tag{number}") }.insert(&db).await.unwrap();
    }
    let tx = db.begin().await.unwrap();
    // Servers give up whoever has done less (MariaDB), or has waited for longer (PostgreSQL, after a second).
    sql("UPDATE tags SET name = CONCAT(name, '!')").execute(&tx).await.unwrap();
    rename(&tx, "bob", "bob of tx").await.unwrap();
    let alone = {
        let db = db.clone();
        tokio::spawn(async move {
            // It takes the rows one after the other, in the order of their keys: `ann`, and then it waits for `bob`.
            sql("UPDATE users SET score = 7 WHERE id > 0").execute(&db).await
        })
    };
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut first = User::find(first.id, &tx).await.unwrap();
    first.update(|u| u.name("ann of tx"), &tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(alone.await.unwrap().unwrap(), 2);
    let users = User::query().order_by(|u| u.name.asc()).all(&db).await.unwrap();
    let seen: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.score)).collect();
    assert_eq!(seen, [("ann of tx", Some(7.0)), ("bob of tx", Some(7.0))]);
}

async fn a_transaction_whose_connection_is_killed_leaves_nothing(engine: Engine) {
    let db = blog(engine).await;
    let mine = match db.dialect() {
        // It has no connection to lose.
        Dialect::Sqlite => return,
        Dialect::Postgres => "SELECT CAST(pg_backend_pid() AS bigint)",
        _ => "SELECT CAST(CONNECTION_ID() AS SIGNED)",
    };
    let tx = db.begin().await.unwrap();
    NewTag { name: "lost".into() }.insert(&tx).await.unwrap();
    let id: i64 = sql(mine).rows(&tx).await.unwrap().first().unwrap().get(0).unwrap();
    let kill = match db.dialect() {
        Dialect::Postgres => format!("SELECT pg_terminate_backend({id})"),
        _ => format!("KILL {id}"),
    };
    sql(kill).execute(&db).await.unwrap();
    let error = NewTag { name: "more".into() }.insert(&tx).await.unwrap_err();
    assert!(matches!(fault(&error), DbError::ConnectionLost { .. }), "{}", error.report());
    assert_eq!((error.status().as_u16(), error.machine_code()), (503, "connection_lost"));
    assert!(tx.commit().await.unwrap_err().status().is_server_error());
    assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
    NewTag { name: "lost".into() }.insert(&db).await.unwrap();
}

async fn a_number_out_of_range_is_refused(engine: Engine) {
    let db = blog(engine).await;
    if db.dialect() == Dialect::Sqlite {
        // A column of SQLite holds what it is given; fields of models cannot be given more.
        return;
    }
    sql("CREATE TABLE small (number SMALLINT, exact DECIMAL(6, 2))").execute(&db).await.unwrap();
    for insert in ["INSERT INTO small (number) VALUES (40000)", "INSERT INTO small (exact) VALUES (12345.5)"]
    {
        let error = sql(insert).execute(&db).await.unwrap_err();
        assert!(matches!(fault(&error), DbError::Unstorable { .. }), "{insert}: {}", error.report());
        assert_eq!((error.status().as_u16(), error.machine_code()), (422, "value_not_storable"));
    }
    let rows = sql("SELECT number FROM small").rows(&db).await.unwrap();
    assert_eq!(rows.len(), 0);
}

async fn a_text_with_nul_is_kept_or_refused(engine: Engine) {
    let db = blog(engine).await;
    let inserted = NewTag { name: "a\0b".into() }.insert(&db).await;
    if db.dialect() == Dialect::Postgres {
        let error = inserted.unwrap_err();
        assert_eq!(error.status().as_u16(), 422);
        assert_eq!(
            (error.faults()[0].pointer.as_str(), error.faults()[0].code.as_ref()),
            ("/name", "text_with_nul")
        );
        assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
        // Nothing of the connection is left in disorder.
        NewTag { name: "ab".into() }.insert(&db).await.unwrap();
    } else {
        assert_eq!(inserted.unwrap().name, "a\0b");
        assert_eq!(Tag::query().one(&db).await.unwrap().name, "a\0b");
        assert_eq!(Tag::filter(|t| t.name.eq("a\0b")).count(&db).await.unwrap(), 1);
    }
}

async fn a_huge_text_comes_back(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    // Letters of one to four bytes, so that a cut would show.
    let body = "aé€😀\n".repeat(300_000);
    let mut article = draft(&ann, "huge").insert(&db).await.unwrap();
    article.update(|a| a.body(body.as_str()), &db).await.unwrap();
    let read = Article::query().one(&db).await.unwrap();
    assert_eq!(read.body.len(), body.len());
    assert!(read.body == body);
}

async fn a_text_above_its_limit_is_refused_before_it_is_written(engine: Engine) {
    let db = blog(engine).await;
    let error = crate::blog::NewUser { name: "x".repeat(61) }.insert(&db).await.unwrap_err();
    assert_eq!(error.status().as_u16(), 422, "{}", error.report());
    assert_eq!(User::query().count(&db).await.unwrap(), 0);
}

async fn refuses_what_is_no_sql(engine: Engine) {
    let driver = engine.driver_with(1, Duration::from_secs(5)).await;
    let db = Db::over(driver.clone(), Settings::default());
    let error = sql("SELEC 1").execute(&db).await.unwrap_err();
    assert!(matches!(fault(&error), DbError::Statement { .. }), "{}", error.report());
    // The only connection is still of use.
    db.ping().await.unwrap();
    let transaction = driver.begin(mainstay_db::driver::Begin::default()).await.unwrap();
    transaction.end(Ending::Commit).await.unwrap();
}

async fn says_the_same_of_sql_that_is_wrong(engine: Engine) {
    let db = blog(engine).await;
    for (text, names) in [
        ("SELEKT 1", ""),
        ("SELECT 1 FROM nowhere", "nowhere"),
        ("SELECT nothing FROM tags", "nothing"),
        ("SELECT 1; SELECT 2", ""),
        ("SELECT ?", "place"),
        ("-- nothing", "there is no statement in it"),
        ("/* sly */ COMMIT", "db.transaction"),
    ] {
        for error in [sql(text).rows(&db).await.unwrap_err(), sql(text).execute(&db).await.unwrap_err()] {
            let DbError::Statement { sql, detail } = fault(&error) else {
                panic!("{text}: {}", error.report())
            };
            assert!(sql == text && detail.contains(names), "{detail}");
            assert_eq!((error.status().as_u16(), error.machine_code()), (500, "internal_server_error"));
        }
    }
    for text in ["INSERT INTO tags (name) VALUES ('x')", "/* x */ delete from tags"] {
        let error = sql(text).rows(&db).await.unwrap_err();
        let DbError::Statement { detail, .. } = fault(&error) else { panic!("{text}: {}", error.report()) };
        assert!(detail.contains("must not be run as a read: use `execute`"), "{detail}");
    }
    assert_eq!(Tag::query().count(&db).await.unwrap(), 0);
}

async fn says_the_same_of_values_that_are_too_great(engine: Engine) {
    let db = blog(engine).await;
    schema::create_tables(&shop::models(), &db).await.unwrap();
    shop::fill(&db).await;
    user(&db, "ann").await;
    Product::filter(|p| p.name.is_in(["apple", "bread"])).update(|p| p.stock(i64::MAX), &db).await.unwrap();
    let products = Product::query;
    for (what, error) in [
        ("number", sql("UPDATE products SET sold = 3000000000").execute(&db).await.map(|_| ())),
        ("bound", sql("UPDATE products SET sold = ?").bind(3_000_000_000_i64).execute(&db).await.map(|_| ())),
        ("text", sql("UPDATE users SET name = ?").bind("x".repeat(61)).execute(&db).await.map(|_| ())),
        ("set", products().update_with(|p| p.stock.set(p.stock + 1), &db).await.map(|_| ())),
        ("small", products().update_with(|p| p.sold.set(p.sold + i32::MAX), &db).await.map(|_| ())),
        ("sum", products().sum(|p| p.stock, &db).await.map(|_| ())),
        ("reckoned", products().select(|p| p.stock + 1).all(&db).await.map(|_| ())),
        ("reckoned small", products().select(|p| p.sold + i32::MAX).all(&db).await.map(|_| ())),
    ] {
        let error = error.expect_err(what);
        assert!(matches!(fault(&error), DbError::Unstorable { .. }), "{what}: {}", error.report());
        assert_eq!((error.status().as_u16(), error.machine_code()), (422, "value_not_storable"));
    }
}
