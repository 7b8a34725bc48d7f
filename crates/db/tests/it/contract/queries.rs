//! Filters, order, pages, counting.

use mainstay_core::StatusCode;
use mainstay_db::{Db, PageRequest, Predicate, Query};

use super::{Engine, blog, suite};
use crate::blog::{Article, NewUser, Status, Tag, User, article, comment, draft, tag, user};

suite!(
    compares_columns_with_values_and_columns,
    searches_texts_for_what_is_written,
    searches_texts_in_any_case,
    combines_conditions,
    takes_conditions_by_the_thousand,
    filters_by_relations,
    applies_filters_only_when_there_is_a_value,
    sorts_by_several_columns_with_nulls_where_asked,
    pages_through_rows,
    takes_the_first_or_the_only_row,
    answers_lists_of_any_length,
    reads_sql_written_by_hand,
    a_query_for_one_shape_is_rendered_once,
);

async fn names(query: Query<User>, db: &Db) -> Vec<String> {
    query.order_by(|u| u.name).all(db).await.unwrap().into_iter().map(|user| user.name).collect()
}

async fn people(engine: Engine) -> Db {
    let db = blog(engine).await;
    let people =
        [("ann", Some(1.0)), ("bob", Some(2.0)), ("Cid", None), ("dörte", Some(2.0)), ("50%_*[x]?\\", None)];
    for (name, score) in people {
        NewUser { name: name.into() }.score(score).insert(&db).await.unwrap();
    }
    db
}

async fn compares_columns_with_values_and_columns(engine: Engine) {
    let db = people(engine).await;
    assert_eq!(names(User::filter(|u| u.score.eq(2.0)), &db).await, ["bob", "dörte"]);
    assert_eq!(names(User::filter(|u| u.score.gt(1.0)), &db).await, ["bob", "dörte"]);
    assert_eq!(names(User::filter(|u| u.score.ge(1.0) & u.score.lt(2.0)), &db).await, ["ann"]);
    assert_eq!(names(User::filter(|u| u.score.between(0.5, 1.5)), &db).await, ["ann"]);
    assert_eq!(names(User::filter(|u| u.score.eq(None)), &db).await, ["50%_*[x]?\\", "Cid"]);
    assert_eq!(names(User::filter(|u| u.score.ne(2.0)), &db).await, ["ann"]);
    assert_eq!(names(User::filter(|u| u.score.is_not_null()), &db).await.len(), 3);
    assert_eq!(User::filter(|u| u.id.eq(u.id)).count(&db).await.unwrap(), 5);
    assert_eq!(User::filter(|u| u.id.lt(u.id)).count(&db).await.unwrap(), 0);
    assert_eq!(User::filter(|u| u.active.eq(true)).count(&db).await.unwrap(), 5);
}

async fn searches_texts_for_what_is_written(engine: Engine) {
    let db = people(engine).await;
    for needle in ["%", "_", "*", "[x]", "?", "\\", "0%_*[x]?"] {
        assert_eq!(names(User::filter(|u| u.name.contains(needle)), &db).await, ["50%_*[x]?\\"], "{needle}");
    }
    assert_eq!(names(User::filter(|u| u.name.contains("c")), &db).await, Vec::<String>::new());
    assert_eq!(names(User::filter(|u| u.name.starts_with("C")), &db).await, ["Cid"]);
    assert_eq!(names(User::filter(|u| u.name.ends_with("b")), &db).await, ["bob"]);
    assert_eq!(names(User::filter(|u| u.name.contains("ört")), &db).await, ["dörte"]);
}

async fn searches_texts_in_any_case(engine: Engine) {
    let db = people(engine).await;
    assert_eq!(names(User::filter(|u| u.name.contains_ignoring_case("CI")), &db).await, ["Cid"]);
    assert_eq!(names(User::filter(|u| u.name.starts_with_ignoring_case("BO")), &db).await, ["bob"]);
    assert_eq!(names(User::filter(|u| u.name.contains_ignoring_case("%_")), &db).await, ["50%_*[x]?\\"]);
}

