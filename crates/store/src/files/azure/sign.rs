//! URLs that the key of the account signs: a shared access signature for one file.
//!
//! `object_store` signs some, too, and none that says what an answer is: a page that a stranger has sent would run. It is Microsoft's
//! format of 2020-12-06 and later: <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>.
//!
//! What is signed has neither a length nor a type in it. So it grants to make a file, not to replace one: what has come stays as it is
//! until it is looked at.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use mainstay_core::keys::base64;
use percent_encoding::utf8_percent_encode;
use ring::hmac::{HMAC_SHA256, Key, sign};

use super::{Azure, Container};
use crate::files::error::FilesError;
use crate::files::link::UNRESERVED;
use crate::files::url::{Grant, Signed};

/// The version of what is signed, and by which the request is understood.
const VERSION: &str = "2023-11-03";

/// What is granted, in Microsoft's words.
#[derive(Default)]
struct Shared<'g> {
    permissions: &'static str,
    disposition: &'g str,
    media_type: &'g str,
}

impl Azure {
    pub(super) fn sign_with(
        &self,
        key: &str,
        grant: &Grant,
        lifetime: Duration,
    ) -> Result<Signed, FilesError> {
        let (key_of_file, shared) = match grant {
            Grant::Read { key, media_type, disposition } => {
                let media_type = media_type.as_deref().unwrap_or_default();
                let disposition = disposition.as_deref().unwrap_or_default();
                (key, Shared { permissions: "r", disposition, media_type })
            }
            Grant::Write { key, .. } => (key, Shared { permissions: "c", ..Shared::default() }),
        };
        let secret = base64::decode(key).ok_or_else(|| {
            FilesError::Broken(std::io::Error::other("the key of the account is no base64"))
        })?;
        let until =
            DateTime::<Utc>::from(SystemTime::now() + lifetime).to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = self.path(key_of_file);
        let url = url(&self.provider.container, path.as_ref(), &secret, &shared, &until);
        Ok(match grant {
            Grant::Read { .. } => Signed { method: "GET".into(), url, headers: BTreeMap::new() },
            Grant::Write { media_type, .. } => {
                let headers = [("content-type", media_type.as_str()), ("x-ms-blob-type", "BlockBlob")];
                let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
                Signed { method: "PUT".into(), url, headers: headers.into() }
            }
        })
    }
}

fn url(container: &Container, path: &str, secret: &[u8], shared: &Shared<'_>, until: &str) -> String {
    let Container { account, endpoint, name, .. } = container;
    let Shared { permissions, disposition, media_type } = shared;
    let protocol = if endpoint.starts_with("https:") { "https" } else { "https,http" };
    let resource = format!("/blob/{account}/{name}/{path}");
    // Empty are: the beginning, which is now, a policy, addresses, a snapshot, an encryption, and of an answer its cache-control, its
    // encoding and its language.
    let text = [
        permissions,
        "",
        until,
        &resource,
        "",
        "",
        protocol,
        VERSION,
        "b",
        "",
        "",
        "",
        disposition,
        "",
        "",
        media_type,
    ]
    .join("\n");
    let signature = base64::encode(sign(&Key::new(HMAC_SHA256, secret), text.as_bytes()).as_ref());
    let query = [
        ("sv", VERSION),
        ("sr", "b"),
        ("sp", permissions),
        ("se", until),
        ("spr", protocol),
        ("rscd", disposition),
        ("rsct", media_type),
        ("sig", &signature),
    ];
    let encode = |text| utf8_percent_encode(text, UNRESERVED).to_string();
    let query: Vec<_> = query
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let path: Vec<_> = path.split('/').map(encode).collect();
    format!("{endpoint}/{name}/{}?{}", path.join("/"), query.join("&"))
}
