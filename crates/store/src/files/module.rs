//! The built-in module `files`.
//!
//! | id | what |
//! |---|---|
//! | `files.E001` | in production `files.url` is not set |
//! | `files.E002` | nothing keeps files where `files.url` says |
//! | `files.E003` | the store does not let this application in, or knows no such bucket |
//! | `files.W001` | in production files are in a folder: another machine has another one |
//! | `files.W002` | in production files are in memory: they go with the process |
//! | `files.W005` | anybody may list what is in the bucket |
//! | `files.W003` | files, and what they are signed with, go over the network without encryption |
//!
//! An address of a bucket that cannot be read, and settings that do not hold together, are refused as `config.E007`.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::check::{Check, Inspection};
use mainstay_core::clock::Clock;
use mainstay_core::driver::scheme_of;
use mainstay_core::keys::Keys;
use mainstay_core::lifecycle::Hook;
use mainstay_core::service::{Running, Service};
use mainstay_core::{
    Assembly, Contribute, Contribution, Contributions, CoreContributions, Error, Finding, Findings, Inject,
    Module, Profile, Provider, Resolver, Result,
};

use super::config::{FilesConfig, shown};
use super::contract::FilesDriver;
use super::error::FilesError;
use super::handle::Files;
use super::{local, memory};

const URL: &str = "files.url";
const EXAMPLE: &str = "set it to your bucket: url = \"s3://bucket/folder?region=eu-central-1\"; or to a folder that is backed up: url = \"file:/var/lib/shop\"";

/// How often it is looked for what uploads have left that were cut off by the end of their process.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// A contribution: the application serves the files of stores that are reached by it alone, at [`Files::PATH`].
#[derive(Clone, Copy, Debug)]
pub struct ServesFiles;

impl Contribution for ServesFiles {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// The module: the section `files`, and [`Files`].
pub fn module() -> Module {
    let module = Module::new("files")
        .global()
        .config::<FilesConfig>()
        .contribute(local::driver())
        .contribute(memory::driver())
        .provide(Provider::asynchronous(files).on_demand())
        .export::<Files>()
        .check(Check::at_start(find_store))
        .check(Check::at_deploy(find_doubts))
        .inspection(Inspection::new(inspect))
        .hook(Hook::on_start("reach the store of files", reach))
        .service(Service::new("files", sweep));
    #[cfg(feature = "s3")]
    let module = module.contribute(super::s3::driver());
    #[cfg(feature = "gcs")]
    let module = module.contribute(super::gcs::driver());
    #[cfg(feature = "azure")]
    let module = module.contribute(super::azure::driver());
    module
}

async fn files(
    config: Inject<FilesConfig>,
    contributions: Inject<Contributions>,
    resolver: Resolver,
) -> Result<Files> {
    let profile = resolver.get::<Profile>().await?;
    // Both have been found at start.
    let url = config.url(&profile).ok_or_else(|| Error::internal("`files.url` is not set"))?;
    let driver = FilesDriver::of(&contributions, url)
        .ok_or_else(|| Error::internal(format!("nothing keeps files at {}", shown(url))))?;
    let files = Files::over(driver.open(url, resolver.clone()).await?).url_lifetime(config.url_lifetime);
    if contributions.of::<ServesFiles>().next().is_none() {
        return Ok(files);
    }
    let (keys, clock) = (resolver.get::<Keys>().await?, resolver.get::<dyn Clock>().await?);
    Ok(files.served_with(Keys::clone(&keys), clock.into_arc()))
}

/// A store that does not let it in is found when the application starts, not when a visitor comes.
async fn reach(config: Inject<FilesConfig>, files: Inject<Files>, profile: Inject<Profile>) -> Result<()> {
    let place = shown(config.url(&profile).unwrap_or_default());
    match files.store().reach().await {
        Ok(()) => Ok(()),
        Err(why @ FilesError::OutOfReach { .. }) => {
            tracing::warn!(
                target: "mainstay::files", store = place, error = %why.into_error().report(),
                "the store of files is out of reach: it is tried again when it is needed"
            );
            Ok(())
        }
        Err(why) => {
            let told = format!("the store of files at {place} does not let this application in");
            let fix = "name somebody who may read, write, list and delete there (`files.access_key_id` and `files.secret_access_key` for S3, `files.service_account` for Google, `files.account_key` for Azure), and see whether the bucket and where it is are named right";
            let finding = Finding::error("files.E003", told).at(URL).fix(fix);
            Err(Error::internal(finding.to_string()).caused_by(why))
        }
    }
}

async fn sweep(running: Running, files: Inject<Files>) -> Result<()> {
    let mut sweeps = running.every(SWEEP);
    running.ready();
    while sweeps.next().await {
        // A store that is away for a while is no reason to end.
        if let Err(error) = files.store().sweep().await {
            let error = error.into_error();
            tracing::warn!(target: "mainstay::files", error = %error.report(), "what was cut off could not be cleared away");
        }
    }
    Ok(())
}

/// Looks at the store as it is deployed.
async fn inspect(assembly: Arc<Assembly>) -> Findings {
    let mut findings = Findings::default();
    // Why there is none, is found already.
    if let Ok(files) = assembly.resolver().get::<Files>().await {
        findings.extend(files.store().inspect().await);
    }
    findings
}

fn find_store(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<FilesConfig>() else { return };
    match config.url(&assembly.profile) {
        None => {
            let told = "files are kept, and nothing says where";
            findings.add(Finding::error("files.E001", told).at(URL).fix(EXAMPLE));
        }
        Some(url) if FilesDriver::of(&assembly.contributions, url).is_none() => {
            let (asked, fix) = FilesDriver::unknown(&assembly.contributions, url, ":…");
            let told = format!("nothing keeps files at {asked}");
            findings.add(Finding::error("files.E002", told).at(URL).fix(fix));
        }
        Some(_) => {}
    }
}

fn find_doubts(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<FilesConfig>() else { return };
    let Some(url) = config.url(&assembly.profile) else { return };
    match FilesDriver::of(&assembly.contributions, url).map(FilesDriver::scheme) {
        Some(local::SCHEME) => {
            let told = "files are in a folder of this machine: processes on another one do not have them, and a container that is replaced loses them";
            let fix =
                "nothing, if there is one machine and the folder is backed up; else keep them in a bucket";
            findings.add(Finding::warning("files.W001", told).at(URL).fix(fix));
        }
        Some(memory::SCHEME) => {
            let told = "files are in memory, and go with the process";
            findings.add(Finding::warning("files.W002", told).at(URL).fix(EXAMPLE));
        }
        _ => {}
    }
    if is_exposed(url) {
        let told = "files go over the network without encryption";
        let fix = "name the endpoint by https://";
        findings.add(Finding::warning("files.W003", told).at(URL).fix(fix));
    }
}

/// Whether an address is of a bucket, and leads over a network in the clear.
fn is_exposed(url: &str) -> bool {
    match scheme_of(url) {
        #[cfg(feature = "s3")]
        super::s3::SCHEME => url.parse::<super::s3::Bucket>().is_ok_and(|bucket| bucket.is_exposed()),
        #[cfg(feature = "gcs")]
        super::gcs::SCHEME => url.parse::<super::gcs::GoogleBucket>().is_ok_and(|bucket| bucket.is_exposed()),
        #[cfg(feature = "azure")]
        super::azure::SCHEME => url.parse::<super::azure::Container>().is_ok_and(|one| one.is_exposed()),
        _ => false,
    }
}
