//! Renders mails and sends them.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::metrics::{Buckets, Counter, Histogram, Metrics};
use mainstay_core::random::Random;
use mainstay_core::{Contributions, Error, Inject, Profile, Resolver, Result};
use mainstay_http::Links;
use mainstay_view::{Context, Templates};

use crate::address::{Addressee, Mailbox};
use crate::config::MailConfig;
use crate::css;
use crate::error::MailError;
#[cfg(feature = "jobs")]
use crate::later::Later;
use crate::mail::Mail;
use crate::message::{Message, check_locale};
use crate::scene;
use crate::transport::{MailDriver, Transport};

/// Sends mails: `Inject<Mailer>`.
///
/// # Views
///
/// `Mail::view("mails/welcome", context)` renders `mails/welcome.txt`, in which nothing is escaped, and `mails/welcome.html`, in which
/// everything is. They may extend `mainstay/mail.txt` and `mainstay/mail.html`, which an application replaces by files of the same names.
///
/// ```text
/// {% block subject %}Welcome, {{ name }}{% endblock %}
/// Good to have you. This is where you go on:
///
/// {{ absolute_url_for("profile", name=name) }}
/// ```
pub struct Mailer {
    transport: Arc<dyn Transport>,
    templates: Inject<Templates>,
    links: Inject<Links>,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    from: Option<Mailbox>,
    max_size: usize,
    counts: Counts,
    #[cfg(feature = "jobs")]
    pub(crate) later: Option<Later>,
}

impl Mailer {
    pub(crate) async fn provide(
        config: Inject<MailConfig>,
        profile: Inject<Profile>,
        contributions: Inject<Contributions>,
        resolver: Resolver,
    ) -> Result<Self> {
        // Both were findings of the start.
        let url = config.url(&profile).ok_or_else(|| Error::internal("`mail.url` is not set"))?;
        let driver = MailDriver::of(&contributions, url)
            .ok_or_else(|| Error::internal("nothing sends mails to the address of `mail.url`"))?;
        #[cfg(feature = "jobs")]
        let later = Later::of(&contributions, &config, &resolver).await?;
        Ok(Self {
            transport: driver.open(url, resolver.clone()).await?,
            templates: resolver.get().await?,
            // Not as a need that is written down: that `http.public_url` is missing matters to views that make links, and to nobody else.
            links: resolver.get().await?,
            clock: resolver.get().await?,
            random: resolver.get().await?,
            from: config.sender(&profile)?,
            max_size: usize::try_from(config.max_size).unwrap_or(usize::MAX),
            counts: Counts::new(&*resolver.get::<Metrics>().await?),
            #[cfg(feature = "jobs")]
            later,
        })
    }

    /// Renders a mail and sends it. When this returns, the transport has taken it over: the server has acknowledged it.
    ///
    /// It waits for the server, up to `mail.timeout`.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render) and [`deliver`](Self::deliver).
    pub async fn send(&self, mail: Mail) -> Result<()> {
        self.deliver(&self.render(mail)?).await
    }

    /// Sends a mail without waiting for the server, where the application has the job `DeliverMail`; elsewhere as
    /// [`send`](Self::send) does. For code that has to work in any application.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render); when the job cannot be written, or as [`deliver`](Self::deliver).
    pub async fn send_soon(&self, mail: Mail) -> Result<()> {
        #[cfg(feature = "jobs")]
        if let Some(later) = &self.later {
            return later.enqueue(&self.render(mail)?).await;
        }
        self.send(mail).await
    }

