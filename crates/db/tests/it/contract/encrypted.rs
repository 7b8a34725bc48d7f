//! Fields that are stored sealed.

mod anew;
mod faults;

use chrono::{NaiveDate, TimeZone, Utc};
use futures_util::TryStreamExt;
use mainstay_core::StatusCode;
use mainstay_db::model::Drafting;
use mainstay_db::transfer::{self, Chosen, Source};
use mainstay_db::{Db, DbError, Decimal, Json, Settings, Uuid, on_conflict, schema, sql};

use super::{Engine, suite};
use crate::clinic::{
    Address, Clinic, Document, Everything, NewClinic, NewEverything, NewPatient, Patient, SECRET, keys,
    models,
};

suite!(
    every_type_is_stored_sealed_and_comes_back,
    is_written_in_every_way,
    is_looked_up_by_its_digest,
    is_unique_by_its_digest,
    is_upserted_by_its_digest,
    comes_with_relations_in_projections_and_streams,
    limits_are_those_of_the_value,
    a_dump_stays_sealed_and_is_loaded_by_who_has_the_keys,
    nothing_that_is_logged_tells_a_value,
);

/// A database with the tables, and keys.
async fn clinic(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&models(), &db).await.unwrap();
    db.with_keys(&keys(SECRET, &[]))
}

async fn north(db: &Db) -> Clinic {
    NewClinic { name: "north".into(), iban: "DE02".into() }.insert(db).await.unwrap()
}

fn patient(clinic: &Clinic, email: &str, number: i32) -> NewPatient {
    let address = Address { street: "Hauptstr. 1".into(), town: "Ulm".into() };
    NewPatient { email: email.into(), name: email.into(), address, clinic: clinic.key(), number }
}

/// What is in a column.
async fn stored(db: &Db, column: &str, table: &str) -> Vec<Option<String>> {
    sql(format!("SELECT {column} FROM {table} ORDER BY id")).fetch(db).await.unwrap()
}

async fn every_type_is_stored_sealed_and_comes_back(engine: Engine) {
    let db = clinic(engine).await;
    let new = || NewEverything {
        text: "grüße 🦀 \u{1}".into(),
        bytes: vec![0, 255, 7],
        document: Json(Document { lines: vec!["a".into(), String::new()] }),
        number: i64::MAX,
        float: -0.1,
        amount: Decimal::new(150, 2),
        is_so: true,
        uuid: Uuid::from_u128(7),
        day: NaiveDate::from_ymd_opt(2026, 2, 28).unwrap(),
    };
    let at = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    let one = new().at(at).insert(&db).await.unwrap();
    let (given, read) = (new(), Everything::find(&one, &db).await.unwrap());
    assert_eq!(read, one);
    assert_eq!((&read.text, &read.bytes, &read.none), (&given.text, &given.bytes, &None));
    assert_eq!((&read.document, read.number, read.float), (&given.document, given.number, given.float));
    assert_eq!((read.amount.to_string(), read.is_so), ("1.50".to_owned(), true));
    assert_eq!((read.uuid, read.day, read.at), (given.uuid, given.day, at));
    let two = new().insert(&db).await.unwrap();
    assert_eq!(two.at.timestamp(), 0, "a default is sealed as well");

    let columns = ["text", "bytes", "document", "number", "amount", "is_so", "uuid", "day", "at"];
    for column in columns {
        let column = if column == "at" { db.dialect().quote(column) } else { column.to_owned() };
        let values = stored(&db, &column, "everythings").await;
        let [Some(first), Some(second)] = &*values else { panic!("{column}: {values:?}") };
        assert!(first.starts_with("sealed:") && second.starts_with("sealed:"), "{first}");
        assert_ne!(first, second, "{column}: one value never looks the same twice");
    }
    assert_eq!(stored(&db, "none", "everythings").await, [None, None]);
}

