//! The SQL that queries become, on each dialect.

use mainstay_db::Dialect::{MariaDb, MySql, Postgres, Sqlite};
use mainstay_db::{case, count, now};

use crate::blog::{Article, Comment, Status, Tag};
use crate::shop::{Product, Seller};

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

#[test]
fn computes_in_the_words_of_each_dialect() {
    let query = || {
        Product::filter(|p| (p.stock * 2 - p.stock).gt(3))
            .filter(|p| (p.weight / p.weight.abs()).round(2).lt(1.5) & (p.sold % 2).eq(1))
            .filter(|p| p.name.lower().concat("!").like("a%") | p.note.trim().coalesce("-").length().ge(2))
            .filter(|p| p.made_at.year().eq(2026) & p.made_at.start_of_month().le(p.made_at.date()))
            .filter(|p| p.discount.is_distinct_from(p.sold) & p.made_at.lt(now()))
            .filter(|p| (p.price * 2 + p.price).abs().within(1..5))
            .filter(|p| p.seller.is_in(Seller::filter(|s| s.products.count().gt(1)).limit(3).keys()))
            .order_by(|p| case(p.stock.gt(8), "much").otherwise("some").desc().nulls_last())
            .order_by(|p| p.seller.to(|s| s.name))
    };
    insta::assert_snapshot!("expressions_sqlite", query().to_sql(Sqlite));
    insta::assert_snapshot!("expressions_postgres", query().to_sql(Postgres));
    insta::assert_snapshot!("expressions_mysql", query().to_sql(MySql));
}

#[test]
fn groups_by_what_is_selected() {
    let query = || {
        Product::filter(|p| p.stock.gt(0))
            .select(|p| {
                (p.seller.to(|s| s.name), p.discount.coalesce(0) + 1, count(), p.price.sum(), p.stock.avg())
            })
            .group_by(|p| (p.seller.to(|s| s.name), p.discount.coalesce(0) + 1))
            .having(|p| p.id.count_distinct().gt(2))
            .order_by(|p| ((p.discount.coalesce(0) + 1).desc(), p.stock.sum().desc()))
            .limit(5)
    };
    insta::assert_snapshot!("groups_sqlite", query().to_sql(Sqlite));
    insta::assert_snapshot!("groups_postgres", query().to_sql(Postgres));
    insta::assert_snapshot!("groups_mysql", query().to_sql(MySql));
}

#[test]
fn locks_in_the_words_of_each_dialect() {
    let query = || Seller::query().for_update().skip_locked();
    assert!(query().to_sql(Sqlite).ends_with("AS \"t0\""));
    assert!(query().to_sql(Postgres).ends_with(" FOR UPDATE OF \"t0\" SKIP LOCKED"));
    assert!(query().to_sql(MySql).ends_with(" FOR UPDATE OF `t0` SKIP LOCKED"));
    assert!(query().to_sql(MariaDb).ends_with(" FOR UPDATE SKIP LOCKED"));
    assert!(Seller::query().for_share().to_sql(MariaDb).ends_with(" LOCK IN SHARE MODE"));
    assert!(Seller::query().for_share().no_wait().to_sql(MySql).ends_with(" FOR SHARE OF `t0` NOWAIT"));
}

#[test]
fn asks_json_in_the_words_of_each_dialect() {
    let query = || {
        Article::filter(|a| a.images.path("author.name").text().eq("ann") & a.images.path("[0]").exists())
            .select(|a| (a.images.path("n").int(), a.images.path("x").float(), a.images.path("b").bool()))
            .filter(|a| a.images.path("tags").contains("rust"))
    };
    insta::assert_snapshot!("json_sqlite", query().to_sql(Sqlite));
    insta::assert_snapshot!("json_postgres", query().to_sql(Postgres));
    insta::assert_snapshot!("json_mysql", query().to_sql(MySql));
}
