//! The doors over HTTP.
//!
//! | address | who comes | shows it by |
//! |---|---|---|
//! | `POST /_mainstay/inbound/relay` | a mail server of one's own | a password |
//! | `POST /_mainstay/inbound/mailgun/mime` | Mailgun | a signature |
//! | `POST /_mainstay/inbound/postmark` | Postmark | a password |
//! | `POST /_mainstay/inbound/sendgrid` | SendGrid | a password |
//!
//! A door whose secret is not set is not there: 404. Whoever hears 204 has the word that the mail is stored. Each service has its own way to
//! hear that a mail is refused for good, so that it does not come again.

mod form;
mod mailgun;
mod postmark;
mod relay;
mod sendgrid;

use http::{Method, StatusCode};
use mainstay_core::Result;
use mainstay_http::{NoContent, Route, Routes};
use mainstay_jobs::Enqueued;

use super::config::LARGEST;
use super::refusal::Refusal;

/// What a service may add to the message: what it has found in it, the files once more.
const WITH_MORE: u64 = 4 * LARGEST;

/// The routes.
pub(super) fn routes() -> Routes {
    let doors = [
        // A server on this machine may call it by whatever name.
        Route::new(Method::POST, "/_mainstay/inbound/relay", relay::take).body_limit(LARGEST).any_host(),
        Route::new(Method::POST, "/_mainstay/inbound/mailgun/mime", mailgun::take).body_limit(WITH_MORE),
        Route::new(Method::POST, "/_mainstay/inbound/postmark", postmark::take).body_limit(WITH_MORE),
        Route::new(Method::POST, "/_mainstay/inbound/sendgrid", sendgrid::take).body_limit(WITH_MORE),
    ];
    doors.into_iter().map(|door| door.cross_origin().describe(|operation| operation.hidden = true)).collect()
}

/// The answer to a service, with the status that says to it that the mail is refused for good: nobody takes it, or it is too large. None: no
/// status says so, and it has to hear that all is well; the log knows better.
fn answer(taken: Result<Vec<Enqueued>>, refused: Option<StatusCode>) -> Result<NoContent> {
    match taken {
        Ok(_) => Ok(NoContent),
        Err(error) if Refusal::of(&error).is_some() => match refused {
            Some(status) => Err(error.with_status(status)),
            None => Ok(NoContent),
        },
        Err(error) => Err(error),
    }
}
