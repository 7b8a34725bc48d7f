//! Layered, typed configuration that knows where each value comes from.
//!
//! A crate owns a [`Section`]: a plain serde struct with defaults. The application registers its sections, and a
//! [`Loader`] fills them from these layers, each over the one before:
//!
//! 1. the defaults in code;
//! 2. `config/default.toml`;
//! 3. `config/<profile>.toml`;
//! 4. `config/credentials.<profile>.sealed`, else `config/credentials.sealed`: see `credentials`;
//! 5. `.env`;
//! 6. the environment: `MAINSTAY__HTTP__PORT`, and the aliases that a section declares (`PORT`), which the long form
//!    beats;
//! 7. the command line: `--set http.port=8080`;
//! 8. what a test overrides.
//!
//! The files lie in the application's home folder: `MAINSTAY_HOME`, else `CARGO_MANIFEST_DIR` (set by `cargo run`),
//! else the current folder. Layers 5 to 8 are text and become what the field's type asks for: `true`/`on`/`yes`,
//! numbers, lists by comma (`a,b`) or in TOML (`["a,b"]`), inline tables (`{ a = 1 }`); empty text is "none" for an
//! `Option`. Where a type does not say what it wants (an untagged enum, a flattened struct), text that reads as a
//! boolean or a number becomes one.
//!
//! Everything wrong is reported together, as [`Findings`](crate::Findings):
//!
//! | id | what |
//! |---|---|
//! | `config.E001` | a file exists and cannot be read, or the home folder does not exist |
//! | `config.E002` | a file is not valid TOML |
//! | `config.E003` | no part of the application reads this section |
//! | `config.E004` | the section has no such key |
//! | `config.E005` | the value is not of the type that the key asks for |
//! | `config.E006` | a value is missing that has no default |
//! | `config.E007` | the section refuses the value ([`Section::validate`]) |
//! | `config.E008` | a line of `.env` cannot be read |
//! | `config.E009` | an environment variable or `--set` does not name `section` and `key`, or is not UTF-8 |
//! | `config.E010` | two sections contend for one name or one alias |
//! | `config.E011` | there are credentials, and their key is not |
//! | `config.E012` | the credentials cannot be opened: they were sealed with another key, or changed |
//! | `config.W001` | the profile is none of ours and has no file |
//! | `config.W002` | a variable looks like a setting, but its name is written so that it is not read |
//!
//! Read in this order: [`Section`] here; [`Sources`] (where text comes from); `tree` (values with their origins);
//! `file`, `dotenv`, `variables` (one layer each); `decode` (serde over the tree); [`Loader`] and [`Config`].

pub(crate) mod credentials;
mod decode;
mod descriptor;
mod dotenv;
mod file;
mod loaded;
mod loader;
mod nearest;
mod origin;
mod report;
mod secret;
mod sources;
mod tree;
mod variables;

pub mod bytes;
pub mod duration;

#[cfg(test)]
mod tests;

use serde::{Serialize, de::DeserializeOwned};

pub use descriptor::SectionDescriptor;
pub use loaded::{Config, Setting};
pub use loader::Loader;
pub use nearest::{did_you_mean, nearest};
pub use origin::Origin;
pub use secret::Secret;
pub use sources::Sources;

/// A typed part of the configuration, owned by the crate that reads it.
///
/// It is registered with `module.config::<HttpConfig>()` and then injected as `Inject<HttpConfig>`.
///
/// ```
/// use mainstay_core::Profile;
/// use mainstay_core::config::{Loader, Problems, Section, Sources};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(default)]
/// struct Greeting {
///     name: String,
///     times: u8,
/// }
///
/// impl Default for Greeting {
///     fn default() -> Self {
///         Self { name: "world".into(), times: 1 }
///     }
/// }
///
/// impl Section for Greeting {
///     const NAME: &'static str = "greeting";
///
///     fn validate(&self, problems: &mut Problems) {
///         if self.times == 0 {
///             problems.add("times", "must be at least 1", None);
///         }
///     }
/// }
///
/// let sources = Sources::isolated()
///     .file("config/default.toml", "[greeting]\nname = 'moon'")
///     .variable("MAINSTAY__GREETING__TIMES", "3");
/// let config = Loader::new(Profile::Test, sources).section::<Greeting>().load().unwrap();
/// let greeting = config.section::<Greeting>().unwrap();
/// assert_eq!((greeting.name.as_str(), greeting.times), ("moon", 3));
/// assert_eq!(config.settings()[0].to_string(), r#"greeting.name = "moon"  # config/default.toml:2"#);
/// ```
pub trait Section: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The TOML table, and the part of the variable's name: `http` for `[http]` and `MAINSTAY__HTTP__…`.
    const NAME: &'static str;

    /// Well-known variables, each with the key that it sets: `("PORT", "port")`. Ignored while empty.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];

    /// Adds what serde cannot see: bounds, and values that contradict each other.
    fn validate(&self, _problems: &mut Problems) {}
}

/// What [`Section::validate`] found.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

#[derive(Debug)]
struct Problem {
    key: String,
    message: String,
    fix: Option<String>,
}

impl Problems {
    /// `key` (within the section, `tls.certificate` for a nested one) is wrong; `message` goes on where the key's name
    /// ends: `must not be 0`.
    pub fn add(&mut self, key: &str, message: impl Into<String>, fix: Option<&str>) {
        self.0.push(Problem { key: key.to_owned(), message: message.into(), fix: fix.map(str::to_owned) });
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
