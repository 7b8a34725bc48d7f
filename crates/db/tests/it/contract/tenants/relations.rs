//! What rows of one tenant refer to, whoever writes them, and what is seen of it.

use mainstay_core::{Result, StatusCode};
use mainstay_db::{DbError, sql};

use super::{
    ACME, BOLT, Engine, Label, NewNote, NewProject, NewTask, Note, Project, Task, all_of, is_refused, suite,
    world,
};

suite!(
    a_relation_leads_to_no_row_of_another,
    a_row_that_may_not_be_seen_is_as_one_that_is_not_there,
    whoever_writes_for_all_tenants_mixes_none_up,
);

async fn a_relation_leads_to_no_row_of_another(engine: Engine) {
    let db = world(engine).await;
    let acme = &db.tenant(ACME);
    let theirs = Project::filter(|p| p.company.eq(BOLT)).one(&db.across_tenants()).await.unwrap();
    let unknown = |told: Result<()>| {
        let error = told.unwrap_err();
        let is_unknown = matches!(error.source_as::<DbError>(), Some(DbError::UnknownReference { .. }));
        assert!(is_unknown, "{}", error.report());
    };
    let task = || NewTask { title: "x".into(), points: 1, project: theirs.key() };
    unknown(task().insert(acme).await.map(drop));
    unknown(Task::insert_all([task(), task()], acme).await.map(drop));
    unknown(NewNote { text: "x".into(), project: theirs.key() }.insert(acme).await.map(drop));
    let mut mine = Task::query().first(acme).await.unwrap().unwrap();
    unknown(mine.update(|t| t.project(theirs.key()), acme).await);
    unknown(Task::query().update(|t| t.project(theirs.key()), acme).await.map(drop));
    let mut note = Note::filter(|note| note.project.is(|p| p.number.gt(0))).one(acme).await.unwrap();
    unknown(note.update(|note| note.project(theirs.key()), acme).await);

    // Where a row leads to another's all the same, nothing of that is shown.
    sql("UPDATE notes SET project_id = ?").bind(theirs.id).execute(&db).await.unwrap();
    let told = Note::query().with(|note| note.project).all(acme).await.unwrap();
    assert!(told.len() == 2 && !format!("{told:?}").contains("secret"), "{told:?}");
    assert_eq!(Note::filter(|note| note.project.is(|p| p.number.gt(0))).count(acme).await.unwrap(), 0);
}

async fn a_row_that_may_not_be_seen_is_as_one_that_is_not_there(engine: Engine) {
    let db = world(engine).await;
    let acme = &db.tenant(ACME);
    let named = |notes: &[Note]| -> Vec<Option<String>> {
        notes.iter().map(|note| note.project.loaded().map(|project| project.name.clone())).collect()
    };
    let [own, hidden] = [Some("plain project".to_owned()), None];

    // Notes are of nobody, and what one of them leads to is another's: the list has the note all the same.
    let in_order = || Note::query().order_by(|note| note.id);
    let mut joined = in_order().with(|note| note.project).all(acme).await.unwrap();
    assert_eq!(named(&joined), [own.clone(), hidden.clone()]);
    let told = joined[1].project.get().unwrap_err();
    assert_eq!((told.status(), told.message()), (StatusCode::NOT_FOUND, "There is no such project."));
    let json = serde_json::to_value(&joined[1]).unwrap();
    assert!(json.get("project").is_none() && json["project_id"].is_number(), "{json}");

    // So has what is loaded with it, and with rows that are there already.
    let deep = in_order().with(|n| n.project.with(|p| p.parent).with(|p| p.tasks).with(|p| p.labels));
    let deep = deep.all(acme).await.unwrap();
    assert_eq!(named(&deep), [own.clone(), hidden.clone()]);
    assert_eq!(deep[0].project.get().unwrap().labels.get().unwrap()[0].name, "plain label");
    let mut later = in_order().all(acme).await.unwrap();
    assert_eq!(
        later[1].project.get().unwrap_err().status(),
        StatusCode::INTERNAL_SERVER_ERROR,
        "not asked for"
    );
    Note::load(&mut later, |note| note.project, acme).await.unwrap();
    assert_eq!(named(&later), [own.clone(), hidden.clone()]);
    assert_eq!(later[1].project.get().unwrap_err().status(), StatusCode::NOT_FOUND);
    let names = in_order().select(|note| note.project.maybe(|project| project.name)).all(acme).await.unwrap();
    assert_eq!(names, [own, hidden]);

    // Whoever may see it, is shown it by the same rows.
    Note::load(&mut joined, |note| note.project, &db.across_tenants()).await.unwrap();
    assert_eq!(joined[1].project.get().unwrap().name, "secret project");
    // One that is optional, of a row that has a tenant itself: nothing but SQL by hand has made it.
    let theirs = Project::filter(|p| p.company.eq(BOLT)).one(&db.across_tenants()).await.unwrap();
    sql("UPDATE projects SET parent_id = ?").bind(theirs.id).execute(&db).await.unwrap();
    let mine = Project::query().with(|project| project.parent).one(acme).await.unwrap();
    let parent = mine.parent.as_ref().unwrap();
    assert!(parent.key() == theirs.key() && parent.loaded().is_none());
    assert_eq!(parent.get().unwrap_err().status(), StatusCode::NOT_FOUND);
}

