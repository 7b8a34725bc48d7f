//! What can go wrong with a mail.

use std::fmt;
use std::time::Duration;

use mainstay_core::{Error, Fault, StatusCode};

/// Why a mail was not sent. It is the cause of the [`Error`] that [`Mailer::send`](crate::Mailer::send) returns:
/// `error.source_as::<MailError>()`.
///
/// | | status |
/// |---|---|
/// | the mail has what no mail may have, or the server refuses a recipient for good | 422 |
/// | the server refuses for now, cannot be reached, or does not answer in time | 503 |
/// | everything else is our fault: the server wants another password, the folder cannot be written | 500 |
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A part of the mail is not as it has to be.
    #[error("`{field}` of the mail: {reason}")]
    Invalid {
        /// Which: `to`, `subject`, `header X-Campaign`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server has said no.
    #[error("the mail server refuses {what}: {code} {reply}")]
    Refused {
        /// What it refuses.
        what: Refused,
        /// The code of its reply. From 500 on it is for good.
        code: u16,
        /// The text of its reply.
        reply: String,
    },
    /// There is no connection, or it broke.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// The server did not answer in time. Where that was after the whole mail had been sent, it may have arrived.
    #[error("the mail server had not {until} after {} s", limit.as_secs_f32())]
    TimedOut {
        /// What it had not done.
        until: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// The server cannot do what the configuration asks for.
    #[error("the mail server is not as `mail.url` says: {0}")]
    Unfit(String),
    /// The mail cannot be kept.
    #[error("the mail cannot be kept: {0}")]
    NotKept(#[from] std::io::Error),
}

/// What a server refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// To talk to us at all.
    Connection,
    /// The user or the password.
    Login,
    /// The address that the mail is from.
    Sender,
    /// One of those who should get it. Nobody does then.
    Recipient(String),
    /// The mail itself.
    Content,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => f.write_str("the connection"),
            Self::Login => f.write_str("the user or the password of `mail.url`"),
            Self::Sender => f.write_str("the sender"),
            Self::Recipient(address) => write!(f, "the recipient {address}"),
            Self::Content => f.write_str("the mail"),
        }
    }
}

impl MailError {
    pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// Whether the same mail may be sent later: nobody has refused it for good.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut { .. } | Self::NotKept(_) => true,
            Self::Refused { code, .. } => *code < 500,
            Self::Invalid { .. } | Self::Unfit(_) => false,
        }
    }

    /// Whether the same mail may be sent after somebody has mended something: nobody has refused this very mail for good.
    #[cfg(feature = "jobs")]
    pub(crate) fn may_be_mended(&self) -> bool {
        // Some let in everybody, and say at the first mail that it takes a login, or TLS.
        let is_ours = matches!(self, Self::Unfit(_))
            || matches!(self, Self::Refused { what: Refused::Connection | Refused::Login, .. })
            || matches!(self, Self::Refused { code: 530 | 534 | 535 | 538, .. });
        is_ours || self.is_temporary()
    }

    /// As it leaves the framework. The text of a server is for the log alone.
    #[track_caller]
    pub(crate) fn into_error(self) -> Error {
        let error = match &self {
            Self::Invalid { field, reason } => {
                let fault = Fault::new(pointer(field), "mail", reason.clone());
                Error::invalid(vec![fault]).with_message(self.to_string())
            }
            Self::Refused { what: Refused::Recipient(address), code: 500.., .. } => {
                let message = format!("Mails to {address} are refused.");
                Error::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("mail_refused")
            }
            Self::NotKept(_) | Self::Unfit(_) | Self::Refused { code: 500.., .. } => {
                Error::internal("sending a mail")
            }
            Self::Unreachable(_) | Self::TimedOut { .. } | Self::Refused { .. } => {
                Error::unavailable("No mail can be sent at the moment.").code("mail_unavailable")
            }
        };
        error.caused_by(self)
    }
}

/// `to` is `/to`, `header X-Campaign` is `/header/X-Campaign`.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace(' ', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(what: Refused, code: u16) -> MailError {
        MailError::Refused { what, code, reply: "5.1.1 secret reason".to_owned() }
    }

    #[test]
    fn tells_what_may_be_tried_again() {
        let ann = || Refused::Recipient("ann@example.org".to_owned());
        let limit = Duration::from_secs(30);
        for (error, is_temporary, status) in [
            (refused(ann(), 550), false, 422),
            (refused(ann(), 451), true, 503),
            (refused(Refused::Login, 535), false, 500),
            (refused(Refused::Content, 421), true, 503),
            (MailError::Unreachable("nobody".to_owned()), true, 503),
            (MailError::TimedOut { until: "greeted us", limit }, true, 503),
            (MailError::Unfit("no STARTTLS".to_owned()), false, 500),
            (MailError::invalid("to", "no"), false, 422),
        ] {
            let text = error.to_string();
            assert_eq!(error.is_temporary(), is_temporary, "{text}");
            let error = error.into_error();
            assert_eq!(error.status().as_u16(), status, "{text}");
            assert!(error.source_as::<MailError>().is_some());
            assert!(!error.message().contains("secret"), "{}", error.message());
        }
    }
}
