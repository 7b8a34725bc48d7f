//! A row and the rows that belong to it, stored in one call.

use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::meta::meta_of;
use mainstay_db::{
    BelongsTo, Db, DbError, HasMany, HasOne, Hooks, ManyToMany, Saving, Settings, Tx, Uuid, model, schema,
};

use super::{Engine, suite};

suite!(
    stores_a_row_with_all_that_belongs_to_it,
    takes_rows_that_are_there_already,
    tells_everything_that_is_wrong_before_it_stores,
    a_fault_further_down_leaves_nothing,
    names_the_row_that_the_database_refuses,
    joins_the_transaction_that_there_is,
    a_key_from_the_code_is_known_before,
);

/// What somebody wants to buy.
#[model]
struct Cart {
    id: i64,
    #[field(min_length = 1, max_length = 20)]
    name: String,
    #[has_many]
    lines: HasMany<Line>,
    #[has_one]
    note: HasOne<Note>,
    #[many_to_many]
    labels: ManyToMany<Label>,
}

#[model]
struct Line {
    id: i64,
    #[field(unique, min = 1)]
    number: i32,
    #[belongs_to(on_delete = cascade)]
    cart: BelongsTo<Cart>,
    #[has_many]
    extras: HasMany<Extra>,
}

/// What comes with a line.
#[model(hooks)]
struct Extra {
    id: i64,
    #[field(min_length = 1, max_length = 20)]
    text: String,
    #[belongs_to(on_delete = cascade)]
    line: BelongsTo<Line>,
}

impl Hooks for Extra {
    async fn before_save(row: &mut Saving<'_, Self>, _: &Tx) -> Result<()> {
        let Some(text) = row.get(|e| e.text)? else { return Ok(()) };
        if text == "refused" {
            return Err(Error::bad_request("Not this extra."));
        }
        row.change(|e| e.text(text.to_uppercase()));
        Ok(())
    }
}

#[model]
struct Note {
    id: i64,
    #[field(min_length = 1)]
    text: String,
    #[field(unique)]
    #[belongs_to(on_delete = cascade)]
    cart: BelongsTo<Cart>,
}

#[model]
struct Label {
    id: i64,
    #[field(unique, max_length = 10)]
    name: String,
}

/// With a key that the code makes.
#[model]
struct Parcel {
    #[field(default = Uuid::now_v7())]
    id: Uuid,
    #[has_many]
    stamps: HasMany<Stamp>,
}

#[model]
struct Stamp {
    id: i64,
    #[field(min = 1)]
    value: i32,
    #[belongs_to(on_delete = cascade)]
    parcel: BelongsTo<Parcel>,
}

async fn carts(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    let models = [
        meta_of::<Cart>(),
        meta_of::<Line>(),
        meta_of::<Extra>(),
        meta_of::<Note>(),
        meta_of::<Label>(),
        meta_of::<Parcel>(),
        meta_of::<Stamp>(),
    ];
    schema::create_tables(&models, &db).await.unwrap();
    db
}

fn cart(name: &str) -> NewCart {
    NewCart { name: name.into() }
}

async fn is_empty(db: &Db) -> bool {
    Cart::query().count(db).await.unwrap() + Line::query().count(db).await.unwrap() == 0
        && Label::query().count(db).await.unwrap() + Note::query().count(db).await.unwrap() == 0
        && Extra::query().count(db).await.unwrap() == 0
}

fn places(error: &Error) -> Vec<(&str, &str)> {
    error.faults().iter().map(|fault| (&*fault.pointer, &*fault.code)).collect()
}

