//! The section `inbound_mail`.

use mainstay_core::config::{Problems, Secret, Section, bytes};
use serde::{Deserialize, Serialize};

/// The largest mail that may be allowed. It is stored as text, which makes 1.4 bytes of one, and MariaDB takes 16 MiB in a statement unless it
/// is told otherwise.
pub(super) const LARGEST: u64 = 8 << 20;
/// The fewest letters of a password: nobody types it, and nobody may guess it.
const SHORTEST: usize = 16;

/// `[inbound_mail]`: which doors are open for mails. Each is closed until its secret is set.
///
/// ```toml
/// [inbound_mail]
/// relay_password = "a-long-secret-of-your-mail-server"
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct InboundMailConfig {
    /// What a mail server of one's own sends as its password to `/_mainstay/inbound/relay`.
    pub relay_password: Option<Secret<String>>,
    /// The key by which Mailgun signs what it sends to `/_mainstay/inbound/mailgun/mime` ("HTTP webhook signing key").
    pub mailgun_key: Option<Secret<String>>,
    /// The password in the address that Postmark sends to, `/_mainstay/inbound/postmark`.
    pub postmark_password: Option<Secret<String>>,
    /// The password in the address that SendGrid sends to, `/_mainstay/inbound/sendgrid`.
    pub sendgrid_password: Option<Secret<String>>,
    /// How large a mail may be, as it comes, with its files: at most 8 MiB.
    #[serde(with = "bytes")]
    pub max_size: u64,
}

impl Default for InboundMailConfig {
    fn default() -> Self {
        Self {
            relay_password: None,
            mailgun_key: None,
            postmark_password: None,
            sendgrid_password: None,
            max_size: 4 << 20,
        }
    }
}

impl Section for InboundMailConfig {
    const NAME: &'static str = "inbound_mail";

    fn validate(&self, problems: &mut Problems) {
        let secrets = [
            ("relay_password", &self.relay_password),
            ("mailgun_key", &self.mailgun_key),
            ("postmark_password", &self.postmark_password),
            ("sendgrid_password", &self.sendgrid_password),
        ];
        for (key, secret) in secrets {
            if secret.as_ref().is_some_and(|secret| secret.expose().len() < SHORTEST) {
                let fix = "make a random one: openssl rand -hex 32";
                problems.add(key, format!("must have at least {SHORTEST} letters"), Some(fix));
            }
        }
        if !(1 << 10..=LARGEST).contains(&self.max_size) {
            problems.add("max_size", "must be from 1KiB to 8MiB", None);
        }
    }
}
