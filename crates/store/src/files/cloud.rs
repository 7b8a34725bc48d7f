//! Files in a bucket of somebody's cloud: what S3, Google Cloud Storage and Azure have in common.
//!
//! What is particular to each (signatures, credentials, the XML) is the crate `object_store`'s affair; its requests go out by
//! `outbound`.
//!
//! - `address`: where a bucket is.
//! - `connector`: how requests are sent, and given up.
//! - `coming`: a file on its way in, in parts.
//! - `resume`: a file on its way out, which goes on where it was cut off.

pub(super) mod address;
mod coming;
pub(super) mod connector;
mod resume;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};
use mainstay_core::Finding;
use object_store::client::{HttpClient, HttpRequestBody};
use object_store::path::Path;
use object_store::{
    Attribute, BackoffConfig, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt,
    RetryConfig,
};

use self::coming::Coming;
use self::connector::Connector;
use super::contract::{FileInfo, FileStore, Found, Incoming, within};
use super::error::FilesError;
use super::key::FileKey;
use super::url::{Grant, Signed};

/// How often a request is sent again that may be.
const RETRIES: usize = 3;

/// How often, and for how long, requests are sent again that may be, to a server that may be silent for so long.
pub(super) fn retry(timeout: Duration) -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: timeout.mul_f32(1.5) }
}

/// What an answer says of a file, as S3 and Google are asked for it.
#[cfg(any(feature = "s3", feature = "gcs"))]
pub(super) fn answering(
    media_type: Option<&str>,
    disposition: Option<&str>,
) -> object_store::signer::SignedUrlOptions {
    let says = [("response-content-type", media_type), ("response-content-disposition", disposition)];
    let says = says.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
    object_store::signer::SignedUrlOptions::new().with_query(says)
}

/// What is particular to one provider.
pub trait Provider: Send + Sync + Sized + 'static {
    /// What it is called.
    const NAME: &'static str;

    /// See [`FileStore::sign`].
    fn sign<'a>(
        cloud: &'a Cloud<Self>,
        grant: &'a Grant,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<Option<Signed>, FilesError>>;

    /// By what URL whoever has no key would get a list of what is in the bucket.
    fn list_for_anybody(cloud: &Cloud<Self>) -> BoxFuture<'_, Result<String, FilesError>>;

    /// Returns when a copy is complete that was begun.
    fn copied<'a>(cloud: &'a Cloud<Self>, to: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        let _ = (cloud, to);
        async { Ok(()) }.boxed()
    }
}

/// Files in a bucket. Clones are the same.
pub struct Cloud<P> {
    pub(super) provider: Arc<P>,
    store: Arc<dyn ObjectStore>,
    connector: Connector,
    folder: Option<Arc<str>>,
    pub(super) place: Arc<str>,
}

/// What a bucket consists of.
pub(super) struct Parts<P> {
    pub(super) provider: P,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) connector: Connector,
    pub(super) folder: Option<String>,
    pub(super) place: String,
}

impl<P> From<Parts<P>> for Cloud<P> {
    fn from(parts: Parts<P>) -> Self {
        Self {
            provider: Arc::new(parts.provider),
            store: parts.store,
            connector: parts.connector,
            folder: parts.folder.map(Arc::from),
            place: parts.place.into(),
        }
    }
}

impl<P> Clone for Cloud<P> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            store: Arc::clone(&self.store),
            connector: self.connector.clone(),
            folder: self.folder.clone(),
            place: Arc::clone(&self.place),
        }
    }
}

/// How a server that lets nobody in is told of, where nothing else tells it; and one that has the bucket elsewhere.
const REFUSALS: [&str; 3] =
    ["status code: 403 Forbidden", "status code: 401 Unauthorized", "Received redirect without LOCATION"];

impl<P: Provider> Cloud<P> {
    /// Whether whoever has no key gets a list of what is in the bucket.
    async fn is_listed_for_anybody(&self) -> Result<bool, FilesError> {
        let url = P::list_for_anybody(self).await?;
        let unfit = |why: http::Error| FilesError::Broken(io::Error::other(why));
        let request = http::Request::get(url).body(HttpRequestBody::empty()).map_err(unfit)?;
        let answer = HttpClient::new(self.connector.clone()).execute(request).await;
        let out_of_reach = |why| FilesError::OutOfReach { place: self.place.to_string(), why: Box::new(why) };
        Ok(answer.map_err(out_of_reach)?.status().is_success())
    }

    /// Where a file is in the bucket.
    pub(super) fn path(&self, key: &FileKey) -> Path {
        let whole = match &self.folder {
            Some(folder) => format!("{folder}/{key}"),
            None => key.to_string(),
        };
        // Whatever is a key is a path: its rules are the narrower ones.
        Path::parse(whole).unwrap_or_default()
    }

    /// The key of what is there. None: somebody else has put it there, under a name that is none.
    fn key(&self, path: &Path) -> Option<FileKey> {
        let path = path.as_ref();
        let key = match &self.folder {
            Some(folder) => path.strip_prefix(&**folder)?.strip_prefix('/')?,
            None => path,
        };
        FileKey::parse(key).ok()
    }

    pub(super) fn fault(&self, error: object_store::Error, key: Option<&FileKey>) -> FilesError {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        let (text, place) = (error.to_string(), self.place.to_string());
        // By the words of servers alone: the address, which has the key in it, may have any.
        let says = |words: &str| text.contains(words);
        let no_bucket = ["<Code>NoSuchBucket</Code>", "<Code>ContainerNotFound</Code>"].into_iter().any(says);
        match (error, key) {
            (NotFound { .. }, Some(key)) if !no_bucket => FilesError::NotFound(key.clone()),
            (why @ (NotFound { .. } | PermissionDenied { .. } | Unauthenticated { .. }), _) => {
                FilesError::Refused { place, why: why.into() }
            }
            // Of a list, it is told by the text alone. A redirect leads to the region of the bucket.
            (why, _) if no_bucket || REFUSALS.into_iter().any(says) => {
                FilesError::Refused { place, why: why.into() }
            }
            (why, _) if says("StorageFull</Code>") || says("QuotaExceeded</Code>") => {
                FilesError::Full(io::Error::other(why))
            }
            (why, _) => FilesError::OutOfReach { place, why: why.into() },
        }
    }

