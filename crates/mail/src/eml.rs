//! How a message looks on the wire. lettre writes it: it encodes what is not ASCII (RFC 2047, RFC 2045), folds what is long, and ends
//! lines in CRLF.

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{self, Body, MultiPart, SinglePart};

use crate::address::Mailbox;
use crate::attachment::Attachment;
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
    if let Some(locale) = &message.locale {
        let language = HeaderName::new_from_ascii_str("Content-Language");
        builder = builder.raw_header(HeaderValue::new(language, locale.clone()));
    }
    let said = match &message.html {
        None => Said::Text(text(message)),
        Some(html) => Said::Both(both(message, html)?),
    };
    let mut files = message.attachments.iter().filter(|file| !file.is_embedded).peekable();
    let built = match (files.peek(), said) {
        (None, Said::Text(text)) => builder.singlepart(text),
        (None, Said::Both(both)) => builder.multipart(both),
        (Some(_), said) => {
            let all = MultiPart::mixed().boundary(format!("all-{}", message.id));
            let first = match said {
                Said::Text(text) => all.singlepart(text),
                Said::Both(both) => all.multipart(both),
            };
            builder.multipart(
                files.try_fold(first, |all, file| Ok::<_, MailError>(all.singlepart(attached(file)?)))?,
            )
        }
    };
    let built = built.map_err(|fault| MailError::invalid("mail", fault.to_string()))?;
    Ok(built.formatted())
}

/// What a mail says, without its files.
enum Said {
    Text(SinglePart),
    Both(MultiPart),
}

/// The text, and the page with what it shows. Programs show the last part that they can.
fn both(message: &Message, html: &str) -> Result<MultiPart, MailError> {
    let both = MultiPart::alternative().boundary(format!("part-{}", message.id)).singlepart(text(message));
    let html = SinglePart::html(clean(html));
    let mut shown = message.attachments.iter().filter(|file| file.is_embedded).peekable();
    if shown.peek().is_none() {
        return Ok(both.singlepart(html));
    }
    let page = MultiPart::related().boundary(format!("page-{}", message.id)).singlepart(html);
    let page = shown.try_fold(page, |page, file| Ok::<_, MailError>(page.singlepart(attached(file)?)))?;
    Ok(both.multipart(page))
}

/// A file as it is: base64 changes no byte of it, whatever they look like.
fn attached(file: &Attachment) -> Result<SinglePart, MailError> {
    let name = file.name.clone();
    let part = match file.is_embedded {
        true => message::Attachment::new_inline(name),
        false => message::Attachment::new(name),
    };
    let body = Body::new_with_encoding(file.bytes.clone(), ContentTransferEncoding::Base64)
        .map_err(|_| MailError::invalid("attachment", "cannot be written in base64"))?;
    Ok(part.body(body, file.content_type()?))
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
