//! What somebody writes.

use std::fmt;

use mainstay_view::Context;

use crate::address::Addressee;
use crate::attachment::Attachment;

/// A mail to be sent: to whom, about what, and what it says. Nothing is looked at before it is rendered.
///
/// ```
/// use mainstay_mail::Mail;
/// use mainstay_view::context;
///
/// // In words of its own …
/// let plain = Mail::to("ann@example.org").subject("Welcome").text("Good to have you.").html("<p>Good to have you.</p>");
///
/// // … or from the views `mails/welcome.txt` and, if there is one, `mails/welcome.html`.
/// let view = Mail::to(("Ann", "ann@example.org"))
///     .bcc("archive@example.org")
///     .reply_to("help@example.org")
///     .header("List-Unsubscribe", "<https://example.org/unsubscribe>")
///     .view("mails/welcome", context! { name => "Ann" });
///
/// // … with files.
/// # let (pdf, png) = (vec![], vec![]);
/// let invoice = Mail::to("ann@example.org")
///     .subject("Your invoice")
///     .text("It is in the file.")
///     .html("<p><img src=\"cid:logo\" alt=\"Shop\"> It is in the file.</p>")
///     .embed("logo", "image/png", png)
///     .attach("Rechnung März.pdf", "application/pdf", pdf);
/// ```
#[derive(Clone)]
#[must_use = "a mail is sent by a `Mailer`"]
pub struct Mail {
    pub(crate) from: Option<Addressee>,
    pub(crate) to: Vec<Addressee>,
    pub(crate) cc: Vec<Addressee>,
    pub(crate) bcc: Vec<Addressee>,
    pub(crate) reply_to: Vec<Addressee>,
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) view: Option<(String, Context)>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) locale: Option<String>,
}

impl Mail {
    /// A mail to somebody: an address, `Ann <ann@example.org>`, or a pair of name and address.
    pub fn to(to: impl Into<Addressee>) -> Self {
        Self {
            from: None,
            to: vec![to.into()],
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            subject: None,
            text: None,
            html: None,
            headers: Vec::new(),
            view: None,
            attachments: Vec::new(),
            locale: None,
        }
    }

    /// To somebody else as well. Everybody sees all of them.
    pub fn and_to(mut self, to: impl Into<Addressee>) -> Self {
        self.to.push(to.into());
        self
    }

    /// A copy to somebody.
    pub fn cc(mut self, to: impl Into<Addressee>) -> Self {
        self.cc.push(to.into());
        self
    }

    /// A copy to somebody of whom nobody else knows.
    pub fn bcc(mut self, to: impl Into<Addressee>) -> Self {
        self.bcc.push(to.into());
        self
    }

    /// Whom it is from. Unless it is said, `mail.from`.
    pub fn from(mut self, from: impl Into<Addressee>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Who gets the answers, if not the sender.
    pub fn reply_to(mut self, to: impl Into<Addressee>) -> Self {
        self.reply_to.push(to.into());
        self
    }

    /// What it is about. It goes before the block `subject` of a view.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// What it says. It goes before the text of a view.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The same as a page. It goes before that of a view.
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// A header of its own: `List-Unsubscribe`, `X-Campaign`. Those that follow from the mail itself, such as `To`, are refused.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The language of whoever gets it, as browsers name it: `de`, `de-AT`. The views `mails/welcome.de-AT` and then `mails/welcome.de`
    /// go before `mails/welcome`, text and page of one of them; they see it as `locale`. It is the `Content-Language` of the mail.
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// A file: its name, its type, and what is in it. With all that the mail says, it may have as much as `mail.max_size`.
    pub fn attach(
        self,
        name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        self.with(Attachment {
            name: name.into(),
            content_type: content_type.into(),
            is_embedded: false,
            bytes: bytes.into(),
        })
    }

    /// A picture that the page shows by a name of letters and digits: `logo` is `<img src="cid:logo">`. Programs show it without asking
    /// somebody else for it.
    pub fn embed(
        self,
        name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        self.with(Attachment {
            name: name.into(),
            content_type: content_type.into(),
            is_embedded: true,
            bytes: bytes.into(),
        })
    }

    fn with(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Says what a view says: `mails/welcome` is the views `mails/welcome.txt` and, if there is one, `mails/welcome.html`. The block
    /// `subject` of the first is what it is about. See [`Mailer`](crate::Mailer) for what they see.
    pub fn view(mut self, name: impl Into<String>, context: Context) -> Self {
        self.view = Some((name.into(), context));
        self
    }
}

/// Without what it says: that may let somebody in.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.view.as_ref().map(|(name, _)| name);
        f.debug_struct("Mail").field("to", &self.to).field("view", &view).finish_non_exhaustive()
    }
}