async fn stores_a_row_with_all_that_belongs_to_it(engine: Engine) {
    let db = carts(engine).await;
    // What the closures use need not be theirs.
    let (extras, numbers) = (["ribbon".to_owned(), "card".to_owned()], vec![2, 3]);
    let stored = cart("ann's")
        .with(
            |c| c.lines,
            |cart| {
                let gift = NewLine { number: 1, cart }.with(
                    |l| l.extras,
                    |line| extras.iter().map(move |text| NewExtra { text: text.clone(), line }),
                );
                [gift]
                    .into_iter()
                    .chain(numbers.iter().map(move |number| NewLine { number: *number, cart }.into()))
            },
        )
        .with(|c| c.note, |cart| Some(NewNote { text: "soon".into(), cart }))
        .with(|c| c.labels, |_| [NewLabel { name: "gift".into() }, NewLabel { name: "urgent".into() }])
        .insert(&db)
        .await
        .unwrap();
    assert_eq!(stored.name, "ann's");
    let lines = stored.lines.get().unwrap();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(lines.iter().all(|line| line.cart.key() == stored.key()));
    assert_eq!(lines[0].extras.get().unwrap()[1].text, "CARD", "its hook was called");
    assert!(lines[1].extras.loaded().is_none());
    assert_eq!(stored.note.get().unwrap().unwrap().text, "soon");
    assert_eq!(stored.labels.get().unwrap().len(), 2);

    let read = Cart::query()
        .with(|c| c.lines.order_by(|l| l.number).with(|l| l.extras.order_by(|e| e.id)))
        .with(|c| c.note)
        .with(|c| c.labels.order_by(|l| l.id))
        .one(&db)
        .await
        .unwrap();
    let (stored, read) = (serde_json::to_value(&stored).unwrap(), serde_json::to_value(&read).unwrap());
    assert_eq!((&read["note"], &read["labels"]), (&stored["note"], &stored["labels"]));
    assert_eq!(read["lines"][0], stored["lines"][0]);
    assert_eq!(read["lines"][2]["number"], 3);
}

async fn takes_rows_that_are_there_already(engine: Engine) {
    let db = carts(engine).await;
    let old = NewLabel { name: "old".into() }.insert(&db).await.unwrap();
    let other = cart("other").insert(&db).await.unwrap();
    let line = NewLine { number: 1, cart: other.key() }.insert(&db).await.unwrap();
    let stored = cart("one")
        .with_existing(|c| c.labels, [&old, &old])
        .with(|c| c.labels, |_| [NewLabel { name: "new".into() }])
        .with_existing(|c| c.lines, [&line])
        .insert(&db)
        .await
        .unwrap();
    assert!(stored.labels.loaded().is_none(), "what is there already was not read");
    let read = Cart::filter(|c| c.id.eq(stored.id)).with(|c| c.labels.order_by(|l| l.name)).with(|c| c.lines);
    let read = read.one(&db).await.unwrap();
    let names: Vec<&str> = read.labels.get().unwrap().iter().map(|label| &*label.name).collect();
    assert_eq!((names, read.lines.get().unwrap()[0].id), (vec!["new", "old"], line.id));
    let fault = cart("two").with_existing(|c| c.labels, [old.id + 7]).insert(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY, "{}", fault.report());
    assert_eq!(places(&fault), [("/labels", "unknown_reference")]);
    let fault = cart("two").with_existing(|c| c.lines, [line.id + 7]).insert(&db).await.unwrap_err();
    assert_eq!((fault.status(), places(&fault)), (StatusCode::NOT_FOUND, vec![("/lines", "not_found")]));
    assert_eq!(Cart::query().count(&db).await.unwrap(), 2);
}

