//! The picture that somebody sends, and that others see.

use mainstay::http::files::File;
use mainstay::prelude::*;
use serde::Deserialize;

use super::appearance::{self, Appearance};
use super::model::NewPicture;
use super::{Picture, User};

const PAGE: &str = "/account/profile";
/// What is shown beside a name.
const AVATAR: ImageVariant = ImageVariant::cover("avatar", 256, 256);

/// The form.
#[derive(Deserialize)]
struct Sent {
    picture: Upload<Image>,
}

/// Keeps what was sent, in the place of what was there.
#[post("/account/picture", body_limit = "2MB", hidden)]
async fn keep(
    _: InPerson,
    SignedIn(mut user): SignedIn<User>,
    (attachments, images, db): (Inject<Attachments>, Inject<Images>, Inject<Db>),
    (views, session): (Views, Session),
    submitted: Submitted<MultipartForm<Sent>>,
) -> Result<Response> {
    let accepted = submitted.accept(async |MultipartForm(sent): MultipartForm<Sent>| {
        let file = attachments.keep_upload(&sent.picture).await?;
        // Here and now: what was sent may say where it was taken, and is shown to nobody.
        if images.make(&file, &AVATAR).await?.is_none() {
            return Err(Error::invalid(vec![Fault::new(
                "/picture",
                "picture",
                "This picture cannot be read.",
            )]));
        }
        db.transaction(async |tx| {
            NewPicture { user: user.key(), file: file.key() }.upsert(|picture| picture.user, tx).await?;
            // Another address for another picture, so that nobody is shown the old one from memory.
            let address = format!("/pictures/{}?{}", user.id, file.id);
            user.update(|user| user.image(address), tx).await
        })
        .await
    });
    match accepted.await? {
        Ok(()) => {
            session.flash("success", "That is the picture that others see now.");
            Ok(Redirect::see_other(PAGE).into_response())
        }
        Err(form) => {
            let status = form.status();
            Ok((status, appearance::page(&views, Appearance::of(user)?, form)?).into_response())
        }
    }
}

/// Somebody's picture, for everybody: the small one.
#[get("/pictures/{user}", hidden)]
async fn show(
    Path(user): Path<i64>,
    (attachments, images, db): (Inject<Attachments>, Inject<Images>, Inject<Db>),
) -> Result<File> {
    let picture =
        Picture::filter(|picture| picture.user.is(|of| of.id.eq(user))).with(|picture| picture.file);
    let picture = picture.first_or_404(&db).await?;
    let small = images.variant(picture.file.get()?, &AVATAR).await?;
    attachments.respond(&small.or_not_found("a picture")?).await
}

pub(super) fn module() -> Module {
    Module::new("pictures")
        .attachments()
        .image_variant(AVATAR)
        .routes(routes![keep].guarded(Guard::signed_in()))
        .routes(routes![show])
}
