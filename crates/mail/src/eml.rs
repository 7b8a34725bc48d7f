//! How a message looks on the wire. lettre writes it: it encodes what is not ASCII (RFC 2047, RFC 2045), folds what is long, and ends
//! lines in CRLF.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{self, MultiPart, SinglePart};

use crate::address::Mailbox;
use crate::error::MailError;
use crate::message::Message;

/// The message as a file. Copies of which nobody else knows are not in it.
pub(crate) fn of(message: &Message) -> Result<Vec<u8>, MailError> {
    message.check()?;
    let id = format!("<{}@{}>", message.id, message.from.domain());
    let mut builder = lettre::Message::builder()
        .date(message.date.into())
        .message_id(Some(id))
        .from(mailbox(&message.from)?)
        .envelope(envelope(message)?)
        .subject(message.subject.as_str());
    for to in &message.to {
        builder = builder.to(mailbox(to)?);
    }
    for cc in &message.cc {
        builder = builder.cc(mailbox(cc)?);
    }
    for reply_to in &message.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    for (name, value) in &message.headers {
        let header = HeaderName::new_from_ascii(name.clone())
            .map_err(|fault| MailError::invalid(format!("header {name}"), fault.to_string()))?;
        builder = builder.raw_header(HeaderValue::new(header, value.clone()));
    }
    let built = match &message.html {
        None => builder.singlepart(text(message)),
        Some(html) => {
            // Programs show the last part that they can.
            let both = MultiPart::alternative().boundary(format!("part-{}", message.id));
            builder.multipart(both.singlepart(text(message)).singlepart(SinglePart::html(clean(html))))
        }
    };
    let built = built.map_err(|fault| MailError::invalid("mail", fault.to_string()))?;
    Ok(built.formatted())
}

fn text(message: &Message) -> SinglePart {
    SinglePart::builder().header(ContentType::TEXT_PLAIN).body(clean(&message.text))
}

/// Lines end in one way, and no zero byte is in them (RFC 5322, section 2.3).
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}")
}

/// Who sends it and who gets it, as the server is told.
pub(crate) fn envelope(message: &Message) -> Result<lettre::address::Envelope, MailError> {
    let to = message.recipients().map(address).collect::<Result<_, _>>()?;
    lettre::address::Envelope::new(Some(address(&message.from)?), to)
        .map_err(|fault| MailError::invalid("to", fault.to_string()))
}

fn address(mailbox: &Mailbox) -> Result<lettre::Address, MailError> {
    mailbox.address().parse().map_err(|fault| MailError::invalid(mailbox.address(), format!("{fault}")))
}

fn mailbox(mailbox: &Mailbox) -> Result<message::Mailbox, MailError> {
    Ok(message::Mailbox::new(mailbox.name().map(str::to_owned), address(mailbox)?))
}
