//! What goes from one process to others: a list in JSON of the sender and the topics. Without topics it is for everybody.

use super::due::{Due, Topic};

/// PostgreSQL takes less than 8000 bytes.
const LONGEST: usize = 7_900;

/// Takes as many topics as fit into one message.
pub(super) fn take(due: &mut Due, sender: &str) -> Option<String> {
    due.first()?;
    let mut message = format!("[{}", quoted(sender));
    let start = message.len();
    while let Some(topic) = due.first() {
        let Topic::Named(name) = topic else {
            // It says all that is said by those before it.
            message.truncate(start);
            due.remove_first();
            break;
        };
        let name = quoted(name);
        if message.len() + name.len() + 2 > LONGEST {
            if message.len() == start {
                // A name that fits into no message: it is told to everybody.
                due.remove_first();
            }
            break;
        }
        message.push(',');
        message.push_str(&name);
        due.remove_first();
    }
    message.push(']');
    Some(message)
}

/// What a message says: to those who wait for which topics. Empty: to everybody. `None`: it is one's own.
pub(super) fn read(message: &str, own: &str) -> Option<Vec<String>> {
    match serde_json::from_str::<Vec<String>>(message) {
        Ok(mut parts) if !parts.is_empty() => {
            let topics = parts.split_off(1);
            (parts[0] != own).then_some(topics)
        }
        // Of another version, or not from us at all: a look too many does no harm.
        _ => Some(Vec::new()),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(names: &[&str]) -> Due {
        let mut due = Due::default();
        names.iter().for_each(|name| due.add(Topic::Named((*name).into())));
        due
    }

    #[test]
    fn others_read_what_was_written_and_oneself_does_not() {
        let message = take(&mut due(&["jobs", "a \"b\"\n"]), "me").unwrap();
        assert_eq!(message, r#"["me","jobs","a \"b\"\n"]"#);
        assert_eq!(read(&message, "other"), Some(vec!["jobs".to_owned(), "a \"b\"\n".to_owned()]));
        assert_eq!(read(&message, "me"), None);
    }

    #[test]
    fn what_does_not_fit_follows_in_the_next_message() {
        let long: Vec<String> = (0..10).map(|number| format!("{number}{}", "x".repeat(2_000))).collect();
        let mut due = due(&long.iter().map(String::as_str).collect::<Vec<_>>());
        let mut read_again = Vec::new();
        while let Some(message) = take(&mut due, "me") {
            assert!(message.len() < 8_000);
            read_again.extend(read(&message, "other").unwrap());
        }
        assert_eq!(read_again, long);
    }

    #[test]
    fn what_cannot_be_named_is_told_to_everybody() {
        let mut too_long = due(&["jobs", &"x".repeat(9_000)]);
        assert_eq!(take(&mut too_long, "me").unwrap(), r#"["me","jobs"]"#);
        assert_eq!(take(&mut too_long, "me").unwrap(), r#"["me"]"#);
        assert_eq!(take(&mut too_long, "me"), None);
        assert_eq!(read(r#"["me"]"#, "other"), Some(vec![]));
        let mut everybody = due(&["jobs"]);
        everybody.add(Topic::Any);
        assert_eq!(take(&mut everybody, "me").unwrap(), r#"["me"]"#);
        for foreign in ["", "hello", "[]", "{\"a\":1}"] {
            assert_eq!(read(foreign, "me"), Some(vec![]), "{foreign}");
        }
    }
}
