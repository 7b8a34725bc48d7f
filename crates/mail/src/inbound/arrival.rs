//! A message as it comes in by one of the doors.

use mailparse::{MailHeader, MailHeaderMap};
use mainstay_core::keys::sha256;
use serde::{Deserialize, Serialize};

use super::parse;

/// A message as it comes, and what is known of its way: what a door hands to [`InboundMails::take`](super::InboundMails::take).
///
/// ```
/// use mainstay_mail::Arrival;
///
/// let message = "From: ann@example.org\r\nSubject: Help\r\n\r\nIt does not work.\r\n";
/// let arrival = Arrival::new(message).from("ann@example.org").to("support@shop.example");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub(super) raw: Vec<u8>,
    pub(super) sender: Option<String>,
    pub(super) recipients: Vec<String>,
}

/// What mail servers tell each other of a message.
#[derive(Serialize, Deserialize)]
struct Envelope {
    sender: Option<String>,
    recipients: Vec<String>,
}

/// What mail servers write at the top of a message when they put it into a mailbox: whom they have been told it is to.
const DELIVERED: [&str; 3] = ["X-Original-To", "Delivered-To", "Envelope-To"];

impl Arrival {
    /// A message (RFC 5322). The line `From …` is left out by which programs for mailboxes tell messages apart.
    pub fn new(raw: impl Into<Vec<u8>>) -> Self {
        let mut raw = raw.into();
        if raw.starts_with(b"From ") {
            let end = raw.iter().position(|byte| *byte == b'\n').map_or(raw.len(), |end| end + 1);
            raw.drain(..end);
        }
        Self { raw, sender: None, recipients: Vec::new() }
    }

    /// Whom it is from, as the servers have told each other. Empty, `<>` or `MAILER-DAEMON`: it is a report, which nobody answers.
    #[must_use]
    pub fn from(mut self, sender: impl Into<String>) -> Self {
        let sender = bare(&sender.into());
        let is_nobody = sender.eq_ignore_ascii_case("MAILER-DAEMON");
        self.sender = Some(if is_nobody { String::new() } else { sender });
        self
    }

    /// One of those whom it is to, as the servers have told each other. Each gets it for itself. Where nobody says it, the head of the
    /// message does: what a server has written at its top, else `To` and `Cc`.
    #[must_use]
    pub fn to(mut self, recipient: impl Into<String>) -> Self {
        let recipient = bare(&recipient.into());
        if !recipient.is_empty()
            && !self.recipients.iter().any(|known| known.eq_ignore_ascii_case(&recipient))
        {
            self.recipients.push(recipient);
        }
        self
    }

    /// Says whom it is to and from by its head, where nobody has said it. Returns whether its recipients are known by what the servers
    /// have said: then each of them gets it. Otherwise it is one mail for whichever of them somebody takes.
    pub(super) fn complete(&mut self) -> bool {
        let headers = parse::head(&self.raw).map(|(headers, _)| headers).unwrap_or_default();
        let sender = headers.get_first_header("Return-Path").map(parse::text);
        // The one above all others: each server writes its own above what was there.
        let says = |header: &&MailHeader<'_>| {
            DELIVERED.iter().any(|name| header.get_key_ref().eq_ignore_ascii_case(name))
        };
        let delivered = headers.iter().find(says).map(parse::text);
        let addressed = match (self.recipients.is_empty(), &delivered) {
            (true, None) => addresses(&headers),
            _ => Vec::new(),
        };
        if self.sender.is_none()
            && let Some(sender) = sender
        {
            *self = std::mem::replace(self, Self::new("")).from(sender);
        }
        let is_known = !self.recipients.is_empty() || delivered.is_some();
        if self.recipients.is_empty() {
            let all = delivered.into_iter().chain(addressed);
            *self = all.fold(std::mem::replace(self, Self::new("")), Self::to);
        }
        is_known
    }

    /// By what it is known when it comes again: its `Message-ID` and what it says, else all of it. Not the `Message-ID` alone: there are
    /// programs that give the same to all of their mails.
    pub(super) fn digest(&self) -> String {
        let name = |(headers, body): (Vec<MailHeader<'_>>, usize)| {
            let id =
                headers.get_first_header("Message-ID").map(parse::text).filter(|id| !id.trim().is_empty())?;
            Some((id, sha256::hex(self.raw.get(body..).unwrap_or_default())))
        };
        match parse::head(&self.raw).and_then(name) {
            Some((id, body)) => sha256::hex(format!("{}\n{body}", id.trim()).as_bytes()),
            None => sha256::hex(&self.raw),
        }
    }

    /// As bytes that [`read`](Self::read) reads.
    pub(super) fn write(&self) -> serde_json::Result<Vec<u8>> {
        let envelope = Envelope { sender: self.sender.clone(), recipients: self.recipients.clone() };
        let mut bytes = serde_json::to_vec(&envelope)?;
        // Text of JSON has no line break outside of what it escapes.
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.raw);
        Ok(bytes)
    }

    pub(super) fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (head, rest) = bytes.split_at(end);
        let Envelope { sender, recipients } = serde_json::from_slice(head)?;
        Ok(Self { raw: rest.get(1..).unwrap_or_default().to_vec(), sender, recipients })
    }
}

