//! Rows found by words: the same rows on every engine, whatever is looked for.

use mainstay_db::meta::meta_of;
use mainstay_db::write::on_conflict;
use mainstay_db::{
    BelongsTo, CursorRequest, Db, Dialect, HasMany, PageRequest, Query, Settings, model, schema, sql,
};

use super::{Engine, suite};

suite!(
    finds_rows_by_their_words,
    the_best_comes_first,
    goes_together_with_all_else,
    finds_across_relations,
    follows_every_write,
    looks_for_stems_where_it_can,
    passes_over_words_that_the_index_leaves_out,
    two_searches_in_one_query_stay_two,
    searches_that_differ_in_words_share_a_statement,
);

#[model]
#[derive(PartialEq)]
#[search(title, body)]
pub(crate) struct Paper {
    pub id: i64,
    #[field(max_length = 200, unique)]
    pub title: String,
    pub body: Option<String>,
    #[field(default = 0)]
    pub stars: i64,
    #[has_many]
    pub notes: HasMany<Note>,
}

#[model]
pub(crate) struct Note {
    pub id: i64,
    pub text: String,
    #[belongs_to(on_delete = cascade)]
    pub paper: BelongsTo<Paper>,
}

#[model]
#[search(text, language = "english")]
struct Essay {
    id: i64,
    text: String,
}

pub(super) async fn empty(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Paper>(), meta_of::<Note>(), meta_of::<Essay>()], &db).await.unwrap();
    db
}

pub(super) async fn papers(engine: Engine) -> Db {
    let db = empty(engine).await;
    for (title, body) in [
        ("Rust and async", Some("Futures that are polled, group by group.")),
        ("Group commit", Some("SQLite writes of many callers: one group commit.")),
        ("MySQL in anger", Some("Commit after commit; no group of them, and no Rust.")),
        ("Café society", None),
        (
            "Well-known addresses",
            Some("rust-lang.org, ann@example.com, a_snake_case name; don't <b>panic</b>"),
        ),
    ] {
        let new = NewPaper { title: title.into() };
        new.body(body.map(str::to_owned)).insert(&db).await.unwrap();
    }
    db
}

async fn ids(query: Query<Paper>, db: &Db) -> Vec<i64> {
    query.order_by(|p| p.id).all(db).await.unwrap().into_iter().map(|paper| paper.id).collect()
}

pub(super) async fn found(words: &str, db: &Db) -> Vec<i64> {
    ids(Paper::filter(|p| p.matches(words)), db).await
}

async fn finds_rows_by_their_words(engine: Engine) {
    let db = papers(engine).await;
    for (words, rows) in [
        ("rust", &[1, 3, 5][..]),
        ("RUST", &[1, 3, 5]),
        ("rust commit", &[3]),
        ("group commit", &[2, 3]),
        ("\"group commit\"", &[2]),
        ("group -\"group commit\"", &[1, 3]),
        ("rust -mysql", &[1, 5]),
        ("rust -mysql -futures", &[5]),
        ("futures OR cafe", &[1, 4]),
        ("rust -mysql OR writes commit", &[1, 2, 5]),
        ("sqlit*", &[2]),
        ("sqlit* OR fut*", &[1, 2]),
        ("café", &[4]),
        ("CAFÉ", &[4]),
        ("cafe\u{301}", &[4]),
        // What stands between words is not looked at, here or there.
        ("well-known", &[5]),
        ("\"well known\"", &[5]),
        ("rust-lang.org", &[5]),
        ("example", &[5]),
        ("snake_case", &[5]),
        ("don't panic", &[5]),
        ("nowhere", &[]),
        ("rust nowhere", &[]),
        ("-rust", &[]),
        ("", &[]),
        ("+&|!()*:<->'\"", &[]),
    ] {
        assert_eq!(found(words, &db).await, rows, "{words} on {}", db.dialect().name());
        let mut searched: Vec<i64> =
            Paper::query().search(words).all(&db).await.unwrap().into_iter().map(|paper| paper.id).collect();
        searched.sort_unstable();
        assert_eq!(searched, rows, "{words} on {}", db.dialect().name());
    }
}

