//! Every operation names the line of the application that asked for it, whatever it takes to carry it out.

use std::panic::Location;

use mainstay_core::Result;
use mainstay_db::factory::{Factory, Make};
use mainstay_db::{CursorRequest, Db, PageRequest, QueryLog, Settings, schema, sql};

use super::{Engine, blog, suite};
use crate::blog::{
    Article, Comment, NewArticleTag, NewComment, NewTag, NewUser, Tag, TagDraft, User, article, comment,
    draft, tag, user,
};
use crate::office::{self, Document, NewDocument, NewFolder, NewPage};
use crate::people::{self, NewPassport, NewPerson};

suite!(
    knows_the_line_of_every_query,
    knows_the_line_of_every_selection,
    knows_the_line_of_every_write,
    knows_the_line_of_every_write_of_many,
    knows_the_line_of_what_a_relation_writes,
    knows_the_line_of_soft_deletion_and_of_hooks,
);

/// Looks at what was run since the last look: by a line between the two.
struct Lines {
    log: QueryLog,
    from: u32,
}

impl Lines {
    #[track_caller]
    fn new(db: &Db) -> Self {
        Self { log: db.record(), from: Location::caller().line() }
    }

    #[track_caller]
    fn look(&mut self) {
        let here = Location::caller();
        let queries = self.log.queries();
        assert!(!queries.is_empty(), "nothing was run above {here}");
        for query in queries {
            let is_above =
                query.caller.file() == here.file() && (self.from..here.line()).contains(&query.caller.line());
            // What a hook runs has the hook's own line.
            let is_hook = query.caller.file().ends_with("office.rs");
            assert!(is_above || is_hook, "above {here}, {} is said to run `{}`", query.caller, query.sql);
        }
        self.pass();
    }

    /// Passes over what was run to prepare the next.
    #[track_caller]
    fn pass(&mut self) {
        self.log.clear();
        self.from = Location::caller().line();
    }
}

async fn knows_the_line_of_every_query(engine: Engine) {
    let db = blog(engine).await;
    let ann = user(&db, "ann").await;
    let one = article(&db, &ann, "one").await;
    comment(&db, &one, &ann, "yes").await.unwrap();
    let mut lines = Lines::new(&db);
    Article::query().with(|a| a.author).with(|a| a.comments.with(|c| c.author)).all(&db).await.unwrap();
    lines.look();
    Article::query().first(&db).await.unwrap();
    lines.look();
    Article::query().first_or_404(&db).await.unwrap();
    lines.look();
    Article::query().last(&db).await.unwrap();
    lines.look();
    Article::query().one(&db).await.unwrap();
    lines.look();
    Article::query().count(&db).await.unwrap();
    lines.look();
    Article::query().exists(&db).await.unwrap();
    lines.look();
    Article::query().explain(&db).await.unwrap();
    lines.look();
    Article::query().paginate(PageRequest::number(1, 1), &db).await.unwrap();
    lines.look();
    Article::query().paginate_by_cursor(CursorRequest::first(1), &db).await.unwrap();
    lines.look();
    Article::query().annotate(|a| a.comments.count()).all(&db).await.unwrap();
    lines.look();
    Article::query().annotate(|a| a.comments.count()).first(&db).await.unwrap();
    lines.look();
    Article::query().annotate(|a| a.comments.count()).first_or_404(&db).await.unwrap();
    lines.look();
    Article::query().annotate(|a| a.comments.count()).paginate(PageRequest::number(1, 1), &db).await.unwrap();
    lines.look();
    Article::query().with(|a| a.comments).stream(&db).try_next().await.unwrap();
    lines.look();
    Article::query().with(|a| a.comments).into_stream(db.clone()).try_next().await.unwrap();
    lines.look();
    User::get(ann.key(), &db).await.unwrap();
    lines.look();
    User::find(ann.key(), &db).await.unwrap();
    lines.look();
    Article::load(&mut [one], |a| a.comments.with(|c| c.author), &db).await.unwrap();
    lines.look();
}

