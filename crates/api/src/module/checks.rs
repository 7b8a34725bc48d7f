//! What is wrong with how an application is documented.

use std::collections::BTreeSet;

use mainstay_core::{Assembly, Finding, Findings};
use mainstay_http::describe::Operation;

use super::Api;
use crate::openapi::{Kind, Listed, left_out};
use crate::versions::Documents;

/// `api.E001`: the application is documented twice.
pub(super) fn find_several(assembly: &Assembly, findings: &mut Findings) {
    let modules: Vec<_> =
        assembly.contributions.of::<Api>().map(|api| format!("`{}`", api.module.name)).collect();
    if modules.len() > 1 {
        findings.add(
            Finding::error("api.E001", "`.api(..)` is called more than once")
                .at(format!("modules {}", modules.join(", ")))
                .fix("describe the API once, on the application"),
        );
    }
}

/// `api.W002`: a tag is described that no operation has.
pub(super) fn find_unused_tags(assembly: &Assembly, findings: &mut Findings) {
    let root = assembly.contributions.modules().last().map(|root| root.name.as_str());
    let routes = mainstay_http::routes_of(assembly);
    let listed = routes.iter().filter(|route| !route.operation.hidden).map(|route| Listed {
        operation: &route.operation,
        kind: Kind::Handler,
        module: Some(route.module.as_str()).filter(|module| Some(*module) != root),
        errors: None,
    });
    let used: BTreeSet<String> =
        listed.flat_map(|listed| listed.tags().map(str::to_owned).collect::<Vec<_>>()).collect();
    for api in assembly.contributions.of::<Api>() {
        for (name, _) in api.value.frame.tags.iter().filter(|(name, _)| !used.contains(name)) {
            findings.add(
                Finding::warning(
                    "api.W002",
                    format!("the tag `{name}` is described, and no operation has it"),
                )
                .at(format!("module {}", api.module.name))
                .fix("write it as in `#[get(.., tag = \"..\")]` or as the name of a module, or take it out"),
            );
        }
    }
}

/// `api.W003`: a document has no room for an operation.
pub(super) fn find_left_out(assembly: &Assembly, findings: &mut Findings) {
    let documents = Documents::new(&assembly.contributions);
    let routes = mainstay_http::routes_of(assembly);
    let handlers = || routes.iter().filter(|route| route.method.is_some() && !route.operation.hidden);
    let mut told = BTreeSet::new();
    for built in documents.all() {
        let operations: Vec<_> = handlers().filter_map(|route| documents.operation(built, route)).collect();
        let operations: Vec<&Operation> = operations.iter().map(AsRef::as_ref).collect();
        for (left, there) in left_out(&operations) {
            let (left, there) = (operations[left], operations[there]);
            let method = &left.method;
            if told.insert((method.to_string(), left.path.clone())) {
                findings.add(
                    Finding::warning(
                        "api.W003",
                        format!("the document has no room for `{method} {}` beside `{}`", left.path, there.path),
                    )
                    .at(format!("{}:{}", left.source.file, left.source.line))
                    .fix("to OpenAPI the two are one address: give one of them another, or hide it with `hidden`"),
                );
            }
        }
    }
}

/// `api.W001`: a handler takes or answers what says nothing about itself.
pub(super) fn find_opaque(assembly: &Assembly, findings: &mut Findings) {
    let routes = mainstay_http::routes_of(assembly);
    for operation in routes.iter().map(|route| &route.operation).filter(|operation| !operation.hidden) {
        for name in &operation.opaque {
            findings.add(
                Finding::warning(
                    "api.W001",
                    format!("`{}` is documented in part: `{name}` says nothing about itself", operation.name),
                )
                .at(format!("{}:{}", operation.source.file, operation.source.line))
                .fix("derive `JsonSchema` for what is inside, or implement `Describe`"),
            );
        }
    }
}