    fn info(&self, key: &FileKey, meta: &ObjectMeta, media_type: Option<String>) -> FileInfo {
        FileInfo {
            key: key.clone(),
            size: meta.size,
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            etag: bare(meta.e_tag.as_deref().unwrap_or_default()),
            modified: meta.last_modified.into(),
        }
    }

    pub(super) async fn found(
        &self,
        key: &FileKey,
        options: GetOptions,
    ) -> Result<GetResult, object_store::Error> {
        self.store.get_opts(&self.path(key), options).await
    }

    async fn find(&self, key: &FileKey, options: GetOptions) -> Result<Found, object_store::Error> {
        let found = self.found(key, options).await?;
        let media_type = found.attributes.get(&Attribute::ContentType).map(|found| found.to_string());
        let (info, part) = (self.info(key, &found.meta, media_type), found.range.clone());
        let stream = resume::resuming(self.clone(), key.clone(), found).boxed();
        Ok(Found { info, part, stream })
    }
}

/// A tag without what is around it.
fn bare(etag: &str) -> String {
    etag.trim_start_matches("W/").trim_matches('"').to_owned()
}

impl<P: Provider> FileStore for Cloud<P> {
    fn begin<'a>(
        &'a self,
        key: &'a FileKey,
        media_type: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Incoming>, FilesError>> {
        let coming = Coming::new(Arc::clone(&self.store), self.path(key), media_type);
        let coming =
            coming::Keyed { coming, by: self.clone(), key: key.clone(), media_type: media_type.to_owned() };
        async { Ok(Box::new(coming) as Box<dyn Incoming>) }.boxed()
    }

    fn get<'a>(
        &'a self,
        key: &'a FileKey,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Found, FilesError>> {
        async move {
            if part.as_ref().is_some_and(|part| part.is_empty()) {
                return Err(FilesError::NoSuchPart { size: self.head(key).await?.size });
            }
            let range = part.clone().map(GetRange::Bounded);
            match self.find(key, GetOptions { range, ..GetOptions::default() }).await {
                Ok(found) => Ok(found),
                Err(why) => {
                    let fault = self.fault(why, Some(key));
                    // That the file has none of these bytes is told by an error as any other.
                    if let (Some(part), FilesError::OutOfReach { .. }) = (part, &fault) {
                        within(Some(part), self.head(key).await?.size)?;
                    }
                    Err(fault)
                }
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async {
            match self.store.delete(&self.path(key)).await.map_err(|why| self.fault(why, Some(key))) {
                Err(FilesError::NotFound(_)) => Ok(()),
                done => done,
            }
        }
        .boxed()
    }

    fn copy<'a>(&'a self, from: &'a FileKey, to: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async {
            let copied = self.store.copy(&self.path(from), &self.path(to)).await;
            copied.map_err(|why| self.fault(why, Some(from)))?;
            P::copied(self, to).await
        }
        .boxed()
    }

    fn list(&self, folder: Option<&FileKey>) -> BoxStream<'_, Result<FileInfo, FilesError>> {
        let below = match folder {
            Some(folder) => Some(self.path(folder)),
            None => self.folder.as_deref().and_then(|folder| Path::parse(folder).ok()),
        };
        let found = self.store.list(below.as_ref());
        let found = found.filter_map(move |found| async move {
            match found {
                Ok(meta) => {
                    let key = self.key(&meta.location)?;
                    // A list does not say it: the ending of the key is what it was told by, mostly.
                    let media_type = mainstay_core::media_type::media_type(key.name()).map(str::to_owned);
                    Some(Ok(self.info(&key, &meta, media_type)))
                }
                Err(why) => Some(Err(self.fault(why, None))),
            }
        });
        found.boxed()
    }

    fn head<'a>(&'a self, key: &'a FileKey) -> BoxFuture<'a, Result<FileInfo, FilesError>> {
        async {
            let options = GetOptions { head: true, ..GetOptions::default() };
            let found = self.find(key, options).await;
            Ok(found.map_err(|why| self.fault(why, Some(key)))?.info)
        }
        .boxed()
    }

    fn sign<'a>(
        &'a self,
        grant: &'a Grant,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<Option<Signed>, FilesError>> {
        P::sign(self, grant, lifetime)
    }

    fn inspect(&self) -> BoxFuture<'_, Vec<Finding>> {
        async {
            match self.is_listed_for_anybody().await {
                Ok(false) => Vec::new(),
                Ok(true) => {
                    let told =
                        "anybody may list what is in the bucket, and so knows what every file is kept under";
                    let fix = "block public access to the bucket: URLs that hold for a while need none";
                    vec![Finding::warning("files.W005", told).at("files.url").fix(fix)]
                }
                Err(why) => {
                    let told = format!("the bucket could not be looked at: {}", why.into_error().report());
                    vec![Finding::warning("files.W005", told).at("files.url")]
                }
            }
        }
        .boxed()
    }

    fn reach(&self) -> BoxFuture<'_, Result<(), FilesError>> {
        async { self.list(None).next().await.transpose().map(drop) }.boxed()
    }
}

impl<P: Provider> fmt::Debug for Cloud<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(P::NAME).field("place", &self.place).finish_non_exhaustive()
    }
}
