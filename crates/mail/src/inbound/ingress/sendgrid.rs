//! The door for SendGrid: Inbound Parse, with "POST the raw, full MIME message", and the password in the address:
//! `https://sendgrid:PASSWORD@shop.example/_mainstay/inbound/sendgrid`.
//! <https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook>

use axum::extract::Request;
use http::header::AUTHORIZATION;
use mainstay_core::{Error, Inject, Result, StatusCode};
use mainstay_http::NoContent;
use serde::Deserialize;

use super::answer;
use super::form::RawForm;
use crate::inbound::arrival::Arrival;
use crate::inbound::config::InboundMailConfig;
use crate::inbound::mails::InboundMails;
use crate::inbound::proof;

/// What the servers have told each other: the field `envelope`.
#[derive(Default, Deserialize)]
struct Envelope {
    #[serde(default)]
    to: Vec<String>,
    from: Option<String>,
}

pub(super) async fn take(
    config: Inject<InboundMailConfig>,
    mails: Inject<InboundMails>,
    request: Request,
) -> Result<NoContent> {
    let password = proof::secret(config.sendgrid_password.as_ref())?;
    // Who has none is a stranger; another one has been changed here and not yet there.
    let is_stranger = !request.headers().contains_key(AUTHORIZATION);
    let refused = |error| if is_stranger { error } else { later(error) };
    proof::require_password(request.headers(), password).map_err(refused)?;
    let form = RawForm::read(request, &["email", "envelope"]).await?;
    let raw = form
        .require("email")
        .map_err(|error| later(error.context("switch on \"POST the raw, full MIME message\" at SendGrid")))?;
    let envelope: Envelope = match form.get("envelope") {
        Some(envelope) => serde_json::from_slice(envelope)
            .map_err(|fault| later(Error::bad_request("`envelope` cannot be read.").caused_by(fault)))?,
        None => Envelope::default(),
    };
    let arrival = envelope.to.into_iter().fold(Arrival::new(raw), Arrival::to);
    let arrival = match envelope.from {
        Some(from) => arrival.from(from),
        None => arrival,
    };
    // What is refused for good it drops after any answer, and tells nobody.
    answer(mails.take(arrival).await, None)
}

/// It tries again for three days after a 5xx, and drops the mail after anything else: what somebody can mend must be a 5xx.
fn later(error: Error) -> Error {
    error.with_status(StatusCode::SERVICE_UNAVAILABLE)
}