/// The first addresses of `To` and `Cc`.
fn addresses(headers: &[MailHeader<'_>]) -> Vec<String> {
    /// Whoever writes more is not looked for among all of them.
    const MOST: usize = 200;
    let named = ["To", "Cc"].into_iter().flat_map(|name| parse::correspondents(headers, name));
    named.take(MOST).map(|somebody| somebody.address).collect()
}

/// Without the brackets and the spaces around it.
fn bare(address: &str) -> String {
    let address = address.trim();
    address
        .strip_prefix('<')
        .and_then(|address| address.strip_suffix('>'))
        .unwrap_or(address)
        .trim()
        .to_owned()
}

impl From<&str> for Arrival {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<Vec<u8>> for Arrival {
    fn from(raw: Vec<u8>) -> Self {
        Self::new(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(raw: &str) -> (bool, Arrival) {
        let mut arrival = Arrival::new(raw);
        (arrival.complete(), arrival)
    }

    #[test]
    fn what_the_servers_have_said_goes_before_the_head() {
        let head = "To: all@shop.example\nDelivered-To: one@shop.example\nReturn-Path: <ann@x.example>\n\n";
        let mut arrival =
            Arrival::new(head).from("<>").to("<Bob@shop.example>").to("bob@SHOP.example").to(" ");
        assert!(arrival.complete());
        assert_eq!(arrival.recipients, ["Bob@shop.example"]);
        assert_eq!(arrival.sender.as_deref(), Some(""));
        assert_eq!(Arrival::new(head).from("MAILER-DAEMON").sender.as_deref(), Some(""));
    }

    #[test]
    fn the_head_says_it_where_nobody_else_does() {
        let (is_known, arrival) = completed(
            "From ann@x.example Mon Jan  5 10:00:00 2026\nReturn-Path: <>\nDelivered-To: in@shop.example\nDelivered-To: old@shop.example\n\
             To: all@shop.example\n\nHello\n",
        );
        assert!(is_known && arrival.raw.starts_with(b"Return-Path"));
        assert_eq!(arrival.recipients, ["in@shop.example"]);
        assert_eq!(arrival.sender.as_deref(), Some(""));
        let (_, arrival) = completed("Envelope-To: in@x.example\nX-Original-To: old@x.example\n\n");
        assert_eq!(arrival.recipients, ["in@x.example"], "the one above");
        let (is_known, arrival) =
            completed("To: A <a@x.example>, b@x.example\nCc: team: c@x.example, A@x.example;\n\n");
        assert!(!is_known);
        assert_eq!(arrival.recipients, ["a@x.example", "b@x.example", "c@x.example"]);
        assert_eq!(arrival.sender, None);
        assert_eq!(completed("no head at all").1.recipients, Vec::<String>::new());
    }

    #[test]
    fn is_known_again_by_its_name_and_what_it_says() {
        let mail = |received: &str, id: &str, body: &str| {
            Arrival::new(format!("Received: {received}\nMessage-ID: {id}\nSubject: x\n\n{body}")).digest()
        };
        let first = mail("a", "<1@x>", "Hello");
        assert_eq!(first, mail("b", "<1@x>", "Hello"));
        // A scanner that calls every page the same.
        assert_ne!(first, mail("a", "<1@x>", "Another page"));
        assert_ne!(first, mail("a", "<2@x>", "Hello"));
        assert_ne!(mail("a", "", "Hello"), mail("b", "", "Hello"));
    }

    #[test]
    fn is_read_as_it_was_written() {
        let arrival = Arrival::new(b"X: \xff\r\n\r\n\nline\n".to_vec()).from("a\nb").to("c@x.example");
        assert_eq!(Arrival::read(&arrival.write().unwrap()).unwrap(), arrival);
        assert!(Arrival::read(b"").is_err());
    }
}
