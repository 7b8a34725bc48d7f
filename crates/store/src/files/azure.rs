//! Files on Azure Blob Storage: `az://container/folder?account=shop`.
//!
//! - `container`: [`Container`], an address.
//! - `sign`: URLs, which the key of the account signs.

mod container;
mod sign;

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use mainstay_core::config::{Config, Secret};
use mainstay_core::{Error, Resolver};
use object_store::GetOptions;
use object_store::azure::{AzureConfigKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};

use super::cloud::connector::{Connector, CopyStatus};
use super::cloud::{Cloud, Parts, Provider, retry};
use super::config::FilesConfig;
use super::contract::{FileStore, FilesDriver};
use super::error::FilesError;
use super::key::FileKey;
use super::url::{Grant, Signed};

pub use container::Container;

pub(crate) const SCHEME: &str = "az";

/// How long it is waited between two looks at a copy that is not complete.
const LOOK: Duration = Duration::from_millis(200);

/// The driver `az`.
pub(crate) fn driver() -> FilesDriver {
    FilesDriver::new(SCHEME, async |url: String, resolver: Resolver| {
        let container: Container = url.parse()?;
        let (settings, config) = (resolver.get::<FilesConfig>().await?, resolver.get::<Config>().await?);
        let store: Arc<dyn FileStore> = Arc::new(Azure::open(&container, &settings, config.home()).await?);
        Ok(store)
    })
}

/// Files in a container of Azure Blob Storage. Clones are the same.
pub type Azure = Cloud<Microsoft>;

/// What is particular to Microsoft.
pub struct Microsoft {
    store: MicrosoftAzure,
    container: Container,
    /// The key of the account, in base64, where the application has it.
    key: Option<Secret<String>>,
    timeout: Duration,
}

impl Azure {
    /// The files in a container. Nobody is asked yet.
    ///
    /// # Errors
    ///
    /// When the settings do not hold together, or the file of an authority, from `home` on, cannot be read.
    pub async fn open(
        container: &Container,
        settings: &FilesConfig,
        home: &FilePath,
    ) -> mainstay_core::Result<Self> {
        let ca = settings.ca.as_ref().map(|ca| home.join(ca));
        let connector = Connector::open(ca.as_deref(), settings.timeout).await?;
        // Who this is, the environment tells every program in the same words.
        let new = MicrosoftAzureBuilder::new;
        let mut builder = match (&settings.account_key, &settings.sas_token) {
            (Some(key), _) => new().with_access_key(key.expose()),
            (None, Some(token)) => new().with_config(AzureConfigKey::SasKey, token.expose()),
            (None, None) => MicrosoftAzureBuilder::from_env().with_use_emulator(false),
        };
        builder = builder
            .with_account(&container.account)
            .with_container_name(&container.name)
            .with_endpoint(container.endpoint.clone())
            .with_allow_http(container.endpoint.starts_with("http:"))
            .with_http_connector(connector.clone())
            .with_retry(retry(settings.timeout));
        let key = builder.get_config_value(&AzureConfigKey::AccessKey).map(Secret::new);
        let unfit = |why| Error::internal("the settings of Azure do not hold together").caused_by(why);
        let store = builder.build().map_err(unfit)?;
        let (folder, place) = (container.folder.clone(), container.place());
        let provider =
            Microsoft { store: store.clone(), container: container.clone(), key, timeout: settings.timeout };
        Ok(Parts { provider, store: Arc::new(store), connector, folder, place }.into())
    }

    /// The key of the account, if it is what this application comes in with.
    async fn account_key(&self) -> Result<Option<&str>, FilesError> {
        let lent = self.provider.store.credentials().get_credential().await;
        let lent = lent.map_err(|why| self.fault(why, None))?;
        let key = self.provider.key.as_ref().map(|key| key.expose().as_str());
        Ok(key.filter(|_| matches!(&*lent, AzureCredential::AccessKey(_))))
    }
}

impl Provider for Microsoft {
    const NAME: &'static str = "Azure";

    fn sign<'a>(
        cloud: &'a Azure,
        grant: &'a Grant,
        lifetime: Duration,
    ) -> BoxFuture<'a, Result<Option<Signed>, FilesError>> {
        async move {
            // Whoever comes in otherwise lets the application serve the files.
            let Some(key) = cloud.account_key().await? else { return Ok(None) };
            cloud.sign_with(key, grant, lifetime).map(Some)
        }
        .boxed()
    }

    fn list_for_anybody(cloud: &Azure) -> BoxFuture<'_, Result<String, FilesError>> {
        let Container { endpoint, name, .. } = &cloud.provider.container;
        let url = format!("{endpoint}/{name}?restype=container&comp=list&maxresults=1");
        async { Ok(url) }.boxed()
    }

    /// Azure may say that it has begun: <https://learn.microsoft.com/rest/api/storageservices/copy-blob>. Within an account it is
    /// done by then, mostly.
    fn copied<'a>(cloud: &'a Azure, to: &'a FileKey) -> BoxFuture<'a, Result<(), FilesError>> {
        async move {
            let began = Instant::now();
            loop {
                let options = GetOptions { head: true, ..GetOptions::default() };
                let found = cloud.found(to, options).await.map_err(|why| cloud.fault(why, Some(to)))?;
                let told = |why| FilesError::OutOfReach {
                    place: cloud.place.to_string(),
                    why: io::Error::other(why).into(),
                };
                match found.extensions.get::<CopyStatus>() {
                    None | Some(CopyStatus::Complete) => return Ok(()),
                    Some(CopyStatus::Failed) => return Err(told("a file could not be copied")),
                    Some(CopyStatus::Pending) if began.elapsed() > cloud.provider.timeout => {
                        return Err(told("a file is being copied for too long"));
                    }
                    Some(CopyStatus::Pending) => tokio::time::sleep(LOOK).await,
                }
            }
        }
        .boxed()
    }
}
