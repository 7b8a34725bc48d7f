//! The door for a mail server of one's own: the message as it is, by a password.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use mainstay_core::{Error, Inject, Result, StatusCode};
use mainstay_http::NoContent;
use mainstay_http::extract::{BodyStream, Query};
use serde::Deserialize;

use crate::inbound::arrival::Arrival;
use crate::inbound::config::InboundMailConfig;
use crate::inbound::mails::InboundMails;
use crate::inbound::proof;

/// What the server has been told: `?to=support@shop.example&from=ann@example.org`.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    to: Vec<String>,
    from: Option<String>,
}

pub(super) async fn take(
    config: Inject<InboundMailConfig>,
    mails: Inject<InboundMails>,
    Query(envelope): Query<Envelope>,
    headers: HeaderMap,
    body: BodyStream,
) -> Result<NoContent> {
    proof::require_password(&headers, proof::secret(config.relay_password.as_ref())?)?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("message/rfc822") {
        let told = "A mail is sent as `content-type: message/rfc822`.";
        return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
    }
    let arrival = envelope.to.into_iter().fold(Arrival::new(body.collect().await?), Arrival::to);
    let arrival = match envelope.from {
        Some(from) => arrival.from(from),
        None => arrival,
    };
    mails.take(arrival).await?;
    Ok(NoContent)
}
