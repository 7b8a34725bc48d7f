//! The SQL that queries become, on each dialect.

use mainstay_db::Dialect::{MySql, Postgres, Sqlite};

use crate::blog::{Article, Comment, Status, Tag};

#[test]
fn writes_filters_across_relations() {
    let query = Article::filter(|a| a.status.eq(Status::Published))
        .filter(|a| a.author.is(|u| u.name.contains("ann") & u.active.eq(true)))
        .filter(|a| a.tags.any(|t| t.name.eq("rust")) | a.comments.none(|c| c.author.eq(7)))
        .order_by(|a| (a.published_at.desc().nulls_last(), a.id))
        .limit(10)
        .offset(20);
    insta::assert_snapshot!("filters_sqlite", query.to_sql(Sqlite));
    insta::assert_snapshot!("filters_postgres", query.to_sql(Postgres));
    insta::assert_snapshot!("filters_mysql", query.to_sql(MySql));
}

#[test]
fn joins_relations_to_one_and_keeps_relations_to_many_for_later() {
    let query = Comment::query()
        .with(|c| c.article.with(|a| a.author).with(|a| a.editor))
        .with(|c| c.author)
        .with(|c| c.replies.limit(3));
    insta::assert_snapshot!("joins_sqlite", query.to_sql(Sqlite));
}

#[test]
fn a_model_that_is_related_to_itself_gets_an_alias_for_each_occurrence() {
    let query = Comment::filter(|c| c.parent.is(|p| p.parent.is(|g| g.author.eq(1) & g.id.lt(c.id))));
    insta::assert_snapshot!("self_relation_sqlite", query.to_sql(Sqlite));
}

#[test]
fn binds_lists_as_the_dialect_can() {
    let query = || Tag::filter(|t| t.id.is_in([1, 2, 3]));
    insta::assert_snapshot!("list_sqlite", query().to_sql(Sqlite));
    insta::assert_snapshot!("list_postgres", query().to_sql(Postgres));
    insta::assert_snapshot!("list_mysql", query().to_sql(MySql));
}