async fn knows_the_line_of_every_selection(engine: Engine) {
    let db = blog(engine).await;
    user(&db, "ann").await;
    let mut lines = Lines::new(&db);
    User::query().select(|u| u.name).all(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).first(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).first_or_404(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).one(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).count(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).exists(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).explain(&db).await.unwrap();
    lines.look();
    User::query().select(|u| u.name).stream(&db).try_next().await.unwrap();
    lines.look();
    User::query().select(|u| u.name).into_stream(db.clone()).try_next().await.unwrap();
    lines.look();
    User::query().sum(|u| u.id, &db).await.unwrap();
    lines.look();
    User::query().avg(|u| u.id, &db).await.unwrap();
    lines.look();
    User::query().min(|u| u.id, &db).await.unwrap();
    lines.look();
    User::query().max(|u| u.id, &db).await.unwrap();
    lines.look();
    sql("SELECT id FROM users").rows(&db).await.unwrap();
    lines.look();
    sql("SELECT id FROM users").fetch::<i64>(&db).await.unwrap();
    lines.look();
    sql("SELECT id FROM users").fetch_optional::<i64>(&db).await.unwrap();
    lines.look();
    sql("SELECT id FROM users").fetch_one::<i64>(&db).await.unwrap();
    lines.look();
    sql("SELECT id FROM users").stream(&db).try_next().await.unwrap();
    lines.look();
    sql("UPDATE users SET active = active").execute(&db).await.unwrap();
    lines.look();
}

async fn knows_the_line_of_every_write(engine: Engine) {
    let db = blog(engine).await;
    let mut lines = Lines::new(&db);
    let mut ann = NewUser { name: "ann".into() }.insert(&db).await.unwrap();
    lines.look();
    NewUser { name: "ann".into() }.insert(&db).await.unwrap_err();
    lines.look();
    // Its reference leads nowhere, and which it is may have to be looked up.
    NewArticleTag { article: 7.into(), tag: 7.into() }.insert(&db).await.unwrap_err();
    lines.look();
    NewUser { name: "bob".into() }.active(false).insert(&db).await.unwrap();
    lines.look();
    ann.update(|u| u.score(1.0), &db).await.unwrap();
    lines.look();
    ann.update_with(|u| u.name.set(u.name.upper()), &db).await.unwrap();
    lines.look();
    ann.edit(|u| u.active = false, &db).await.unwrap();
    lines.look();
    ann.save(&db).await.unwrap();
    lines.look();
    NewUser { name: "ann".into() }.upsert(|u| u.name, &db).await.unwrap();
    lines.look();
    NewUser { name: "ann".into() }.insert_or_ignore(|u| u.name, &db).await.unwrap();
    lines.look();
    let tx = db.begin().await.unwrap();
    tx.transaction(async |tx| ann.update(|u| u.active(true), tx).await).await.unwrap();
    lines.look();
    tx.commit().await.unwrap();
    draft(&ann, "one").insert(&db).await.unwrap();
    lines.pass();
    User::find(&ann, &db).await.unwrap().delete(&db).await.unwrap();
    lines.look();
}

struct Tags;

impl Factory for Tags {
    type Model = Tag;

    async fn define(&self, make: &mut Make<'_, Tag>) -> Result<TagDraft> {
        Ok(NewTag { name: format!("made {}", make.number()) }.into())
    }
}

async fn knows_the_line_of_every_write_of_many(engine: Engine) {
    let db = blog(engine).await;
    let tags = |count: u32| (0..count).map(|number| NewTag { name: format!("tag {number}") });
    let mut lines = Lines::new(&db);
    Tag::insert_all(tags(200), &db).await.unwrap();
    lines.look();
    Tag::query().update_returning(|t| t.name("same"), &db).await.unwrap_err();
    lines.look();
    Tag::filter(|t| t.name.eq("tag 1")).update_returning(|t| t.name("first"), &db).await.unwrap();
    lines.look();
    Tag::filter(|t| t.name.eq("first")).update(|t| t.name("tag 1"), &db).await.unwrap();
    lines.look();
    Tag::query().update_with(|t| t.name.set(t.name.upper()), &db).await.unwrap();
    lines.look();
    Tag::upsert_all(tags(150), |t| t.name, &db).await.unwrap();
    lines.look();
    let all = Tag::query().all(&db).await.unwrap();
    lines.look();
    Tag::save_all(&all, &db).await.unwrap();
    lines.look();
    Tag::query().delete_returning(&db).await.unwrap();
    lines.look();
    let all = Tag::insert_all_returning(tags(200), &db).await.unwrap();
    lines.look();
    assert_eq!(all.len(), 200);
    Tags.create(&db).await.unwrap();
    lines.look();
    Tags.create_many(2, &db).await.unwrap();
    lines.look();
    Tags.create_each(["one", "two"], |tag, name| tag.name(name), &db).await.unwrap();
    lines.look();
    Tag::query().delete(&db).await.unwrap();
    lines.look();
}