async fn is_written_in_every_way(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    let again = async |id: i64| Patient::find(id, &db).await.unwrap();
    let draft = patient(&clinic, "ann", 1).phone("1".to_owned()).notes("n".to_owned());
    assert_eq!(draft.given(|p| p.email).unwrap().as_deref(), Some("ann"));
    let mut ann = draft.insert(&db).await.unwrap();
    assert_eq!(
        (ann.email.as_str(), ann.phone.as_deref(), ann.notes.as_deref()),
        ("ann", Some("1"), Some("n"))
    );

    ann.update(|p| p.email("eve").notes(None), &db).await.unwrap();
    assert_eq!((ann.email.as_str(), &ann.notes), ("eve", &None));
    assert_eq!(ann, again(ann.id).await);
    let before = stored(&db, "email", "patients").await;
    ann.edit(|p| p.phone = Some("2".into()), &db).await.unwrap();
    assert_eq!(stored(&db, "email", "patients").await, before, "what is the same is not written");
    ann.notes = Some("more".into());
    ann.save(&db).await.unwrap();
    ann.update_with(|p| (p.phone.set("3"), p.email.set("Zoe")), &db).await.unwrap();
    assert_eq!(
        (ann.email.as_str(), ann.phone.as_deref(), ann.notes.as_deref()),
        ("Zoe", Some("3"), Some("more"))
    );
    assert_eq!(ann, again(ann.id).await);

    let many = [patient(&clinic, "b", 2), patient(&clinic, "c", 3)];
    assert_eq!(Patient::insert_all(many, &db).await.unwrap(), 2);
    let returned = Patient::insert_all_returning([patient(&clinic, "d", 4), patient(&clinic, "e", 5)], &db);
    let mut returned = returned.await.unwrap();
    assert_eq!(returned.iter().map(|p| p.email.as_str()).collect::<Vec<_>>(), ["d", "e"]);
    returned.iter_mut().for_each(|p| p.phone = Some(p.email.to_uppercase()));
    assert_eq!(Patient::save_all(&returned, &db).await.unwrap(), 2);
    assert_eq!(again(returned[1].id).await.phone.as_deref(), Some("E"));
    assert_eq!(Patient::filter(|p| p.phone.eq("E")).one(&db).await.unwrap().email, "e");

    let changed = Patient::filter(|p| p.email.is_in(["b", "c"])).update(|p| p.phone("bc".to_owned()), &db);
    assert_eq!(changed.await.unwrap(), 2);
    assert_eq!(Patient::filter(|p| p.phone.eq("bc")).count(&db).await.unwrap(), 2);
    let rows = Patient::filter(|p| p.phone.eq("bc")).update_returning(|p| p.phone(None), &db).await.unwrap();
    assert!(rows.iter().all(|p| p.phone.is_none()) && rows.len() == 2);
    assert_eq!(Patient::filter(|p| p.phone.is_null()).count(&db).await.unwrap(), 2);
    let gone = Patient::filter(|p| p.email.eq("e")).delete_returning(&db).await.unwrap();
    assert_eq!(gone.iter().map(|p| p.email.as_str()).collect::<Vec<_>>(), ["e"]);
    db.transaction(async |tx| {
        let mut last = patient(&clinic, "tx", 9).insert(tx).await?;
        last.update(|p| p.email("ty"), tx).await?;
        Patient::filter(|p| p.email.eq("ty")).one(tx).await.map(|_| ())
    })
    .await
    .unwrap();
}

async fn is_looked_up_by_its_digest(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    for (number, email) in (1..).zip(["Ann@Example.org", "bob@example.org", "ünal@example.org"]) {
        patient(&clinic, email, number).phone(format!("0{number}")).insert(&db).await.unwrap();
    }
    patient(&clinic, "no phone", 4).insert(&db).await.unwrap();
    let emails = async |query: mainstay_db::Query<Patient>| {
        let rows = query.order_by(|p| p.id).all(&db).await.unwrap();
        rows.into_iter().map(|p| p.number).collect::<Vec<_>>()
    };
    assert_eq!(emails(Patient::filter(|p| p.email.eq("ann@example.ORG"))).await, [1]);
    assert_eq!(emails(Patient::filter(|p| p.email.eq("ÜNAL@example.org".to_owned()))).await, [3]);
    assert!(emails(Patient::filter(|p| p.email.eq("ann"))).await.is_empty());
    assert_eq!(
        emails(Patient::filter(|p| p.email.is_in(["BOB@example.org", "x", "ann@example.org"]))).await,
        [1, 2]
    );
    assert!(emails(Patient::filter(|p| p.email.is_in(Vec::<String>::new()))).await.is_empty());
    assert_eq!(emails(Patient::filter(|p| p.email.is_not_in(["bob@example.org"]))).await, [1, 3, 4]);
    assert_eq!(
        emails(Patient::filter(|p| p.email.ne("bob@example.org") & p.name.ne("no phone"))).await,
        [1, 3]
    );
    assert_eq!(emails(Patient::filter(|p| p.phone.eq("02") | p.number.eq(3))).await, [2, 3]);
    assert!(emails(Patient::filter(|p| p.phone.eq("03 "))).await.is_empty(), "as it is, to the letter");
    assert_eq!(emails(Patient::filter(|p| p.phone.eq(None::<String>))).await, [4]);
    assert_eq!(emails(Patient::filter(|p| p.phone.ne("02"))).await, [1, 3], "NULL differs from nothing");
    assert_eq!(emails(Patient::filter(|p| !p.phone.is_in(["01", "02"]) & p.phone.is_not_null())).await, [3]);
    let clinics = Clinic::filter(|c| c.patients.any(|p| p.email.eq("bob@example.org")));
    assert_eq!(clinics.count(&db).await.unwrap(), 1);
    let clinics = Clinic::filter(|c| c.patients.any(|p| p.email.eq("rob@example.org")));
    assert_eq!(clinics.count(&db).await.unwrap(), 0);
    let many: Vec<String> = (0..3_000).map(|number| format!("{number}")).chain(["02".to_owned()]).collect();
    assert_eq!(emails(Patient::filter(|p| p.phone.is_in(&many))).await, [2]);
    // The same statement, whatever is looked for.
    let log = db.record();
    for email in ["a", "b"] {
        Patient::filter(|p| p.email.eq(email)).all(&db).await.unwrap();
    }
    let statements = log.queries();
    assert_eq!(statements[0].sql, statements[1].sql);
}

