//! What concurrent transactions see of each other, at each isolation level of each engine.
//!
//! The scenarios are those of Martin Kleppmann's Hermitage (<https://github.com/ept/hermitage>), which are made after Adya's
//! definitions of what goes wrong when transactions are not alone. Each test plays one scenario at each level, and compares
//! with what the engine documents: `expected` has the table.
//!
//! - `play`: transactions whose steps are told from outside, and may have to wait for each other.

mod play;

use mainstay_db::driver::Isolation;
use mainstay_db::{Db, Dialect, Settings, sql};

use crate::contract::{Engine, suite};
use play::Player;

suite!(
    g0_a_write_is_overwritten_before_it_is_committed,
    g1a_something_is_read_that_is_rolled_back,
    g1b_something_is_read_that_is_not_final,
    g1c_two_transactions_see_each_others_writes,
    otv_a_transaction_is_seen_and_then_not,
    pmp_a_row_appears_among_those_that_were_looked_for,
    p4_an_update_is_lost,
    g_single_half_of_a_transaction_is_seen,
    g2_item_two_rows_are_written_that_depend_on_each_other,
    g2_two_rows_appear_that_must_not_be_there_together,
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anomaly {
    G0,
    G1a,
    G1b,
    G1c,
    Otv,
    Pmp,
    P4,
    GSingle,
    G2Item,
    G2,
}

/// Whether an engine lets it happen at a level.
///
/// - SQLite: there is one writer, and transactions that write take their turns. <https://sqlite.org/isolation.html>
/// - PostgreSQL: <https://www.postgresql.org/docs/current/transaction-iso.html>. Repeatable read is snapshot isolation.
/// - InnoDB: <https://dev.mysql.com/doc/refman/8.4/en/innodb-transaction-isolation-levels.html>. Repeatable read reads from a
///   snapshot, but writes to what is there now, so that updates are lost; MariaDB refuses that where
///   `innodb_snapshot_isolation` is on (the default from 11.6). Serializable locks what is read.
fn may_happen(anomaly: Anomaly, level: Isolation, db: &Place) -> bool {
    use Anomaly::{G2, G2Item, GSingle, P4, Pmp};
    match (db.dialect, level) {
        (Dialect::Sqlite, _) | (_, Isolation::Serializable) => false,
        (_, Isolation::ReadCommitted) => matches!(anomaly, Pmp | P4 | GSingle | G2Item | G2),
        (Dialect::Postgres, Isolation::RepeatableRead) => matches!(anomaly, G2Item | G2),
        (_, Isolation::RepeatableRead) => {
            matches!(anomaly, G2Item | G2) || anomaly == P4 && !db.refuses_lost_updates
        }
    }
}

/// A database with two rows.
struct Place {
    db: Db,
    dialect: Dialect,
    level: Isolation,
    refuses_lost_updates: bool,
}

impl Place {
    /// Somebody who has not begun yet.
    fn player(&self) -> Player {
        Player::new(self.db.clone(), self.level)
    }

    async fn values(&self) -> Vec<(i64, i64)> {
        let rows = sql("SELECT id, value FROM test ORDER BY id").rows(&self.db).await.unwrap();
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect()
    }
}

/// Plays a scenario at each level. It answers whether the anomaly has happened.
async fn at_each_level(engine: Engine, anomaly: Anomaly, scenario: impl AsyncFn(&Place) -> bool) {
    let db = Db::over(engine.driver().await, Settings::default());
    let dialect = db.dialect();
    sql("CREATE TABLE test (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)").execute(&db).await.unwrap();
    let refuses_lost_updates = dialect == Dialect::MariaDb && {
        let setting = sql("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'").rows(&db).await.unwrap();
        setting.first().is_some_and(|row| row.get::<String>(1).unwrap() == "ON")
    };
    let mut place = Place { db, dialect, level: Isolation::ReadCommitted, refuses_lost_updates };
    for level in [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable] {
        place.level = level;
        sql("DELETE FROM test").execute(&place.db).await.unwrap();
        sql("INSERT INTO test (id, value) VALUES (1, 10), (2, 20)").execute(&place.db).await.unwrap();
        let happened = scenario(&place).await;
        let expected = may_happen(anomaly, level, &place);
        assert_eq!(happened, expected, "{anomaly:?} on {} at {level:?}", dialect.name());
    }
}

const ALL: &str = "SELECT id, value FROM test ORDER BY id";
const FIRST: &str = "SELECT id, value FROM test WHERE id = 1";
const SECOND: &str = "SELECT id, value FROM test WHERE id = 2";

async fn g0_a_write_is_overwritten_before_it_is_committed(engine: Engine) {
    at_each_level(engine, Anomaly::G0, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.write("UPDATE test SET value = 11 WHERE id = 1").await;
        two.write("UPDATE test SET value = 12 WHERE id = 1").await;
        one.write("UPDATE test SET value = 21 WHERE id = 2").await;
        one.commit().await;
        two.write("UPDATE test SET value = 22 WHERE id = 2").await;
        two.commit().await;
        assert!(one.end().await.committed);
        two.end().await;
        let values = place.values().await;
        values != [(1, 11), (2, 21)] && values != [(1, 12), (2, 22)]
    })
    .await;
}

