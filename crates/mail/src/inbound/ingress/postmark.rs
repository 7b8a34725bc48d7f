//! The door for Postmark: its inbound webhook, with "Include raw email content in JSON payload", and the password in the address:
//! `https://postmark:PASSWORD@shop.example/_mainstay/inbound/postmark`. <https://postmarkapp.com/developer/webhooks/inbound-webhook>

use http::{HeaderMap, StatusCode};
use mainstay_core::{Error, Inject, Result};
use mainstay_http::NoContent;
use mainstay_http::extract::BodyStream;
use serde::Deserialize;

use super::answer;
use super::form::missing;
use crate::inbound::arrival::Arrival;
use crate::inbound::config::InboundMailConfig;
use crate::inbound::mails::InboundMails;
use crate::inbound::proof;

/// After this, it does not come again. After any other but a success, ten times.
const REFUSED: StatusCode = StatusCode::FORBIDDEN;

/// What is of use here: the rest of it is in the message.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Webhook {
    raw_email: Option<String>,
    /// The address that the mail was sent to, which need not be in its head.
    original_recipient: Option<String>,
}

pub(super) async fn take(
    config: Inject<InboundMailConfig>,
    mails: Inject<InboundMails>,
    headers: HeaderMap,
    body: BodyStream,
) -> Result<NoContent> {
    proof::require_password(&headers, proof::secret(config.postmark_password.as_ref())?)?;
    let webhook: Webhook = serde_json::from_slice(&body.collect().await?)
        .map_err(|fault| Error::bad_request("This is no webhook of Postmark.").caused_by(fault))?;
    let raw = webhook.raw_email.ok_or_else(|| {
        missing("RawEmail").context("switch on \"Include raw email content in JSON payload\" at Postmark")
    })?;
    let arrival = Arrival::new(raw).to(webhook.original_recipient.unwrap_or_default());
    answer(mails.take(arrival).await, Some(REFUSED))
}
