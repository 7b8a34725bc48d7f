//! What becomes of reads after a write: in the same piece of work, in the client's next one, and in those of others.

use mainstay_core::Error;
use mainstay_db::replicas::{Position, Reads, Scope};
use mainstay_db::{DbError, sql};

use super::{Rig, add, eventually, notes, on_both, port, reading, writing};

on_both!(
    a_client_sees_what_it_wrote_and_others_what_was_before with 1,
    what_writes_is_noted_and_what_does_not_is_not with 1,
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
