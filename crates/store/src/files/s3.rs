//! Files on S3, or a server that speaks its protocol: `s3://bucket/folder?region=eu-central-1`.
//!
//! - `bucket`: [`Bucket`], an address.
//! - `sign`: a URL to write with, whose length is signed, too.

mod bucket;
mod sign;

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use http::Method;
use mainstay_core::config::Config;
use mainstay_core::{Error, Resolver};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::signer::Signer;

use super::cloud::connector::Connector;
use super::cloud::{Cloud, Parts, Provider, answering, retry};
use super::config::FilesConfig;
use super::contract::{FileStore, FilesDriver};
use super::error::FilesError;
use super::url::{Grant, Signed};

pub use bucket::Bucket;

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

/// Files in a bucket of S3. Clones are the same.
pub type S3 = Cloud<Amazon>;

/// What is particular to Amazon.
pub struct Amazon {
    store: AmazonS3,
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
        // Who this is, the environment tells every program in the same words. Its token does not belong to keys from elsewhere.
        let is_told = settings.access_key_id.is_some();
        let mut builder = environment(|key| !(is_told && *key == AmazonS3ConfigKey::Token))
            .with_bucket_name(&bucket.name)
            .with_virtual_hosted_style_request(bucket.in_host)
            .with_http_connector(connector.clone())
            .with_retry(retry(settings.timeout));
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
        let store = builder.build().map_err(unfit)?;
        let (folder, place) = (bucket.folder.clone(), bucket.place());
        let provider = Amazon { store: store.clone() };
        Ok(Parts { provider, store: Arc::new(store), connector, folder, place }.into())
    }
}

/// What the environment says, but for some of it.
fn environment(is_wanted: impl Fn(&AmazonS3ConfigKey) -> bool) -> AmazonS3Builder {
    let said = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let said = said.filter(|(name, _)| name.starts_with("AWS_"));
    let keys = said.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)));
    let wanted = keys.filter(|(key, _)| is_wanted(key));
    wanted.fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(key, value))
}

impl Provider for Amazon {
    const NAME: &'static str = "S3";

    fn sign<'a>(
        cloud: &'a S3,
        grant: &'a Grant,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<Option<Signed>, FilesError>> {
        async move {
            let (key, options) = match grant {
                Grant::Read { key, media_type, disposition } => {
                    (key, answering(media_type.as_deref(), disposition.as_deref()))
                }
                Grant::Write { key, media_type, size } => {
                    return cloud.sign_write(key, media_type, *size, lifetime).await.map(Some);
                }
            };
            let signed =
                cloud.provider.store.signed_url_opts(Method::GET, &cloud.path(key), lifetime, &options).await;
            let url = signed.map_err(|why| cloud.fault(why, None))?.to_string();
            Ok(Some(Signed { method: "GET".into(), url, headers: BTreeMap::new() }))
        }
        .boxed()
    }

    fn list_for_anybody(cloud: &S3) -> BoxFuture<'_, Result<String, FilesError>> {
        async {
            let one =
                cloud.provider.store.signed_url(Method::GET, &Path::from("x"), Duration::from_secs(60)).await;
            let mut url = one.map_err(|why| cloud.fault(why, None))?;
            let bucket = url.path().trim_end_matches('x').to_owned();
            url.set_path(&bucket);
            url.set_query(Some("list-type=2&max-keys=1"));
            Ok(url.into())
        }
        .boxed()
    }
}
