//! Files that rows refer to, as answers and from uploads.

use futures_util::future::{BoxFuture, FutureExt};
use mainstay_core::Result;
use mainstay_http::extract::{FileRules, Upload, judge, safe_file_name};
use mainstay_http::files::{File, media_type};
use mainstay_store::files::attachments::{Announced, NewFile};
use mainstay_store::files::{Attachments, Blob, FileBody, FilesError};

use super::stored::answer;

/// Files that rows refer to, as answers and from uploads. In the prelude.
///
/// ```
/// use mainstay_api::AttachmentsOverHttp;
/// use mainstay_core::{Inject, Result};
/// use mainstay_http::extract::Image;
/// use mainstay_http::{Json, post};
/// use mainstay_store::files::attachments::{Announced, Attachment};
/// use mainstay_store::files::Attachments;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, schemars::JsonSchema)]
/// struct NewPicture {
///     name: String,
///     media_type: String,
///     size: u64,
/// }
///
/// /// Where to send a picture.
/// #[post("/pictures/uploads")]
/// async fn announce(attachments: Inject<Attachments>, Json(new): Json<NewPicture>) -> Result<Json<Announced>> {
///     Ok(Json(attachments.announce_upload::<Image>(&new.name, &new.media_type, new.size).await?))
/// }
///
/// /// Takes a picture that was sent.
/// #[post("/pictures/{claim}")]
/// async fn take(attachments: Inject<Attachments>, claim: mainstay_http::Path<String>) -> Result<Json<Attachment>> {
///     let picture = attachments.claim_upload::<Image>(&claim).await?;
///     Ok(Json(attachments.show(&picture).await?))
/// }
/// ```
pub trait AttachmentsOverHttp {
    /// Keeps an upload, which is to be attached within `files.attach_within`: refer to it from a row. Call it before a transaction begins.
    ///
    /// # Errors
    ///
    /// Those of the store: see [`FilesError`].
    fn keep_upload<'a, R: 'static>(&'a self, upload: &'a Upload<R>) -> BoxFuture<'a, Result<Blob>>;

    /// A file as an answer, called as it is, with ranges and conditions; see [`FilesOverHttp::respond`](super::FilesOverHttp::respond). Ask
    /// before whether the client may see it.
    ///
    /// # Errors
    ///
    /// When its bytes have not come yet, and those of the store.
    fn respond<'a>(&'a self, blob: &'a Blob) -> BoxFuture<'a, Result<File>>;

    /// Lets a client send a file straight into the store, if what it says of it fits the rules. That is looked at when it is
    /// [claimed](Self::claim_upload). Whoever may call this may fill the store for a day: limit how often.
    ///
    /// # Errors
    ///
    /// 413 when it is to be larger than `MOST_BYTES`, or than `files.most_bytes` where the rules set none; 415 when it is to be something
    /// else.
    fn announce_upload<'a, R: FileRules>(
        &'a self,
        name: &'a str,
        media_type: &'a str,
        size: u64,
    ) -> BoxFuture<'a, Result<Announced>>;

    /// Takes a file that a client has sent, if what it is fits the rules. The row is to be referred to as one that was kept.
    ///
    /// # Errors
    ///
    /// 413 and 415 when it does not: the file is gone then. Else as [`Attachments::claim`].
    fn claim_upload<'a, R: FileRules>(&'a self, claim: &'a str) -> BoxFuture<'a, Result<Blob>>;
}

impl AttachmentsOverHttp for Attachments {
    fn keep_upload<'a, R: 'static>(&'a self, upload: &'a Upload<R>) -> BoxFuture<'a, Result<Blob>> {
        let (name, body) = (upload.file_name().unwrap_or_default(), FileBody::stream(upload.stream()));
        self.keep_file(NewFile::new(name, body).media_type(upload.media_type())).boxed()
    }

    fn respond<'a>(&'a self, blob: &'a Blob) -> BoxFuture<'a, Result<File>> {
        async { Ok(answer(self.files(), self.get(blob).await?, &blob.name, &blob.media_type)) }.boxed()
    }

    fn announce_upload<'a, R: FileRules>(
        &'a self,
        name: &'a str,
        said: &'a str,
        size: u64,
    ) -> BoxFuture<'a, Result<Announced>> {
        async move {
            if R::MOST_BYTES == u64::MAX && size > self.most_bytes() {
                return Err(FilesError::TooLarge { most: self.most_bytes() }.into_error());
            }
            let name = safe_file_name(name).unwrap_or_default();
            // Some systems have names of their own for tables and texts.
            let named = media_type(&name).and_then(|named| named.split(';').next());
            // Of others, browsers have none at all.
            let said = if said.is_empty() { named.unwrap_or("application/octet-stream") } else { said };
            if named.is_none_or(|named| judge::<R>(named, size).is_err()) {
                judge::<R>(said, size)?;
            }
            self.announce(name, said, size).await
        }
        .boxed()
    }

    fn claim_upload<'a, R: FileRules>(&'a self, claim: &'a str) -> BoxFuture<'a, Result<Blob>> {
        self.claim(claim, |arrived| judge::<R>(arrived.media_type, arrived.size).map(|()| arrived.media_type))
            .boxed()
    }
}
