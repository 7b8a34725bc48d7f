//! Files as answers, and uploads as files.

use futures_util::future::{BoxFuture, FutureExt};
use mainstay_core::Result;
use mainstay_core::media_type::{Disposition, disposition, is_harmless};
use mainstay_http::extract::Upload;
use mainstay_http::files::{File, Tag};
use mainstay_store::files::{FileBody, FileInfo, Files, StoredFile};

use super::media_type;
use super::source::Source;

/// Files as answers, and uploads as files. In the prelude.
pub trait FilesOverHttp {
    /// A file as an answer, with ranges, conditions, and a name. A browser shows pictures, sounds, films, PDF and plain text, and saves
    /// everything else: see [`File::inline`] and [`File::attachment`] for something else.
    ///
    /// Ask before whether the client may see it. Where files are in a bucket they come by way of the application; a
    /// redirect to [`Files::url`] spares it that.
    ///
    /// # Errors
    ///
    /// 404 when there is none.
    fn respond<'a>(&'a self, key: impl Into<String> + Send + 'a) -> BoxFuture<'a, Result<File>>;

    /// Keeps an upload, under a key that the client has not chosen.
    ///
    /// # Errors
    ///
    /// Those of the store: see [`FilesError`](mainstay_store::files::FilesError).
    fn put_upload<'a, R: 'static>(
        &'a self,
        key: impl Into<String> + Send + 'a,
        upload: &'a Upload<R>,
    ) -> BoxFuture<'a, Result<FileInfo>>;
}

impl FilesOverHttp for Files {
    fn respond<'a>(&'a self, key: impl Into<String> + Send + 'a) -> BoxFuture<'a, Result<File>> {
        async move {
            let found = self.get(key).await?;
            let (named, is) = (found.info().key.name().to_owned(), found.info().media_type.clone());
            Ok(answer(self, found, &named, &is))
        }
        .boxed()
    }

    fn put_upload<'a, R: 'static>(
        &'a self,
        key: impl Into<String> + Send + 'a,
        upload: &'a Upload<R>,
    ) -> BoxFuture<'a, Result<FileInfo>> {
        let body = FileBody::stream(upload.stream());
        async move { self.put(key, body).await }.boxed()
    }
}

/// A file as an answer that is called so, and is this.
pub(super) fn answer(files: &Files, found: StoredFile, name: &str, is: &str) -> File {
    let info = found.info().clone();
    let kind = if is_harmless(is) { Disposition::Inline } else { Disposition::Attachment };
    let file = File::from_reader(name, Source::new(files.clone(), found), info.size)
        .with_media_type(media_type(is))
        .with_modified(info.modified)
        .with_disposition(disposition(kind, name));
    match Tag::new(&info.etag) {
        Some(tag) => file.with_tag(tag),
        None => file,
    }
}
