//! No way of asking shows one tenant what is another's, or changes it.
//!
//! Each way of reading is asked three times: for one tenant, whose answer must not have the other's secret; for all, whose answer must
//! have it, so that the question is one that could tell; and for nobody, which must be refused.

mod relations;

use chrono::{DateTime, Utc};
use mainstay_core::{Result, StatusCode};
use mainstay_db::hooks::Write;
use mainstay_db::meta::meta_of;
use mainstay_db::transfer::{Chosen, Source, dump, load, snapshot};
use mainstay_db::{
    BelongsTo, CursorRequest, Db, Executor, HasMany, Hooks, ManyToMany, ModelMeta, PageRequest, Settings, Tx,
    model, schema,
};

use super::{Engine, suite};

#[model]
#[unique(company, number)]
#[search(name)]
pub(crate) struct Project {
    pub id: i64,
    #[field(tenant)]
    pub company: i64,
    #[field(unique, max_length = 40)]
    pub code: String,
    #[field(max_length = 100)]
    pub name: String,
    pub number: i64,
    #[belongs_to(on_delete = set_null)]
    pub parent: Option<BelongsTo<Self>>,
    #[has_many]
    pub tasks: HasMany<Task>,
    #[many_to_many]
    pub labels: ManyToMany<Label>,
}

#[model]
pub(crate) struct Task {
    pub id: i64,
    #[field(tenant, index)]
    pub company: i64,
    #[field(max_length = 100)]
    pub title: String,
    pub points: i64,
    #[belongs_to(on_delete = cascade)]
    pub project: BelongsTo<Project>,
    #[field(deleted_at)]
    pub deleted_at: Option<DateTime<Utc>>,
}

#[model]
pub(crate) struct Label {
    pub id: i64,
    #[field(tenant, index)]
    pub company: i64,
    #[field(max_length = 100)]
    pub name: String,
    #[many_to_many]
    pub projects: ManyToMany<Project>,
}

/// Of no tenant itself: what it leads to is.
#[model]
pub(crate) struct Note {
    pub id: i64,
    #[field(max_length = 100)]
    pub text: String,
    #[belongs_to(on_delete = cascade)]
    pub project: BelongsTo<Project>,
}

/// With hooks, which write too.
#[model(hooks)]
pub(crate) struct Entry {
    pub id: i64,
    #[field(tenant, index)]
    pub company: i64,
    #[field(max_length = 100)]
    pub text: String,
}

impl Hooks for Entry {
    async fn after_save(entry: &Self, _: Write, tx: &Tx) -> Result<()> {
        // The transaction of a hook is for the same tenant.
        let others = Self::filter(|other| other.company.ne(entry.company)).count(tx).await?;
        assert_eq!(others, 0);
        Ok(())
    }

    async fn after_commit(entry: Self, _: Write, db: Db) -> Result<()> {
        let others = Self::filter(|other| other.company.ne(entry.company)).count(&db).await?;
        assert_eq!(others, 0);
        Ok(())
    }
}

fn models() -> Vec<&'static ModelMeta> {
    mainstay_db::meta::with_links(&[
        meta_of::<Project>(),
        meta_of::<Task>(),
        meta_of::<Label>(),
        meta_of::<Note>(),
        meta_of::<Entry>(),
    ])
}

const ACME: i64 = 1;
const BOLT: i64 = 2;

/// Two tenants. All that the second has is called `secret`.
async fn world(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&models(), &db).await.unwrap();
    for (company, name) in [(ACME, "plain"), (BOLT, "secret")] {
        let db = &db.tenant(company);
        let project =
            NewProject { code: format!("{name} code"), name: format!("{name} project"), number: company };
        let mut project = project.insert(db).await.unwrap();
        assert_eq!(project.company, company);
        let task = |title: &str| NewTask {
            title: format!("{name} {title}"),
            points: 100 * company,
            project: project.key(),
        };
        Task::insert_all([task("one"), task("two")], db).await.unwrap();
        let gone = task("gone").insert(db).await.unwrap();
        gone.delete(db).await.unwrap();
        let label = NewLabel { name: format!("{name} label") }.insert(db).await.unwrap();
        project.labels.add([label.key()], db).await.unwrap();
        NewNote { text: "a note".into(), project: project.key() }.insert(db).await.unwrap();
        NewEntry { text: format!("{name} entry") }.insert(db).await.unwrap();
    }
    db
}

suite!(
    no_way_of_reading_shows_anothers_rows,
    no_way_of_writing_changes_anothers_rows,
    a_new_row_is_of_the_tenant_and_of_no_other,
    an_upsert_finds_no_row_of_another,
    transactions_are_for_a_tenant_too,
    all_statements_name_the_tenant_of_every_table,
    dumps_and_loads_have_all_tenants,
);

