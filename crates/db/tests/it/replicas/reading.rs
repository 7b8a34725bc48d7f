//! Where reads go.

use futures_util::TryStreamExt;
use mainstay_db::replicas::{Demand, Reads, Scope};
use mainstay_db::{Db, sql};

use super::{Rig, add, answered, notes, on_both, port, question, reading, writing};

on_both!(reads_go_where_the_scope_says with 1, one_piece_of_work_reads_from_one_replica with 2);

async fn reads_go_where_the_scope_says(rig: Rig) {
    let db = rig.open().await;
    add(&db, 1).await;
    rig.is_ready(&db).await;
    let (primary, replica) = (rig.primary.port(), rig.replicas[0].port());

    // Without a scope, and in one that may write.
    assert_eq!(port(&db).await, primary);
    assert_eq!(writing(&db, port(&db)).await.0, primary);
    // In one that reads: statements, transactions that only read, streams.
    assert_eq!(reading(&db, None, port(&db)).await, replica);
    assert_eq!(db.on_replicas(port(&db)).await, replica);
    let transaction = db.transactions().read_only().run(async |tx| Ok(answered(&db, tx).await));
    assert_eq!(reading(&db, None, transaction).await.unwrap(), replica);
    assert_eq!(reading(&db, None, streamed(&db)).await, replica);
    // What is asked of the primary by hand, and what may write.
    assert_eq!(reading(&db, None, async { port(&db.primary()).await }).await, primary);
    assert_eq!(reading(&db, None, streamed(&db.primary())).await, primary);
    let transaction = db.transaction(async |tx| Ok(answered(&db, tx).await));
    assert_eq!(reading(&db, None, transaction).await.unwrap(), primary);
    let serializable =
        db.transactions().read_only().serializable().run(async |tx| Ok(answered(&db, tx).await));
    assert_eq!(reading(&db, None, serializable).await.unwrap(), primary);
    // Who must see what nobody knows does so however its parts read.
    let scope = Scope::of(&db, Reads::Replica, Demand::Primary).unwrap();
    assert_eq!(scope.around(port(&db)).await, primary);
    assert_eq!(scope.around(db.on_replicas(port(&db))).await, primary);
    let scope = Scope::of(&db, Reads::Primary, Demand::Primary).unwrap();
    assert_eq!(scope.around(db.on_replicas(port(&db))).await, primary);
    // A task that is begun inside is outside of it.
    let outside = db.clone();
    let spawned = async { tokio::spawn(async move { port(&outside).await }).await.unwrap() };
    assert_eq!(reading(&db, None, spawned).await, primary);
    // A scope of another database says nothing.
    let other = rig.open().await;
    rig.is_ready(&other).await;
    assert_eq!(reading(&other, None, port(&db)).await, primary);
    let both = reading(&other, None, reading(&db, None, async { (port(&db).await, port(&other).await) }));
    assert_eq!(both.await, (replica, replica));

    other.close().await;
    db.close().await;
    rig.end().await;
}

async fn streamed(db: &Db) -> u16 {
    let batches: Vec<_> = sql(format!("{} FROM notes", question(db))).stream(db).try_collect().await.unwrap();
    u16::try_from(batches[0].first().unwrap().get::<i64>(0).unwrap()).unwrap()
}

async fn one_piece_of_work_reads_from_one_replica(rig: Rig) {
    let db = rig.open().await;
    rig.is_ready(&db).await;
    let mut all = Vec::new();
    for _ in 0..6 {
        let one = async { [port(&db).await, port(&db).await, port(&db).await] };
        let asked = reading(&db, None, one).await;
        assert!(asked.iter().all(|port| *port == asked[0]), "{asked:?}");
        all.push(asked[0]);
    }
    for replica in &rig.replicas {
        assert_eq!(all.iter().filter(|port| **port == replica.port()).count(), 3, "{all:?}");
    }
    // One of them is held up, and the other has what a client has written.
    rig.pause(0).await;
    let ((), position) = writing(&db, add(&db, 7)).await;
    super::eventually(async || {
        let looked = async { (port(&db).await, notes(&db).await) };
        let (asked, seen) = reading(&db, position.as_ref(), looked).await;
        assert_eq!(seen, [7]);
        asked == rig.replicas[1].port()
    })
    .await;
    assert!(Scope::of(&db.primary(), Reads::Replica, None).is_some());
    db.close().await;
    rig.end().await;
}
