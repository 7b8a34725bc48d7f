//! Finds the tags of a page (HTML, section 13.2.5, as far as it matters here). Nothing is rewritten: each has its place in the text.

use std::ops::Range;

use super::selector::Element;

/// A tag that begins an element.
pub(super) struct Tag {
    /// In lower case.
    pub(super) name: String,
    pub(super) range: Range<usize>,
    pub(super) name_end: usize,
    attributes: Vec<Attribute>,
}

/// An attribute of a tag.
pub(super) struct Attribute {
    name: String,
    pub(super) range: Range<usize>,
    value: Range<usize>,
}

/// So many elements within each other are looked at; no program shows more in any way.
pub(super) const DEEPEST: usize = 64;

/// Something of a page.
pub(super) enum Piece {
    /// An element begins.
    Start(Tag),
    /// One of this name ends.
    End(String),
    /// One that has no elements, whatever is in it: `<style>`.
    Text { tag: Tag, content: Range<usize>, end: usize },
}

/// The pieces of a page, one after the other.
pub(super) struct Pieces<'h> {
    html: &'h str,
    at: usize,
}

impl<'h> Pieces<'h> {
    pub(super) fn of(html: &'h str) -> Self {
        Self { html, at: 0 }
    }

    /// Goes on behind the next `text`, or to the end.
    fn pass(&mut self, text: &str) {
        self.at =
            self.html[self.at..].find(text).map_or(self.html.len(), |found| self.at + found + text.len());
    }

    fn tag(&mut self, start: usize) -> Option<Tag> {
        let bytes = self.html.as_bytes();
        let until = |from: usize, ends: &[u8]| {
            (from..bytes.len()).find(|at| bytes[*at].is_ascii_whitespace() || ends.contains(&bytes[*at]))
        };
        let name_end = until(start + 1, b"/>")?;
        let name = self.html[start + 1..name_end].to_ascii_lowercase();
        let mut attributes = Vec::new();
        let mut at = name_end;
        loop {
            at = (at..bytes.len()).find(|at| !bytes[*at].is_ascii_whitespace() && bytes[*at] != b'/')?;
            if bytes[at] == b'>' {
                self.at = at + 1;
                return Some(Tag { name, range: start..self.at, name_end, attributes });
            }
            let from = at;
            at = until(at + 1, b"=/>")?;
            let name = self.html[from..at].to_ascii_lowercase();
            let mut value = at..at;
            let next = (at..bytes.len()).find(|at| !bytes[*at].is_ascii_whitespace())?;
            let mut end = at;
            if bytes[next] == b'=' {
                let begin = (next + 1..bytes.len()).find(|at| !bytes[*at].is_ascii_whitespace())?;
                value = match bytes[begin] {
                    quote @ (b'"' | b'\'') => {
                        let close = (begin + 1..bytes.len()).find(|at| bytes[*at] == quote)?;
                        end = close + 1;
                        begin + 1..close
                    }
                    _ => {
                        end = until(begin, b">")?;
                        begin..end
                    }
                };
            }
            at = end;
            attributes.push(Attribute { name, range: from..end, value });
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let start = self.at + self.html[self.at..].find('<')?;
            self.at = start + 1;
            let after = &self.html[self.at..];
            if after.starts_with("!--") {
                // Also what only some programs read: `<!--[if mso]> … <![endif]-->`.
                self.at += "!--".len();
                self.pass("-->");
            } else if after.starts_with(['!', '?']) {
                self.pass(">");
            } else if let Some(end) = after.strip_prefix('/') {
                let name =
                    end.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
                let name = name.to_ascii_lowercase();
                self.pass(">");
                return Some(Piece::End(name));
            } else if after.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                let tag = self.tag(start)?;
                if !["style", "script", "textarea", "title", "xmp", "noscript"].contains(&&*tag.name) {
                    return Some(Piece::Start(tag));
                }
                let close = self.html[self.at..].match_indices("</").find(|(index, _)| {
                    let name = self.html[self.at + index + 2..].get(..tag.name.len());
                    name.is_some_and(|name| name.eq_ignore_ascii_case(&tag.name))
                });
                let end = close.map_or(self.html.len(), |(index, _)| self.at + index);
                let content = self.at..end;
                self.at = end;
                self.pass(">");
                return Some(Piece::Text { tag, content, end: self.at });
            }
        }
    }
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The value of an attribute, as it is meant.
    pub(super) fn value(&self, name: &str, html: &str) -> Option<String> {
        self.attribute(name).map(|attribute| decoded(&html[attribute.value.clone()]))
    }
}

/// What views escape in attributes.
fn decoded(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    let known = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x22;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        // Last: what it makes is no name of another one.
        ("&amp;", "&"),
    ];
    known.iter().fold(value.to_owned(), |value, (name, letter)| value.replace(name, letter))
}

/// Whether it is nothing that is shown.
pub(super) fn is_of_head(name: &str) -> bool {
    matches!(name, "html" | "head" | "meta" | "title" | "link" | "base" | "style" | "script")
}

/// Whether it never has an end.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Ends what an element ends that begins: people leave out `</p>` and `</li>` (HTML, section 13.1.2.4).
pub(super) fn close_before(name: &str, open: &mut Vec<Element>) {
    let (ended, within): (&[&str], &[&str]) = match name {
        "li" => (&["li"], &["ul", "ol"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl"]),
        "td" | "th" => (&["td", "th"], &["tr"]),
        "tr" => (&["tr"], &["table", "tbody", "thead", "tfoot"]),
        "tbody" | "tfoot" | "thead" => (&["tbody", "thead", "tfoot"], &["table"]),
        "address" | "article" | "aside" | "blockquote" | "div" | "dl" | "footer" | "form" | "h1" | "h2"
        | "h3" | "h4" | "h5" | "h6" | "header" | "hr" | "main" | "nav" | "ol" | "p" | "pre" | "section"
        | "table" | "ul" => (&["p"], &["td", "th", "button"]),
        _ => return,
    };
    for index in (0..open.len()).rev() {
        if ended.contains(&&*open[index].name) {
            return open.truncate(index);
        }
        if within.contains(&&*open[index].name) {
            return;
        }
    }
}
