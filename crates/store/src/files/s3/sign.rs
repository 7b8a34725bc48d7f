//! A URL to write with, whose length is signed, too.
//!
//! `object_store` signs no length, and without one whoever has the URL fills the bucket. So its URL, which says who signs when and for how
//! long, is signed once more with one header more: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderValue, Method};
use mainstay_core::keys::sha256;
use mainstay_core::random::hex;
use object_store::signer::{SignedUrlOptions, Signer};
use percent_encoding::utf8_percent_encode;
use ring::hmac::{HMAC_SHA256, Key, sign};
use url::Url;

use super::S3;
use crate::files::error::FilesError;
use crate::files::key::FileKey;
use crate::files::link::UNRESERVED;
use crate::files::url::Signed;

/// How often keys are asked for that are about to be replaced by others.
const ATTEMPTS: usize = 3;

impl S3 {
    pub(super) async fn sign_write(
        &self,
        key: &FileKey,
        media_type: &str,
        size: u64,
        lifetime: Duration,
    ) -> Result<Signed, FilesError> {
        let unfit = |what: &'static str| FilesError::Broken(std::io::Error::other(what));
        HeaderValue::from_str(media_type).map_err(|_| unfit("this is no media type"))?;
        for _ in 0..ATTEMPTS {
            let options = SignedUrlOptions::default();
            let url =
                self.provider.store.signed_url_opts(Method::PUT, &self.path(key), lifetime, &options).await;
            let url = url.map_err(|why| self.fault(why, None))?;
            let lent = self.provider.store.credentials().get_credential().await;
            let lent = lent.map_err(|why| self.fault(why, None))?;
            if let Some(url) = with_length(&url, (&lent.key_id, &lent.secret_key), media_type, size) {
                let headers = BTreeMap::from([("content-type".to_owned(), media_type.to_owned())]);
                return Ok(Signed { method: "PUT".into(), url, headers });
            }
        }
        Err(unfit("the keys of S3 change all the time"))
    }
}

/// The same URL for requests of this type and length. None where it is signed by somebody else.
fn with_length(url: &Url, (id, secret): (&str, &str), media_type: &str, size: u64) -> Option<String> {
    const HEADERS: &str = "content-length;content-type;host";
    let mut query: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !["X-Amz-Signature", "X-Amz-SignedHeaders"].contains(&&**name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let of = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let (credential, date) = (of("X-Amz-Credential")?, of("X-Amz-Date")?);
    let scope = credential.strip_prefix(id)?.strip_prefix('/')?.to_owned();
    query.push(("X-Amz-SignedHeaders".to_owned(), HEADERS.to_owned()));
    query.sort_unstable();
    let encode = |text| utf8_percent_encode(text, UNRESERVED);
    let query: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let query = query.join("&");
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let request = format!(
        "PUT\n{}\n{query}\ncontent-length:{size}\ncontent-type:{}\nhost:{host}\n\n{HEADERS}\nUNSIGNED-PAYLOAD",
        url.path(),
        media_type.trim(),
    );
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256::hex(request.as_bytes()));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/').chain([text.as_str()]) {
        key = sign(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let mut signed = url.clone();
    signed.set_query(Some(&format!("{query}&X-Amz-Signature={}", hex(&key))));
    Some(signed.into())
}
