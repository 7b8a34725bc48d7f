//! What is not as it was sealed.

use mainstay_core::StatusCode;
use mainstay_db::{Db, DbError, Settings, schema, sql};

use super::{Engine, clinic, north, patient, suite};
use crate::clinic::{Clinic, NEXT, NewClinic, Patient, SECRET, keys, models};

suite!(
    what_was_changed_is_refused,
    what_was_moved_from_another_field_is_refused,
    what_is_not_sealed_is_refused,
    another_key_is_named_as_the_reason,
    without_keys_nothing_is_written_read_or_looked_up,
);

/// Reads the only clinic, and returns what is said of it.
async fn refused(db: &Db) -> String {
    let fault = Clinic::query().one(db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!fault.message().contains("clinics"), "clients are told nothing: {fault}");
    assert!(matches!(fault.source_as::<DbError>(), Some(DbError::Encrypted { .. })), "{}", fault.report());
    let selected = Clinic::query().select(|c| c.iban).one(db).await.unwrap_err().report();
    assert!(selected.contains("`clinics.iban` cannot be used"), "{selected}");
    fault.report()
}

async fn write(db: &Db, iban: &str) {
    let place = db.dialect().placeholder(0);
    let update = sql(format!("UPDATE clinics SET iban = {place}")).bind(iban.to_owned()).writing();
    assert_eq!(update.execute(db).await.unwrap(), 1);
}

async fn what_was_changed_is_refused(engine: Engine) {
    let db = clinic(engine).await;
    let north = north(&db).await;
    let sealed: String = sql("SELECT iban FROM clinics").fetch_one(&db).await.unwrap();
    let body = sealed.strip_prefix("sealed:").unwrap();
    let flipped: String = body
        .chars()
        .rev()
        .enumerate()
        .map(|(at, letter)| if at == 3 { if letter == 'A' { 'B' } else { 'A' } } else { letter })
        .collect();
    let flipped: String = flipped.chars().rev().collect();
    for forged in [&body[..body.len() - 1], &body[..body.len() / 2], &body[..4], "", "=", "é", &flipped] {
        write(&db, &format!("sealed:{forged}")).await;
        let told = refused(&db).await;
        let place = format!("the encrypted `clinics.iban` of the row {} cannot be used", north.id);
        assert!(told.contains(&place), "{told}");
        assert!(forged.len() < 5 || !told.contains(forged), "{told}");
    }
    write(&db, &sealed).await;
    assert_eq!(Clinic::query().one(&db).await.unwrap().iban, "DE02");
}

async fn what_was_moved_from_another_field_is_refused(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    patient(&clinic, "ann", 1).phone("DE03".to_owned()).insert(&db).await.unwrap();
    let of_phone: String = sql("SELECT phone FROM patients").fetch_one(&db).await.unwrap();
    write(&db, &of_phone).await;
    let told = refused(&db).await;
    assert!(told.contains("belongs to another field") && !told.contains("DE03"), "{told}");
    sql("UPDATE patients SET notes = email").writing().execute(&db).await.unwrap();
    let told = Patient::query().one(&db).await.unwrap_err().report();
    assert!(told.contains("`patients.notes` of the row"), "{told}");
}

async fn what_is_not_sealed_is_refused(engine: Engine) {
    let db = clinic(engine).await;
    north(&db).await;
    write(&db, "DE02 in plain letters").await;
    let told = refused(&db).await;
    assert!(told.contains("is not sealed") && told.contains("reads_plain"), "{told}");
    assert!(!told.contains("plain letters"), "{told}");
}

async fn another_key_is_named_as_the_reason(engine: Engine) {
    let db = clinic(engine).await;
    north(&db).await;
    let other = db.with_keys(&keys(NEXT, &[]));
    let told = refused(&other).await;
    assert!(told.contains("a key that is not known here") && told.contains("keys.previous"), "{told}");
    assert_eq!(Clinic::query().one(&db.with_keys(&keys(NEXT, &[SECRET]))).await.unwrap().iban, "DE02");
}

async fn without_keys_nothing_is_written_read_or_looked_up(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    patient(&clinic, "ann", 1).insert(&db).await.unwrap();
    let bare = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&models(), &bare).await.unwrap();
    let told = NewClinic { name: "x".into(), iban: "DE99".into() }.insert(&bare).await.unwrap_err().report();
    assert!(told.contains("opened without keys") && !told.contains("DE99"), "{told}");
    assert_eq!(Clinic::query().count(&bare).await.unwrap(), 0);
    let told = Patient::filter(|p| p.email.eq("treacherous")).all(&bare).await.unwrap_err().report();
    assert!(told.contains("opened without keys") && !told.contains("treacherous"), "{told}");
    let sealed: String = sql("SELECT iban FROM clinics").fetch_one(&db).await.unwrap();
    let insert = format!("INSERT INTO clinics (name, iban) VALUES ('north', '{sealed}')");
    sql(insert).writing().execute(&bare).await.unwrap();
    assert!(refused(&bare).await.contains("opened without keys"));
}
