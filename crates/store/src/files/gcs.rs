//! Files on Google Cloud Storage: `gs://bucket/folder`.
//!
//! - `bucket`: [`GoogleBucket`], an address.
//! - `account`: who the application is.

pub(super) mod account;
mod bucket;

use std::collections::BTreeMap;
use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use mainstay_core::config::Config;
use mainstay_core::{Error, Resolver};
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use percent_encoding::utf8_percent_encode;

use super::cloud::connector::Connector;
use super::cloud::{Cloud, Parts, Provider, answering, retry};
use super::config::FilesConfig;
use super::contract::{FileStore, FilesDriver};
use super::error::FilesError;
use super::key::FileKey;
use super::link::UNRESERVED;
use super::url::{Grant, Signed};

pub use bucket::GoogleBucket;

pub(crate) const SCHEME: &str = "gs";

/// Says how long a body may be, from and to: <https://cloud.google.com/storage/docs/xml-api/reference-headers>.
const LENGTH: HeaderName = HeaderName::from_static("x-goog-content-length-range");

/// The driver `gs`.
pub(crate) fn driver() -> FilesDriver {
    FilesDriver::new(SCHEME, async |url: String, resolver: Resolver| {
        let bucket: GoogleBucket = url.parse()?;
        let (settings, config) = (resolver.get::<FilesConfig>().await?, resolver.get::<Config>().await?);
        let store: Arc<dyn FileStore> = Arc::new(Gcs::open(&bucket, &settings, config.home()).await?);
        Ok(store)
    })
}

/// Files in a bucket of Google Cloud Storage. Clones are the same.
pub type Gcs = Cloud<Google>;

/// What is particular to Google.
pub struct Google {
    store: GoogleCloudStorage,
    /// By what URL whoever has no key would get a list of the bucket.
    list: String,
}

impl Gcs {
    /// The files in a bucket. Nobody is asked yet.
    ///
    /// # Errors
    ///
    /// When the settings do not hold together, or a file of theirs, from `home` on, cannot be read.
    pub async fn open(
        bucket: &GoogleBucket,
        settings: &FilesConfig,
        home: &FilePath,
    ) -> mainstay_core::Result<Self> {
        let ca = settings.ca.as_ref().map(|ca| home.join(ca));
        let connector = Connector::open(ca.as_deref(), settings.timeout).await?;
        // Who this is, the environment tells every program in the same words.
        let mut builder = match account::key(settings, home).await? {
            Some(key) => GoogleCloudStorageBuilder::new().with_service_account_key(key),
            None => GoogleCloudStorageBuilder::from_env(),
        };
        builder = builder
            .with_bucket_name(&bucket.name)
            .with_http_connector(connector.clone())
            .with_retry(retry(settings.timeout));
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        // It reads files that the environment names.
        let built = tokio::task::spawn_blocking(move || builder.build()).await?;
        let unfit =
            |why| Error::internal("the settings of Google Cloud Storage do not hold together").caused_by(why);
        let store = built.map_err(unfit)?;
        let list = format!("{}/{}?list-type=2&max-keys=1", bucket.endpoint(), bucket.name);
        let (folder, place) = (bucket.folder.clone(), bucket.place());
        let provider = Google { store: store.clone(), list };
        Ok(Parts { provider, store: Arc::new(store), connector, folder, place }.into())
    }

    async fn signed(
        &self,
        method: Method,
        key: &FileKey,
        lifetime: Duration,
        options: &SignedUrlOptions,
    ) -> Result<String, FilesError> {
        let path = encoded(&self.path(key));
        let signed = self.provider.store.signed_url_opts(method, &path, lifetime, options).await;
        Ok(signed.map_err(|why| self.fault(why, None))?.into())
    }
}

impl Provider for Google {
    const NAME: &'static str = "Gcs";

    fn sign<'a>(
        cloud: &'a Gcs,
        grant: &'a Grant,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<Option<Signed>, FilesError>> {
        async move {
            match grant {
                Grant::Read { key, media_type, disposition } => {
                    let options = answering(media_type.as_deref(), disposition.as_deref());
                    let url = cloud.signed(Method::GET, key, lifetime, &options).await?;
                    Ok(Some(Signed { method: "GET".into(), url, headers: BTreeMap::new() }))
                }
                Grant::Write { key, media_type, size } => {
                    let unfit = |_| FilesError::Broken(io::Error::other("this is no media type"));
                    let media_type = HeaderValue::from_str(media_type).map_err(unfit)?;
                    let length = HeaderValue::from_str(&format!("{size},{size}")).map_err(unfit)?;
                    let headers = [(CONTENT_TYPE, media_type), (LENGTH, length)];
                    let mut options = SignedUrlOptions::new();
                    for (name, value) in headers.clone() {
                        options = options.with_signed_header(name, value);
                    }
                    let url = cloud.signed(Method::PUT, key, lifetime, &options).await?;
                    let text = |(name, value): (HeaderName, HeaderValue)| {
                        (name.to_string(), value.to_str().unwrap_or_default().to_owned())
                    };
                    Ok(Some(Signed { method: "PUT".into(), url, headers: headers.map(text).into() }))
                }
            }
        }
        .boxed()
    }

    fn list_for_anybody(cloud: &Gcs) -> BoxFuture<'_, Result<String, FilesError>> {
        async { Ok(cloud.provider.list.clone()) }.boxed()
    }
}

/// `object_store` puts a path into a URL as it is, where `#`, `?` and `%` mean something.
fn encoded(path: &Path) -> Path {
    let segments: Vec<_> =
        path.as_ref().split('/').map(|part| utf8_percent_encode(part, UNRESERVED)).collect();
    let whole: Vec<_> = segments.iter().map(ToString::to_string).collect();
    Path::parse(whole.join("/")).unwrap_or_default()
}
