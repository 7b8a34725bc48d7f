//! Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0).

use mainstay_core::Result;
use mainstay_http::{Exchange, Session};
use serde::{Deserialize, Serialize};
use url::Url;

use super::exchange::Granted;
use super::login::SocialLogin;
use super::remote::Remote;

/// Under which name a session knows by whom it was signed in.
const NAME: &str = "_signed_in_by";

/// By whom a session was signed in.
#[derive(Serialize, Deserialize)]
struct Note {
    provider: String,
    /// What the provider knows it by, sealed.
    id_token: String,
}

impl SocialLogin {
    /// Notes by whom a session is signed in, if people may sign out there.
    pub(super) fn note(&self, session: &Session, remote: &Remote, granted: &Granted) -> Result<()> {
        let Some(id_token) = granted.id_token.as_ref().filter(|_| remote.provider.sign_out_there) else {
            return Ok(());
        };
        let id_token = self.kept.purpose.seal(id_token.as_bytes(), None);
        session.set(NAME, &Note { provider: remote.provider.name.clone(), id_token })
    }

    /// By whom a session was signed in, if people may sign out there.
    pub(super) fn signed_in_by(&self, session: &Session) -> Option<&Remote> {
        let note = session.get::<Note>(NAME).ok()??;
        self.remotes().map(|remote| &**remote).find(|remote| remote.provider.name == note.provider)
    }

    /// Where the browser has to go to be signed out there, and then comes back from. None where the provider has no such place.
    pub(super) async fn sign_out(
        &self,
        session: &Session,
        remote: &Remote,
        (exchange, back): (&Exchange, &str),
    ) -> Result<Option<Url>> {
        let Some(note) = session.get::<Note>(NAME)?.filter(|note| note.provider == remote.provider.name)
        else {
            return Ok(None);
        };
        let metadata = remote.metadata().await?;
        let Some(endpoint) = &metadata.end_session_endpoint else { return Ok(None) };
        let Ok(mut url) = Url::parse(endpoint) else { return Ok(None) };
        let hint =
            self.kept.purpose.open(&note.id_token).ok().and_then(|token| String::from_utf8(token).ok());
        let back = format!("{}{back}", self.origin(exchange)?);
        let hint = hint.as_deref().map(|hint| ("id_token_hint", hint));
        url.query_pairs_mut()
            .extend_pairs(hint)
            .append_pair("client_id", &remote.provider.client_id)
            .append_pair("post_logout_redirect_uri", &back);
        Ok(Some(url))
    }
}
