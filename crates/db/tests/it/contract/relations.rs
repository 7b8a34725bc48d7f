//! Relations of every kind: as conditions, loaded, and written through.

use mainstay_core::StatusCode;
use mainstay_db::{Db, DbError, Settings, schema};

use super::{Engine, suite};
use crate::people::{self, Book, NewBook, NewPassport, NewPerson, Passport, Person};

suite!(
    makes_the_tables_between_by_itself,
    loads_the_one_row_that_belongs_to_another,
    asks_for_the_one_row_that_belongs_to_another,
    tells_two_relations_to_one_model_apart,
    links_without_a_model_between,
    relates_a_model_to_itself,
    loads_relations_of_rows_that_are_there,
    loads_one_only_where_it_is_wanted,
    creates_rows_that_belong_to_another,
    moves_rows_from_one_owner_to_another,
    creates_and_links_in_one_go,
);

async fn library(engine: Engine) -> (Db, Person, Person) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&people::models(), &db).await.unwrap();
    let person = async |name: &str| NewPerson { name: name.into() }.insert(&db).await.unwrap();
    let (ann, bob) = (person("ann").await, person("bob").await);
    (db, ann, bob)
}

async fn book(db: &Db, owner: &Person, title: &str) -> Book {
    NewBook { title: title.into(), owner: owner.key() }.insert(db).await.unwrap()
}

fn titles(books: &[Book]) -> Vec<&str> {
    books.iter().map(|book| book.title.as_str()).collect()
}

async fn makes_the_tables_between_by_itself(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let mut made = schema::create_tables(&people::models(), &db).await.unwrap().tables;
    made.sort_unstable();
    assert_eq!(made, ["books", "favourites", "passports", "person_follows", "person_reads", "persons"]);
    assert!(schema::create_tables(&people::models(), &db).await.unwrap().tables.is_empty());
}

async fn loads_the_one_row_that_belongs_to_another(engine: Engine) {
    let (db, ann, _) = library(engine).await;
    NewPassport { number: "X1".into(), holder: ann.key() }.insert(&db).await.unwrap();
    assert!(ann.passport.get().is_err(), "not loaded");
    let log = db.record();
    let people =
        Person::query().with(|p| p.passport.with(|p| p.holder)).order_by(|p| p.name).all(&db).await.unwrap();
    assert_eq!(log.count(), 2);
    let passport = people[0].passport.get().unwrap().unwrap();
    assert_eq!((passport.number.as_str(), passport.holder.get().unwrap().name.as_str()), ("X1", "ann"));
    assert_eq!(people[1].passport.get().unwrap(), None);
    let json = serde_json::to_value(&people).unwrap();
    assert_eq!((&json[0]["passport"]["number"], &json[1]["passport"]), (&"X1".into(), &().into()));
    assert!(serde_json::to_value(&ann).unwrap().get("passport").is_none());
    let second = NewPassport { number: "X2".into(), holder: ann.key() }.insert(&db).await.unwrap_err();
    assert_eq!(second.status(), StatusCode::CONFLICT);
}

async fn asks_for_the_one_row_that_belongs_to_another(engine: Engine) {
    let (db, mut ann, bob) = library(engine).await;
    let draft = NewPassport { number: "X1".into(), holder: bob.key() };
    let passport = ann.passport.create(draft, &db).await.unwrap();
    assert_eq!(passport.holder.key(), ann.key(), "whatever the draft says");
    assert_eq!(ann.passport.get().unwrap(), Some(&passport));
    let names = async |query: mainstay_db::Query<Person>| {
        query.all(&db).await.unwrap().into_iter().map(|person| person.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Person::filter(|p| p.passport.is(|p| p.number.eq("X1")))).await, ["ann"]);
    assert_eq!(names(Person::filter(|p| p.passport.exists())).await, ["ann"]);
    assert_eq!(names(Person::filter(|p| p.passport.is_empty())).await, ["bob"]);
    assert_eq!(names(Person::filter(|p| p.passport.maybe(|p| p.number).eq("X1"))).await, ["ann"]);
    let none = Person::query().with(|p| p.passport.filter(|p| p.number.eq("X9"))).all(&db).await.unwrap();
    assert!(none.iter().all(|person| person.passport.get().unwrap().is_none()));
}