/// Everything that reads, with what it says.
async fn readings<E: Executor + Clone + Send + 'static>(
    db: &E,
    other: i64,
) -> Vec<(&'static str, Result<String>)> {
    let mut all: Vec<(&'static str, Result<String>)> = Vec::new();
    macro_rules! ask {
        ($name:literal, $asked:expr) => {
            all.push(($name, $asked.await.map(|told| format!("{told:?}"))));
        };
    }
    let one = || Task::query().order_by(|task| task.id);
    ask!("all", one().all(db));
    ask!("all with deleted", one().with_deleted().all(db));
    ask!("only deleted", one().only_deleted().all(db));
    ask!("last", one().last(db));
    ask!("filter", Task::filter(|task| task.company.eq(BOLT) | task.company.eq(ACME)).all(db));
    ask!("or", Task::filter(|task| task.company.eq(ACME) | task.title.contains("secret")).all(db));
    ask!("not", Task::filter(|task| !task.company.eq(ACME)).all(db));
    ask!("get", Project::get(other, db));
    ask!("paginate", one().paginate(PageRequest::number(1, 50), db));
    ask!("cursor", one().paginate_by_cursor(CursorRequest::first(50), db));
    ask!("select", one().select(|task| (task.title, task.points)).all(db));
    ask!("select first", Task::query().select(|task| task.title).order_by(|t| t.title.desc()).first(db));
    ask!("distinct", Task::query().select(|task| task.title).distinct().order_by(|task| task.title).all(db));
    ask!(
        "group",
        Task::query().select(|task| (task.title, mainstay_db::count())).group_by(|t| t.title).all(db)
    );
    ask!("annotate", Project::query().annotate(|project| (project.tasks.count(), project.name)).all(db));
    let known = || Note::filter(|note| note.project.is(|project| project.number.gt(0)));
    ask!("to", known().select(|note| note.project.to(|project| project.name)).all(db));
    ask!("maybe", Note::query().select(|note| note.project.maybe(|project| project.name)).all(db));
    ask!("joined", known().with(|note| note.project).all(db));
    ask!("joined twice", Task::query().with(|task| task.project.with(|project| project.labels)).all(db));
    ask!("loaded many", Project::query().with(|project| project.tasks).all(db));
    ask!("loaded some", Project::query().with(|project| project.tasks.limit(1)).all(db));
    ask!("loaded through", Project::query().with(|project| project.labels).all(db));
    ask!("list", Project::query().select(|project| project.tasks.list(|task| task.title)).all(db));
    ask!("search", Project::query().search("project").all(db));
    ask!("of deleted", Project::query().with(|project| project.tasks.filter(|t| t.points.gt(0))).all(db));
    let streamed = async {
        let mut stream = one().stream(db);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        Ok(rows)
    };
    ask!("stream", streamed);
    let streamed = async {
        let mut stream = one().into_stream(db.clone());
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        Ok(rows)
    };
    ask!("into_stream", streamed);
    all
}

/// Everything that counts, with what is there for one tenant, and for both.
async fn counts(db: &impl Executor) -> Vec<(&'static str, Result<i64>, [i64; 2])> {
    let number = |counted: Result<u64>| counted.map(|counted| counted as i64);
    let is = |found: Result<bool>| found.map(i64::from);
    vec![
        ("count", number(Task::query().count(db).await), [2, 4]),
        ("count values", number(Task::query().select(|task| task.title).count(db).await), [2, 4]),
        (
            "distinct count",
            number(Task::query().select(|task| task.points).distinct().count(db).await),
            [1, 2],
        ),
        ("exists", is(Task::filter(|task| task.title.contains("secret")).exists(db).await), [0, 1]),
        ("sum", Task::query().sum(|task| task.points, db).await, [200, 600]),
        (
            "max",
            Task::query().max(|task| task.points, db).await.map(|max| max.unwrap_or_default()),
            [100, 200],
        ),
        (
            "to-one condition",
            number(Note::filter(|note| note.project.is(|project| project.number.gt(0))).count(db).await),
            [1, 2],
        ),
        (
            "to-many condition",
            number(
                Project::filter(|p| {
                    p.labels.any(|l| l.name.contains("label")) & p.tasks.any(|t| t.points.gt(0))
                })
                .count(db)
                .await,
            ),
            [1, 2],
        ),
        (
            "negated condition",
            // Of another's project nothing is known: it is as if there were none.
            number(Note::filter(|note| !note.project.is(|p| p.number.gt(0))).count(db).await),
            [1, 0],
        ),
        (
            "sub-query",
            number(Note::filter(|note| note.project.is_in(Project::query().keys())).count(db).await),
            [1, 2],
        ),
        (
            "having",
            number(
                Task::query()
                    .select(|task| (task.project.key(), task.points.sum()))
                    .group_by(|task| task.project.key())
                    .having(|task| task.points.sum().gt(0))
                    .count(db)
                    .await,
            ),
            [1, 2],
        ),
    ]
}

fn is_refused<T>(told: &Result<T>) -> bool {
    let detail =
        |error: &mainstay_core::Error| error.report().contains("has tenants, and nothing says for which");
    told.as_ref().is_err_and(detail)
}

async fn no_way_of_reading_shows_anothers_rows(engine: Engine) {
    let db = world(engine).await;
    let other = Project::filter(|p| p.company.eq(BOLT)).one(&db.across_tenants()).await.unwrap().id;
    for (way, told) in readings(&db.tenant(ACME), other).await {
        let told = told.unwrap_or_else(|error| panic!("{way}: {}", error.report()));
        assert!(!told.contains("secret"), "{way}: {told}");
    }
    for (way, told) in readings(&db.across_tenants(), other).await {
        let told = told.unwrap_or_else(|error| panic!("{way}: {}", error.report()));
        assert!(told.contains("secret"), "{way} could not tell: {told}");
    }
    for (way, told) in readings(&db, other).await {
        assert!(is_refused(&told), "{way}: {told:?}");
    }
    for (way, counted, [of_one, _]) in counts(&db.tenant(ACME)).await {
        assert_eq!(counted.unwrap(), of_one, "{way}");
    }
    for (way, counted, [_, of_all]) in counts(&db.across_tenants()).await {
        assert_eq!(counted.unwrap(), of_all, "{way}");
    }
    for (way, counted, _) in counts(&db).await {
        assert!(is_refused(&counted), "{way}: {counted:?}");
    }
    // One that there is not sees nothing at all.
    assert_eq!(Task::query().count(&db.tenant(77_i64)).await.unwrap(), 0);
    assert_eq!(Task::query().count(&db.tenant(None::<i64>)).await.unwrap(), 0);
    // To MySQL, such a text would be the number.
    let misfit = Task::query().count(&db.tenant(format!("{BOLT}x"))).await.unwrap_err();
    assert!(misfit.report().contains("of another type"), "{}", misfit.report());
    let mut mine = Project::query().all(&db.tenant(ACME)).await.unwrap();
    assert!(is_refused(&Project::load(&mut mine, |project| project.tasks, &db).await));
}

/// All that a tenant has, as the engine has it.
async fn all_of(company: i64, db: &Db) -> String {
    let db = &db.across_tenants();
    let projects = Project::filter(|p| p.company.eq(company)).order_by(|p| p.id).all(db).await.unwrap();
    let tasks =
        Task::filter(|t| t.company.eq(company)).with_deleted().order_by(|t| t.id).all(db).await.unwrap();
    let labels = Label::filter(|l| l.company.eq(company)).order_by(|l| l.id).all(db).await.unwrap();
    let labels =
        (labels, Label::filter(|l| l.company.eq(company)).with(|l| l.projects).all(db).await.unwrap());
    format!("{projects:?} {tasks:?} {labels:?}")
}

async fn no_way_of_writing_changes_anothers_rows(engine: Engine) {
    let db = world(engine).await;
    let (acme, before) = (&db.tenant(ACME), all_of(BOLT, &db).await);
    let theirs = Task::filter(|t| t.company.eq(BOLT)).first(&db.across_tenants()).await.unwrap().unwrap();
    let project = Project::filter(|p| p.company.eq(BOLT)).one(&db.across_tenants()).await.unwrap();
    let everything = || Task::query().with_deleted();
    let mine_already = Task::query().first(acme).await.unwrap().unwrap();

    assert_eq!(everything().update(|t| t.points(7), acme).await.unwrap(), 3);
    assert_eq!(everything().update_with(|t| t.points.set(t.points + 1), acme).await.unwrap(), 3);
    assert_eq!(everything().update_returning(|t| t.points(8), acme).await.unwrap().len(), 3);
    // A condition on related rows, which MySQL changes by a derived table.
    let related = || Task::filter(|t| t.project.is(|p| p.number.gt(0)) | t.points.gt(0));
    assert_eq!(related().update(|t| t.points(9), acme).await.unwrap(), 2);
    assert_eq!(related().delete(acme).await.unwrap(), 2);
    assert_eq!(Task::query().restore(acme).await.unwrap(), 3);

    let not_found = |told: Result<()>| assert_eq!(told.unwrap_err().status(), StatusCode::NOT_FOUND);
    not_found(theirs.clone().update(|t| t.points(1), acme).await);
    not_found(theirs.clone().edit(|t| t.points = 1, acme).await);
    not_found(theirs.clone().update_with(|t| t.points.set(t.points + 1), acme).await);
    not_found(theirs.clone().delete(acme).await);
    not_found(theirs.clone().delete_for_good(acme).await);
    not_found(project.clone().delete(acme).await);
    assert!(theirs.clone().save(acme).await.is_err());
    let mut disguised = theirs.clone();
    disguised.company = ACME;
    assert!(disguised.clone().save(acme).await.is_err(), "its project is another's");
    disguised.project = mine_already.project.clone();
    not_found(disguised.save(acme).await);
    assert_eq!(Task::save_all(&[disguised], acme).await.unwrap(), 0);
    assert!(Task::save_all(std::slice::from_ref(&theirs), acme).await.is_err());

    let mut mine = Project::query().one(acme).await.unwrap();
    not_found(mine.tasks.add([theirs.key()], acme).await);
    mine.tasks.remove([theirs.key()], acme).await.unwrap_err();
    let label = Label::filter(|l| l.company.eq(BOLT)).one(&db.across_tenants()).await.unwrap();
    assert!(mine.labels.add([label.key()], acme).await.is_err());
    assert!(mine.labels.set([label.key()], acme).await.is_err());
    mine.labels.clear(acme).await.unwrap();

    assert_eq!(everything().delete_returning(acme).await.unwrap().len(), 3);
    assert_eq!(everything().delete_for_good(acme).await.unwrap(), 3);
    assert_eq!(Project::query().delete(acme).await.unwrap(), 1);
    assert_eq!(all_of(BOLT, &db).await, before);

    for refused in [
        everything().update(|t| t.points(7), &db).await,
        everything().delete(&db).await,
        everything().delete_for_good(&db).await,
        Task::query().restore(&db).await,
        Task::insert_all([NewTask { title: "x".into(), points: 1, project: project.key() }], &db).await,
    ] {
        assert!(is_refused(&refused), "{refused:?}");
    }
    assert!(is_refused(&theirs.clone().delete(&db).await));
    assert!(is_refused(&theirs.clone().update(|t| t.points(1), &db).await));
    assert_eq!(all_of(BOLT, &db).await, before);
}

async fn a_new_row_is_of_the_tenant_and_of_no_other(engine: Engine) {
    let db = world(engine).await;
    let acme = &db.tenant(ACME);
    let label = |name: &str| NewLabel { name: name.to_owned() };
    assert_eq!(label("a").insert(acme).await.unwrap().company, ACME);
    assert_eq!(label("b").company(ACME).insert(acme).await.unwrap().company, ACME);
    assert!(label("c").company(BOLT).insert(acme).await.is_err());
    assert!(Label::insert_all([label("d").into(), label("e").company(BOLT)], acme).await.is_err());
    let made = Label::insert_all_returning([label("f"), label("g")], acme).await.unwrap();
    assert!(made.iter().all(|label| label.company == ACME));
    assert!(is_refused(&label("h").insert(&db).await));
    assert!(is_refused(&label("h").company(ACME).insert(&db).await));
    // For all tenants, a row says whose it is.
    assert!(label("i").insert(&db.across_tenants()).await.is_err());
    assert_eq!(label("j").company(BOLT).insert(&db.across_tenants()).await.unwrap().company, BOLT);

    let mut mine = Label::filter(|label| label.name.eq("a")).one(acme).await.unwrap();
    assert!(mine.update(|label| label.company(BOLT), acme).await.is_err());
    assert!(Label::query().update(|label| label.company(BOLT), acme).await.is_err());
    assert!(Label::query().update_with(|l| l.company.set(l.company + 1), acme).await.is_err());
    assert_eq!(Label::filter(|label| label.company.eq(BOLT)).count(&db.across_tenants()).await.unwrap(), 2);
    let both = NewProject { code: "new".into(), name: "n".into(), number: 9 }
        .with(|p| p.labels, |_| [label("k")])
        .insert(acme)
        .await
        .unwrap();
    assert_eq!(both.labels.get().unwrap()[0].company, ACME);
}

async fn an_upsert_finds_no_row_of_another(engine: Engine) {
    let db = world(engine).await;
    let (acme, before) = (&db.tenant(ACME), all_of(BOLT, &db).await);
    let stolen = || NewProject { code: "secret code".into(), name: "stolen".into(), number: 5 };
    let taken = |told: Result<()>| {
        let error = told.unwrap_err();
        assert_eq!(error.status(), StatusCode::CONFLICT, "{}", error.report());
    };
    taken(stolen().upsert(|p| p.code, acme).await.map(drop));
    let fine = NewProject { code: "fine".into(), name: "fine".into(), number: 6 };
    taken(Project::upsert_all([fine, stolen()], |p| p.code, acme).await);
    assert_eq!(Project::filter(|p| p.code.eq("fine")).count(acme).await.unwrap(), 0, "all or none");
    assert!(stolen().insert_or_ignore(|p| p.code, acme).await.unwrap().is_none());
    assert!(is_refused(&stolen().upsert(|p| p.code, &db).await));
    assert_eq!(all_of(BOLT, &db).await, before);

    let own = NewProject { code: "plain code".into(), name: "renamed".into(), number: 1 };
    assert_eq!(own.upsert(|p| p.code, acme).await.unwrap().name, "renamed");
    let own = NewProject { code: "other".into(), name: "by number".into(), number: BOLT };
    let own = own.upsert(|p| (p.company, p.number), acme).await.unwrap();
    assert_eq!((own.company, own.name.as_str()), (ACME, "by number"));
    assert_eq!(all_of(BOLT, &db).await, before);
}

async fn transactions_are_for_a_tenant_too(engine: Engine) {
    let db = world(engine).await;
    db.tenant(ACME)
        .transaction(async |tx| {
            assert_eq!(Task::query().count(tx).await?, 2);
            tx.transaction(async |tx| Task::query().count(tx).await.map(|found| assert_eq!(found, 2)))
                .await?;
            assert_eq!(Task::query().count(&tx.across_tenants()).await?, 4);
            assert_eq!(Task::query().for_update().all(&tx.tenant(BOLT)).await?.len(), 2);
            tx.tenant(BOLT)
                .transaction(async |tx| {
                    assert!(format!("{:?}", Task::query().all(tx).await?).contains("secret"));
                    NewEntry { text: "of bolt".into() }
                        .insert(tx)
                        .await
                        .map(|made| assert_eq!(made.company, BOLT))
                })
                .await?;
            NewEntry { text: "of bolt".into() }.insert(&tx.tenant(BOLT)).await.map(drop)
        })
        .await
        .unwrap();
    db.transaction(async |tx| {
        assert!(is_refused(&Task::query().count(tx).await));
        assert_eq!(Task::query().count(&tx.tenant(ACME)).await?, 2);
        assert_eq!(Task::query().count(&tx.tenant_of(&db.tenant(BOLT))).await?, 2);
        Ok(())
    })
    .await
    .unwrap();
}

/// Whatever SQL is made: as often as a table with tenants is named, so often is the tenant.
async fn all_statements_name_the_tenant_of_every_table(engine: Engine) {
    let db = world(engine).await;
    let other = Project::filter(|p| p.company.eq(BOLT)).one(&db.across_tenants()).await.unwrap().id;
    let log = db.record();
    readings(&db.tenant(ACME), other).await;
    counts(&db.tenant(ACME)).await;
    Task::query().update(|t| t.points(7), &db.tenant(ACME)).await.unwrap();
    Task::filter(|t| t.project.is(|p| p.number.gt(0))).delete(&db.tenant(ACME)).await.unwrap();
    let queries = log.queries();
    assert!(queries.len() > 40);
    for query in queries {
        let sql = query.sql.replace(['`', '"'], "");
        let named = |word: &str| sql.matches(word).count();
        let tables: usize = ["projects", "tasks", "labels", "entries"]
            .iter()
            .flat_map(|table| ["FROM ", "JOIN ", "UPDATE "].map(|verb| named(&format!("{verb}{table} "))))
            .sum();
        let tenants = named("company = ");
        assert!(
            tenants >= tables && (tables > 0 || sql.contains("projects_search")),
            "{tables} tables, {tenants} tenants: {sql}"
        );
    }
}

async fn dumps_and_loads_have_all_tenants(engine: Engine) {
    use futures_util::TryStreamExt;
    let db = world(engine).await;
    let chosen = Chosen::all(&models());
    let text: String =
        dump(&chosen, &snapshot(&db).await.unwrap()).try_collect::<Vec<_>>().await.unwrap().concat();
    assert!(text.contains("secret") && text.contains("plain"));
    let copy = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&models(), &copy).await.unwrap();
    load(&models(), &copy, [Source::text("dump", text)]).await.unwrap();
    assert_eq!(all_of(BOLT, &copy).await, all_of(BOLT, &db).await);
}
