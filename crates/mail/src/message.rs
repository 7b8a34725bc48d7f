//! A mail that is complete.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::address::Mailbox;
use crate::attachment::{self, Attachment};
use crate::error::MailError;

/// More need not be taken together by any server (RFC 5321, section 4.5.3.1.8).
const MOST_RECIPIENTS: usize = 100;

/// A mail as it is sent: rendered, dated and named. It can be stored and read again, by whoever sends it later; what is read is looked at
/// again before it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its name: the time when it was made, and a random part. With the domain of the sender it is its `Message-ID`.
    pub id: String,
    /// When it was made.
    pub date: DateTime<Utc>,
    /// Whom it is from.
    pub from: Mailbox,
    /// Who gets it.
    pub to: Vec<Mailbox>,
    /// Who gets a copy.
    #[serde(default)]
    pub cc: Vec<Mailbox>,
    /// Who gets a copy of which nobody else knows.
    #[serde(default)]
    pub bcc: Vec<Mailbox>,
    /// Who gets the answers, if not the sender.
    #[serde(default)]
    pub reply_to: Vec<Mailbox>,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as a page.
    pub html: Option<String>,
    /// Headers besides those that follow from the above.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Its language.
    #[serde(default)]
    pub locale: Option<String>,
    /// The files that come with it.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The one of those who get it to whom alone this goes, where each is sent it separately. It says the same to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Mailbox>,
}

impl Message {
    /// Everybody who gets it, each once.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        let mut known = HashSet::new();
        let all = self.to.iter().chain(&self.cc).chain(&self.bcc);
        all.filter(move |one| {
            let is_meant = self.only.as_ref().is_none_or(|only| only.address() == one.address());
            is_meant && known.insert(one.address())
        })
    }

    /// The addresses of the web that its text has, in their order.
    ///
    /// ```
    /// # use mainstay_mail::Message;
    /// # let mut message: Message = serde_json::from_str(r#"{"id":"1","date":"2026-01-01T12:00:00Z",
    /// #   "from":{"address":"a@x.org"},"to":[],"subject":"","text":"","html":null}"#).unwrap();
    /// message.text = "Go to https://shop.example/reset?token=x, or\n<https://shop.example/>.".to_owned();
    /// let links: Vec<_> = message.links().collect();
    /// assert_eq!(links, ["https://shop.example/reset?token=x", "https://shop.example/"]);
    /// ```
    pub fn links(&self) -> impl Iterator<Item = &str> {
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '"' | '(' | ')');
        let words = self.text.split(ends);
        let links = words.filter(|word| word.starts_with("https://") || word.starts_with("http://"));
        links.map(|link| link.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'']))
    }

    /// As a file that mail programs open, and as servers get it: RFC 5322, lines of ASCII that end in CRLF.
    ///
    /// # Errors
    ///
    /// When a part of it is not as it has to be, which [`Mailer::render`](crate::Mailer::render) does not let happen.
    pub fn to_eml(&self) -> Result<Vec<u8>, MailError> {
        crate::eml::of(self)
    }

    /// Refuses what is larger than so many bytes, in what it says and what it brings.
    pub(crate) fn check_size(&self, most: usize, limit: &str) -> Result<(), MailError> {
        let files = self.attachments.iter().map(|file| file.bytes.len());
        let size = self.text.len() + self.html.as_ref().map_or(0, String::len) + files.sum::<usize>();
        if size <= most {
            return Ok(());
        }
        let (size, most) = (size.div_ceil(1 << 10), most >> 10);
        Err(MailError::invalid("mail", format!("it has {size} KiB, and {limit} is {most} KiB")))
    }

    pub(crate) fn check(&self) -> Result<(), MailError> {
        let is_id = self.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if self.id.is_empty() || !is_id {
            return Err(MailError::invalid("id", "is of letters, digits and `-`"));
        }
        match self.recipients().count() {
            0 => return Err(MailError::invalid("to", "nobody gets it")),
            1..=MOST_RECIPIENTS => {}
            more => {
                let told = format!(
                    "{more} get it, and a mail has at most {MOST_RECIPIENTS}: send each one of their own"
                );
                return Err(MailError::invalid("to", told));
            }
        }
        line("subject", &self.subject)?;
        self.locale.as_deref().map_or(Ok(()), check_locale)?;
        for (name, value) in &self.headers {
            let field = format!("header {}", name.escape_debug());
            if let Some(reason) = refusal(name) {
                return Err(MailError::invalid(field, reason));
            }
            line(&field, value)?;
        }
        self.check_attachments()
    }

    fn check_attachments(&self) -> Result<(), MailError> {
        if self.attachments.len() > attachment::MOST {
            let told = format!("at most {} come with a mail", attachment::MOST);
            return Err(MailError::invalid("attachments", told));
        }
        for (index, file) in self.attachments.iter().enumerate() {
            file.check()?;
            if !file.is_embedded {
                continue;
            }
            let field = || format!("attachment {}", file.name);
            if self.html.is_none() {
                return Err(MailError::invalid(field(), "no page shows it: the mail has none"));
            }
            let is_same = |other: &Attachment| other.is_embedded && other.name == file.name;
            if self.attachments[..index].iter().any(is_same) {
                return Err(MailError::invalid(field(), "another one has its name"));
            }
        }
        Ok(())
    }
}

/// Without what it says: that may let somebody in.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("to", &self.to).finish_non_exhaustive()
    }
}

/// What stands in a header is one line: whoever could begin another one would write headers of their own.
fn line(field: &str, value: &str) -> Result<(), MailError> {
    match value.chars().find(|letter| letter.is_control() && *letter != '\t') {
        Some('\r' | '\n') => Err(MailError::invalid(field, "has a line break")),
        Some(other) => Err(MailError::invalid(field, format!("has the control character {other:?}"))),
        None => Ok(()),
    }
}

/// A language, by letters of a name of it (RFC 5646) at most: it becomes a part of the name of a file, and a header.
pub(crate) fn check_locale(locale: &str) -> Result<(), MailError> {
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match locale.len() <= 35 && locale.split('-').all(is_part) {
        true => Ok(()),
        false => Err(MailError::invalid("locale", "is written as `de` or `de-AT`")),
    }
}

/// Why nobody may set a header of this name.
fn refusal(name: &str) -> Option<String> {
    const OURS: &[&str] = &[
        "bcc",
        "cc",
        "date",
        "dkim-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    ];
    let is_token = !name.is_empty()
        && name.len() <= 76
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let lower = name.to_ascii_lowercase();
    if !is_token {
        Some("a name is of letters, digits and `-`".to_owned())
    } else if OURS.contains(&&*lower) || lower.starts_with("content-") || lower.starts_with("resent-") {
        Some("this header follows from the mail itself".to_owned())
    } else {
        None
    }
}
