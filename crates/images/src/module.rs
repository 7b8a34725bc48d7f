//! The built-in module `images`.
//!
//! | id | what |
//! |---|---|
//! | `images.E001` | two variants have one name |
//! | `images.E002` | a variant cannot be made: its name, its size, its quality |

use std::collections::HashSet;
use std::time::Duration;

use mainstay_core::check::Check;
use mainstay_core::config::{Problems, Section};
use mainstay_core::service::{Running, Service};
use mainstay_core::{
    Assembly, Contribute, CoreContributions, Finding, Findings, Inject, Module, Provider, Result,
};
use mainstay_db::{ModelsExt, migrations, models};
use mainstay_jobs::{JobsExt, jobs};
use mainstay_store::files::attachments::KeepsAttachments;
use serde::{Deserialize, Serialize};

use crate::images::Images;
use crate::job::MakeVariants;
use crate::tables::StoredVariant;
use crate::variant::ImageVariant;

/// How often it is looked for variants of pictures that are gone.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// `[images]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ImagesConfig {
    /// How many pixels a picture may have of which variants are made. While one is made, each of them takes up to 16 bytes of memory, and
    /// as many are made at once as there are processors.
    pub most_pixels: u64,
}

impl Default for ImagesConfig {
    fn default() -> Self {
        Self { most_pixels: 50_000_000 }
    }
}

impl Section for ImagesConfig {
    const NAME: &'static str = "images";

    fn validate(&self, problems: &mut Problems) {
        const FEWEST: u64 = 10_000;
        const MOST: u64 = 1_000_000_000;
        if !(FEWEST..=MOST).contains(&self.most_pixels) {
            problems.add(
                "most_pixels",
                format!("must be from {FEWEST} to {MOST}"),
                Some("leave it out: 50000000"),
            );
        }
    }
}

/// Lets an application have pictures in other sizes. In the prelude.
pub trait ImagesExt: Contribute {
    /// The application has this variant of pictures. Handlers and services may take [`Images`].
    #[must_use]
    fn image_variant(self, variant: ImageVariant) -> Self {
        self.contribute(variant)
    }
}

impl<C: Contribute> ImagesExt for C {}

/// The module: the section `images`, its table, [`Images`], and the job that makes variants.
pub fn module() -> Module {
    Module::new("images")
        .global()
        .contribute(KeepsAttachments)
        .config::<ImagesConfig>()
        .models(models![StoredVariant])
        .migrations(migrations!("images").of_library())
        .provide(Provider::singleton(Images::new).on_demand())
        .export::<Images>()
        .jobs(jobs![MakeVariants])
        .check(Check::at_start(check))
        .service(Service::new("images", sweep))
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let mut names = HashSet::new();
    for found in assembly.contributions.of::<ImageVariant>() {
        let (variant, place) = (found.value, format!("module `{}`", found.module.name));
        if !names.insert(variant.name) {
            let told = format!("two variants of pictures are called `{}`", variant.name);
            findings.add(
                Finding::error("images.E001", told).at(place.clone()).fix("give one of them another name"),
            );
        }
        if let Some(fault) = variant.fault() {
            let told = format!("the variant `{}` of pictures cannot be made", variant.name);
            findings.add(Finding::error("images.E002", told).at(place).fix(fault));
        }
    }
}

async fn sweep(running: Running, images: Inject<Images>) -> Result<()> {
    let mut rounds = running.every(SWEEP);
    running.ready();
    while rounds.next().await {
        if let Err(fault) = images.sweep().await {
            tracing::warn!(target: "mainstay::images", error = %fault.report(), "variants of pictures that are gone were not deleted: it is tried again in an hour");
        }
    }
    Ok(())
}
