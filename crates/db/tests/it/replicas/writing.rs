//! What becomes of reads after a write: in the same piece of work, in the client's next one, and in those of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use mainstay_core::Error;
use mainstay_db::raw::Sql;
use mainstay_db::replicas::{Demand, Position, Reads, Scope};
use mainstay_db::{Db, DbError, sql};

use super::{Rig, add, eventually, notes, on_both, port, reading, writing};

on_both!(
    a_client_sees_what_it_wrote_and_others_what_was_before with 1,
    what_writes_is_noted_and_what_does_not_is_not with 1,
    nobody_ever_misses_what_they_wrote with 2,
);

async fn a_client_sees_what_it_wrote_and_others_what_was_before(rig: Rig) {
    let (db, other_node) = (rig.open().await, rig.open().await);
    add(&db, 1).await;
    rig.is_ready(&db).await;
    rig.is_ready(&other_node).await;
    eventually(async || reading(&db, None, notes(&db)).await == [1]).await;
    let (primary, replica) = (rig.primary.port(), rig.replicas[0].port());

    rig.pause(0).await;
    let ((), position) = writing(&db, add(&db, 2)).await;
    let position = position.expect("it has written");
    // As it travels to the client and back.
    let position: Position = position.to_string().parse().unwrap();
    for node in [&db, &other_node] {
        let looked = async { (port(node).await, notes(node).await) };
        assert_eq!(reading(node, Some(&position), looked).await, (primary, vec![1, 2]));
        let looked = async { (port(node).await, notes(node).await) };
        assert_eq!(reading(node, None, looked).await, (replica, vec![1]));
    }

    rig.resume(0).await;
    for node in [&db, &other_node] {
        eventually(async || {
            let looked = async { (port(node).await, notes(node).await) };
            let (asked, seen) = reading(node, Some(&position), looked).await;
            assert_eq!(seen, [1, 2], "wherever it is asked");
            asked == replica
        })
        .await;
    }
    // A place that does not exist yet is the primary's, and no more.
    let future: Position = match db.dialect() {
        mainstay_db::Dialect::Postgres => "FFFFFFFF/FFFFFFFF".parse().unwrap(),
        _ => "0-1-18446744073709551615".parse().unwrap(),
    };
    let foreign: Position = match db.dialect() {
        mainstay_db::Dialect::Postgres => "0-1-1".parse().unwrap(),
        _ => "0/1".parse().unwrap(),
    };
    for position in [&future, &foreign] {
        assert_eq!(reading(&db, Some(position), port(&db)).await, primary);
    }
    assert_eq!(reading(&db, None, port(&db)).await, replica);
    other_node.close().await;
    db.close().await;
    rig.end().await;
}