async fn is_unique_by_its_digest(engine: Engine) {
    let db = clinic(engine).await;
    let (north, south) = (north(&db).await, north(&db).await);
    patient(&north, "ann@example.org", 1).insert(&db).await.unwrap();
    let taken = |fields: &[&str]| DbError::UniqueViolation {
        model: "Patient".into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    let fault = patient(&south, "ANN@example.org", 1).insert(&db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&taken(&["email"])), "{}", fault.report());
    assert_eq!((fault.status(), fault.faults()[0].pointer.as_str()), (StatusCode::CONFLICT, "/email"));
    // Together with another field, which is not encrypted.
    let fault = patient(&north, "bob", 1).insert(&db).await.unwrap_err();
    assert_eq!(fault.source_as::<DbError>(), Some(&taken(&["clinic", "number"])), "{}", fault.report());
    patient(&south, "bob", 1).insert(&db).await.unwrap();
}

async fn is_upserted_by_its_digest(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    let one = patient(&clinic, "ann", 1).phone("1".to_owned()).upsert(|p| p.email, &db).await.unwrap();
    let two = patient(&clinic, "ANN", 1).phone("2".to_owned()).upsert(|p| p.email, &db).await.unwrap();
    assert_eq!((two.id, two.email.as_str(), two.phone.as_deref()), (one.id, "ANN", Some("2")));
    assert_eq!(Patient::filter(|p| p.phone.eq("2")).count(&db).await.unwrap(), 1, "its digest goes with it");
    let three = NewPatient { name: "new".into(), ..patient(&clinic, "ann", 7) };
    let three = three.phone("3".to_owned()).upsert(|p| on_conflict(p.email).update((p.name, p.phone)), &db);
    let three = three.await.unwrap();
    assert_eq!((three.id, three.name.as_str(), three.number), (one.id, "new", 1));
    assert_eq!(Patient::filter(|p| p.phone.eq("3")).count(&db).await.unwrap(), 1);
    let same = patient(&clinic, "zoe", 1).upsert(|p| (p.clinic, p.number), &db).await.unwrap();
    assert_eq!((same.id, same.email.as_str()), (one.id, "zoe"));
    assert_eq!(Patient::filter(|p| p.email.eq("ZOE")).count(&db).await.unwrap(), 1);
    assert!(patient(&clinic, "Zoe", 8).insert_or_ignore(|p| p.email, &db).await.unwrap().is_none());
    assert!(patient(&clinic, "new", 8).insert_or_ignore(|p| p.email, &db).await.unwrap().is_some());
    let all = [patient(&clinic, "zoe", 1), patient(&clinic, "eve", 9)];
    Patient::upsert_all(all, |p| p.email, &db).await.unwrap();
    assert_eq!(Patient::query().count(&db).await.unwrap(), 3);
}

async fn comes_with_relations_in_projections_and_streams(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    for number in 1..=3 {
        patient(&clinic, &format!("p{number}"), number).insert(&db).await.unwrap();
    }
    let loaded = Clinic::query().with(|c| c.patients.order_by(|p| p.id)).one(&db).await.unwrap();
    let emails: Vec<_> = loaded.patients.get().unwrap().iter().map(|p| p.email.as_str()).collect();
    assert_eq!(emails, ["p1", "p2", "p3"]);
    let joined = Patient::filter(|p| p.email.eq("p2")).with(|p| p.clinic).one(&db).await.unwrap();
    assert_eq!(joined.clinic.get().unwrap().iban, "DE02");
    assert_eq!(joined.address.town, "Ulm");

    let pairs = Patient::query().order_by(|p| p.id).select(|p| (p.email, p.name, p.phone, p.number));
    let first = pairs.first(&db).await.unwrap().unwrap();
    assert_eq!(first, ("p1".to_owned(), "p1".to_owned(), None, 1));
    let streamed: Vec<Patient> = Patient::query().order_by(|p| p.id).stream(&db).try_collect().await.unwrap();
    assert_eq!(streamed, Patient::query().order_by(|p| p.id).all(&db).await.unwrap());
    // By hand: what is there. As a model: what it is.
    let raw: Vec<String> = sql("SELECT email FROM patients").fetch(&db).await.unwrap();
    assert!(raw.iter().all(|email| email.starts_with("sealed:")));
    let read: Vec<Patient> = sql("SELECT * FROM patients ORDER BY id").fetch(&db).await.unwrap();
    assert_eq!(read, streamed);
    let page = Patient::query().order_by(|p| p.id).paginate(mainstay_db::PageRequest::number(2, 2), &db);
    assert_eq!(page.await.unwrap().items[0].email, "p3");
}

