//! From the bytes of a message to an [`InboundMail`]. `mailparse` knows the format: heads, encodings, character sets, parts. What is here takes its
//! answers apart, and forgives: a mail with a faulty part is still a mail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::DateTime;
use mailparse::{DispositionType, MailAddr, MailHeader, MailHeaderMap, ParsedMail, SingleInfo};
use mainstay_http::extract::safe_file_name;

use super::mail::{Correspondent, InboundAttachment, InboundMail};

/// So many lines that could begin a part: each part takes more memory than its bytes.
const MOST_BOUNDARIES: usize = 100_000;
/// So many letters are passed while encoded words are looked for, in all lines together. A line of a head has at most a thousand, and so do
/// not all of them that are sent.
const MOST_STEPS: usize = 50_000_000;
/// The most of the same, where each end of a word is looked at for each beginning.
const MOST_PAIRS: usize = 200_000_000;
/// So many headers.
const MOST_HEADERS: usize = 2_000;

/// Why a message is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it has no head")]
    NoHead,
    #[error("it has too many parts")]
    Parts,
    #[error("it has too many headers")]
    Headers,
    #[error("a line of it has too many encoded words")]
    Words,
    #[error("{0}")]
    Malformed(String),
    #[error("the parser panicked")]
    Panicked,
}

/// Reads a message. What its servers have said is filled in by the caller.
pub(super) fn read(raw: &[u8]) -> Result<InboundMail, Unreadable> {
    // The library promises that none is so bad that it panics. Whoever sends mails must not be the first to know better.
    catch_unwind(AssertUnwindSafe(|| message(raw))).unwrap_or(Err(Unreadable::Panicked))
}

fn message(raw: &[u8]) -> Result<InboundMail, Unreadable> {
    bounded(raw)?;
    let parsed = mailparse::parse_mail(raw).map_err(|fault| Unreadable::Malformed(fault.to_string()))?;
    let headers = &parsed.headers;
    if !headers.iter().any(|header| !header.get_value_raw().is_empty()) {
        return Err(Unreadable::NoHead);
    }
    if headers.len() > MOST_HEADERS {
        return Err(Unreadable::Headers);
    }
    let first = |name: &str| headers.get_first_header(name).map(text);
    let names = |name: &str| first(name).map(|value| message_ids(&value)).unwrap_or_default();
    let mut said = Said::default();
    said.add(&parsed);
    let date = first("Date").and_then(|date| mailparse::dateparse(&date).ok());
    Ok(InboundMail {
        recipient: String::new(),
        stars: Vec::new(),
        sender: None,
        from: correspondents(headers, "From").into_iter().next(),
        to: correspondents(headers, "To"),
        cc: correspondents(headers, "Cc"),
        reply_to: correspondents(headers, "Reply-To"),
        subject: first("Subject").unwrap_or_default(),
        date: date.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        message_id: names("Message-ID").into_iter().next(),
        in_reply_to: names("In-Reply-To"),
        references: names("References"),
        text: said.texts.join("\n"),
        html: (!said.pages.is_empty()).then(|| said.pages.join("\n")),
        attachments: said.attachments,
        headers: headers.iter().map(|header| (header.get_key(), text(header))).collect(),
        content_type: first("Content-Type").unwrap_or_default().to_ascii_lowercase(),
        raw: raw.to_vec(),
    })
}

/// The head of a message, and where its body begins. None, where it cannot be read.
pub(super) fn head(raw: &[u8]) -> Option<(Vec<MailHeader<'_>>, usize)> {
    bounded(raw).ok()?;
    mailparse::parse_headers(raw).ok()
}

/// Refuses what would take the library more time or memory than a message may.
fn bounded(raw: &[u8]) -> Result<(), Unreadable> {
    let (mut boundaries, mut steps, mut pairs) = (0_usize, 0_usize, 0_usize);
    for line in raw.split(|byte| *byte == b'\n') {
        boundaries += usize::from(line.starts_with(b"--"));
        // Each is looked for from the beginning of its line, and each end for each beginning.
        let count = |mark: &[u8]| line.windows(2).filter(|two| *two == mark).count();
        let (begins, ends) = (count(b"=?"), count(b"?="));
        steps = steps.saturating_add((begins + ends).saturating_mul(line.len()));
        pairs = pairs.saturating_add(begins.saturating_mul(ends).saturating_mul(line.len()));
    }
    match (boundaries > MOST_BOUNDARIES, steps > MOST_STEPS || pairs > MOST_PAIRS) {
        (true, _) => Err(Unreadable::Parts),
        (_, true) => Err(Unreadable::Words),
        _ => Ok(()),
    }
}

/// What is in the parts of a message.
#[derive(Default)]
struct Said {
    texts: Vec<String>,
    pages: Vec<String>,
    attachments: Vec<InboundAttachment>,
}