    /// Makes a complete message of a mail, and sends nothing.
    ///
    /// # Errors
    ///
    /// 422, with a [`MailError::Invalid`] that names the field, when an address is none, or a header has a line break. 500 when the mail
    /// says nothing, or its view fails.
    pub fn render(&self, mail: Mail) -> Result<Message> {
        let now: DateTime<Utc> = self.clock.now().into();
        let from = match mail.from {
            Some(from) => mailbox("from", from)?,
            None => self.from.clone().ok_or_else(|| {
                Error::internal("the mail says not whom it is from, and neither does `mail.from`")
            })?,
        };
        let mut headers = mail.headers;
        // So that nobody's holiday answers (RFC 3834).
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("auto-submitted")) {
            headers.push(("Auto-Submitted".to_owned(), "auto-generated".to_owned()));
        }
        mail.locale.as_deref().map_or(Ok(()), check_locale).map_err(MailError::into_error)?;
        let view = mail.view.map(|view| self.in_language(view, mail.locale.as_deref()));
        let said = self.say(view, mail.subject, mail.text, mail.html)?;
        let message = Message {
            id: format!("{}-{}", now.format("%Y%m%d-%H%M%S%3f"), self.random.hex(8)),
            date: now,
            from,
            to: mailboxes("to", mail.to)?,
            cc: mailboxes("cc", mail.cc)?,
            bcc: mailboxes("bcc", mail.bcc)?,
            reply_to: mailboxes("reply_to", mail.reply_to)?,
            subject: said.subject,
            text: said.text,
            html: said.html.as_deref().map(css::inline),
            headers,
            locale: mail.locale,
            attachments: mail.attachments,
            only: None,
        };
        let checked = message.check().and_then(|()| message.check_size(self.max_size, "`mail.max_size`"));
        checked.map_err(MailError::into_error)?;
        Ok(message)
    }

    /// Hands a message to the transport. All of its recipients get it or, when this fails, none does, so far as the server keeps to that.
    ///
    /// # Errors
    ///
    /// The cause is a [`MailError`], which tells whether to try again. 422 when a recipient is refused for good, 503 when the server
    /// cannot take it now, 500 when it does not let us in, or the message is kept nowhere.
    pub async fn deliver(&self, message: &Message) -> Result<()> {
        message.check().map_err(MailError::into_error)?;
        let begun = self.clock.monotonic();
        let delivered = self.transport.deliver(message).await;
        self.counts.seconds.observe(self.clock.monotonic().saturating_duration_since(begun));
        self.counts.of(&delivered).inc();
        delivered.map_err(MailError::into_error)?;
        tracing::info!(mail = %message.id, recipients = message.recipients().count(), "a mail was sent");
        Ok(())
    }

    /// The last mails that the transport has kept, the newest first; none for one that sends them away. See [`Transport::kept`].
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub async fn kept(&self) -> Result<Option<Vec<Message>>> {
        self.transport.kept().await.map_err(MailError::into_error)
    }

    /// The view for a language, if there is one: for `de-AT` that of `de-AT`, or of `de`.
    fn in_language(&self, (name, context): (String, Context), locale: Option<&str>) -> (String, Context) {
        let Some(locale) = locale else { return (name, context) };
        let wider = std::iter::successors(Some(locale), |of| of.rsplit_once('-').map(|(wider, _)| wider));
        let mut views = wider.map(|locale| format!("{name}.{locale}"));
        let is_there =
            |view: &String| [".txt", ".html"].iter().any(|kind| self.templates.has(&format!("{view}{kind}")));
        let found = views.find(is_there);
        (found.unwrap_or(name), context.with("locale", locale))
    }

    /// What goes into the mail: from its view, but for what was said.
    fn say(
        &self,
        view: Option<(String, Context)>,
        subject: Option<String>,
        text: Option<String>,
        html: Option<String>,
    ) -> Result<Said> {
        let Some((name, context)) = view else {
            let missing =
                |what: &str| Error::internal(format!("the mail has no {what}: give it one, or a view"));
            return Ok(Said {
                subject: subject.ok_or_else(|| missing("subject"))?,
                text: text.ok_or_else(|| missing("text, which everybody can read"))?,
                html,
            });
        };
        let context = scene::with(context, &self.links);
        let (text_view, html_view) = (format!("{name}.txt"), format!("{name}.html"));
        let text = match text {
            Some(text) => text,
            None => {
                self.templates.render_without(&text_view, "subject", context.clone())?.trim().to_owned()
                    + "\n"
            }
        };
        let subject = match subject {
            Some(subject) => subject,
            None => self.subject(&text_view, &context)?,
        };
        let html = match html {
            None if self.templates.has(&html_view) => {
                Some(self.templates.render(&html_view, context.with("subject", &subject))?)
            }
            html => html,
        };
        Ok(Said { subject, text, html })
    }

    /// That of the view: one line, however it is written there.
    fn subject(&self, view: &str, context: &Context) -> Result<String> {
        let subject = self.templates.render_block(view, "subject", context.clone()).map_err(|error| {
            error.context("a mail has a `.subject(…)`, or the text of its view has `{% block subject %}`")
        })?;
        Ok(subject.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// How deliveries end, for whoever watches.
struct Counts {
    sent: Counter,
    refused: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl Counts {
    fn new(metrics: &Metrics) -> Self {
        let help = "Mails by how their delivery ended: refused for good, or failed for now.";
        let ended = |how| metrics.counter("mails_total", help, &[("outcome", how)]);
        let help = "Time until a mail was taken over, or was not.";
        Self {
            sent: ended("sent"),
            refused: ended("refused"),
            failed: ended("failed"),
            seconds: metrics.histogram("mail_delivery_seconds", help, &Buckets::latency(), &[]),
        }
    }

    fn of(&self, delivered: &Result<(), MailError>) -> &Counter {
        match delivered {
            Ok(()) => &self.sent,
            Err(error) if error.is_temporary() => &self.failed,
            Err(_) => &self.refused,
        }
    }
}

/// What a mail says.
struct Said {
    subject: String,
    text: String,
    html: Option<String>,
}

fn mailbox(field: &str, addressee: Addressee) -> Result<Mailbox> {
    addressee.try_into().map_err(|fault: crate::address::AddressError| {
        MailError::invalid(field, fault.to_string()).into_error()
    })
}

fn mailboxes(field: &str, addressees: Vec<Addressee>) -> Result<Vec<Mailbox>> {
    addressees.into_iter().map(|one| mailbox(field, one)).collect()
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}
