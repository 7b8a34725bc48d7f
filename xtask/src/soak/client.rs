//! What the soak knows of the example's API: how to write an article, and how to list all titles.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{Answer, Connection},
    outcome::Result,
};

/// How long one request may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);
/// How many articles are listed at once.
const PAGE: usize = 100;

/// Writes one article, with the token of a user.
pub(super) fn write(connection: &mut Connection, token: &str, title: &str) -> Result<Answer> {
    let article =
        json!({"article": {"title": title, "description": "soak", "body": "soak", "tagList": ["soak"]}});
    connection.post_json("/api/articles", &format!("authorization: Token {token}\r\n"), &article.to_string())
}

/// The name of somebody who has written.
pub(super) fn author(port: u16) -> Result<String> {
    let answer = Connection::open(port, DEADLINE)?.get("/api/articles?limit=1")?;
    let page: Value = serde_json::from_slice(&answer.body)?;
    let name = page["articles"][0]["author"]["username"].as_str();
    Ok(name.ok_or("there is no article to begin with, so nobody who could write")?.to_owned())
}

/// The titles of all articles.
pub(super) fn titles(port: u16) -> Result<BTreeSet<String>> {
    let mut connection = Connection::open(port, DEADLINE)?;
    let mut titles = BTreeSet::new();
    let mut offset = 0;
    loop {
        let answer = connection.get(&format!("/api/articles?limit={PAGE}&offset={offset}"))?;
        let page: Value = serde_json::from_slice(&answer.body)?;
        let articles = page["articles"].as_array().ok_or("the list of articles has another shape")?;
        titles.extend(articles.iter().filter_map(|article| article["title"].as_str().map(str::to_owned)));
        if articles.is_empty() {
            return Ok(titles);
        }
        offset += articles.len();
    }
}
