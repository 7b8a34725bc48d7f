//! The application: a value that says what it is made of.
//!
//! Building an [`App`] opens nothing, reads nothing and starts nothing. `#[mainstay::main]` turns it into a program
//! with commands; a test starts the very same value.

use std::borrow::Cow;

use crate::container::{IntoProvider, Registration};
use crate::contribution::{Contribute, Contribution};
use crate::module::Module;
use crate::profile::Profile;

/// An application.
///
/// ```
/// use mainstay_core::{App, CoreContributions, Module};
///
/// struct Counter;
///
/// fn app() -> App {
///     App::new().provide(|| Counter).module(Module::new("billing"))
/// }
/// ```
pub struct App {
    pub(crate) root: Module,
    pub(crate) info: AppInfo,
    pub(crate) profile: Option<Profile>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) overrides: Vec<Registration>,
}

/// What the application is called. Injectable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppInfo {
    /// Its name: the package's, unless [`App::named`] says otherwise.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
}

const UNNAMED: AppInfo = AppInfo { name: Cow::Borrowed("app"), version: Cow::Borrowed("0.0.0") };

impl Default for App {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// An application with nothing in it.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self {
            root: Module::new("app"),
            info: UNNAMED,
            profile: None,
            settings: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// Names it, and says its version. `#[mainstay::main]` takes both from the package.
    #[must_use]
    pub fn named(
        mut self,
        name: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.info = AppInfo { name: name.into(), version: version.into() };
        self
    }

    /// Takes name and version from the package, unless it has been named.
    pub(crate) fn named_by_package(self, package: &'static str, version: &'static str) -> Self {
        if self.info == UNNAMED { self.named(package, version) } else { self }
    }

    /// Adds a module.
    #[must_use]
    pub fn module(mut self, module: Module) -> Self {
        self.root = self.root.import(module);
        self
    }

    /// Fixes the profile, whatever the environment says.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Sets a configuration value (`"http.port"`) above every other source. For tests.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    /// Puts a provider in the place of every other that answers to the same types. For tests: a stub for what sends
    /// mail, a clock that stands still.
    #[must_use]
    #[track_caller]
    pub fn replace<Marker>(mut self, provider: impl IntoProvider<Marker>) -> Self {
        self.overrides.push(provider.into_registration());
        self
    }
}

impl Contribute for App {
    fn contribute<C: Contribution>(mut self, contribution: C) -> Self {
        self.root = self.root.contribute(contribution);
        self
    }
}