async fn the_best_comes_first(engine: Engine) {
    let db = empty(engine).await;
    // Many others: a word that every row has says little to some engines.
    for number in 0..20 {
        NewPaper { title: format!("Other {number}") }
            .body("Nothing of it.".to_owned())
            .insert(&db)
            .await
            .unwrap();
    }
    let add = async |title: &str, body: &str| {
        NewPaper { title: title.into() }.body(body.to_owned()).insert(&db).await.unwrap().id
    };
    let once = add("First", "A pelican, some other birds, and much that is said of other birds.").await;
    let often = add("Second", "A pelican, a pelican and a pelican, and much that is said of birds.").await;
    let again = add("Third", "A pelican, some other birds, and much that is said of other birds.").await;
    let best = Paper::query().search("pelican").all(&db).await.unwrap();
    // Those that fit alike come by their keys.
    assert_eq!(best.iter().map(|paper| paper.id).collect::<Vec<_>>(), [often, once, again]);
    if matches!(db.dialect(), Dialect::Sqlite | Dialect::Postgres) {
        let titled =
            add("Pelican and some other birds", "And much that is said of other birds, as a whole.").await;
        let first = Paper::query().search("pelican").first(&db).await.unwrap().unwrap();
        assert_eq!(first.id, titled, "a title weighs more than a body");
    }
    let ranked =
        Paper::query().search("pelican").select(|p| (p.id, p.relevance("pelican"))).all(&db).await.unwrap();
    assert!(ranked.iter().all(|(_, relevance)| *relevance > 0.0), "{ranked:?}");
    assert!(ranked.is_sorted_by(|one, other| one.1 >= other.1), "{ranked:?}");
    let worst =
        Paper::filter(|p| p.matches("pelican")).order_by(|p| (p.relevance("pelican").asc(), p.id.desc()));
    assert_eq!(worst.first(&db).await.unwrap().unwrap().id, again);
}

async fn goes_together_with_all_else(engine: Engine) {
    let db = papers(engine).await;
    let search = || Paper::query().search("rust");
    assert_eq!(search().count(&db).await.unwrap(), 3);
    assert!(
        search().exists(&db).await.unwrap() && !Paper::query().search("nowhere").exists(&db).await.unwrap()
    );
    assert_eq!(search().filter(|p| p.id.gt(1)).all(&db).await.unwrap().len(), 2);
    assert_eq!(search().filter(|p| !p.matches("mysql")).count(&db).await.unwrap(), 2);
    assert_eq!(search().order_by(|p| p.title).limit(1).all(&db).await.unwrap().len(), 1);
    let page = search().paginate(PageRequest::number(2, 2), &db).await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, 3));

    let all: Vec<i64> = search().all(&db).await.unwrap().into_iter().map(|paper| paper.id).collect();
    let mut turned = Vec::new();
    let mut request = CursorRequest::first(1);
    loop {
        let page = search().paginate_by_cursor(request, &db).await.unwrap();
        turned.extend(page.items.into_iter().map(|paper| paper.id));
        let Some(next) = page.next else { break };
        let other = Paper::query()
            .search("commit")
            .paginate_by_cursor(CursorRequest::after(next.clone(), 1), &db)
            .await;
        assert_eq!(other.unwrap_err().machine_code(), "invalid_cursor");
        request = CursorRequest::after(next, 1);
    }
    assert_eq!(turned, all);

    let by_hand: Vec<Paper> = sql("SELECT * FROM papers ORDER BY id").fetch(&db).await.unwrap();
    let titles = |papers: &[Paper]| papers.iter().map(|paper| paper.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&by_hand), titles(&Paper::query().order_by(|p| p.id).all(&db).await.unwrap()));
    let rust = || Paper::filter(|p| p.matches("rust"));
    assert_eq!(rust().update(|p| p.stars(5), &db).await.unwrap(), 3);
    assert_eq!(Paper::filter(|p| p.stars.eq(5)).count(&db).await.unwrap(), 3);
    assert_eq!(rust().filter(|p| !p.matches("mysql")).delete(&db).await.unwrap(), 2);
    assert_eq!(found("rust", &db).await, [3]);
}

async fn finds_across_relations(engine: Engine) {
    let db = papers(engine).await;
    for paper in 1..=5 {
        NewNote { text: format!("About {paper}"), paper: paper.into() }.insert(&db).await.unwrap();
    }
    let about = Note::filter(|n| n.paper.matches("rust -mysql")).order_by(|n| n.id).all(&db).await.unwrap();
    assert_eq!(about.iter().map(|note| note.paper.key().to_string()).collect::<Vec<_>>(), ["1", "5"]);
    let also = Note::filter(|n| n.paper.is(|p| p.matches("rust") & p.id.gt(1)));
    assert_eq!(also.count(&db).await.unwrap(), 2);
    let best = Note::filter(|n| n.paper.matches("commit"))
        .order_by(|n| n.paper.to(|p| p.relevance("commit")).desc())
        .with(|n| n.paper)
        .all(&db)
        .await
        .unwrap();
    assert_eq!(best.len(), 2);
    let with = Paper::query().search("rust").with(|p| p.notes).all(&db).await.unwrap();
    assert!(with.iter().all(|paper| paper.notes.get().unwrap().len() == 1));
}

