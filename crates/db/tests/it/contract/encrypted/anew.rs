//! Sealing anew: after keys have changed, after a field has become an encrypted one, after it has got another name.

use mainstay_db::encrypted::reseal;
use mainstay_db::meta::{ModelMeta, meta_of};
use mainstay_db::migrate::Goal;
use mainstay_db::{Db, DbError, Settings, sql};

use super::super::made_migrations::{embedded, make};
use super::super::migrations::run;
use super::{Engine, clinic, north, patient, suite};
use crate::clinic::{Clinic, NEXT, Patient, SECRET, keys};

suite!(
    another_secret_takes_over_without_a_gap,
    is_done_in_batches_and_once,
    undoes_no_write_of_somebody_else,
    what_cannot_be_opened_is_named_and_left_alone,
    goes_on_past_a_value_that_is_there_twice,
    a_plain_field_becomes_an_encrypted_one,
    a_new_name_keeps_the_values,
);

async fn another_secret_takes_over_without_a_gap(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    patient(&clinic, "Ann", 1).phone("1".to_owned()).insert(&db).await.unwrap();
    let next = db.with_keys(&keys(NEXT, &[SECRET]));
    let by_email =
        async |db: &Db, email: &str| Patient::filter(|p| p.email.eq(email)).count(db).await.unwrap();
    assert_eq!(by_email(&next, "ann").await, 1, "by the digest of before");
    patient(&clinic, "bob", 2).insert(&next).await.unwrap();
    assert_eq!(Patient::filter(|p| p.email.is_in(["ann", "bob"])).count(&next).await.unwrap(), 2);

    let done = reseal(meta_of::<Patient>(), &next).await.unwrap();
    assert_eq!((done.rows, done.sealed, done.refused), (2, 1, 0), "the new one is as it is to be");
    assert_eq!(reseal(meta_of::<Clinic>(), &next).await.unwrap().sealed, 1);
    let done = reseal(meta_of::<Patient>(), &next).await.unwrap();
    assert_eq!((done.rows, done.sealed), (2, 0), "and there is nothing left to do");

    let without = db.with_keys(&keys(NEXT, &[]));
    let ann = Patient::filter(|p| p.email.eq("ann")).with(|p| p.clinic).one(&without).await.unwrap();
    assert_eq!((ann.phone.as_deref(), ann.clinic.get().unwrap().iban.as_str()), (Some("1"), "DE02"));
    assert_eq!(by_email(&db, "ann").await, 0, "the old secret finds nothing any more");
}

async fn is_done_in_batches_and_once(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    let new = |number: i32| {
        let new = patient(&clinic, &format!("p{number}"), number);
        // Every third has a phone, so that other fields are written of it.
        new.phone((number % 3 == 0).then(|| number.to_string()))
    };
    Patient::insert_all((1..=1_203).map(new), &db).await.unwrap();
    let next = db.with_keys(&keys(NEXT, &[SECRET]));
    // Somebody has stopped it half-way, and it goes on.
    let stopped =
        tokio::time::timeout(std::time::Duration::from_millis(5), reseal(meta_of::<Patient>(), &next)).await;
    let done = reseal(meta_of::<Patient>(), &next).await.unwrap();
    assert_eq!((done.rows, done.refused), (1_203, 0));
    assert!(done.sealed <= 1_203 && (stopped.is_ok() || done.sealed > 0));
    let without = db.with_keys(&keys(NEXT, &[]));
    let all = Patient::query().order_by(|p| p.id).all(&without).await.unwrap();
    assert_eq!(all.len(), 1_203);
    assert!(all.iter().all(|p| p.email == format!("p{}", p.number)));
    assert_eq!(Patient::filter(|p| p.phone.eq("1203")).one(&without).await.unwrap().number, 1_203);
}