async fn tells_two_relations_to_one_model_apart(engine: Engine) {
    let (db, ann, bob) = library(engine).await;
    book(&db, &ann, "one").await;
    NewBook { title: "two".into(), owner: bob.key() }.borrower(ann.key()).insert(&db).await.unwrap();
    let people = Person::query()
        .with(|p| p.owned.with(|b| b.borrower))
        .with(|p| p.borrowed.with(|b| b.owner))
        .order_by(|p| p.name)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(titles(people[0].owned.get().unwrap()), ["one"]);
    assert_eq!(titles(people[0].borrowed.get().unwrap()), ["two"]);
    assert_eq!(people[0].borrowed.get().unwrap()[0].owner.get().unwrap(), &bob);
    assert_eq!(people[1].owned.get().unwrap()[0].borrower.as_ref().unwrap().get().unwrap(), &ann);
    assert!(people[1].borrowed.get().unwrap().is_empty());
    let lent = Person::filter(|p| p.owned.any(|b| b.borrower.is(|p| p.name.eq("ann"))));
    assert_eq!(lent.one(&db).await.unwrap(), bob);
}

async fn links_without_a_model_between(engine: Engine) {
    let (db, mut ann, mut bob) = library(engine).await;
    let (one, two) = (book(&db, &ann, "one").await, book(&db, &ann, "two").await);
    ann.reads.add([&one, &two], &db).await.unwrap();
    ann.likes.set([&two], &db).await.unwrap();
    bob.reads.add([&one], &db).await.unwrap();
    let people = Person::query()
        .with(|p| p.reads.order_by(|b| b.title))
        .with(|p| p.likes)
        .order_by(|p| p.name)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(titles(people[0].reads.get().unwrap()), ["one", "two"]);
    assert_eq!(titles(people[0].likes.get().unwrap()), ["two"]);
    assert_eq!(titles(people[1].reads.get().unwrap()), ["one"]);
    let mut read = Book::filter(|b| b.readers.any(|p| p.name.eq("bob")))
        .with(|b| b.readers.order_by(|p| p.name))
        .one(&db)
        .await
        .unwrap();
    assert_eq!(read.readers.get().unwrap(), [ann.clone(), bob.clone()]);
    read.readers.remove([&bob], &db).await.unwrap();
    assert!(bob.reads.keys(&db).await.unwrap().is_empty());
    ann.reads.clear(&db).await.unwrap();
    assert!(read.readers.keys(&db).await.unwrap().is_empty());
    assert_eq!(ann.likes.keys(&db).await.unwrap(), [two.key()], "another table");
    two.delete(&db).await.unwrap();
    assert!(ann.likes.keys(&db).await.unwrap().is_empty(), "links go with what they link");
    let fault = ann.reads.add([4_711], &db).await.unwrap_err();
    let expected = DbError::UnknownReference { model: "PersonReads".into(), field: "book".into() };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
}

async fn relates_a_model_to_itself(engine: Engine) {
    let (db, mut ann, mut bob) = library(engine).await;
    ann.follows.add([&bob], &db).await.unwrap();
    assert_eq!(bob.followers.keys(&db).await.unwrap(), [ann.key()]);
    assert!(bob.follows.keys(&db).await.unwrap().is_empty());
    bob.followers.set(Vec::<&Person>::new(), &db).await.unwrap();
    assert!(ann.follows.keys(&db).await.unwrap().is_empty());
    bob.followers.add([&ann], &db).await.unwrap();
    let followed = Person::filter(|p| p.followers.any(|f| f.name.eq("ann")))
        .with(|p| p.followers)
        .with(|p| p.follows)
        .one(&db)
        .await
        .unwrap();
    assert_eq!(followed.followers.get().unwrap(), std::slice::from_ref(&ann));
    assert!(followed.follows.get().unwrap().is_empty());

    let first = book(&db, &ann, "first").await;
    NewBook { title: "second".into(), owner: ann.key() }.sequel_to(first.key()).insert(&db).await.unwrap();
    let books =
        Book::query().with(|b| b.sequel).with(|b| b.sequel_to).order_by(|b| b.id).all(&db).await.unwrap();
    assert_eq!(books[0].sequel.get().unwrap().unwrap().title, "second");
    assert_eq!(books[1].sequel_to.as_ref().unwrap().get().unwrap().title, "first");
    assert!(books[1].sequel.get().unwrap().is_none());
}