impl Said {
    /// Adds a part, with those within: the library lets a hundred be inside of each other.
    fn add(&mut self, part: &ParsedMail<'_>) {
        if !part.subparts.is_empty() {
            part.subparts.iter().for_each(|part| self.add(part));
            return;
        }
        let disposition = part.get_content_disposition();
        let parameters = [disposition.params.get("filename"), part.ctype.params.get("name")];
        let name = parameters.into_iter().flatten().next();
        let is_file = name.is_some() || disposition.disposition == DispositionType::Attachment;
        let words = || part.get_body().unwrap_or_else(|_| String::from_utf8_lossy(&bytes(part)).into_owned());
        match part.ctype.mimetype.as_str() {
            "text/plain" if !is_file => self.texts.push(words()),
            // What is no type is text (RFC 2045, section 5.2).
            kind if !kind.contains('/') && !is_file => self.texts.push(words()),
            "text/html" if !is_file => self.pages.push(words()),
            // One whose parts cannot be told apart.
            kind if kind.starts_with("multipart/") && !is_file => self.texts.push(unsplit(part)),
            kind => {
                let name = name.and_then(|name| safe_file_name(name));
                let name = name.unwrap_or_else(|| made_up(self.attachments.len() + 1, kind));
                let id = part.headers.get_first_header("Content-ID").map(text);
                let content_id = id.and_then(|id| message_ids(&id).into_iter().next());
                let content_type = kind.to_owned();
                self.attachments.push(InboundAttachment {
                    name,
                    content_type,
                    content_id,
                    bytes: bytes(part),
                });
            }
        }
    }
}

/// What is in a part; as it came, where it is not written as it says.
fn bytes(part: &ParsedMail<'_>) -> Vec<u8> {
    part.get_body_raw().unwrap_or_else(|_| match part.get_body_encoded() {
        mailparse::body::Body::Base64(body) | mailparse::body::Body::QuotedPrintable(body) => {
            body.get_raw().to_vec()
        }
        mailparse::body::Body::SevenBit(body) | mailparse::body::Body::EightBit(body) => {
            body.get_raw().to_vec()
        }
        mailparse::body::Body::Binary(body) => body.get_raw().to_vec(),
    })
}

/// All that follows the head: the library takes nothing for the body of a message whose parts it does not find.
fn unsplit(part: &ParsedMail<'_>) -> String {
    let head = part.get_headers().get_raw_bytes().len();
    String::from_utf8_lossy(part.raw_bytes.get(head..).unwrap_or_default()).into_owned()
}

/// A name for a file that has none.
fn made_up(number: usize, content_type: &str) -> String {
    let extension = match content_type {
        "message/rfc822" => "eml",
        "text/plain" => "txt",
        "text/calendar" => "ics",
        other => other.split('/').nth(1).unwrap_or_default(),
    };
    let is_short =
        (1..=5).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_short { format!("attachment-{number}.{extension}") } else { format!("attachment-{number}") }
}

/// The value of a header, decoded, in one line: encoded words may have line breaks within.
pub(super) fn text(header: &MailHeader<'_>) -> String {
    let value = header.get_value();
    let value = value.trim();
    match value.contains(char::is_control) {
        true => value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect(),
        false => value.to_owned(),
    }
}

/// Everybody whom the headers of a name are about. From one that is no list of addresses, what stands in its last brackets.
pub(super) fn correspondents(headers: &[MailHeader<'_>], name: &str) -> Vec<Correspondent> {
    let of_name = headers.iter().filter(|header| header.get_key_ref().eq_ignore_ascii_case(name));
    of_name.flat_map(in_header).filter(|somebody| !somebody.address.is_empty()).collect()
}

fn in_header(header: &MailHeader<'_>) -> Vec<Correspondent> {
    let Ok(list) = mailparse::addrparse_header(header) else {
        let value = text(header);
        let bracketed = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let address = bracketed.map(|(address, _)| address.trim()).filter(|address| address.contains('@'));
        return address
            .map(|address| Correspondent { name: None, address: address.to_owned() })
            .into_iter()
            .collect();
    };
    let each = list.into_inner().into_iter().flat_map(|entry| match entry {
        MailAddr::Single(single) => vec![single],
        MailAddr::Group(group) => group.addrs,
    });
    each.map(correspondent).collect()
}

fn correspondent(single: SingleInfo) -> Correspondent {
    let line = |text: String| text.replace(char::is_control, " ").trim().to_owned();
    let name = single.display_name.map(line).filter(|name| !name.is_empty());
    Correspondent { name, address: line(single.addr) }
}

/// The names of mails in a header, without brackets. Those that nobody has put into brackets are taken word by word.
fn message_ids(value: &str) -> Vec<String> {
    let ids = match value.contains('<') {
        true => value.split('<').skip(1).filter_map(|rest| rest.split('>').next()).map(str::trim).collect(),
        false => value.split_whitespace().collect::<Vec<_>>(),
    };
    ids.into_iter().filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
