//! The routes of what was signed.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use mainstay_core::keys::KeyError;
use mainstay_core::media_type::is_harmless;
use mainstay_core::{Error, Inject, Result};
use mainstay_http::extract::BodyStream;
use mainstay_http::{NoContent, Path};
use mainstay_store::files::attachments::LONGEST_UPLOAD;
use mainstay_store::files::{FileBody, Files, Grant};

use super::{FilesOverHttp, media_type};

/// Who has the URL may see the file, and nobody else who shares a cache. Whether it is the same file still, is asked each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// What is opened by itself is no page of the application: nothing in it runs, or reads what the application has.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

/// `GET /_files/{token}/{name}`
pub(super) async fn read(
    files: Inject<Files>,
    Path((token, _name)): Path<(String, String)>,
) -> Result<Response> {
    let granted = files.granted_to_read(&token).map_err(refused)?;
    let Grant::Read { key, media_type: said, disposition } = granted else {
        return Err(refused(KeyError::Malformed));
    };
    let mut file = files.respond(key.as_str()).await?;
    if let Some(said) = &said {
        file = file.with_media_type(media_type(said));
    }
    let harmless = file.media_type().to_str().is_ok_and(is_harmless);
    // What is to be shown although something may run in it is the application's own: whoever signed it has said so.
    let trusted = !harmless && disposition.as_deref().is_some_and(|text| text.starts_with("inline"));
    if let Some(disposition) = disposition.and_then(|text| HeaderValue::from_str(&text).ok()) {
        file = file.with_disposition(disposition);
    }
    let mut response = file.with_cache_control(PRIVATE).into_response();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !harmless && !trusted {
        headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    }
    Ok(response)
}

/// `PUT /_files/{token}`
pub(super) async fn write(
    files: Inject<Files>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: BodyStream,
) -> Result<NoContent> {
    let granted = files.granted_to_write(&token).map_err(refused)?;
    let Grant::Write { key, media_type, size } = granted else { return Err(refused(KeyError::Malformed)) };
    let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if said(CONTENT_TYPE) != Some(media_type.as_str()) {
        let message = format!("The file was announced as `{media_type}`.");
        return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    // Before anything is kept of one that is too large.
    if said(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > size)
    {
        return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than was announced."));
    }
    let put = files.put(key.as_str(), FileBody::stream(body).exactly(size));
    match tokio::time::timeout(LONGEST_UPLOAD, put).await {
        Ok(put) => put.map(|_| NoContent),
        Err(_) => Err(Error::new(StatusCode::REQUEST_TIMEOUT, "The file took more than a day to come.")),
    }
}

/// Whoever has no token is told the same as whoever has an old one.
fn refused(why: KeyError) -> Error {
    Error::forbidden("This address does not hold, or not any longer.").code("url_expired").caused_by(why)
}