async fn undoes_no_write_of_somebody_else(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    Patient::insert_all((1..=300).map(|number| patient(&clinic, &format!("p{number}"), number)), &db)
        .await
        .unwrap();
    let next = db.with_keys(&keys(NEXT, &[SECRET]));
    let writer = {
        let next = next.clone();
        tokio::spawn(async move {
            for number in 1..=300 {
                let row = Patient::filter(|p| p.number.eq(number));
                assert_eq!(row.update(|p| p.phone(format!("new {number}")), &next).await.unwrap(), 1);
            }
        })
    };
    let mut overtaken = 0;
    while !writer.is_finished() {
        overtaken += reseal(meta_of::<Patient>(), &next).await.unwrap().overtaken;
    }
    writer.await.unwrap();
    reseal(meta_of::<Patient>(), &next).await.unwrap();
    let without = db.with_keys(&keys(NEXT, &[]));
    let all = Patient::query().order_by(|p| p.id).all(&without).await.unwrap();
    assert!(all.iter().all(|p| p.phone == Some(format!("new {}", p.number))), "{overtaken} were overtaken");
}

async fn what_cannot_be_opened_is_named_and_left_alone(engine: Engine) {
    let db = clinic(engine).await;
    let first = north(&db).await;
    north(&db).await;
    let forged = "sealed:AiOhyF8AAAAAAAAAAMFcAonsLQqRZ-yOZWupQDLvC--YJdUQ3nEeSKdGV97vsg";
    let update = format!("UPDATE clinics SET iban = '{forged}' WHERE id = {}", first.id);
    sql(update).writing().execute(&db).await.unwrap();
    let next = db.with_keys(&keys(NEXT, &[SECRET]));
    let done = reseal(meta_of::<Clinic>(), &next).await.unwrap();
    assert_eq!((done.rows, done.sealed, done.refused), (2, 1, 1));
    let [fault @ DbError::Encrypted { .. }] = &*done.faults else { panic!("{:?}", done.faults) };
    assert!(fault.to_string().contains(&format!("`clinics.iban` of the row {}", first.id)), "{fault}");
    let stored: String =
        sql(format!("SELECT iban FROM clinics WHERE id = {}", first.id)).fetch_one(&db).await.unwrap();
    assert_eq!(stored, forged);
}

async fn goes_on_past_a_value_that_is_there_twice(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    let before = |number: i32| patient(&clinic, &format!("p{number}"), number).phone("1".to_owned());
    Patient::insert_all((1..=700).map(before), &db).await.unwrap();
    // With another secret, nothing knows that there is such an address already.
    let next = db.with_keys(&keys(NEXT, &[SECRET]));
    for twice in [3, 650] {
        patient(&clinic, &format!("P{twice}"), 1_000 + twice).insert(&next).await.unwrap();
    }
    for _ in 0..2 {
        let done = reseal(meta_of::<Patient>(), &next).await.unwrap();
        assert_eq!((done.rows, done.refused, done.duplicates, done.overtaken), (702, 0, 2, 0));
        let named: Vec<String> = done.faults.iter().map(DbError::to_string).collect();
        for (fault, number) in named.iter().zip([3, 650]) {
            let row = Patient::filter(|p| p.number.eq(number)).one(&next).await.unwrap();
            assert_eq!(row.email, format!("p{number}"), "it is as it was, and found by the secret of before");
            let place = format!("`patients.email` of the row {} ", row.id);
            assert!(fault.contains(&place) && fault.contains("another row has the same value"), "{fault}");
        }
        assert_eq!(named.len(), 2, "{named:?}");
    }
    let without = db.with_keys(&keys(NEXT, &[]));
    assert_eq!(
        Patient::filter(|p| p.phone.eq("1")).count(&without).await.unwrap(),
        698,
        "all others are done"
    );

    let row = Patient::filter(|p| p.number.eq(1_003));
    assert_eq!(row.delete(&next).await.unwrap(), 1);
    let done = reseal(meta_of::<Patient>(), &next).await.unwrap();
    assert_eq!((done.rows, done.sealed, done.duplicates), (701, 1, 1), "somebody has chosen");
}

/// The migrations of an application that goes on.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes the migration to these models, and applies it.
    async fn make_and_run(&self, models: &[&'static ModelMeta], db: &Db) {
        assert!(!make(self.0.path(), models).is_empty());
        run(db, &embedded(self.0.path()), Goal::Latest).await.unwrap();
        assert!(make(self.0.path(), models).is_empty(), "the models are as the migrations say");
    }
}

mod before {
    use mainstay_db::model;

