//! An application of many models that all lead to each other.
//!
//! The compiler has to see that each can be sent to another thread. It must not walk through all of them for it: that ends
//! with E0275 after some 25.

use mainstay_db::{BelongsTo, Db, Executor, HasMany, model};

macro_rules! ring {
    ($($name:ident -> $next:ident, from $previous:ident;)*) => {$(
        #[model]
        pub(crate) struct $name {
            pub id: i64,
            #[belongs_to]
            pub next: BelongsTo<$next>,
            #[has_many]
            pub before: HasMany<$previous>,
        }
    )*};
}

ring! {
    M00 -> M01, from M39;
    M01 -> M02, from M00;
    M02 -> M03, from M01;
    M03 -> M04, from M02;
    M04 -> M05, from M03;
    M05 -> M06, from M04;
    M06 -> M07, from M05;
    M07 -> M08, from M06;
    M08 -> M09, from M07;
    M09 -> M10, from M08;
    M10 -> M11, from M09;
    M11 -> M12, from M10;
    M12 -> M13, from M11;
    M13 -> M14, from M12;
    M14 -> M15, from M13;
    M15 -> M16, from M14;
    M16 -> M17, from M15;
    M17 -> M18, from M16;
    M18 -> M19, from M17;
    M19 -> M20, from M18;
    M20 -> M21, from M19;
    M21 -> M22, from M20;
    M22 -> M23, from M21;
    M23 -> M24, from M22;
    M24 -> M25, from M23;
    M25 -> M26, from M24;
    M26 -> M27, from M25;
    M27 -> M28, from M26;
    M28 -> M29, from M27;
    M29 -> M30, from M28;
    M30 -> M31, from M29;
    M31 -> M32, from M30;
    M32 -> M33, from M31;
    M33 -> M34, from M32;
    M34 -> M35, from M33;
    M35 -> M36, from M34;
    M36 -> M37, from M35;
    M37 -> M38, from M36;
    M38 -> M39, from M37;
    M39 -> M00, from M38;
}

fn assert_sendable<T: Send + Sync>(value: T) -> T {
    value
}

async fn walk(db: Db) -> mainstay_core::Result<usize> {
    let rows = M00::query()
        .with(|m| m.next.with(|m| m.next.with(|m| m.next)))
        .with(|m| m.before.with(|m| m.before.limit(1)))
        .all(&db)
        .await?;
    Ok(assert_sendable(rows).len())
}

#[tokio::test]
async fn models_of_any_number_can_lead_to_each_other() {
    let db = Db::open("sqlite::memory:").await.unwrap();
    let _ = assert_sendable(db.target());
    let fault = tokio::spawn(walk(db)).await.unwrap().unwrap_err();
    assert!(fault.report().contains("no such table"), "{fault:?}");
}
