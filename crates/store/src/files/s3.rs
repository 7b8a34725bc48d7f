//! Files on S3, or a server that speaks its protocol: `s3://bucket/folder?region=eu-central-1`.
//!
//! What is particular to Amazon (signatures, credentials, the XML) is the crate `object_store`'s affair; its requests go out by
//! `outbound`.
//!
//! - `bucket`: [`Bucket`], an address.
//! - `connector`: how requests are sent, and given up.
//! - `coming`: a file on its way in, in parts.
//! - `resume`: a file on its way out, which goes on where it was cut off.
//! - `sign`: a URL to write with, whose length is signed, too.

mod bucket;
mod coming;
mod connector;
mod resume;
mod sign;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};
use http::Method;
use mainstay_core::config::Config;
use mainstay_core::{Error, Finding, Resolver};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{
    Attribute, BackoffConfig, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};

use self::coming::Coming;
use self::connector::Connector;
use super::config::FilesConfig;
use super::contract::{FileInfo, FileStore, FilesDriver, Found, Incoming, within};
use super::error::FilesError;
use super::key::FileKey;
use super::url::{Grant, Signed};

pub use bucket::{Bucket, NotABucket};

pub(crate) const SCHEME: &str = "s3";

/// The driver `s3`.
pub(crate) fn driver() -> FilesDriver {
    FilesDriver::new(SCHEME, async |url: String, resolver: Resolver| {
        let bucket: Bucket = url.parse()?;
        let (settings, config) = (resolver.get::<FilesConfig>().await?, resolver.get::<Config>().await?);
        let store: Arc<dyn FileStore> = Arc::new(S3::open(&bucket, &settings, config.home()).await?);
        Ok(store)
    })
}

/// How often a request is sent again that may be.
const RETRIES: usize = 3;

/// Files in a bucket. Clones are the same.
#[derive(Clone)]
pub struct S3 {
    store: Arc<AmazonS3>,
    connector: Connector,
    folder: Option<Arc<str>>,
    place: Arc<str>,
}

impl S3 {
    /// The files in a bucket. Nobody is asked yet.
    ///
    /// # Errors
    ///
    /// When the settings do not hold together, or the file of an authority, from `home` on, cannot be read.
    pub async fn open(
        bucket: &Bucket,
        settings: &FilesConfig,
        home: &FilePath,
    ) -> mainstay_core::Result<Self> {
        let ca = settings.ca.as_ref().map(|ca| home.join(ca));
        let connector = Connector::open(ca.as_deref(), settings.timeout).await?;
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        };
        let retry =
            RetryConfig { backoff, max_retries: RETRIES, retry_timeout: settings.timeout.mul_f32(1.5) };
        // Who this is, the environment tells every program in the same words.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&bucket.name)
            .with_virtual_hosted_style_request(bucket.in_host)
            .with_http_connector(connector.clone())
            .with_retry(retry);
        if let Some(region) = &bucket.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http:"));
        }
        if let (Some(id), Some(secret)) = (&settings.access_key_id, &settings.secret_access_key) {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
            if let Some(token) = &settings.session_token {
                builder = builder.with_token(token.expose());
            }
        }
        let unfit = |why| Error::internal("the settings of S3 do not hold together").caused_by(why);
        let store = Arc::new(builder.build().map_err(unfit)?);
        Ok(Self {
            store,
            connector,
            folder: bucket.folder.as_deref().map(Arc::from),
            place: bucket.place().into(),
        })
    }

    /// Whether whoever has no key gets a list of what is in the bucket.
    async fn is_listed_for_anybody(&self) -> Result<bool, FilesError> {
        let one = self.store.signed_url(Method::GET, &Path::from("x"), Duration::from_secs(60)).await;
        let mut url = one.map_err(|why| self.fault(why, None))?;
        let bucket = url.path().trim_end_matches('x').to_owned();
        url.set_path(&bucket);
        url.set_query(Some("list-type=2&max-keys=1"));
        let unfit = |why: http::Error| FilesError::Broken(std::io::Error::other(why));
        let request = http::Request::get(url.as_str()).body(HttpRequestBody::empty()).map_err(unfit)?;
        let answer = HttpClient::new(self.connector.clone()).execute(request).await;
        let out_of_reach = |why| FilesError::OutOfReach { place: self.place.to_string(), why: Box::new(why) };
        Ok(answer.map_err(out_of_reach)?.status().is_success())
    }

    /// Where a file is in the bucket.
    fn path(&self, key: &FileKey) -> Path {
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

    fn fault(&self, error: object_store::Error, key: Option<&FileKey>) -> FilesError {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        let (text, place) = (error.to_string(), self.place.to_string());
        let says = |word: &str| text.contains(word);
        match (error, key) {
            (NotFound { .. }, Some(key)) if !says("NoSuchBucket") => FilesError::NotFound(key.clone()),
            (why @ (NotFound { .. } | PermissionDenied { .. } | Unauthenticated { .. }), _) => {
                FilesError::Refused { place, why: why.into() }
            }
            // Of a list, it is told by the text alone. A redirect leads to the region of the bucket.
            (why, _)
                if ["403 Forbidden", "401 Unauthorized", "NoSuchBucket", "redirect"]
                    .into_iter()
                    .any(says) =>
            {
                FilesError::Refused { place, why: why.into() }
            }
            (why, _) if says("StorageFull") || says("QuotaExceeded") => {
                FilesError::Full(std::io::Error::other(why))
            }
            (why, _) => FilesError::OutOfReach { place, why: why.into() },
        }
    }

    fn info(&self, key: &FileKey, meta: &ObjectMeta, media_type: Option<String>) -> FileInfo {
        let etag = meta.e_tag.as_deref().unwrap_or_default().trim_start_matches("W/").trim_matches('"');
        FileInfo {
            key: key.clone(),
            size: meta.size,
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            etag: etag.to_owned(),
            modified: meta.last_modified.into(),
        }
    }

    async fn find(&self, key: &FileKey, options: GetOptions) -> Result<Found, object_store::Error> {
        let found = self.store.get_opts(&self.path(key), options).await?;
        let media_type = found.attributes.get(&Attribute::ContentType).map(|found| found.to_string());
        let (info, part) = (self.info(key, &found.meta, media_type), found.range.clone());
        let stream = resume::resuming(self.clone(), key.clone(), found).boxed();
        Ok(Found { info, part, stream })
    }
}

impl FileStore for S3 {
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
            copied.map_err(|why| self.fault(why, Some(from)))
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
        async move {
            let (key, options) = match grant {
                Grant::Read { key, media_type, disposition } => {
                    let media_type = media_type.iter().map(|value| ("response-content-type", value.clone()));
                    let says =
                        disposition.iter().map(|value| ("response-content-disposition", value.clone()));
                    let options = SignedUrlOptions::new().with_query(media_type.chain(says));
                    (key, options)
                }
                Grant::Write { key, media_type, size } => {
                    return self.sign_write(key, media_type, *size, lifetime).await.map(Some);
                }
            };
            let signed = self.store.signed_url_opts(Method::GET, &self.path(key), lifetime, &options).await;
            let url = signed.map_err(|why| self.fault(why, None))?.to_string();
            Ok(Some(Signed { method: "GET".into(), url, headers: BTreeMap::new() }))
        }
        .boxed()
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

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("place", &self.place).finish_non_exhaustive()
    }
}
