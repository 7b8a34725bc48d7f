//! What cannot be said of an encrypted field in a query.

use mainstay_db::{Db, FromRow, model, on_conflict};

#[model]
pub struct Patient {
    pub id: i64,
    pub name: String,
    #[field(encrypted)]
    pub notes: String,
    #[field(encrypted, blind_index)]
    pub email: String,
}

#[derive(FromRow)]
pub struct Summary {
    pub notes: String,
}

pub async fn queries(db: &Db) {
    let _ = Patient::filter(|p| p.notes.eq("x")).all(db).await;
    // Digests are equal, or not.
    let _ = Patient::filter(|p| p.email.contains("x")).all(db).await;
    let _ = Patient::filter(|p| p.name.eq(p.notes)).all(db).await;
    let _ = Patient::query().order_by(|p| p.email.asc()).all(db).await;
    let _ = Patient::query().order_by(|p| p.email).all(db).await;
    let _ = Patient::query().select(|p| p.notes.upper()).all(db).await;
    let _ = Patient::query().select(|p| SummaryColumns { notes: p.notes }).all(db).await;
    let new = NewPatient { name: "a".into(), notes: "b".into(), email: "c".into() };
    let _ = new.clone().upsert(|p| p.notes, db).await;
    let _ = new.upsert(|p| on_conflict(p.email).update(p.notes), db).await;
}

fn main() {}
