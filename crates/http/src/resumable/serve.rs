//! The requests of the protocol.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Result, StatusCode};

use super::arrival::{Arrival, not_now};
use super::checksum::{self, Checksum};
use super::hand_over::Handler;
use super::protocol::{
    EXTENSIONS, METHOD_OVERRIDE, OCTETS, TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE, TUS_VERSION,
    UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET, VERSION, announced,
    invalid, metadata, number,
};
use super::receive::{Incoming, Patience, Stopped, comes};
use super::store::{Asker, Opened, Record, Uploads, missing};
use crate::Exchange;
use crate::extract::{Rules, require_type, size};
use crate::route::RouteMatch;

/// What all routes of one address share.
pub(super) struct Offer {
    pub(super) handler: Handler,
    pub(super) rules: Rules,
    /// How large a file may be, where the route or the rules say so.
    pub(super) most_bytes: Option<u64>,
}

/// One request, with what it asks.
struct Asking {
    offer: Arc<Offer>,
    uploads: Arc<Uploads>,
    parts: Parts,
    asker: Asker,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Options,
    Create,
    Offset,
    Append,
    Cancel,
    /// Another of them, by a client that can only send POST.
    Overridden,
}

impl Step {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Options => Method::OPTIONS,
            Self::Create | Self::Overridden => Method::POST,
            Self::Offset => Method::HEAD,
            Self::Append => Method::PATCH,
            Self::Cancel => Method::DELETE,
        }
    }

    /// Whether the handler may be called.
    pub(super) fn may_complete(self) -> bool {
        !matches!(self, Self::Options | Self::Cancel)
    }

    /// What a POST to an upload is meant to be.
    fn meant(headers: &HeaderMap) -> Result<Self> {
        let method = headers.get(&METHOD_OVERRIDE).and_then(|name| Method::from_bytes(name.as_bytes()).ok());
        let steps = [Self::Offset, Self::Append, Self::Cancel];
        steps.into_iter().find(|step| method == Some(step.method())).ok_or_else(|| {
            let message = "To go on with an upload send PATCH, or POST with `X-HTTP-Method-Override: PATCH`.";
            let allow = HeaderValue::from_static("DELETE, HEAD, OPTIONS, PATCH");
            Error::new(StatusCode::METHOD_NOT_ALLOWED, message).header(header::ALLOW, allow)
        })
    }
}

impl Offer {
    pub(super) fn new(handler: Handler, rules: Rules, body_limit: Option<u64>) -> Self {
        let by_rules = (rules.most_bytes < u64::MAX).then_some(rules.most_bytes);
        Self { handler, rules, most_bytes: body_limit.into_iter().chain(by_rules).min() }
    }

    /// Answers a request.
    pub(super) async fn answer(self: Arc<Self>, step: Step, request: Request) -> Result<Response> {
        let (mut parts, body) = request.into_parts();
        let step = match step {
            Step::Overridden => Step::meant(&parts.headers)?,
            step => step,
        };
        let uploads = Inject::<Uploads>::from_request_parts(&mut parts, &()).await?.into_arc();
        let Ok(who) = Principal::from_request_parts(&mut parts, &()).await;
        let path = parts.uri.path();
        let address = match step {
            Step::Create | Step::Options => path.trim_end_matches('/'),
            _ => path.rsplit_once('/').map_or(path, |(address, _)| address),
        };
        let identity = who.is_authenticated().then(|| who.identity());
        let exchange = parts.extensions.get::<Exchange>();
        let counted_as = identity.clone().or_else(|| exchange.map(Exchange::client_key)).unwrap_or_default();
        let asker = Asker { address: address.to_owned(), identity, counted_as };
        let asking = Asking { offer: self, uploads, parts, asker };
        match step {
            Step::Create => asking.create(body).await,
            Step::Offset => asking.offset().await,
            Step::Append => asking.append(body).await,
            Step::Cancel => asking.cancel().await,
            Step::Options | Step::Overridden => Ok(asking.options()),
        }
    }

