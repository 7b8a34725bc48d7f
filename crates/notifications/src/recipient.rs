//! Who is told.

use mainstay_mail::Addressee;

/// Somebody who can be told something: a key by which they are known, their name, and where mails reach them.
///
/// ```
/// use mainstay_notifications::Recipient;
///
/// let ann = Recipient::new("user/7").named("Ann").mail(("Ann", "ann@example.org")).locale("de");
/// assert_eq!(ann.key(), "user/7");
/// ```
#[derive(Clone, Debug)]
pub struct Recipient {
    key: String,
    name: Option<String>,
    address: Option<Addressee>,
    locale: Option<String>,
}

impl Recipient {
    /// Somebody by their key, up to 255 characters: `user/7`. It is what their notifications are stored under, and has to stay.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), name: None, address: None, locale: None }
    }

    /// How they are addressed.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where mails reach them. Without, no notification goes by mail.
    #[must_use]
    pub fn mail(mut self, address: impl Into<Addressee>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Which language they read.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// Their key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How they are addressed: empty where that is not known.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Where mails reach them.
    pub fn address(&self) -> Option<Addressee> {
        self.address.clone()
    }

    /// Which language they read.
    pub fn language(&self) -> Option<&str> {
        self.locale.as_deref()
    }
}

/// A value that stands for somebody who can be told something: a model of users.
///
/// ```
/// use mainstay_notifications::{Notifiable, Recipient};
///
/// struct User {
///     id: i64,
///     email: String,
/// }
///
/// impl Notifiable for User {
///     fn recipient(&self) -> Recipient {
///         Recipient::new(format!("user/{}", self.id)).mail(&self.email)
///     }
/// }
/// ```
pub trait Notifiable: Sync {
    /// Who that is.
    fn recipient(&self) -> Recipient;
}

impl Notifiable for Recipient {
    fn recipient(&self) -> Recipient {
        self.clone()
    }
}
