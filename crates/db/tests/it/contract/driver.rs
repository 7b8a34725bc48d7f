//! Statements, groups and transactions.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use mainstay_db::DbError;
use mainstay_db::driver::{Begin, Driver, Ending, Isolation, Statement};
use mainstay_db::value::Value;

use super::{Engine, add, ids, insert, notes, suite};

suite!(
    reads_its_own_acknowledged_writes,
    every_task_reads_its_own_writes_among_many,
    keeps_every_write_of_concurrent_writers,
    a_failing_statement_takes_nothing_else_with_it,
    names_the_violated_constraint,
    refuses_the_wrong_number_of_values,
    a_transaction_sees_its_writes_and_nobody_else_does,
    a_rollback_leaves_nothing,
    dropping_a_transaction_rolls_back,
    a_failing_statement_leaves_a_transaction_usable_or_ended,
    concurrent_transactions_do_not_lose_updates,
    cancelled_queries_leave_the_driver_sound,
    refuses_everything_after_close,
    tells_the_rows_of_a_write,
);

async fn reads_its_own_acknowledged_writes(engine: Engine) {
    let driver = notes(engine).await;
    for id in 0..20 {
        add(&driver, id, &format!("note {id}")).await.unwrap();
        assert_eq!(ids(&driver).await.len() as i64, id + 1);
    }
}

async fn every_task_reads_its_own_writes_among_many(engine: Engine) {
    let driver = notes(engine).await;
    let tasks = (0..64).map(|task| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            for note in 0..12 {
                let id = task * 100 + note;
                add(&driver, id, &format!("note {id}")).await.unwrap();
                let place = driver.dialect().placeholder(0);
                let sql = format!("SELECT COUNT(*) FROM notes WHERE id = {place}");
                let reply = driver.run(Statement::read(sql, vec![Value::Int(id)])).await.unwrap();
                assert_eq!(reply.rows.first().unwrap().get::<i64>(0), Ok(1), "{id} is not seen");
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

async fn keeps_every_write_of_concurrent_writers(engine: Engine) {
    let driver = notes(engine).await;
    let writers = (0..40).map(|writer| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            for note in 0..10 {
                let id = writer * 10 + note;
                let reply = add(&driver, id, &format!("note {id}")).await.unwrap();
                assert_eq!(reply.affected, 1);
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(ids(&driver).await, (0..400).collect::<Vec<_>>());
}

async fn a_failing_statement_takes_nothing_else_with_it(engine: Engine) {
    let driver = notes(engine).await;
    add(&driver, 1000, "taken").await.unwrap();
    let outcomes = join_all((0..60).map(|id| {
        let driver = Arc::clone(&driver);
        async move {
            let text = if id % 7 == 3 { "taken".to_owned() } else { format!("note {id}") };
            add(&driver, id, &text).await.map(|_| ())
        }
    }))
    .await;
    for (id, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), id % 7 == 3, "{id}: {outcome:?}");
    }
    let expected = (0..60).filter(|id| id % 7 != 3).chain([1000]).collect::<Vec<i64>>();
    assert_eq!(ids(&driver).await, expected);
}

async fn names_the_violated_constraint(engine: Engine) {
    let driver = notes(engine).await;
    add(&driver, 1, "one").await.unwrap();
    let fault = add(&driver, 2, "one").await.unwrap_err();
    assert_eq!(fault, DbError::UniqueViolation { model: "notes".into(), fields: vec!["text".into()] });
    let fault = driver
        .run(Statement::write("INSERT INTO notes (id, text) VALUES (5, NULL)", vec![]))
        .await
        .unwrap_err();
    assert_eq!(fault, DbError::NotNullViolation { model: "notes".into(), field: "text".into() });
}

async fn refuses_the_wrong_number_of_values(engine: Engine) {
    let driver = notes(engine).await;
    let statement = Statement::read("SELECT id FROM notes", vec![Value::Int(1)]);
    let fault = driver.run(statement).await.unwrap_err();
    assert!(matches!(fault, DbError::Statement { .. }), "{fault:?}");
}

async fn a_transaction_sees_its_writes_and_nobody_else_does(engine: Engine) {
    let driver = notes(engine).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 1, "one")).await.unwrap();
    let inside = transaction.run(Statement::read("SELECT COUNT(*) FROM notes", vec![])).await.unwrap();
    assert_eq!(inside.rows.first().unwrap().get::<i64>(0), Ok(1));
    assert!(ids(&driver).await.is_empty());
    transaction.end(Ending::Commit).await.unwrap();
    assert_eq!(ids(&driver).await, [1]);
}

async fn a_rollback_leaves_nothing(engine: Engine) {
    let driver = notes(engine).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 1, "one")).await.unwrap();
    transaction.end(Ending::Rollback).await.unwrap();
    assert!(ids(&driver).await.is_empty());
    add(&driver, 1, "one").await.unwrap();
}

