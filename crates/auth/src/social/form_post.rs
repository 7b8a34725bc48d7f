//! Answers that come as a form (OAuth 2.0 Form Post Response Mode), as Apple's do.
//!
//! The form comes from another site, and so without any cookie of ours: neither that of the attempt nor that of the session. Whoever posts
//! it may be anybody. So nothing is decided here. What came is sealed, and the browser goes on with it to where other answers come to: by a
//! GET, with its cookies, and there all is checked as it always is.
//!
//! It is sealed to be hidden, and not because it would be worth more then: neither the code nor somebody's name belongs into a history or a
//! log. A provider that answers so is not believed by an answer that came in another way.

use std::time::Duration;

use mainstay_core::{Error, Result, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::login::{Answer, SocialLogin};
use super::profile::clipped;
use super::remote::Remote;

/// What its keys are derived for.
pub(super) const PURPOSE: &str = "answer of a provider that came as a form";
/// How long the way from here to there may take.
const ON_THE_WAY: Duration = Duration::from_secs(60);
/// How much may come, in bytes: it becomes part of an address.
const LARGEST: usize = 3 * 1024;

#[derive(Serialize, Deserialize)]
struct Sealed {
    provider: String,
    name: Option<String>,
    answer: Answer,
}

impl SocialLogin {
    /// Where the browser goes on to with a form.
    pub(super) fn forwarded(&self, remote: &Remote, answer: Answer) -> Result<String> {
        let provider = &remote.provider;
        if !provider.form_post {
            let told = "This provider answers in another way.";
            return Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, told).code("method_not_allowed"));
        }
        let name = answer.user.as_deref().filter(|user| user.len() <= LARGEST).and_then(name_of);
        let sealed = serde_json::to_vec(&Sealed { provider: provider.name.clone(), name, answer })?;
        if sealed.len() > LARGEST {
            return Err(Error::bad_request("This answer is too long."));
        }
        let sealed = self.answers.seal(&sealed, Some(ON_THE_WAY));
        Ok(format!("{}?answer={sealed}", provider.callback()))
    }

    /// The answer itself. One that did not come as it should is as good as none.
    pub(super) fn opened(&self, remote: &Remote, answer: Answer) -> Answer {
        if !remote.provider.form_post {
            return answer;
        }
        let opened = answer.sealed.as_deref().and_then(|sealed| self.answers.open(sealed).ok());
        let sealed: Option<Sealed> = opened.and_then(|opened| serde_json::from_slice(&opened).ok());
        let sealed = sealed.filter(|sealed| sealed.provider == remote.provider.name);
        sealed.map(|Sealed { name, answer, .. }| answer.named(name)).unwrap_or_default()
    }
}

/// The name in what Apple says of somebody when they come for the first time: `{"name":{"firstName":"Ann","lastName":"Lee"}}`. Nothing in
/// it is signed; the address that is there too is in the id token, which is.
fn name_of(user: &str) -> Option<String> {
    let user: Value = serde_json::from_str(user).ok()?;
    let parts = ["firstName", "lastName"].map(|part| user["name"][part].as_str().unwrap_or_default().trim());
    clipped(&parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_name_and_nothing_else() {
        for (user, name) in [
            (r#"{"name":{"firstName":"Ann","lastName":"Lee"},"email":"ann@example.org"}"#, Some("Ann Lee")),
            (r#"{"name":{"firstName":" Ann "}}"#, Some("Ann")),
            (r#"{"name":{"lastName":"L\u0000ee\n"}}"#, Some("Lee")),
            (r#"{"name":{"firstName":" ","lastName":""}}"#, None),
            (r#"{"name":{"firstName":["Ann"]}}"#, None),
            (r#"{"name":"Ann"}"#, None),
            (r#"["name"]"#, None),
            ("{\"name\":", None),
            ("", None),
        ] {
            assert_eq!(name_of(user).as_deref(), name, "{user}");
        }
        let long = format!(r#"{{"name":{{"firstName":"{}"}}}}"#, "ä".repeat(1000));
        assert_eq!(name_of(&long).unwrap().chars().count(), 255);
    }
}
