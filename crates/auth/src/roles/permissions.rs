//! Which permissions there are: a misspelt one would open nothing, or never be missed.

use std::collections::BTreeSet;

use mainstay_core::check::Findings;
use mainstay_core::config::did_you_mean;
use mainstay_core::principal::stands_for;
use mainstay_core::{Assembly, Contribute, Contribution, Contributions, Error, Finding, Result};
use mainstay_db::module::Models;
use mainstay_resource::Action;
use mainstay_resource::policy::permission_of;

use super::Role;

/// Whoever has it makes, gives and takes roles.
pub const ADMINISTER_ROLES: &str = "roles.administer";

/// A contribution: permissions that are about no model, or about more than its four.
#[derive(Clone, Debug)]
pub struct KnownPermissions(Vec<String>);

impl Contribution for KnownPermissions {}

/// Says which permissions there are. In the prelude.
pub trait PermissionsExt: Contribute {
    /// There are these permissions, beside `view`, `add`, `change` and `delete` of every model: `.permissions(["articles.publish"])`.
    #[must_use]
    fn permissions<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.contribute(KnownPermissions(names.into_iter().map(Into::into).collect()))
    }
}

impl<C: Contribute> PermissionsExt for C {}

/// All that an application has.
pub fn all_permissions(contributions: &Contributions) -> BTreeSet<String> {
    let mut all = BTreeSet::from([ADMINISTER_ROLES.to_owned()]);
    for model in Models::of_application(contributions) {
        all.extend(Action::ALL.map(|action| permission_of(model, action)));
    }
    all.extend(contributions.of::<KnownPermissions>().flat_map(|known| known.value.0.iter().cloned()));
    all
}

/// Refuses what the application does not know.
pub(super) fn known(permission: &str, contributions: &Contributions) -> Result<()> {
    let all = all_permissions(contributions);
    if is_known(permission, &all) {
        return Ok(());
    }
    let near = did_you_mean(permission, all.iter().map(String::as_str));
    let shown: String = permission.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let end = if near.is_empty() { "." } else { "" };
    Err(Error::bad_request(format!("There is no permission `{shown}`{near}{end}")).code("unknown_permission"))
}

fn is_known(permission: &str, all: &BTreeSet<String>) -> bool {
    all.contains(permission)
        || permission.ends_with('*') && all.iter().any(|known| stands_for(permission, known))
}

/// `auth.E080`: a guard, or a role in code, is about a permission that nobody can be given. `auth.E081`: two roles in code have one name.
pub(crate) fn check(assembly: &Assembly, findings: &mut Findings) {
    let all = all_permissions(&assembly.contributions);
    let mut unknown = |permission: &str, who: String, place: String| {
        if is_known(permission, &all) {
            return;
        }
        let near = did_you_mean(permission, all.iter().map(String::as_str));
        findings.add(
            Finding::error(
                "auth.E080",
                format!("{who} the permission `{permission}`, which is not declared{near}"),
            )
            .at(place)
            .fix(format!("correct it, or add `.permissions([\"{permission}\"])` to the application")),
        );
    };
    for route in mainstay_http::routes_of(assembly) {
        let operation = &route.operation;
        for permission in operation.guards.iter().flat_map(|guard| &guard.permissions) {
            let place = format!("{}:{}", operation.source.file, operation.source.line);
            let who = format!("`{} {}` asks for", route.method_name(), route.label());
            unknown(permission, who, place);
        }
    }
    let roles: Vec<_> = assembly.contributions.of::<Role>().collect();
    for role in &roles {
        for permission in &role.value.permissions {
            let place = format!("module `{}`", role.module.name);
            unknown(permission, format!("the role `{}` has", role.value.name), place);
        }
    }
    for (index, role) in roles.iter().enumerate() {
        if roles[..index].iter().any(|first| first.value.name == role.value.name) {
            findings.add(
                Finding::error("auth.E081", format!("there are two roles `{}`", role.value.name))
                    .at(format!("module `{}`", role.module.name))
                    .fix("give one of them another name, or make one role of both"),
            );
        }
    }
}
