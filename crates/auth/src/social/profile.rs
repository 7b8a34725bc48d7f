//! What a provider says about somebody, and the account that an application makes of it.

use mainstay_core::Result;
use mainstay_db::{Query, Tx};
use serde_json::{Map, Value};

use super::provider::EmailRule;
use crate::account::Account;

/// How long a subject may be (OpenID Connect Core 1.0, 2), and what else is kept of a profile.
pub(super) const LONGEST: usize = 255;
/// How long an address may be (RFC 5321, 4.5.3.1).
const LONGEST_EMAIL: usize = 254;

/// Somebody, as their provider knows them.
#[derive(Clone, PartialEq)]
pub struct SocialProfile {
    /// The name of the provider's table: `google`.
    pub provider: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Who it is there: it never changes, and is nobody else's.
    pub subject: String,
    /// Their name. Apple says it when somebody comes for the first time, and by way of their browser: it is a name to show.
    pub name: Option<String>,
    /// What they are called there.
    pub username: Option<String>,
    /// Where their picture is.
    pub picture: Option<String>,
    /// All that the provider says: `hd`, `groups`, `locale`. Nobody but the provider has checked it.
    pub claims: Map<String, Value>,
    email: Option<String>,
    is_verified: bool,
}

impl SocialProfile {
    /// Their address, if the provider has verified that it is theirs.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.is_verified)
    }

    /// The address that they have given, whether it is theirs or not: to fill in a form, and never to find an account by.
    pub fn unverified_email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The profile of these claims. None of a subject that cannot be kept.
    pub(super) fn of(
        (provider, rule): (&str, EmailRule),
        issuer: &str,
        subject: &str,
        claims: Map<String, Value>,
    ) -> Option<Self> {
        let is_sound =
            |text: &str| !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
        if !is_sound(subject) || !is_sound(issuer) {
            return None;
        }
        let text = |names: &[&str]| {
            let mut found = names.iter().filter_map(|name| claims.get(*name)?.as_str());
            clipped(found.find(|text| !text.trim().is_empty())?)
        };
        let email = text(&["email"]).filter(|text| is_address(text));
        let is_verified = match rule {
            EmailRule::Trusted => true,
            EmailRule::Claimed => is_true(claims.get("email_verified")),
            EmailRule::DomainOwner => is_true(claims.get("xms_edov")),
        };
        Some(Self {
            provider: provider.to_owned(),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            name: text(&["name"]),
            username: text(&["preferred_username", "login", "nickname"]),
            picture: text(&["picture", "avatar_url"]).filter(|url| url.starts_with("https://")),
            email,
            is_verified,
            claims,
        })
    }
}

impl std::fmt::Debug for SocialProfile {
    /// Without what logs should not know.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocialProfile")
            .field("provider", &self.provider)
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// As much of a text as is kept.
pub(super) fn clipped(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

/// What is on both sides of one `@`.
fn is_address(text: &str) -> bool {
    let halves = text.split_once('@');
    text.len() <= LONGEST_EMAIL
        && !text.contains(char::is_whitespace)
        && halves.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Some providers write `"true"` or 1.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is_so)) => *is_so,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// A model whose rows sign in by a provider.
///
/// ```
/// # use mainstay_auth::{Account, PasswordHash};
/// # use mainstay_db::column::Assignment;
/// # use mainstay_db::model;
/// use mainstay_auth::social::{FromProfile, SocialProfile};
/// use mainstay_core::Result;
/// use mainstay_db::{Query, Tx};
///
/// #[model]
/// pub struct User {
///     pub id: i64,
///     #[field(unique)]
///     pub email: String,
///     #[field(hidden)]
///     pub password: Option<PasswordHash>,
/// }
/// # impl Account for User {
/// #     fn password(&self) -> Option<&PasswordHash> { self.password.as_ref() }
/// #     fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> { user.password.set(hash) }
/// # }
///
/// impl FromProfile for User {
///     fn by_verified_email(email: &str) -> Query<Self> {
///         let email = email.to_lowercase();
///         Self::filter(|user| user.email.eq(email))
///     }
///
///     async fn from_profile(profile: &SocialProfile, tx: &Tx) -> Result<Option<Self>> {
///         let Some(email) = profile.email() else { return Ok(None) };
///         NewUser { email: email.to_lowercase() }.insert(tx).await.map(Some)
///     }
/// }
/// ```
pub trait FromProfile: Account {
    /// The account with this address. Whoever has one already has to sign in to it before the provider is connected with it.
    fn by_verified_email(email: &str) -> Query<Self>;

    /// Makes the account of somebody who has none yet, in the transaction that also keeps to whom it belongs. `None` refuses: there are
    /// no accounts for people like that.
    ///
    /// Where somebody else is faster, it is undone and may be asked again: what it does beside the transaction, a mail say, is left to
    /// [`Tx::after_commit`].
    fn from_profile(profile: &SocialProfile, tx: &Tx) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// Whether it could still sign in if no provider were connected with it: by a password, unless it is said otherwise.
    fn has_another_way_in(&self) -> bool {
        self.password().is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(rule: EmailRule, claims: Value) -> Option<SocialProfile> {
        let Value::Object(claims) = claims else { return None };
        let subject = claims["sub"].as_str()?.to_owned();
        SocialProfile::of(("company", rule), "https://id.example", &subject, claims)
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified() {
        for (verified, counts) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("yes"), false),
            (json!(null), false),
        ] {
            let claims = json!({ "sub": "1", "email": "ann@example.org", "email_verified": verified });
            let profile = profile(EmailRule::Claimed, claims).unwrap();
            assert_eq!(profile.email().is_some(), counts, "{verified}");
            assert_eq!(profile.unverified_email(), Some("ann@example.org"));
        }
    }

    #[test]
    fn a_tenant_of_microsoft_does_not_decide_whose_an_address_is() {
        let claims = json!({ "sub": "1", "email": "ann@victim.example", "email_verified": true });
        assert_eq!(profile(EmailRule::DomainOwner, claims).unwrap().email(), None);
        let claims = json!({ "sub": "1", "email": "ann@example.org", "xms_edov": true });
        assert!(profile(EmailRule::DomainOwner, claims).unwrap().email().is_some());
    }

    #[test]
    fn what_is_no_address_or_no_picture_is_left_out() {
        for email in ["", "ann", "@", "a@", "@b", "a@b@c", "a b@c", &format!("{}@b", "a".repeat(254))] {
            let claims = json!({ "sub": "1", "email": email, "email_verified": true });
            assert_eq!(profile(EmailRule::Claimed, claims).unwrap().email(), None, "{email}");
        }
        let claims = json!({ "sub": "1", "picture": "javascript:alert(1)", "name": "A\u{0}nn " });
        let profile = profile(EmailRule::Claimed, claims).unwrap();
        assert_eq!((profile.picture, profile.name.as_deref()), (None, Some("Ann")));
    }

    #[test]
    fn a_subject_that_cannot_be_kept_is_nobody() {
        for subject in ["", "a\nb", &"s".repeat(256)] {
            assert_eq!(profile(EmailRule::Claimed, json!({ "sub": subject })), None);
        }
    }
}