    /// How large a file may be.
    fn most(&self, uploads: &Uploads) -> u64 {
        self.most_bytes.unwrap_or(uploads.config().most_bytes)
    }
}

impl Asking {
    /// `OPTIONS`: what is spoken here.
    fn options(&self) -> Response {
        let mut response = status(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers.insert(TUS_VERSION, VERSION);
        headers.insert(TUS_EXTENSION, EXTENSIONS);
        headers.insert(TUS_MAX_SIZE, self.offer.most(&self.uploads).into());
        headers.insert(TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(checksum::NAMES));
        response
    }

    /// `POST`: a file begins, maybe with its first bytes.
    async fn create(self, mut body: Body) -> Result<Response> {
        let headers = &self.parts.headers;
        let length = announced(headers)?;
        let (metadata, _) = metadata(headers)?;
        if let Err(error) = self.require_octets()
            && comes(&mut body, self.patience()).await?
        {
            return Err(error);
        }
        let checksum = Checksum::of(headers)?;
        self.fits(length)?;
        let query = self.parts.uri.query().map(str::to_owned);
        let record = Record::new(self.asker.clone(), length, metadata, query);
        let mut opened = Arc::clone(&self.uploads).create(record).await?;
        let mut response = match self.take(&mut opened, body, checksum).await {
            Ok(answer) => answer.unwrap_or_default(),
            Err(Stopped::Kept(error) | Stopped::Refused(error)) => {
                // The client does not know where it is, and has to begin again.
                opened.remove().await?;
                return Err(error);
            }
        };
        *response.status_mut() = StatusCode::CREATED;
        let location = format!("{}/{}", self.asker.address, opened.id.as_str());
        response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(location)?);
        tell(&opened, &mut response);
        Ok(response)
    }

    /// `HEAD`: how much has come.
    async fn offset(self) -> Result<Response> {
        let mut opened = self.open().await?;
        if !opened.record.finished {
            opened.sync().await?;
        }
        let mut response = status(StatusCode::OK);
        tell(&opened, &mut response);
        let headers = response.headers_mut();
        match opened.record.length {
            Some(length) => headers.insert(UPLOAD_LENGTH, length.into()),
            None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
        };
        if !opened.record.metadata.is_empty() {
            headers.insert(UPLOAD_METADATA, HeaderValue::try_from(&opened.record.metadata)?);
        }
        // To a client, a file of which all has come is done: it is not told so before it is.
        match self.hand_over(&mut opened).await {
            Ok(_) => Ok(response),
            Err(Stopped::Kept(error)) => Err(not_now(&error)),
            Err(Stopped::Refused(error)) => {
                opened.remove().await?;
                Err(error)
            }
        }
    }

    /// `PATCH`: the next bytes.
    async fn append(self, body: Body) -> Result<Response> {
        let headers = &self.parts.headers;
        self.require_octets()?;
        let Some(offset) = number(headers, &UPLOAD_OFFSET)? else {
            return Err(invalid(&UPLOAD_OFFSET, "expected how much has come before, in bytes"));
        };
        let (length, checksum) = (number(headers, &UPLOAD_LENGTH)?, Checksum::of(headers)?);
        let mut opened = self.open().await?;
        if offset != opened.offset {
            let message =
                format!("The next byte is number {}, and not {offset}: go on from there.", opened.offset);
            return Err(wrong_offset(&opened, message));
        }
        self.settle_length(&mut opened, length).await?;
        let mut response = match self.take(&mut opened, body, checksum).await {
            Ok(answer) => answer.unwrap_or_else(|| status(StatusCode::NO_CONTENT)),
            Err(Stopped::Kept(error)) => return Err(error),
            Err(Stopped::Refused(error)) => {
                opened.remove().await?;
                return Err(error);
            }
        };
        tell(&opened, &mut response);
        Ok(response)
    }

