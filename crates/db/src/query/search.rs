//! Rows found by words, best first.

use super::Query;
use crate::column::Predicate;
use crate::expression::{ColumnRef, Direction, Node, OrderTerm, Scope, Term};
use crate::model::{Model, Searchable};
use crate::search::sought;
use crate::value::SqlType;

impl<M: Model> Query<M> {
    /// Only the rows that have what somebody looks for, best first; those that fit alike are sorted by their key. What
    /// `order_by` says before comes before.
    ///
    /// - `rust async`: both words, anywhere;
    /// - `"group commit"`: next to each other;
    /// - `-mysql`: without it; `-"group commit"` too;
    /// - `rust OR go`: what stands on either side, up to the next `OR`;
    /// - `sqlit*`: words that begin so.
    ///
    /// Every text is a search, and what has no word in it, or says only what is not wanted, finds nothing. At most 64 words
    /// are looked for, of at most 80 letters. An update or a delete of what is found takes the condition alone:
    /// `filter(|b| b.matches("rust"))`.
    ///
    /// ```
    /// # use mainstay_db::{Db, meta::meta_of, model, schema};
    /// #[model]
    /// #[search(title, body, language = "english")]
    /// pub struct Book {
    ///     pub id: i64,
    ///     pub title: String,
    ///     pub body: String,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
    /// # let db = Db::open("sqlite::memory:").await?;
    /// # schema::create_tables(&[meta_of::<Book>()], &db).await?;
    /// NewBook { title: "Commits".into(), body: "Many of them, as a group.".into() }.insert(&db).await?;
    /// let found = Book::query().search("group commit -mysql").limit(20).all(&db).await?;
    /// assert_eq!(found[0].title, "Commits");
    /// # Ok(()) }
    /// ```
    pub fn search(self, words: impl Into<String>) -> Self
    where
        M: Searchable,
    {
        let sought = Box::new(sought::<M>(Scope::ROOT, words.into()));
        let by =
            |term, sql_type, direction| OrderTerm { term, sql_type, nullable: false, direction, nulls: None };
        let mut query = self.filter(|_| Predicate::new(Node::Matches(sought.clone())));
        query.select.order.push(by(Term::Relevance(sought), SqlType::Double, Direction::Descending));
        query.select.order.extend(M::META.key_fields().map(|key| {
            let column = ColumnRef { scope: Scope::ROOT, column: key.column };
            by(Term::Column(column), key.sql_type, Direction::Ascending)
        }));
        query
    }
}