async fn what_writes_is_noted_and_what_does_not_is_not(rig: Rig) {
    let db = rig.open().await;
    rig.is_ready(&db).await;
    let primary = rig.primary.port();
    let is_postgres = db.dialect() == mainstay_db::Dialect::Postgres;

    // Reads, and what was rolled back.
    let ((), none) = writing(&db, async {
        db.transactions().read_only().run(async |tx| sql("SELECT 1").rows(tx).await).await.unwrap();
        let failed = db.transaction(async |tx| {
            sql("INSERT INTO notes (id) VALUES (100)").execute(tx).await?;
            Err::<(), _>(Error::conflict("no"))
        });
        failed.await.unwrap_err();
        let tx = db.begin().await.unwrap();
        sql("INSERT INTO notes (id) VALUES (100)").execute(&tx).await.unwrap();
        drop(tx);
    })
    .await;
    assert_eq!(none, None);
    // A transaction, however it is committed; a script; a write by the handle of the primary.
    let (_, some) = writing(&db, db.transaction(async |tx| sql("DELETE FROM notes").execute(tx).await)).await;
    assert!(some.is_some());
    let (_, some) = writing(&db, async {
        let tx = db.begin().await.unwrap();
        // Its end is then in a task of its own.
        tx.after_commit(async { Ok(()) });
        sql("INSERT INTO notes (id) VALUES (1)").execute(&tx).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await;
    assert!(some.is_some());
    let ((), some) = writing(&db, add(&db.primary(), 2)).await;
    assert!(some.is_some());
    // What is done after a transaction was rolled back.
    let ((), some) = writing(&db, async {
        let tx = db.begin().await.unwrap();
        let later = db.clone();
        tx.after_rollback(
            async move { sql("DELETE FROM notes WHERE id = 100").execute(&later).await.map(drop) },
        );
        tx.rollback().await.unwrap();
    })
    .await;
    assert!(some.is_some());

    // A write in work that only was to read: from then on it reads from the primary, and what is around it knows.
    let scope = Scope::of(&db, Reads::Replica, None).unwrap();
    let outer = Scope::of(&db, Reads::Primary, None).unwrap();
    let seen = outer.around(async {
        let scope = Scope::of(&db, Reads::Replica, None).unwrap();
        let seen = scope.around(async {
            add(&db, 3).await;
            (port(&db).await, notes(&db).await)
        });
        seen.await
    });
    assert_eq!(seen.await, (primary, vec![1, 2, 3]));
    assert!(outer.written().await.unwrap().is_some());
    assert_eq!(scope.written().await.unwrap(), None);
    // And the other way round: what is around it has written.
    let inner = writing(&db, async {
        add(&db, 4).await;
        db.on_replicas(async { (port(&db).await, notes(&db).await.len()) }).await
    });
    assert_eq!(inner.await.0, (primary, 4));

    // What looks like a read and writes: the replica refuses it, the primary does it.
    let (make, next) = if is_postgres {
        ("CREATE SEQUENCE numbers", "SELECT nextval('numbers')")
    } else {
        ("CREATE SEQUENCE numbers", "SELECT nextval(numbers)")
    };
    let (_, position) = writing(&db, async { sql(make).execute(&db).await.unwrap() }).await;
    eventually(async || reading(&db, position.as_ref(), port(&db)).await != primary).await;
    let scope = Scope::of(&db, Reads::Replica, position).unwrap();
    let read = scope.around(async {
        assert_ne!(port(&db).await, primary);
        (sql(next).fetch_one::<i64>(&db).await.unwrap(), port(&db).await)
    });
    assert_eq!(read.await, (1, primary));
    assert!(scope.written().await.unwrap().is_some());
    let (two, some) = writing(&db, async { sql(next).fetch_one::<i64>(&db).await.unwrap() }).await;
    assert_eq!(two, 2);
    assert!(some.is_some(), "where it may write, a SELECT by hand may have");
    // The same in streams, on MariaDB; PostgreSQL lets none of them write.
    let streamed = async |statement: Sql, db: &Db| statement.stream(db).try_collect::<Vec<_>>().await;
    for (reads, statement, asked) in [
        (Reads::Replica, sql(next), &db),
        (Reads::Replica, sql(next).writing(), &db),
        (Reads::Primary, sql(next), &db),
        (Reads::Primary, sql(next), &db.primary()),
    ] {
        let scope = Scope::of(&db, reads, None).unwrap();
        match scope.around(streamed(statement, asked)).await {
            Ok(rows) => assert_eq!((rows.len(), is_postgres), (1, false)),
            Err(fault) => assert!(is_postgres && matches!(fault.source_as(), Some(DbError::ReadOnly { .. }))),
        }
        assert!(scope.written().await.unwrap().is_some());
    }
    // Where work that only reads has to ask the primary, nobody refuses it either.
    let scope = Scope::of(&db, Reads::Replica, Demand::Primary).unwrap();
    scope.around(async { sql(next).fetch_one::<i64>(&db).await.unwrap() }).await;
    assert!(scope.written().await.unwrap().is_some());

    // A replica takes no write, whoever the user is.
    let fault = reading(&db, None, async {
        let tx = db.transactions().read_only().begin().await.unwrap();
        sql(next).rows(&tx).await.unwrap_err()
    });
    let fault = fault.await;
    assert!(matches!(fault.source_as(), Some(DbError::ReadOnly { .. })), "{fault:?}");
    db.close().await;
    rig.end().await;
}

/// Clients that write and read, of two nodes in turn, while one replica is held up and the other is killed.
async fn nobody_ever_misses_what_they_wrote(mut rig: Rig) {
    let nodes = [rig.open().await, rig.open().await];
    let table = "CREATE TABLE counters (id BIGINT PRIMARY KEY, number BIGINT NOT NULL)";
    sql(table).execute(&nodes[0]).await.unwrap();
    rig.is_ready(&nodes[0]).await;
    let (primary, over) = (rig.primary.port(), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..6)
        .map(|id| {
            let (nodes, over) = (nodes.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let add = sql("INSERT INTO counters (id, number) VALUES (?, 0)").bind(id).execute(&nodes[0]);
                add.await.unwrap();
                let (mut number, mut from_replicas) = (0_i64, 0);
                while !over.load(Ordering::Acquire) {
                    number += 1;
                    let write = sql("UPDATE counters SET number = ? WHERE id = ?").bind(number).bind(id);
                    let (written, position) = writing(&nodes[0], write.execute(&nodes[0])).await;
                    assert_eq!(written.unwrap(), 1);
                    for node in nodes.iter().cycle().take(8) {
                        let looked = async {
                            let read = sql("SELECT number FROM counters WHERE id = ?").bind(id);
                            (read.fetch_one::<i64>(node).await.unwrap(), port(node).await)
                        };
                        let (seen, server) = reading(node, position.as_ref(), looked).await;
                        assert_eq!(seen, number, "of {server}");
                        from_replicas += u64::from(server != primary);
                        tokio::time::sleep(Duration::from_millis(id as u64 * 20)).await;
                    }
                }
                from_replicas
            })
        })
        .collect();
    for round in 0..3 {
        rig.pause(0).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::block_in_place(|| rig.replicas[1].kill());
        rig.resume(0).await;
        tokio::time::sleep(Duration::from_millis(300 * round)).await;
        tokio::task::block_in_place(|| rig.replicas[1].start_again().unwrap());
    }
    over.store(true, Ordering::Release);
    let mut from_replicas = 0;
    for client in clients {
        from_replicas += client.await.unwrap();
    }
    assert!(from_replicas > 0, "the primary has answered everything");
    for node in nodes {
        node.close().await;
    }
    rig.end().await;
}