    /// `DELETE`: the client does not want it any more.
    async fn cancel(self) -> Result<Response> {
        self.open().await?.remove().await?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    /// The upload that the path names, for this request alone.
    async fn open(&self) -> Result<Opened> {
        let matched = self.parts.extensions.get::<RouteMatch>();
        let Some(id) = matched.and_then(|matched| matched.get(super::UPLOAD)) else { return Err(missing()) };
        Arc::clone(&self.uploads).open(&id, &self.asker).await
    }

    fn patience(&self) -> Patience {
        let config = self.uploads.config();
        Patience::new(config.idle_timeout, config.piece_timeout)
    }

    /// Refuses what is no piece of a file.
    fn require_octets(&self) -> Result<()> {
        if self.parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            let message =
                "A piece of a file cannot be compressed: send it as it is, without `Content-Encoding`.";
            return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).code("unsupported_encoding"));
        }
        require_type(&self.parts.headers, OCTETS, |found| found.is(OCTETS)).map(drop)
    }

    /// Refuses a file that will be too large.
    fn fits(&self, length: Option<u64>) -> Result<()> {
        let most = self.offer.most(&self.uploads);
        if length.is_none_or(|length| length <= most) {
            return Ok(());
        }
        let message =
            format!("The file is larger than {}, which is the most that is accepted here.", size(most));
        Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("upload_too_large"))
    }

    /// Takes the length of a file that has begun without one. It is said once.
    async fn settle_length(&self, opened: &mut Opened, length: Option<u64>) -> Result<()> {
        let Some(length) = length.filter(|length| opened.record.length != Some(*length)) else {
            return Ok(());
        };
        if let Some(known) = opened.record.length {
            return Err(invalid(
                &UPLOAD_LENGTH,
                format!("the length of this upload is {known}, and stays so"),
            ));
        }
        if length < opened.offset {
            return Err(invalid(&UPLOAD_LENGTH, format!("{} bytes have come already", opened.offset)));
        }
        self.fits(Some(length))?;
        opened.claim_up_to(length)?;
        opened.record.length = Some(length);
        opened.save().await
    }

    /// Takes what a request brings. Gives the handler's answer if that was the last of it.
    async fn take(
        &self,
        opened: &mut Opened,
        mut body: Body,
        checksum: Option<Checksum>,
    ) -> Result<Option<Response>, Stopped> {
        // From here on there are other limits: between its bytes, and that of the handler.
        Arrival::note(&self.parts);
        if !opened.record.finished {
            let incoming = Incoming {
                body,
                checksum,
                rules: &self.offer.rules,
                most: opened.record.length.unwrap_or_else(|| self.offer.most(&self.uploads)),
                patience: self.patience(),
            };
            incoming.receive(opened).await?;
        } else if comes(&mut body, self.patience()).await? {
            let message = "The file is complete: there is nothing more to send.";
            return Err(wrong_offset(opened, message).into());
        }
        self.hand_over(opened).await
    }

    /// Gives a file to the handler, if it is complete and the handler has not taken it before.
    async fn hand_over(&self, opened: &mut Opened) -> Result<Option<Response>, Stopped> {
        if opened.record.finished || !opened.is_complete() {
            return Ok(None);
        }
        Arrival::note(&self.parts);
        let limit = self.offer.handler.limit(self.uploads.timeout);
        let answer = self.offer.handler.take(opened, &self.offer.rules, self.parts.clone(), limit).await?;
        // The handler has it. Where that cannot be noted it may get it again, which it has to bear anyway.
        if let Err(error) = opened.finish().await {
            crate::render::log(&error.context("an upload was taken, which could not be noted"));
        }
        Ok(Some(answer))
    }
}

/// Says how much has come, and until when there may come more.
fn tell(opened: &Opened, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, opened.offset.into());
    if !opened.is_complete() {
        let expires = HeaderValue::try_from(httpdate::fmt_http_date(opened.expires()));
        headers.extend(expires.ok().map(|expires| (UPLOAD_EXPIRES, expires)));
    }
}

/// 409 for who sends what is not the next piece.
#[track_caller]
fn wrong_offset(opened: &Opened, message: impl Into<Cow<'static, str>>) -> Error {
    Error::conflict(message).code("wrong_offset").header(UPLOAD_OFFSET, opened.offset.into())
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