    #[model]
    pub(super) struct Account {
        pub id: i64,
        #[field(max_length = 20)]
        pub iban: String,
        pub remark: Option<String>,
    }
}

mod meanwhile {
    use mainstay_db::model;

    #[model]
    #[derive(PartialEq)]
    pub(super) struct Account {
        pub id: i64,
        #[field(encrypted, blind_index, reads_plain)]
        pub iban: String,
        #[field(encrypted, reads_plain)]
        pub remark: Option<String>,
    }
}

mod after {
    use mainstay_db::model;

    #[model]
    #[derive(PartialEq)]
    pub(super) struct Account {
        pub id: i64,
        #[field(encrypted, blind_index, unique)]
        pub iban: String,
        #[field(encrypted)]
        pub remark: Option<String>,
    }
}

async fn a_plain_field_becomes_an_encrypted_one(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default()).with_keys(&keys(SECRET, &[]));
    let project = Project::new();
    project.make_and_run(&[meta_of::<before::Account>()], &db).await;
    for (iban, remark) in [("DE02", Some("old")), ("DE03", None)] {
        let new = before::NewAccount { iban: iban.into() }.remark(remark.map(str::to_owned));
        new.insert(&db).await.unwrap();
    }
    project.make_and_run(&[meta_of::<meanwhile::Account>()], &db).await;
    let read = async || meanwhile::Account::query().order_by(|a| a.id).all(&db).await.unwrap();
    let plain = read().await;
    assert_eq!((plain[0].iban.as_str(), plain[0].remark.as_deref()), ("DE02", Some("old")));
    // What is written is sealed.
    meanwhile::NewAccount { iban: "DE04".into() }.insert(&db).await.unwrap();
    let before = read().await;
    assert!(after::Account::query().all(&db).await.is_err());
    let done = reseal(meta_of::<meanwhile::Account>(), &db).await.unwrap();
    assert_eq!((done.rows, done.sealed, done.refused), (3, 2, 0));
    assert_eq!(read().await, before);

    project.make_and_run(&[meta_of::<after::Account>()], &db).await;
    let account = after::Account::filter(|a| a.iban.eq("DE02")).one(&db).await.unwrap();
    assert_eq!(account.remark.as_deref(), Some("old"));
    assert!(after::NewAccount { iban: "DE03".into() }.insert(&db).await.is_err());
    let stored: Vec<String> = sql("SELECT iban FROM accounts").fetch(&db).await.unwrap();
    assert!(stored.iter().all(|iban| iban.starts_with("sealed:")));
}

mod renamed {
    use mainstay_db::model;

    #[model(table = "ledgers")]
    #[renamed_from("accounts")]
    #[derive(PartialEq)]
    pub(super) struct Ledger {
        pub id: i64,
        #[renamed_from(iban)]
        #[field(encrypted, blind_index, unique)]
        pub number: String,
        #[field(encrypted)]
        pub remark: Option<String>,
    }
}

mod settled {
    use mainstay_db::model;

    #[model(table = "ledgers")]
    #[derive(PartialEq)]
    pub(super) struct Ledger {
        pub id: i64,
        #[field(encrypted, blind_index, unique)]
        pub number: String,
        #[field(encrypted)]
        pub remark: Option<String>,
    }
}

async fn a_new_name_keeps_the_values(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default()).with_keys(&keys(SECRET, &[]));
    let project = Project::new();
    project.make_and_run(&[meta_of::<after::Account>()], &db).await;
    let new = after::NewAccount { iban: "DE02".into() }.remark("r".to_owned());
    new.insert(&db).await.unwrap();
    project.make_and_run(&[meta_of::<renamed::Ledger>()], &db).await;
    let found = renamed::Ledger::filter(|l| l.number.eq("DE02")).one(&db).await.unwrap();
    assert_eq!(found.remark.as_deref(), Some("r"));
    assert!(settled::Ledger::query().one(&db).await.is_err(), "it was sealed for the name of before");
    assert_eq!(reseal(meta_of::<renamed::Ledger>(), &db).await.unwrap().sealed, 1);
    let found = settled::Ledger::filter(|l| l.number.eq("DE02")).one(&db).await.unwrap();
    assert_eq!((found.number.as_str(), found.remark.as_deref()), ("DE02", Some("r")));
}