async fn combines_conditions(engine: Engine) {
    let db = people(engine).await;
    let either = User::filter(|u| u.name.eq("ann") | u.name.eq("bob") & u.score.eq(1.0));
    assert_eq!(names(either, &db).await, ["ann"]);
    let neither = User::filter(|u| !(u.name.eq("ann") | u.name.eq("bob")) & u.score.is_not_null());
    assert_eq!(names(neither, &db).await, ["dörte"]);
    assert_eq!(User::filter(|_| Predicate::always()).count(&db).await.unwrap(), 5);
    assert_eq!(User::filter(|_| Predicate::never()).count(&db).await.unwrap(), 0);
    assert_eq!(names(User::filter(|u| !u.name.is_in(["ann", "bob", "Cid"])), &db).await.len(), 2);
}

async fn takes_conditions_by_the_thousand(engine: Engine) {
    let db = people(engine).await;
    let all = (0..3_000).fold(User::query(), |query, id| query.filter(|u| u.id.ne(-id - 1)));
    assert_eq!(all.count(&db).await.unwrap(), User::query().count(&db).await.unwrap());
    let any = (0..3_000).map(|id| move |u: <User as mainstay_db::Model>::Fields| u.id.eq(-id - 1));
    let none = User::filter(|u| any.map(|is| is(u)).reduce(Predicate::or).unwrap());
    assert_eq!(none.count(&db).await.unwrap(), 0);
}

async fn filters_by_relations(engine: Engine) {
    let db = blog(engine).await;
    let (ann, bob) = (user(&db, "ann").await, user(&db, "bob").await);
    let (mut one, two) = (article(&db, &ann, "one").await, article(&db, &bob, "two").await);
    let edited = draft(&ann, "edited").editor(bob.key()).insert(&db).await.unwrap();
    let rust = tag(&db, "rust").await;
    one.tags.add([&rust], &db).await.unwrap();
    comment(&db, &one, &bob, "Nice.").await.unwrap();
    comment(&db, &two, &bob, "Mine.").await.unwrap();

    let slugs = async |query: Query<Article>| -> Vec<String> {
        query.order_by(|a| a.slug).all(&db).await.unwrap().into_iter().map(|a| a.slug).collect()
    };
    assert_eq!(slugs(Article::filter(|a| a.author.is(|u| u.name.eq("bob")))).await, ["two"]);
    assert_eq!(slugs(Article::filter(|a| a.editor.is(|u| u.name.eq("bob")))).await, ["edited"]);
    assert_eq!(slugs(Article::filter(|a| a.editor.is_null())).await, ["one", "two"]);
    assert_eq!(slugs(Article::filter(|a| a.author.is_in([ann.key()]))).await, ["edited", "one"]);
    assert_eq!(slugs(Article::filter(|a| a.tags.any(|t| t.name.eq("rust")))).await, ["one"]);
    assert_eq!(slugs(Article::filter(|a| a.tags.is_empty())).await, ["edited", "two"]);
    // A condition inside may speak of a column outside.
    let own = Article::filter(|a| a.comments.any(|c| c.author.key().eq(a.author.key())));
    assert_eq!(slugs(own).await, ["two"]);
    let none = Article::filter(|a| a.comments.none(|c| c.author.is(|u| u.name.eq("bob"))));
    assert_eq!(slugs(none).await, [edited.slug]);
    let tags = Tag::filter(|t| t.articles.any(|a| a.author.is(|u| u.name.starts_with("a"))));
    assert_eq!(tags.count(&db).await.unwrap(), 1);
}

async fn applies_filters_only_when_there_is_a_value(engine: Engine) {
    let db = people(engine).await;
    let search = |name: Option<&'static str>| User::query().filter_if(name, |u, name| u.name.eq(name));
    assert_eq!(search(Some("ann")).count(&db).await.unwrap(), 1);
    assert_eq!(search(None).count(&db).await.unwrap(), 5);
}

async fn sorts_by_several_columns_with_nulls_where_asked(engine: Engine) {
    let db = people(engine).await;
    let sorted = async |query: Query<User>| -> Vec<String> {
        query.all(&db).await.unwrap().into_iter().map(|user| user.name).collect()
    };
    let last = User::query().order_by(|u| (u.score.desc().nulls_last(), u.id.desc()));
    assert_eq!(sorted(last).await, ["dörte", "bob", "ann", "50%_*[x]?\\", "Cid"]);
    let first = User::query().order_by(|u| u.score.asc().nulls_first()).order_by(|u| u.id);
    assert_eq!(sorted(first).await, ["Cid", "50%_*[x]?\\", "ann", "bob", "dörte"]);
}