async fn knows_the_line_of_what_a_relation_writes(engine: Engine) {
    let db = blog(engine).await;
    schema::create_tables(&people::models(), &db).await.unwrap();
    let ann = user(&db, "ann").await;
    let (mut one, two) = (article(&db, &ann, "one").await, article(&db, &ann, "two").await);
    let (rust, web) = (tag(&db, "rust").await, tag(&db, "web").await);
    let mut yes = comment(&db, &one, &ann, "yes").await.unwrap();
    let no = comment(&db, &two, &ann, "no").await.unwrap();
    let mut bob = NewPerson { name: "bob".into() }.insert(&db).await.unwrap();
    let mut lines = Lines::new(&db);
    let new = NewComment { text: "perhaps".into(), article: two.key(), author: ann.key() };
    one.comments.create(new, &db).await.unwrap();
    lines.look();
    one.comments.add([&no], &db).await.unwrap();
    lines.look();
    yes.replies.add([&no], &db).await.unwrap();
    lines.look();
    yes.replies.remove([&no], &db).await.unwrap();
    lines.look();
    bob.passport.create(NewPassport { number: "1".into(), holder: bob.key() }, &db).await.unwrap();
    lines.look();
    one.tags.add([&rust], &db).await.unwrap();
    lines.look();
    one.tags.set([&web], &db).await.unwrap();
    lines.look();
    one.tags.keys(&db).await.unwrap();
    lines.look();
    one.tags.create(NewTag { name: "new".into() }, &db).await.unwrap();
    lines.look();
    one.tags.remove([&web], &db).await.unwrap();
    lines.look();
    draft(&ann, "three").with(|a| a.tags, |_| [NewTag { name: "newer".into() }]).insert(&db).await.unwrap();
    lines.look();
    one.tags.clear(&db).await.unwrap();
    lines.look();
    Comment::query().delete(&db).await.unwrap();
    lines.look();
}

async fn knows_the_line_of_soft_deletion_and_of_hooks(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&office::models(), &db).await.unwrap();
    let folder = NewFolder { name: "work".into() }.insert(&db).await.unwrap();
    let mut one = NewDocument { title: "one".into(), folder: folder.key() }.insert(&db).await.unwrap();
    let old = one.clone();
    let mut lines = Lines::new(&db);
    one.restore(&db).await.unwrap();
    lines.look();
    old.delete(&db).await.unwrap_err();
    lines.look();
    Document::save_all(&[one.clone()], &db).await.unwrap();
    lines.look();
    Document::query().delete(&db).await.unwrap();
    lines.look();
    Document::query().restore(&db).await.unwrap();
    lines.look();
    Document::query().delete_returning(&db).await.unwrap();
    lines.look();
    Document::query().only_deleted().delete_for_good(&db).await.unwrap();
    lines.look();
    one.delete_for_good(&db).await.unwrap_err();
    lines.look();
    let mut page = NewPage { title: "page".into() }.insert(&db).await.unwrap();
    lines.look();
    page.update(|p| p.title("other"), &db).await.unwrap();
    lines.look();
    NewPage { title: "other".into() }.upsert(|p| p.title, &db).await.unwrap();
    lines.look();
    NewPage { title: "other".into() }.insert_or_ignore(|p| p.title, &db).await.unwrap();
    lines.look();
    page.delete(&db).await.unwrap();
    lines.look();
}