async fn whoever_writes_for_all_tenants_mixes_none_up(engine: Engine) {
    let db = world(engine).await;
    let all = &db.across_tenants();
    let project = async |company: i64| Project::filter(|p| p.company.eq(company)).one(all).await.unwrap();
    let (mut mine, theirs) = (project(ACME).await, project(BOLT).await);
    let unknown = |told: Result<()>| {
        let error = told.unwrap_err();
        let is_unknown = matches!(error.source_as::<DbError>(), Some(DbError::UnknownReference { .. }));
        assert!(is_unknown, "{}", error.report());
    };
    let before = all_of(BOLT, &db).await;

    let task =
        |project: &Project| NewTask { title: "x".into(), points: 1, project: project.key() }.company(ACME);
    unknown(task(&theirs).insert(all).await.map(drop));
    unknown(Task::insert_all([task(&mine), task(&theirs)], all).await.map(drop));
    unknown(Task::insert_all_returning([task(&theirs)], all).await.map(drop));
    let draft = NewProject { code: "new".into(), name: "n".into(), number: 9 }.company(ACME);
    unknown(draft.clone().parent(theirs.key()).upsert(|p| p.code, all).await.map(drop));
    let mut made = task(&mine).insert(all).await.unwrap();

    unknown(made.update(|t| t.project(theirs.key()), all).await);
    unknown(Task::filter(|t| t.company.eq(ACME)).update(|t| t.project(theirs.key()), all).await.map(drop));
    unknown(Task::query().update(|t| t.project(theirs.key()), all).await.map(drop));
    let mut mixed = made.clone();
    mixed.project = Task::filter(|t| t.company.eq(BOLT)).first(all).await.unwrap().unwrap().project;
    unknown(mixed.clone().save(all).await);
    unknown(Task::save_all(&[made.clone(), mixed], all).await.map(drop));
    let foreign = Task::filter(|t| t.company.eq(BOLT)).first(all).await.unwrap().unwrap();
    unknown(mine.tasks.add([foreign.key()], all).await);
    let label = async |company: i64| Label::filter(|l| l.company.eq(company)).one(all).await.unwrap();
    unknown(mine.labels.add([label(BOLT).await.key()], all).await);
    unknown(mine.labels.set([label(BOLT).await.key()], all).await);
    assert_eq!(all_of(BOLT, &db).await, before);

    // What is of one tenant goes together, whoever writes it.
    made.update(|t| t.project(mine.key()), all).await.unwrap();
    assert_eq!(Task::filter(|t| t.company.eq(ACME)).update(|t| t.project(mine.key()), all).await.unwrap(), 3);
    Task::save_all(&[made], all).await.unwrap();
    mine.labels.set([label(ACME).await.key()], all).await.unwrap();
    draft.parent(mine.key()).upsert(|p| p.code, all).await.unwrap();
    // A row that has no tenant may lead to any.
    NewNote { text: "x".into(), project: theirs.key() }.insert(all).await.unwrap();
    NewNote { text: "x".into(), project: theirs.key() }.insert(&db).await.unwrap();
    // Whoever says nothing links nothing, either.
    let linked = mine.labels.add([label(BOLT).await.key()], &db).await;
    assert!(is_refused(&linked), "{linked:?}");
}
