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
        Self { place, label, path }
    }

    /// Those of a page, each once.
    pub(super) fn at(contributions: &Contributions, place: Place) -> Vec<Self> {
        let mut offers: Vec<Self> = Vec::new();
        for offer in contributions.of::<Self>().map(|found| found.value).filter(|offer| offer.place == place)
        {
            if !offers.iter().any(|known| known.path == offer.path) {
                offers.push(offer.clone());
            }
        }
        offers
    }
}

impl Contribution for Offer {}
