//! The built-in module `inbound-mail`.
//!
//! | id | what |
//! |---|---|
//! | `inbound_mail.E001` | a pattern of addresses cannot be read |
//! | `inbound_mail.E002` | a function gets no mail: a pattern before it takes everything, or is the same |

use mainstay_core::check::Check;
use mainstay_core::{Assembly, Contribute, CoreContributions, Finding, Findings, Module, Provider};
use mainstay_http::RoutesExt;
use mainstay_jobs::{JobsExt, jobs};

use super::config::InboundMailConfig;
use super::directory::{Directory, InboundRoute};
use super::job::ReceiveMail;
use super::mails::InboundMails;
use super::{command, ingress};

/// The module: the section `inbound_mail`, [`InboundMails`], the doors, the command `mail`, and the job. It is installed by the first
/// function that takes mails.
pub(super) fn module() -> Module {
    Module::new("inbound-mail")
        .global()
        // Whoever takes mails may answer them.
        .import(crate::module::module())
        .config::<InboundMailConfig>()
        .jobs(jobs![ReceiveMail])
        .provide(Provider::singleton(Directory::new).on_demand())
        .provide(Provider::singleton(InboundMails::new).on_demand())
        .export::<InboundMails>()
        .routes(ingress::routes())
        .contribute(command::command())
        .check(Check::at_start(find_faulty_patterns))
}

fn find_faulty_patterns(assembly: &Assembly, findings: &mut Findings) {
    let mut before: Vec<&InboundRoute> = Vec::new();
    for route in assembly.contributions.of::<InboundRoute>().map(|found| found.value) {
        let pattern = match &route.pattern {
            Ok(pattern) => pattern,
            Err(reason) => {
                let told = format!("`{}` is no pattern of addresses: {reason}", route.text);
                let fix = "write it as `support@shop.example`, `support@*`, `*@shop.example`, `reply+*@shop.example` or `*`";
                findings.add(Finding::error("inbound_mail.E001", told).fix(fix));
                continue;
            }
        };
        let hides = |other: &&&InboundRoute| {
            other.pattern.as_ref().is_ok_and(|other| other.takes_all() || other == pattern)
        };
        if let Some(other) = before.iter().find(hides) {
            let told = format!("no mail comes to `{}`: `{}` stands before it", route.text, other.text);
            findings.add(Finding::error("inbound_mail.E002", told).fix("change their order"));
        }
        before.push(route);
    }
}
