//! What the sign-in page offers beside a password.

use serde::Serialize;

/// A button of the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignInButton {
    /// Where its form is sent to.
    pub action: String,
    /// Whom it names: `Google`.
    pub label: String,
}

/// The buttons of the sign-in page, for a page of one's own: `Option<Inject<SignInButtons>>`. There are none where people sign in by
/// password alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SignInButtons(pub Vec<SignInButton>);
