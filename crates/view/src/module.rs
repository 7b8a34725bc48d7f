//! The built-in module `view`.
//!
//! | id | what |
//! |---|---|
//! | `view.E001` | a view does not compile |

use mainstay_core::check::Check;
use mainstay_core::{Assembly, Contribute, CoreContributions, Finding, Findings, Module, Provider};
use mainstay_http::RoutesExt;
use mainstay_http::files::Assets;
use mainstay_http::render::ErrorRenderer;
use minijinja::Environment;

use crate::folder::ViewFolder;
use crate::templates::{Extension, Templates, mistake};
use crate::{errors, views};

/// Where the style sheet is, for pages of one's own that want to look like the built-in ones.
pub const STYLE_SHEET: &str = "/_mainstay/style.css";

/// The module. It is installed by the first `.views(…)`.
pub fn module() -> Module {
    let style = Assets::from_static(&[("style.css", include_bytes!("../assets/style.css"))]);
    Module::new("view")
        .global()
        .contribute(views!())
        .static_files("/_mainstay", style)
        .provide(Provider::singleton(Templates::provide))
        .export::<Templates>()
        .contribute(ErrorRenderer::with_container(errors::page).for_people())
        .check(Check::at_start(compile))
}

/// Every view is compiled before the first request.
fn compile(assembly: &Assembly, findings: &mut Findings) {
    let templates = Templates::of_all(&assembly.contributions, &assembly.profile);
    for (name, fault) in templates.mistakes() {
        findings.add(Finding::error("view.E001", mistake(name, &fault)));
    }
}

/// Adds views. In the prelude.
pub trait ViewsExt: Contribute {
    /// Adds the views of this crate: `.views(views!())`.
    #[must_use]
    fn views(self, folder: ViewFolder) -> Self {
        self.contribute(folder)
    }

    /// Adds filters, functions and globals: `.view_environment(|views| views.add_filter("coins", coins))`.
    #[must_use]
    fn view_environment(self, change: impl Fn(&mut Environment<'static>) + Send + Sync + 'static) -> Self {
        self.contribute(Extension(std::sync::Arc::new(change)))
    }
}

impl<C: Contribute> ViewsExt for C {}
