//! Where in a document a fault is, as a JSON pointer: the reader says but line and column.

use mainstay_core::pointer::escaped;

/// The place of what was read last before `fault`: `/images/2/width`. The whole document is `/`.
pub(super) fn of(document: &[u8], fault: &serde_json::Error) -> String {
    let lines = document.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(fault.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let end = (before + fault.column()).min(document.len());
    let mut walk = Walk::default();
    walk.over(&document[..end]);
    walk.path()
}

/// What one is inside of.
#[derive(Debug)]
enum Level {
    Object { key: String, at_key: bool },
    Array { index: usize },
}

#[derive(Debug, Default)]
struct Walk(Vec<Level>);

impl Walk {
    fn over(&mut self, document: &[u8]) {
        let mut rest = document.iter().copied().enumerate();
        while let Some((start, byte)) = rest.next() {
            match byte {
                b'{' => self.0.push(Level::Object { key: String::new(), at_key: true }),
                b'[' => self.0.push(Level::Array { index: 0 }),
                b'}' | b']' => drop(self.0.pop()),
                b',' => match self.0.last_mut() {
                    Some(Level::Object { at_key, .. }) => *at_key = true,
                    Some(Level::Array { index }) => *index += 1,
                    None => {}
                },
                b':' => {
                    if let Some(Level::Object { at_key, .. }) = self.0.last_mut() {
                        *at_key = false;
                    }
                }
                b'"' => {
                    let mut escaped = false;
                    let end = rest
                        .find(|(_, byte)| {
                            let ends = *byte == b'"' && !escaped;
                            escaped = *byte == b'\\' && !escaped;
                            ends
                        })
                        .map_or(document.len(), |(end, _)| end + 1);
                    if let Some(Level::Object { key, at_key: true }) = self.0.last_mut() {
                        *key = serde_json::from_slice(&document[start..end]).unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.0 {
            path.push('/');
            match level {
                Level::Object { key, .. } => path.push_str(&escaped(key)),
                Level::Array { index } => path.push_str(&index.to_string()),
            }
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only the shape matters")]
    struct Image {
        width: u32,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only the shape matters")]
    struct Album {
        title: String,
        images: Vec<Image>,
    }

    fn place(document: &str) -> String {
        of(document.as_bytes(), &serde_json::from_str::<Album>(document).unwrap_err())
    }

    #[test]
    fn names_the_value_that_does_not_fit() {
        assert_eq!(
            place(r#"{"title": "a, \"b\": [", "images": [{"width": 1}, {"width": "x"}]}"#),
            "/images/1/width"
        );
        assert_eq!(place(r#"{"title": 7, "images": []}"#), "/title");
        assert_eq!(
            place("{\n  \"title\": \"a\",\n  \"images\": [\n    {\"width\": -1}\n  ]\n}"),
            "/images/0/width"
        );
        assert_eq!(place(r#"[1]"#), "/0");
    }

    #[test]
    fn names_the_object_that_lacks_something() {
        assert_eq!(place(r#"{"title": "a", "images": [{"width": 1}, {}]}"#), "/images/1");
        assert_eq!(place(r#"{"title": "a"}"#), "/");
    }
}
