//! What a mail that has arrived is made of.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::address::Addressee;

/// A mail that has arrived, as a function of the application takes it.
///
/// Everything in it was written by whoever sent it, `from` too: anybody may write any name there, unless the mail server has looked at it
/// (SPF, DKIM, DMARC). What only the owner of an address may do needs more, such as a token in the address that they answer to.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboundMail {
    /// The address that it was sent to, by which this function was found. Empty where nobody has said it, which the pattern `*` alone takes.
    pub recipient: String,
    /// What the stars of the pattern stand for, in their order: the part of an address, as it was written.
    pub stars: Vec<String>,
    /// Where reports go that it did not arrive, as the mail servers have told each other; empty for such reports themselves. None: nobody
    /// has said it.
    pub sender: Option<String>,
    /// Who has written it, by their own account.
    pub from: Option<Correspondent>,
    /// Whom it is to, by its head. The address that it was sent to need not be among them.
    pub to: Vec<Correspondent>,
    /// Who gets a copy.
    pub cc: Vec<Correspondent>,
    /// Who should get the answers, if not `from`.
    pub reply_to: Vec<Correspondent>,
    /// What it is about.
    pub subject: String,
    /// When it was written, by the clock of whoever wrote it.
    pub date: Option<DateTime<Utc>>,
    /// Its name, without `<>`. Who writes it chooses it.
    pub message_id: Option<String>,
    /// The mails that it answers, by their names.
    pub in_reply_to: Vec<String>,
    /// The conversation that it is of, the first mail first.
    pub references: Vec<String>,
    /// What it says; empty where it has a page alone.
    pub text: String,
    /// The same as a page. A stranger has made it: it is not to be shown without a sanitizer or a sandbox.
    pub html: Option<String>,
    /// The files that came with it.
    pub attachments: Vec<InboundAttachment>,
    /// Its head, in its order, decoded. See [`header`](Self::header).
    pub headers: Vec<(String, String)>,
    /// What kind of message it is, in lower case: `multipart/report; report-type=delivery-status`.
    pub(super) content_type: String,
    /// The message as it came.
    pub raw: Vec<u8>,
}

impl InboundMail {
    /// The first header of a name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).next()
    }

    /// All headers of a name.
    pub fn header_values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let of_name = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(of_name).map(|(_, value)| value.as_str())
    }

    /// What the first star of the pattern stands for: `aB3` for `reply+aB3@…` and `reply+*@…`.
    pub fn star(&self) -> Option<&str> {
        self.stars.first().map(String::as_str)
    }
}

/// Without what it says.
impl fmt::Debug for InboundMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundMail")
            .field("recipient", &self.recipient)
            .field("from", &self.from)
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// Somebody in the head of a mail, as it is written there. A mail can be written to them: [`Mail::to`](crate::Mail::to) takes one, and
/// looks at the address when it is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correspondent {
    /// Their name, decoded.
    pub name: Option<String>,
    /// Their address.
    pub address: String,
}

impl fmt::Display for Correspondent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

impl From<&Correspondent> for Addressee {
    fn from(somebody: &Correspondent) -> Self {
        Self::from((somebody.name.clone().unwrap_or_default(), somebody.address.clone()))
    }
}

/// A file that came with a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundAttachment {
    /// What it is called, without folders and whatever else does harm; `attachment-1.pdf` where nobody has said it.
    pub name: String,
    /// Its media type, as whoever sent it says: `application/pdf`. The bytes may be something else.
    pub content_type: String,
    /// The name by which the page of the mail shows it (`cid:…`), without `<>`.
    pub content_id: Option<String>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Without the file.
impl fmt::Debug for InboundAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundAttachment")
            .field("name", &self.name)
            .field("content_type", &self.content_type)
            .field("size", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
