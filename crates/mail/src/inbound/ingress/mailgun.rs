//! The door for Mailgun: a route with `forward("https://shop.example/_mainstay/inbound/mailgun/mime")` sends the whole message, since the
//! address ends in `mime`. <https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http>

use axum::extract::Request;
use http::StatusCode;
use mainstay_core::clock::Clock;
use mainstay_core::{Inject, Result};
use mainstay_http::NoContent;

use super::answer;
use super::form::RawForm;
use crate::inbound::arrival::Arrival;
use crate::inbound::config::InboundMailConfig;
use crate::inbound::mails::InboundMails;
use crate::inbound::proof::{self, MailgunSignature};

/// After this, it does not come again. After any other but a success, for eight hours.
const REFUSED: StatusCode = StatusCode::NOT_ACCEPTABLE;

pub(super) async fn take(
    config: Inject<InboundMailConfig>,
    mails: Inject<InboundMails>,
    clock: Inject<dyn Clock>,
    request: Request,
) -> Result<NoContent> {
    let key = proof::secret(config.mailgun_key.as_ref())?;
    let wanted = ["timestamp", "token", "signature", "recipient", "sender", "body-mime"];
    let form = RawForm::read(request, &wanted).await?;
    let signature = MailgunSignature {
        timestamp: form.require("timestamp")?,
        token: form.require("token")?,
        signature: form.require("signature")?,
    };
    signature.check(key, clock.now())?;
    let mut arrival = Arrival::new(form.require("body-mime")?);
    for recipient in form.text("recipient").unwrap_or_default().split(',') {
        arrival = arrival.to(recipient);
    }
    if let Some(sender) = form.text("sender") {
        arrival = arrival.from(sender);
    }
    answer(mails.take(arrival).await, Some(REFUSED))
}
