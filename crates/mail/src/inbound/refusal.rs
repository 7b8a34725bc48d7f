//! Why a mail was not taken.

use mainstay_core::{Error, StatusCode};

/// Why a mail was not taken: the cause of the [`Error`] that [`InboundMails::take`](super::InboundMails::take) returns. An error with another
/// cause is ours, and the mail may be brought again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing in it.
    #[error("the mail is empty")]
    Empty,
    /// It is larger than `inbound_mail.max_size`.
    #[error("the mail has {size} bytes, and `inbound_mail.max_size` is {most}")]
    TooLarge {
        /// How large it is, in bytes.
        size: usize,
        /// How large it may be.
        most: usize,
    },
    /// No function takes any of its recipients.
    #[error("nobody takes mails to {}", shown(.0))]
    NobodyTakesIt(Vec<String>),
}

fn shown(recipients: &[String]) -> String {
    match recipients {
        [] => "no address at all".to_owned(),
        _ => recipients.join(", ").escape_debug().to_string(),
    }
}

impl Refusal {
    /// As it leaves the framework. The addresses are for the log alone.
    #[track_caller]
    pub(super) fn into_error(self) -> Error {
        let error = match &self {
            Self::Empty => {
                Error::new(StatusCode::UNPROCESSABLE_ENTITY, "The mail is empty.").code("empty_mail")
            }
            Self::TooLarge { most, .. } => {
                let told = format!("The mail is larger than {} KiB.", most >> 10);
                Error::new(StatusCode::PAYLOAD_TOO_LARGE, told).code("mail_too_large")
            }
            Self::NobodyTakesIt(_) => {
                let told = "Nobody takes mails to this address.";
                Error::new(StatusCode::UNPROCESSABLE_ENTITY, told).code("nobody_takes_it")
            }
        };
        error.caused_by(self)
    }

    /// Why an error is one, if that is a refusal.
    pub fn of(error: &Error) -> Option<&Self> {
        error.source_as()
    }
}
