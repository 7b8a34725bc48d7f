//! The built-in module `mail`.
//!
//! | id | what |
//! |---|---|
//! | `mail.E001` | in production mails are sent, and `mail.url` is not set |
//! | `mail.E002` | nothing sends mails to the address of `mail.url` |
//! | `mail.E003` | in production mails are sent, and `mail.from` is not set |
//! | `mail.W001` | in production mails are kept in files or in memory: nobody gets them |
//! | `mail.W002` | mails, and the password of the server, go over the network without encryption |
//! | `mail.W003` | in production `http.public_url` is not set: a mail with a link to the application cannot be rendered |
//!
//! An address of a server that cannot be read is refused as `config.E007`.

use mainstay_core::check::Check;
use mainstay_core::{
    Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module, Provider,
};
use mainstay_http::{HttpConfig, RoutesExt};
use mainstay_view::{ViewsExt, views};

use crate::config::MailConfig;
use crate::mailer::Mailer;
use crate::smtp::Server;
use crate::transport::MailDriver;
use crate::{file, memory, preview, smtp};

const URL: &str = "mail.url";
const EXAMPLE: &str = "set it to your server: url = \"smtp://user:password@mail.example:587\", in the credentials or the environment";

/// A contribution: the application sends mails.
struct SendsMails;

impl Contribution for SendsMails {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// The module: the section `mail`, [`Mailer`], and in development the pages below `/_mainstay/mails`. Modules that send mails import it.
pub fn module() -> Module {
    Module::new("mail")
        .global()
        .import(mainstay_view::module::module())
        .config::<MailConfig>()
        .views(views!())
        .contribute(file::driver())
        .contribute(memory::driver())
        .contribute(smtp::driver())
        .contribute(smtp::encrypted_driver())
        .provide(Provider::asynchronous(Mailer::provide).on_demand())
        .export::<Mailer>()
        .routes(preview::routes())
        .check(Check::at_start(find_transport))
        .check(Check::at_deploy(find_doubts))
}

fn find_transport(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<MailConfig>() else { return };
    let is_production = assembly.profile.is_production();
    // Whoever only has the module, and sends nothing, needs no server.
    let sends = assembly.needs::<Mailer>();
    match config.url(&assembly.profile) {
        None if sends => {
            let told = "mails are sent, and nothing says where to";
            findings.add(Finding::error("mail.E001", told).at(URL).fix(EXAMPLE));
        }
        Some(url) if MailDriver::of(&assembly.contributions, url).is_none() => {
            let (asked, fix) = MailDriver::unknown(&assembly.contributions, url, ":…");
            let told = format!("nothing sends mails to {asked}");
            findings.add(Finding::error("mail.E002", told).at(URL).fix(fix));
        }
        _ => {}
    }
    if sends && is_production && config.from.is_none() {
        let fix = "set it to an address that your server sends for: from = \"Shop <no-reply@shop.example>\"";
        findings.add(
            Finding::error("mail.E003", "mails are sent, and nothing says whom from")
                .at("mail.from")
                .fix(fix),
        );
    }
}

fn find_doubts(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<MailConfig>() else { return };
    let Some(url) = config.url(&assembly.profile) else { return };
    let driver = MailDriver::of(&assembly.contributions, url);
    if driver.is_some_and(|driver| [file::SCHEME, memory::SCHEME].contains(&driver.scheme())) {
        findings.add(
            Finding::warning("mail.W001", "mails are kept here, and nobody gets them").at(URL).fix(EXAMPLE),
        );
    }
    if let Ok(server) = Server::parse(url)
        && server.is_exposed()
    {
        let told =
            "mails, and the password of the server if it has one, go over the network without encryption";
        let fix = "leave `tls=none` out: then nothing is sent without STARTTLS";
        findings.add(Finding::warning("mail.W002", told).at(URL).fix(fix));
    }
    let public_url = assembly.config.section::<HttpConfig>().ok().and_then(|http| http.public_url.clone());
    if public_url.is_none() {
        let told = "a mail with a link to the application cannot be rendered";
        let fix = "set it to where people find the application: public_url = \"https://shop.example\"";
        findings.add(Finding::warning("mail.W003", told).at("http.public_url").fix(fix));
    }
}

/// Lets an application send mails. In the prelude.
pub trait MailExt: Contribute {
    /// Handlers and services may take a [`Mailer`]. Where mails go says `mail.url`.
    #[must_use]
    fn mail(self) -> Self {
        self.contribute(SendsMails)
    }
}

impl<C: Contribute> MailExt for C {}
