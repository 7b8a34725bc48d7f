//! The built-in module `attachments`.
//!
//! | id | what |
//! |---|---|
//! | `files.E004` | a row would be deleted or changed with a file that it refers to: the reference has to restrict |
//! | `files.W004` | files are attached, and no model refers to one: all would be deleted |

use std::sync::Arc;

use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::keys::Keys;
use mainstay_core::random::Random;
use mainstay_core::service::Service;
use mainstay_core::{
    Assembly, Contribution, Contributions, CoreContributions, Finding, Findings, Inject, Module, Provider,
    Result,
};
use mainstay_db::meta::OnDelete;
use mainstay_db::{Db, ModelsExt, migrations, models};

use super::blob::{Blob, FileToDelete};
use super::references::References;
use super::{Attachments, Inner, sweep};
use crate::files::config::FilesConfig;
use crate::files::handle::Files;

/// A contribution: handlers and services may take [`Attachments`], and models may refer to a [`Blob`]. The tables are `mainstay_blobs`
/// and `mainstay_files_to_delete`.
#[derive(Clone, Copy, Debug)]
pub struct KeepsAttachments;

impl Contribution for KeepsAttachments {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

fn module() -> Module {
    Module::new("attachments")
        .global()
        .import(mainstay_db::module::module())
        .import(crate::files::module::module())
        .models(models![Blob, FileToDelete])
        .migrations(migrations!("attachments").of_library())
        .provide(Provider::asynchronous(attachments).on_demand())
        .export::<Attachments>()
        .check(Check::at_start(find_references))
        .service(Service::new("attachments", sweep::sweep))
}

async fn attachments(
    (db, files, keys): (Inject<Db>, Inject<Files>, Inject<Keys>),
    (clock, random): (Inject<dyn Clock>, Inject<dyn Random>),
    (config, contributions): (Inject<FilesConfig>, Inject<Contributions>),
) -> Result<Attachments> {
    Ok(Attachments(Arc::new(Inner {
        db: Db::clone(&db),
        files: Files::clone(&files),
        keys: Keys::clone(&keys),
        clock: clock.into_arc(),
        random: random.into_arc(),
        references: References::of(&contributions),
        within: config.attach_within,
        most_bytes: config.most_bytes,
    })))
}

fn find_references(assembly: &Assembly, findings: &mut Findings) {
    let references = References::of(&assembly.contributions);
    for found in references.iter().filter(|found| found.on_delete != OnDelete::Restrict) {
        let told =
            format!("`{}.{}` refers to a file, and would go or be emptied with it", found.model, found.field);
        let fix = "take `on_delete` out: a file is kept as long as a row refers to it";
        findings.add(Finding::error("files.E004", told).at(found.place).fix(fix));
    }
    if references.iter().next().is_none() {
        let told = "files are attached, and no model refers to one: all of them would be deleted";
        let fix = "refer to them: `#[belongs_to] picture: Option<BelongsTo<Blob>>`; or keep them by `Files`, under keys of your own";
        findings.add(Finding::warning("files.W004", told).at("`.attachments()`").fix(fix));
    }
}