async fn limits_are_those_of_the_value(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    let fault = patient(&clinic, &"ä".repeat(41), 1).insert(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let faults: Vec<_> = fault.faults().iter().map(|fault| (fault.pointer.as_str(), &*fault.code)).collect();
    assert!(faults.contains(&("/email", "too_long")), "{faults:?}");
    // As long as it may be, it is much longer sealed.
    let longest = "ä".repeat(40);
    let draft = NewPatient { name: "x".into(), ..patient(&clinic, &longest, 1) };
    let notes = "n".repeat(100_000);
    let row = draft.notes(notes.clone()).insert(&db).await.unwrap();
    assert_eq!((row.email, row.notes), (longest, Some(notes)));
}

async fn a_dump_stays_sealed_and_is_loaded_by_who_has_the_keys(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    patient(&clinic, "Ann", 1).phone("1".to_owned()).insert(&db).await.unwrap();
    let snapshot = transfer::snapshot(&db).await.unwrap();
    let pieces: Vec<String> = transfer::dump(&Chosen::all(&models()), &snapshot).try_collect().await.unwrap();
    drop(snapshot);
    let dump = pieces.concat();
    assert!(!dump.contains("DE02") && !dump.contains("email_index"), "{dump}");
    let other = self::clinic(engine).await;
    let loaded = transfer::load(&models(), &other, [Source::text("dump", dump.clone())]).await.unwrap();
    assert_eq!(loaded, 2);
    let ann = Patient::filter(|p| p.email.eq("ann")).with(|p| p.clinic).one(&other).await.unwrap();
    assert_eq!((ann.email.as_str(), ann.clinic.get().unwrap().iban.as_str()), ("Ann", "DE02"));

    let stranger = self::clinic(engine).await.with_keys(&keys(crate::clinic::NEXT, &[]));
    let refused = transfer::load(&models(), &stranger, [Source::text("dump", dump)]).await.unwrap_err();
    assert!(refused.report().contains("`clinics.iban`"), "{}", refused.report());
    assert_eq!(Clinic::query().count(&stranger).await.unwrap(), 0);
    // A fixture by hand has plain values, and finds a row by one.
    let line = "{\"model\":\"Clinic\",\"fields\":{\"id\":9,\"name\":\"east\",\"iban\":\"AT01\"}}\n";
    transfer::load(&models(), &stranger, [Source::text("fixture", line)]).await.unwrap();
    assert_eq!(Clinic::query().one(&stranger).await.unwrap().iban, "AT01");
    let row = |phone: &str| {
        let address = "\"address\":{\"street\":\"a\",\"town\":\"b\"}";
        let line = format!(
            "{{\"model\":\"Patient\",\"fields\":{{\"email\":\"Eve\",\"name\":\"e\",\"phone\":\"{phone}\",{address},\"clinic\":9,\"number\":1}}}}\n"
        );
        Source::text("fixture", line)
    };
    for phone in ["1", "2"] {
        transfer::load_or_update(&models(), &stranger, [row(phone)]).await.unwrap();
    }
    assert_eq!(Patient::query().one(&stranger).await.unwrap().phone.as_deref(), Some("2"));
}

async fn nothing_that_is_logged_tells_a_value(engine: Engine) {
    let db = clinic(engine).await;
    let clinic = north(&db).await;
    let log = db.record();
    let draft = NewPatient { name: "n".into(), ..patient(&clinic, "x1", 1) }.notes("treacherous".to_owned());
    assert!(!format!("{draft:?}").contains("treacherous"));
    let row = draft.insert(&db).await.unwrap();
    assert!(!format!("{row:?}").contains("x1") && format!("{row:?}").contains("email: ********"), "{row:?}");
    let query = Patient::filter(|p| p.email.eq("treacherous") | p.phone.is_in(["treacherous"]));
    assert!(!format!("{query:?}").contains("treacherous"), "{query:?}");
    query.all(&db).await.unwrap();
    let logged = format!("{:?}", log.queries());
    assert!(!logged.contains("treacherous") && logged.contains("patients"), "{logged}");
}
