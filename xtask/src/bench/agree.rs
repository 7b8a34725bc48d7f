//! Whether contenders do the same: each is asked on every path, and nothing is measured until their JSON is one.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::{
    bench::{
        compare::{Comparison, Contender, Options},
        load::Request,
    },
    http::{Answer, Connection},
    outcome::Result,
};

const DEADLINE: Duration = Duration::from_secs(10);

/// Asks every contender, and names the first two that answer differently, with the place. In what is answered to a POST, members
/// of these names may be any: keys and times of what was written just now.
pub(crate) fn check(
    comparison: &Comparison,
    options: &Options,
    target: &Path,
    varying: &[&str],
) -> Result<()> {
    let mut first: Option<(&Contender, Vec<(u16, Value)>)> = None;
    for contender in comparison.chosen(&options.only) {
        let answers = answers(comparison, contender, target, varying)?;
        let Some((other, expected)) = &first else {
            first = Some((contender, answers));
            continue;
        };
        for ((path, answer), expected) in comparison.paths.iter().zip(&answers).zip(expected) {
            let place = if answer.0 == expected.0 {
                difference(&expected.1, &answer.1, "")
            } else {
                Some(format!("the status: {} and {}", expected.0, answer.0))
            };
            if let Some(place) = place {
                let (one, two) = (other.name, contender.name);
                return Err(format!("{path}: `{one}` and `{two}` answer differently in {place}").into());
            }
        }
    }
    Ok(())
}

fn answers(
    comparison: &Comparison,
    contender: &Contender,
    target: &Path,
    varying: &[&str],
) -> Result<Vec<(u16, Value)>> {
    comparison.even_out(target)?;
    let server = comparison.start(contender, target)?;
    let mut connection = Connection::open(server.port, DEADLINE)?;
    let mut answers = Vec::new();
    for path in comparison.paths {
        let request = comparison.request(contender, path);
        let answer = ask(&mut connection, &request)?;
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        if !(200..300).contains(&answer.status) {
            return Err(format!("{}: {path} answered {}: {}", contender.name, answer.status, said()).into());
        }
        let mut json = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("{}: {path} answered no JSON ({error}): {}", contender.name, said()))?;
        if request.body.is_some() {
            forget(&mut json, varying);
        }
        answers.push((answer.status, json));
    }
    server.stop()?;
    Ok(answers)
}

fn ask(connection: &mut Connection, Request { path, headers, body }: &Request) -> Result<Answer> {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    match body {
        Some(body) => connection.post_json(path, &headers, body),
        None => connection.get_with(path, &headers),
    }
}

/// Takes the values of these members away, at any depth. That they are there is still looked at.
fn forget(json: &mut Value, names: &[&str]) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                if names.contains(&name.as_str()) { *value = Value::Null } else { forget(value, names) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, names)),
        _ => {}
    }
}

/// Where two values differ, as a JSON pointer with what is there. `None` if they do not.
fn difference(one: &Value, other: &Value, place: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            let absent = Value::Null;
            names.into_iter().find_map(|name| {
                let place = format!("{place}/{name}");
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => difference(one, other, &place),
                    (one, other) => {
                        let (one, other) = (one.unwrap_or(&absent), other.unwrap_or(&absent));
                        Some(format!("{place}: {one} and {other}, one of which is not there"))
                    }
                }
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs.into_iter().find_map(|(at, (one, other))| difference(one, other, &format!("{place}/{at}")))
        }
        (one, other) => (one != other).then(|| format!("{place}: {one} and {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_place_of_a_difference() {
        let one = json!({"articles": [{"slug": "a", "tags": ["x"]}], "count": 1});
        assert_eq!(difference(&one, &one.clone(), ""), None);
        let other = json!({"articles": [{"slug": "a", "tags": ["y"]}], "count": 1});
        assert_eq!(difference(&one, &other, "").unwrap(), r#"/articles/0/tags/0: "x" and "y""#);
        let shorter = json!({"articles": [], "count": 1});
        assert!(difference(&one, &shorter, "").unwrap().starts_with("/articles: "));
        let more = json!({"articles": [{"slug": "a", "tags": ["x"]}], "count": 1, "page": null});
        assert!(difference(&one, &more, "").unwrap().starts_with("/page: "));
    }

    #[test]
    fn forgets_values_but_not_that_they_are_there() {
        let mut one = json!({"article": {"slug": "a-1", "title": "A"}});
        let mut other = json!({"article": {"slug": "a-2", "title": "A"}});
        let mut without = json!({"article": {"title": "A"}});
        for answer in [&mut one, &mut other, &mut without] {
            forget(answer, &["slug"]);
        }
        assert_eq!(difference(&one, &other, ""), None);
        assert!(difference(&one, &without, "").is_some());
    }
}
