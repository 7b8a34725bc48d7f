//! The page on which people say what others see of them: a page of one's own among those of accounts.

use garde::Validate;
use mainstay::auth::pages::{Offer, Place};
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::User;

const PAGE: &str = "/account/profile";
const VIEW: &str = "account/profile.html";

#[derive(Serialize, Deserialize, Validate)]
pub(super) struct Appearance {
    #[garde(length(chars, min = 1, max = 60))]
    username: String,
    #[garde(length(max = 10_000))]
    bio: String,
    #[garde(length(max = 2000))]
    image: String,
    /// A box that is not ticked is not sent.
    #[garde(skip)]
    #[serde(default)]
    wants_mails: bool,
}

/// The form, filled in.
#[get("/account/profile", name = "appearance", hidden)]
async fn show(_: InPerson, SignedIn(user): SignedIn<User>, views: Views) -> Result<Html<String>> {
    page(&views, Appearance::of(user)?, FormState::blank())
}

/// The page, with what was typed into its two forms.
pub(super) fn page(views: &Views, form: FormState, picture: FormState) -> Result<Html<String>> {
    views.render(VIEW, context! { form, picture })
}

impl Appearance {
    /// The form with what others see now.
    pub(super) fn of(user: User) -> Result<FormState> {
        let User { username, bio, image, wants_mails, .. } = user;
        FormState::of(&Self { username, bio, image, wants_mails })
    }
}

/// What the form sends.
#[post("/account/profile", hidden)]
async fn change(
    _: InPerson,
    SignedIn(mut user): SignedIn<User>,
    views: Views,
    session: Session,
    db: Inject<Db>,
    submitted: Submitted<Valid<Form<Appearance>>>,
) -> Result<Response> {
    let accepted = submitted.accept(async |Valid(Form(given))| {
        let edited = user.edit(
            |user| {
                user.username = given.username.trim().to_owned();
                user.bio = given.bio;
                user.image = given.image;
                user.wants_mails = given.wants_mails;
            },
            &db,
        );
        // A name that somebody else has is a 409, which the form shows at its field.
        edited.await.map(drop)
    });
    match accepted.await? {
        Ok(()) => {
            session.flash("success", "That is what others see now.");
            Ok(Redirect::see_other(PAGE).into_response())
        }
        Err(form) => Ok((form.status(), page(&views, form, FormState::blank())?).into_response()),
    }
}

/// The page, and the link to it on the page of one's account.
pub(super) fn module() -> Module {
    Module::new("appearance")
        // A browser that asks for the page without being signed in is led to where one does so.
        .routes(routes![show, change].guarded(Guard::signed_in()))
        .contribute(Offer::new(Place::Account, "What others see of you", PAGE))
}
