//! Test 4: a page made of all rows of a table and one that is added, sorted, escaped.

use std::fmt::Write;

use mainstay::prelude::*;

/// What fills the table; the rules give the texts.
pub(crate) const MESSAGES: [&str; 12] = [
    "fortune: No such file or directory",
    "A computer scientist is someone who fixes things that aren't broken.",
    "After enough decimal places, nobody gives a damn.",
    "A bad random number generator: 1, 1, 1, 1, 1, 4.33e+67, 1, 1, 1",
    "A computer program does what you tell it to do, not what you want it to do.",
    "Emacs is a nice operating system, but I prefer UNIX. — Tom Christaensen",
    "Any program that runs right is obsolete.",
    "A list is only as strong as its weakest link. — Donald Knuth",
    "Feature: A bug with seniority.",
    "Computers make very fast, very accurate mistakes.",
    "<script>alert(\"This should not be displayed in a browser alert box.\");</script>",
    "フレームワークのベンチマーク",
];

/// A saying.
#[model(table = "fortune")]
pub(crate) struct Fortune {
    pub id: i64,
    pub message: String,
}

/// All sayings, with one more.
#[get("/fortunes")]
pub(crate) async fn list(db: Inject<Db>) -> Result<Html<String>> {
    let mut fortunes = Fortune::query().all(&db).await?;
    fortunes.push(Fortune { id: 0, message: "Additional fortune added at request time.".to_owned() });
    fortunes.sort_by(|one, other| one.message.cmp(&other.message));
    Ok(Html(page(&fortunes)))
}

fn page(fortunes: &[Fortune]) -> String {
    let mut page = String::with_capacity(2048);
    page += "<!DOCTYPE html><html><head><title>Fortunes</title></head><body><table>";
    page += "<tr><th>id</th><th>message</th></tr>";
    for Fortune { id, message } in fortunes {
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
    fn markup_in_a_saying_stays_text() {
        let page = page(&[Fortune { id: 11, message: "<script>\"&'".to_owned() }]);
        assert!(page.contains("<td>11</td><td>&lt;script&gt;&quot;&amp;&#39;</td>"), "{page}");
    }
}