async fn loads_relations_of_rows_that_are_there(engine: Engine) {
    let (db, ann, bob) = library(engine).await;
    book(&db, &ann, "one").await;
    NewBook { title: "two".into(), owner: bob.key() }.borrower(ann.key()).insert(&db).await.unwrap();
    let mut people = vec![ann.clone(), bob.clone()];
    let log = db.record();
    Person::load(&mut people, |p| p.owned.order_by(|b| b.title).with(|b| b.owner), &db).await.unwrap();
    assert_eq!(log.count(), 1);
    assert_eq!(titles(people[1].owned.get().unwrap()), ["two"]);
    assert_eq!(people[1].owned.get().unwrap()[0].owner.get().unwrap(), &bob);
    let mut books = Book::query().order_by(|b| b.id).all(&db).await.unwrap();
    log.clear();
    Book::load(&mut books, |b| b.owner.with(|p| p.passport), &db).await.unwrap();
    assert_eq!(log.count(), 2);
    assert_eq!(books[0].owner.get().unwrap(), &ann);
    assert!(books[0].owner.get().unwrap().passport.get().unwrap().is_none());
    Book::load(&mut books, |b| b.borrower, &db).await.unwrap();
    assert_eq!(books[1].borrower.as_ref().unwrap().get().unwrap(), &ann);
    log.clear();
    Book::load(&mut [], |b| b.owner, &db).await.unwrap();
    assert_eq!(log.count(), 0, "no rows, nothing to load");
}

async fn loads_one_only_where_it_is_wanted(engine: Engine) {
    let (db, ann, bob) = library(engine).await;
    book(&db, &ann, "one").await;
    book(&db, &bob, "two").await;
    let books = Book::query()
        .with(|b| b.owner.filter(|p| p.name.eq("bob")).with(|p| p.owned))
        .order_by(|b| b.id)
        .all(&db)
        .await
        .unwrap();
    assert!(books[0].owner.loaded().is_none());
    assert_eq!(titles(books[1].owner.get().unwrap().owned.get().unwrap()), ["two"]);
}

async fn creates_rows_that_belong_to_another(engine: Engine) {
    let (db, ann, bob) = library(engine).await;
    let mut ann = Person::filter(|p| p.id.eq(ann.id)).with(|p| p.owned).one(&db).await.unwrap();
    let draft = NewBook { title: "one".into(), owner: bob.key() };
    let one = ann.owned.create(draft, &db).await.unwrap();
    assert_eq!(one.owner.key(), ann.key());
    assert_eq!(ann.owned.get().unwrap(), std::slice::from_ref(&one));
    assert_eq!(Book::filter(|b| b.owner.eq(&ann)).one(&db).await.unwrap(), one);
}

async fn moves_rows_from_one_owner_to_another(engine: Engine) {
    let (db, mut ann, mut bob) = library(engine).await;
    let (one, two) = (book(&db, &ann, "one").await, book(&db, &ann, "two").await);
    bob.owned.add([&two, &two], &db).await.unwrap();
    assert_eq!(
        Book::filter(|b| b.owner.eq(&bob)).one(&db).await.unwrap(),
        Book::find(&two, &db).await.unwrap()
    );
    let missing = bob.owned.add([one.key(), 4_711.into()], &db).await.unwrap_err();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(Book::filter(|b| b.owner.eq(&ann)).count(&db).await.unwrap(), 1, "all or none");
    ann.borrowed.add([&one, &two], &db).await.unwrap();
    bob.borrowed.remove([&one], &db).await.unwrap();
    assert_eq!(
        Book::filter(|b| b.borrower.eq(&ann)).count(&db).await.unwrap(),
        2,
        "it was not bob's to return"
    );
    ann.borrowed.remove([&one], &db).await.unwrap();
    assert_eq!(Book::filter(|b| b.borrower.eq(&ann)).count(&db).await.unwrap(), 1);
    let fault = ann.owned.remove([&one], &db).await.unwrap_err();
    assert!(fault.report().contains("make its `owner` an `Option`"), "{fault:?}");
}

async fn creates_and_links_in_one_go(engine: Engine) {
    let (db, mut ann, _) = library(engine).await;
    let one = ann.reads.create(NewBook { title: "one".into(), owner: ann.key() }, &db).await.unwrap();
    assert_eq!(ann.reads.keys(&db).await.unwrap(), [one.key()]);
    let nobody = mainstay_db::Key::<Person>::new(4_711);
    assert!(ann.reads.create(NewBook { title: "two".into(), owner: nobody }, &db).await.is_err());
    let mut gone = NewPerson { name: "cid".into() }.insert(&db).await.unwrap();
    Person::filter(|p| p.id.eq(gone.id)).delete(&db).await.unwrap();
    let orphan = NewBook { title: "three".into(), owner: ann.key() };
    assert!(gone.reads.create(orphan, &db).await.is_err());
    assert_eq!(Book::query().count(&db).await.unwrap(), 1, "neither row nor link");
    assert_eq!(Passport::query().count(&db).await.unwrap(), 0);
}
