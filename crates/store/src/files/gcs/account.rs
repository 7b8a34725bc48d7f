//! Who the application is to Google: a service account, as Google writes it into a file.

use std::path::Path;

use mainstay_core::{Error, Result};
use serde::Deserialize;

use crate::files::config::FilesConfig;

/// What has to be in such a file: <https://cloud.google.com/iam/docs/keys-create-delete>.
#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    private_key_id: String,
}

/// What is wrong with the text of such a file. It is told without a word of it, since it has a key.
pub(in crate::files) fn fault(text: &str) -> Option<&'static str> {
    let Ok(account) = serde_json::from_str::<ServiceAccount>(text) else {
        return Some(
            "is no service account: it is JSON with `client_email`, `private_key` and `private_key_id`",
        );
    };
    let ServiceAccount { client_email, private_key, private_key_id } = account;
    if client_email.is_empty() || private_key_id.is_empty() || !private_key.contains("PRIVATE KEY") {
        return Some("is a service account without its private key");
    }
    None
}

/// The service account that the settings name, as JSON. None: they name none.
pub(super) async fn key(settings: &FilesConfig, home: &Path) -> Result<Option<String>> {
    if let Some(key) = &settings.service_account_key {
        return Ok(Some(key.expose().clone()));
    }
    let Some(file) = settings.service_account.as_ref().map(|file| home.join(file)) else { return Ok(None) };
    let shown = file.display().to_string();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await?;
    let unread =
        |why| Error::internal(format!("`files.service_account`: {shown} cannot be read")).caused_by(why);
    let key = read.map_err(unread)?;
    match fault(&key) {
        None => Ok(Some(key)),
        Some(why) => Err(Error::internal(format!("`files.service_account`: {shown} {why}"))),
    }
}