async fn pages_through_rows(engine: Engine) {
    let db = people(engine).await;
    let page = async |number| {
        User::query().order_by(|u| u.id).paginate(PageRequest::number(number, 2), &db).await.unwrap()
    };
    let log = db.record();
    let first = page(1).await;
    assert_eq!((first.items.len(), first.total, first.pages, first.page), (2, 5, 3, 1));
    assert_eq!(log.count(), 2);
    log.clear();
    let last = page(3).await;
    assert_eq!((last.items.len(), last.total), (1, 5));
    assert_eq!(log.count(), 1, "the last page says itself how many there are");
    let beyond = page(9).await;
    assert_eq!((beyond.items.len(), beyond.total), (0, 5));
    let empty = User::filter(|u| u.id.lt(0)).paginate(1, &db).await.unwrap();
    assert_eq!((empty.total, empty.pages), (0, 0));
    let rest = User::query().order_by(|u| u.id).offset(4).all(&db).await.unwrap();
    assert_eq!(rest.len(), 1);
}

async fn takes_the_first_or_the_only_row(engine: Engine) {
    let db = people(engine).await;
    let first = User::query().order_by(|u| u.name.desc()).first(&db).await.unwrap();
    assert_eq!(first.map(|user| user.name).as_deref(), Some("dörte"));
    assert_eq!(User::filter(|u| u.name.eq("x")).first(&db).await.unwrap(), None);
    assert_eq!(User::filter(|u| u.name.eq("ann")).one(&db).await.unwrap().name, "ann");
    assert_eq!(User::filter(|u| u.name.eq("x")).one(&db).await.unwrap_err().status(), StatusCode::NOT_FOUND);
    let several = User::query().one(&db).await.unwrap_err();
    assert_eq!(several.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(User::filter(|u| u.name.eq("ann")).exists(&db).await.unwrap());
    assert!(!User::filter(|u| u.name.eq("x")).exists(&db).await.unwrap());
}

async fn answers_lists_of_any_length(engine: Engine) {
    let db = people(engine).await;
    assert_eq!(User::filter(|u| u.id.is_in(Vec::<i64>::new())).count(&db).await.unwrap(), 0);
    assert_eq!(User::filter(|u| u.id.is_not_in(Vec::<i64>::new())).count(&db).await.unwrap(), 5);
    assert_eq!(User::filter(|u| u.id.is_in(0..100_000)).count(&db).await.unwrap(), 5);
    assert_eq!(User::filter(|u| u.score.is_in([1.0, 2.0])).count(&db).await.unwrap(), 3);
    let statuses = [Status::Draft, Status::InReview];
    assert_eq!(Article::filter(|a| a.status.is_in(statuses)).count(&db).await.unwrap(), 0);
}

async fn reads_sql_written_by_hand(engine: Engine) {
    let db = people(engine).await;
    let place = db.dialect().placeholder(0);
    let text = format!("SELECT name, score FROM users WHERE score > {place} ORDER BY name");
    let rows = mainstay_db::sql(text).bind(1.5).rows(&db).await.unwrap();
    let read: Vec<(String, f64)> =
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
    assert_eq!(read, [("bob".to_owned(), 2.0), ("dörte".to_owned(), 2.0)]);
    let gone = mainstay_db::sql("DELETE FROM users WHERE score IS NULL").execute(&db).await.unwrap();
    assert_eq!(gone, 2);
    let fault = mainstay_db::sql("SELECT nonsense FROM users").rows(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!fault.message().contains("nonsense"));
}

async fn a_query_for_one_shape_is_rendered_once(engine: Engine) {
    let db = people(engine).await;
    let log = db.record();
    for (name, score) in [("ann", 1.0), ("bob", 2.0)] {
        let found = User::filter(|u| u.name.eq(name) & u.score.eq(score)).limit(3).all(&db).await.unwrap();
        assert_eq!(found.len(), 1);
    }
    let queries = log.queries();
    assert!(std::sync::Arc::ptr_eq(&queries[0].sql, &queries[1].sql));
    User::filter(|u| u.name.eq("ann") | u.score.eq(1.0)).limit(3).all(&db).await.unwrap();
    assert_ne!(log.queries()[2].sql, queries[0].sql);
}