async fn tells_everything_that_is_wrong_before_it_stores(engine: Engine) {
    let db = carts(engine).await;
    let log = db.record();
    let fault = cart("")
        .with(
            |c| c.lines,
            |cart| {
                let line = |number| NewLine { number, cart };
                [line(1).into(), line(0).with(|l| l.extras, |line| [NewExtra { text: "fine".into(), line }])]
            },
        )
        .with(|c| c.note, |cart| [NewNote { text: String::new(), cart }])
        .with(|c| c.labels, |_| [NewLabel { name: "far too long".into() }])
        .insert(&db)
        .await
        .unwrap_err();
    assert_eq!(
        (fault.status(), fault.machine_code()),
        (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed")
    );
    let expected = [
        ("/name", "too_short"),
        ("/lines/1/number", "too_small"),
        ("/note/text", "too_short"),
        ("/labels/0/name", "too_long"),
    ];
    assert_eq!(places(&fault), expected);
    assert_eq!(log.count(), 0, "nothing was asked of the database");
}

async fn a_fault_further_down_leaves_nothing(engine: Engine) {
    let db = carts(engine).await;
    let with_lines = |numbers: [i32; 3]| {
        cart("one")
            .with(|c| c.lines, move |cart| numbers.map(|number| NewLine { number, cart }))
            .with(|c| c.note, |cart| [NewNote { text: String::new(), cart }])
    };
    let fault = with_lines([1, 0, -1]).insert(&db).await.unwrap_err();
    let expected =
        [("/lines/1/number", "too_small"), ("/lines/2/number", "too_small"), ("/note/text", "too_short")];
    assert_eq!(places(&fault), expected);
    assert!(is_empty(&db).await);
    for (text, code) in [("", "too_short"), ("refused", "bad_request")] {
        let fault = cart("one")
            .with(
                |c| c.lines,
                |cart| {
                    [7, 8].map(|number| {
                        let extra = move |line| [NewExtra { text: text.into(), line }];
                        NewLine { number, cart }.with(|l| l.extras, extra)
                    })
                },
            )
            .insert(&db)
            .await
            .unwrap_err();
        let place = if text.is_empty() { "/lines/0/extras/0/text" } else { "/lines/0/extras/0" };
        assert_eq!(places(&fault), [(place, code)], "{}", fault.report());
        assert!(is_empty(&db).await);
    }
}

async fn names_the_row_that_the_database_refuses(engine: Engine) {
    let db = carts(engine).await;
    let twins = || cart("one").with(|c| c.lines, |cart| [1, 2, 1].map(|number| NewLine { number, cart }));
    let fault = twins().insert(&db).await.unwrap_err();
    assert_eq!((fault.status(), places(&fault)), (StatusCode::CONFLICT, vec![("/lines/2/number", "taken")]));
    let expected = DbError::UniqueViolation { model: "Line".into(), fields: vec!["number".into()] };
    assert_eq!(fault.source_as::<DbError>(), Some(&expected));
    assert!(is_empty(&db).await);
    let two = |cart| ["a", "b"].map(|text| NewNote { text: text.into(), cart });
    let fault = cart("one").with(|c| c.note, two).insert(&db).await.unwrap_err();
    assert_eq!(places(&fault), [("/note/cart", "taken")]);
    assert!(is_empty(&db).await);
}

async fn joins_the_transaction_that_there_is(engine: Engine) {
    let db = carts(engine).await;
    let with_lines = |numbers: [i32; 2]| {
        cart("one").with(|c| c.lines, move |cart| numbers.map(|number| NewLine { number, cart }))
    };
    db.transaction(async |tx| {
        with_lines([1, 1]).insert(tx).await.unwrap_err();
        with_lines([2, 3]).insert(tx).await
    })
    .await
    .unwrap();
    assert_eq!((Cart::query().count(&db).await.unwrap(), Line::query().count(&db).await.unwrap()), (1, 2));
    let undone: Result<()> = db
        .transaction(async |tx| {
            with_lines([4, 5]).insert(tx).await?;
            Err(Error::bad_request("No."))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(Line::query().count(&db).await.unwrap(), 2);
}

async fn a_key_from_the_code_is_known_before(engine: Engine) {
    let db = carts(engine).await;
    let parcel = |values: [i32; 2]| {
        let stamps = move |parcel| values.map(|value| NewStamp { value, parcel });
        NewParcel {}.with(|p| p.stamps, stamps)
    };
    let log = db.record();
    let fault = parcel([1, 0]).insert(&db).await.unwrap_err();
    assert_eq!((places(&fault), log.count()), (vec![("/stamps/1/value", "too_small")], 0));
    let stored = tokio::spawn({
        let (db, parcel) = (db.clone(), parcel([1, 2]));
        async move { parcel.insert(&db).await }
    });
    let stored = stored.await.unwrap().unwrap();
    let stamps = Stamp::filter(|s| s.parcel.eq(stored.id)).count(&db).await.unwrap();
    assert_eq!((stamps, stored.stamps.get().unwrap().len()), (2, 2));
}