async fn g1a_something_is_read_that_is_rolled_back(engine: Engine) {
    at_each_level(engine, Anomaly::G1a, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.write("UPDATE test SET value = 101 WHERE id = 1").await;
        two.read(ALL).await;
        one.roll_back().await;
        two.read(ALL).await;
        two.commit().await;
        one.end().await;
        two.end().await.saw(1, 101)
    })
    .await;
}

async fn g1b_something_is_read_that_is_not_final(engine: Engine) {
    at_each_level(engine, Anomaly::G1b, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.write("UPDATE test SET value = 101 WHERE id = 1").await;
        two.read(ALL).await;
        one.write("UPDATE test SET value = 11 WHERE id = 1").await;
        one.commit().await;
        two.read(ALL).await;
        two.commit().await;
        assert!(one.end().await.committed);
        two.end().await.saw(1, 101)
    })
    .await;
}

async fn g1c_two_transactions_see_each_others_writes(engine: Engine) {
    at_each_level(engine, Anomaly::G1c, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.write("UPDATE test SET value = 11 WHERE id = 1").await;
        two.write("UPDATE test SET value = 22 WHERE id = 2").await;
        one.read(SECOND).await;
        two.read(FIRST).await;
        one.commit().await;
        two.commit().await;
        let (one, two) = (one.end().await, two.end().await);
        one.saw(2, 22) && two.saw(1, 11)
    })
    .await;
}

async fn otv_a_transaction_is_seen_and_then_not(engine: Engine) {
    at_each_level(engine, Anomaly::Otv, async |place| {
        let (mut one, mut two, mut three) = (place.player(), place.player(), place.player());
        one.write("UPDATE test SET value = 11 WHERE id = 1").await;
        one.write("UPDATE test SET value = 19 WHERE id = 2").await;
        two.write("UPDATE test SET value = 12 WHERE id = 1").await;
        one.commit().await;
        three.read(FIRST).await;
        two.write("UPDATE test SET value = 18 WHERE id = 2").await;
        three.read(SECOND).await;
        two.commit().await;
        three.read(SECOND).await;
        three.read(FIRST).await;
        three.commit().await;
        one.end().await;
        two.end().await;
        // The writes of the second transaction are 12 and 18; those of the first, which came before it, are 11 and 19.
        let seen = three.end().await.values();
        let second = seen.iter().position(|value| [12, 18].contains(value));
        second.is_some_and(|at| seen[at..].iter().any(|value| [11, 19].contains(value)))
    })
    .await;
}

async fn pmp_a_row_appears_among_those_that_were_looked_for(engine: Engine) {
    at_each_level(engine, Anomaly::Pmp, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.read("SELECT id, value FROM test WHERE value = 30").await;
        two.write("INSERT INTO test (id, value) VALUES (3, 30)").await;
        two.commit().await;
        one.read("SELECT id, value FROM test WHERE value % 3 = 0").await;
        one.commit().await;
        two.end().await;
        one.end().await.saw(3, 30)
    })
    .await;
}

async fn p4_an_update_is_lost(engine: Engine) {
    at_each_level(engine, Anomaly::P4, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.read(FIRST).await;
        two.read(FIRST).await;
        one.write("UPDATE test SET value = 11 WHERE id = 1").await;
        two.write("UPDATE test SET value = 12 WHERE id = 1").await;
        one.commit().await;
        two.commit().await;
        let (one, two) = (one.end().await, two.end().await);
        one.committed && two.committed && one.saw(1, 10) && two.saw(1, 10)
    })
    .await;
}

async fn g_single_half_of_a_transaction_is_seen(engine: Engine) {
    at_each_level(engine, Anomaly::GSingle, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.read(FIRST).await;
        two.read(ALL).await;
        two.write("UPDATE test SET value = 12 WHERE id = 1").await;
        two.write("UPDATE test SET value = 18 WHERE id = 2").await;
        two.commit().await;
        one.read(SECOND).await;
        one.commit().await;
        two.end().await;
        let one = one.end().await;
        one.saw(1, 10) && one.saw(2, 18)
    })
    .await;
}

async fn g2_item_two_rows_are_written_that_depend_on_each_other(engine: Engine) {
    at_each_level(engine, Anomaly::G2Item, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.read("SELECT id, value FROM test WHERE id IN (1, 2)").await;
        two.read("SELECT id, value FROM test WHERE id IN (1, 2)").await;
        one.write("UPDATE test SET value = 11 WHERE id = 1").await;
        two.write("UPDATE test SET value = 21 WHERE id = 2").await;
        one.commit().await;
        two.commit().await;
        let (one, two) = (one.end().await, two.end().await);
        one.committed && two.committed && one.saw(2, 20) && two.saw(1, 10)
    })
    .await;
}

async fn g2_two_rows_appear_that_must_not_be_there_together(engine: Engine) {
    at_each_level(engine, Anomaly::G2, async |place| {
        let (mut one, mut two) = (place.player(), place.player());
        one.read("SELECT id, value FROM test WHERE value % 3 = 0").await;
        two.read("SELECT id, value FROM test WHERE value % 3 = 0").await;
        one.write("INSERT INTO test (id, value) VALUES (3, 30)").await;
        two.write("INSERT INTO test (id, value) VALUES (4, 42)").await;
        one.commit().await;
        two.commit().await;
        let (one, two) = (one.end().await, two.end().await);
        one.committed && two.committed && !two.saw(3, 30) && !one.saw(4, 42)
    })
    .await;
}
