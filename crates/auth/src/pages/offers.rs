//! Links between the pages: each part of the application says which it adds.

use mainstay_core::{Contribution, Contributions};
use serde::Serialize;

/// A contribution: a link on a page of accounts.
///
/// ```
/// use mainstay_auth::pages::{Offer, Place};
/// use mainstay_core::{Contribute, Module};
///
/// let billing = Module::new("billing").contribute(Offer::new(Place::Account, "Your invoices", "/invoices"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    #[serde(skip)]
    place: Place,
    label: &'static str,
    path: &'static str,
    #[serde(skip)]
    is_beside_buttons: bool,
}

/// On which page a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the form to sign in.
    SignIn,
    /// On the page of one's account.
    Account,
}

impl Offer {
    /// A link to `path`.
    pub fn new(place: Place, label: &'static str, path: &'static str) -> Self {
        Self { place, label, path, is_beside_buttons: false }
    }

    /// Where it leads to.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// It is there only where the sign-in page has buttons: without a provider there is nothing to connect.
    #[cfg(feature = "social-login")]
    pub(crate) fn beside_buttons(self) -> Self {
        Self { is_beside_buttons: true, ..self }
    }

    /// Those of a page, each once.
    pub(super) fn at(contributions: &Contributions, place: Place, has_buttons: bool) -> Vec<Self> {
        let mut offers: Vec<Self> = Vec::new();
        let is_there = |offer: &&Self| offer.place == place && (has_buttons || !offer.is_beside_buttons);
        for offer in contributions.of::<Self>().map(|found| found.value).filter(is_there) {
            if !offers.iter().any(|known| known.path == offer.path) {
                offers.push(offer.clone());
            }
        }
        offers
    }
}

impl Contribution for Offer {}
