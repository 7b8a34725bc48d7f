//! What the TechEmpower tests with a database answer, whatever reads the rows.

use std::fmt::Write;

use serde::Serialize;

/// How many worlds there are.
pub const WORLDS: u32 = 10_000;

/// A world as the rules want it in JSON.
#[derive(Clone, Copy, Serialize)]
pub struct Row {
    /// Its key.
    pub id: i64,
    /// Its number.
    #[serde(rename = "randomNumber")]
    pub random_number: i64,
}

/// The key of any world; also a number to write.
#[must_use]
pub fn random_id() -> i64 {
    i64::from(crate::random(WORLDS)) + 1
}

/// `queries=N`, between 1 and 500; 1 when it is no number.
#[must_use]
pub fn wanted(query: Option<&str>) -> usize {
    let value = query.unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("queries="));
    value.and_then(|value| value.parse().ok()).unwrap_or(1).clamp(1, 500)
}

/// The page of all fortunes and one more, sorted and escaped.
#[must_use]
pub fn fortune_page(mut fortunes: Vec<(i64, String)>) -> String {
    fortunes.push((0, "Additional fortune added at request time.".to_owned()));
    fortunes.sort_by(|one, other| one.1.cmp(&other.1));
    let mut page = String::with_capacity(2048);
    page += "<!DOCTYPE html><html><head><title>Fortunes</title></head><body><table>";
    page += "<tr><th>id</th><th>message</th></tr>";
    for (id, message) in &fortunes {
        let _infallible = write!(page, "<tr><td>{id}</td><td>");
        escape(message, &mut page);
        page += "</td></tr>";
    }
    page += "</table></body></html>";
    page
}

fn escape(text: &str, page: &mut String) {
    for character in text.chars() {
        match character {
            '&' => *page += "&amp;",
            '<' => *page += "&lt;",
            '>' => *page += "&gt;",
            '"' => *page += "&quot;",
            '\'' => *page += "&#39;",
            other => page.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_one_row_when_the_number_makes_no_sense() {
        let numbers =
            ["queries=20", "queries=abc", "queries=0", "queries=9999"].map(|query| wanted(Some(query)));
        assert_eq!(numbers, [20, 1, 1, 500]);
        assert_eq!(wanted(None), 1);
    }

    #[test]
    fn markup_in_a_fortune_stays_text() {
        let page = fortune_page(vec![(11, "<script>".to_owned())]);
        assert!(page.contains("<td>11</td><td>&lt;script&gt;</td>"), "{page}");
    }
}