async fn follows_every_write(engine: Engine) {
    let db = papers(engine).await;
    let mut paper = Paper::get(4, &db).await.unwrap().unwrap();
    paper.update(|p| p.body("Now about pelicans.".to_owned()), &db).await.unwrap();
    assert_eq!(found("pelicans", &db).await, [4]);
    paper.update(|p| p.body(None), &db).await.unwrap();
    assert_eq!((found("pelicans", &db).await, found("society", &db).await), (vec![], vec![4]));
    // A value that meets itself is updated, not inserted: the words of before are gone.
    let again = NewPaper { title: "Café society".into() }.body("Herons.".to_owned());
    again.upsert(|p| p.title, &db).await.unwrap();
    NewPaper { title: "Café society".into() }
        .body("Storks.".to_owned())
        .upsert(|p| on_conflict(p.title), &db)
        .await
        .unwrap();
    assert_eq!((found("herons", &db).await, found("storks society", &db).await), (vec![], vec![4]));
    Paper::insert_all([NewPaper { title: "Egrets".into() }, NewPaper { title: "Ibises".into() }], &db)
        .await
        .unwrap();
    assert_eq!(found("egrets OR ibises", &db).await.len(), 2);
    paper.delete(&db).await.unwrap();
    assert_eq!(found("society", &db).await, Vec::<i64>::new());
    // What is undone was never there.
    let undone = db.transaction(async |tx| {
        NewPaper { title: "Flamingos".into() }.insert(tx).await?;
        Paper::filter(|p| p.matches("flamingos")).one(tx).await.map(|_| ())?;
        Err::<(), _>(mainstay_core::Error::bad_request("undone"))
    });
    assert!(undone.await.is_err());
    assert_eq!(found("flamingos", &db).await, Vec::<i64>::new());
}

async fn looks_for_stems_where_it_can(engine: Engine) {
    let db = empty(engine).await;
    NewEssay { text: "Connecting the databases of one café".into() }.insert(&db).await.unwrap();
    let found = async |words: &str| Essay::query().search(words).count(&db).await.unwrap() == 1;
    assert!(found("connecting databases cafe").await);
    let has_stems = matches!(db.dialect(), Dialect::Sqlite | Dialect::Postgres);
    assert_eq!(found("connected database").await, has_stems);
    assert_eq!(found("connection*").await, has_stems);
}

/// PostgreSQL leaves them out in English alone; InnoDB leaves out some in every language, and words of one or two letters.
async fn passes_over_words_that_the_index_leaves_out(engine: Engine) {
    let db = papers(engine).await;
    assert_eq!(found("one of many", &db).await, [2]);
    assert_eq!(found("in anger", &db).await, [3]);
    assert_eq!(found("\"no group of them\"", &db).await, [3]);
    let keeps_all = matches!(db.dialect(), Dialect::Sqlite | Dialect::Postgres);
    assert_eq!(found("of", &db).await.is_empty(), !keeps_all);
    NewEssay { text: "The state of the art".into() }.insert(&db).await.unwrap();
    for words in ["the state of art", "\"state of the art\"", "art -gallery"] {
        assert_eq!(Essay::query().search(words).count(&db).await.unwrap(), 1, "{words}");
    }
}

/// A statement that was run with words that are alike is run again with others.
async fn two_searches_in_one_query_stay_two(engine: Engine) {
    let db = papers(engine).await;
    for (one, other, rows) in [
        ("rust", "rust", &[1, 3, 5][..]),
        ("rust", "commit", &[3]),
        ("cafe", "cafe", &[4]),
        ("commit", "group -rust", &[2]),
        ("nowhere", "nowhere", &[]),
        ("cafe", "commit", &[]),
    ] {
        let both = Paper::filter(|p| p.matches(one) & p.matches(other));
        assert_eq!(ids(both, &db).await, rows, "{one}, {other}");
        let ranked = Paper::query().search(one).order_by(|p| p.relevance(other).desc());
        assert_eq!(ids(ranked, &db).await, found(one, &db).await, "{one}, {other}");
    }
    // Asked for in every place, again and again.
    for _ in 0..3 {
        let many = Paper::query()
            .search("rust")
            .order_by(|p| (p.relevance("rust").desc().nulls_last(), (p.relevance("rust") * 2.0).desc()))
            .select(|p| (p.id, p.relevance("rust"), p.relevance("commit")));
        assert_eq!(many.all(&db).await.unwrap().len(), 3);
    }
    let reckoned = Paper::query().order_by(|p| (p.relevance("rust") + 1.0).desc().nulls_last());
    assert_eq!(reckoned.count(&db).await.unwrap(), 5);
    let refused = Paper::query().order_by(|p| (p.relevance("rust") + 1.0).desc().nulls_last()).all(&db).await;
    assert_eq!(refused.is_err(), matches!(db.dialect(), Dialect::MySql | Dialect::MariaDb));
    for (words, rows) in [
        ("\"group commit\" OR \"group commit\" OR cafe", &[2, 4][..]),
        ("\"group commit\" OR anger OR cafe", &[2, 3, 4]),
        ("nowhere OR anger OR \"commit after\"", &[3]),
        ("cafe OR \"not there\" OR \"not there\"", &[4]),
    ] {
        assert_eq!(found(words, &db).await, rows, "{words}");
    }
}

async fn searches_that_differ_in_words_share_a_statement(engine: Engine) {
    let db = empty(engine).await;
    let text = |words: &str| Paper::query().search(words).to_sql(db.dialect());
    assert_eq!(text("rust"), text("\"group commit\" -mysql sqlit* '; DROP TABLE papers; --"));
    assert_eq!(text("rust"), text("rust OR go"));
    assert!(!text("rust").contains("rust"));
}