async fn dropping_a_transaction_rolls_back(engine: Engine) {
    let driver = notes(engine).await;
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 1, "one")).await.unwrap();
    drop(transaction);
    // The next write has to wait for the roll-back.
    add(&driver, 2, "one").await.unwrap();
    assert_eq!(ids(&driver).await, [2]);
}

async fn a_failing_statement_leaves_a_transaction_usable_or_ended(engine: Engine) {
    let driver = notes(engine).await;
    add(&driver, 1, "one").await.unwrap();
    let transaction = driver.begin(Begin::default()).await.unwrap();
    transaction.run(insert(&driver, 2, "two")).await.unwrap();
    assert!(transaction.run(insert(&driver, 3, "one")).await.is_err());
    let committed = transaction.end(Ending::Commit).await.is_ok();
    assert_eq!(ids(&driver).await, if committed { vec![1, 2] } else { vec![1] });
}

async fn concurrent_transactions_do_not_lose_updates(engine: Engine) {
    let driver = notes(engine).await;
    add(&driver, 1, "0").await.unwrap();
    let workers = (0..10).map(|_| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            for _ in 0..5 {
                while let Err(fault) = increment(&driver).await {
                    assert!(fault.is_retryable(), "{fault:?}");
                }
            }
        })
    });
    for worker in join_all(workers).await {
        worker.unwrap();
    }
    let reply = driver.run(Statement::read("SELECT text FROM notes", vec![])).await.unwrap();
    assert_eq!(reply.rows.first().unwrap().get::<String>(0).unwrap(), "50");
}

/// Reads a number and writes the next one, as if nobody else did.
async fn increment(driver: &Arc<dyn Driver>) -> Result<(), DbError> {
    let isolation = Some(Isolation::Serializable);
    let transaction = driver.begin(Begin { isolation, ..Begin::default() }).await?;
    let read = Statement::read("SELECT text FROM notes WHERE id = 1", vec![]);
    let reply = transaction.run(read).await?;
    let count: i64 = reply.rows.first().unwrap().get::<String>(0).unwrap().parse().unwrap();
    let place = driver.dialect().placeholder(0);
    let write = format!("UPDATE notes SET text = {place} WHERE id = 1");
    transaction.run(Statement::write(write, vec![Value::Text((count + 1).to_string())])).await?;
    transaction.end(Ending::Commit).await
}

async fn cancelled_queries_leave_the_driver_sound(engine: Engine) {
    let driver = notes(engine).await;
    let tasks = (0..200).map(|id| {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move {
            let wait = Duration::from_micros((id as u64 % 20) * 50);
            let _ = tokio::time::timeout(wait, add(&driver, id, &format!("note {id}"))).await;
            let _ = tokio::time::timeout(wait, ids(&driver)).await;
            let _ = tokio::time::timeout(wait, driver.begin(Begin::default())).await;
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    add(&driver, 1000, "the last").await.unwrap();
    assert_eq!(ids(&driver).await.last(), Some(&1000));
}

async fn refuses_everything_after_close(engine: Engine) {
    let driver = notes(engine).await;
    add(&driver, 1, "one").await.unwrap();
    driver.close().await;
    assert_eq!(add(&driver, 2, "two").await.unwrap_err(), DbError::Closed);
    let read = driver.run(Statement::read("SELECT id FROM notes", vec![])).await;
    assert_eq!(read.unwrap_err(), DbError::Closed);
    assert_eq!(driver.begin(Begin::default()).await.err(), Some(DbError::Closed));
    driver.close().await;
}

async fn tells_the_rows_of_a_write(engine: Engine) {
    let driver = notes(engine).await;
    for id in 0..5 {
        add(&driver, id, &format!("note {id}")).await.unwrap();
    }
    let reply = driver.run(Statement::write("DELETE FROM notes WHERE id > 2", vec![])).await.unwrap();
    assert_eq!(reply.affected, 2);
    if driver.dialect().update_returns() {
        let update = Statement::write("UPDATE notes SET id = id + 10 RETURNING id", vec![]);
        let reply = driver.run(update).await.unwrap();
        let mut rows = reply.rows.iter().map(|row| row.get::<i64>(0).unwrap()).collect::<Vec<_>>();
        rows.sort_unstable();
        assert_eq!((reply.affected, rows), (3, vec![10, 11, 12]));
    }
}
