//! Programs from outside, as Debian packages, which are found, or installed when run as root; or from PyPI or npm, in a folder
//! of their own below `target/`.

use std::{path::PathBuf, process::Command, time::Duration};

use servers::{account, programs};

use crate::{
    outcome::Result,
    process::{self, Show},
    services::{npm, pypi},
    workspace::Workspace,
};

/// A program that a suite or a bench runs.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Where it may be, the Debian package that has it, and the variable that tells a suite where it is.
    pub(crate) place: programs::Program,
    pub(crate) purpose: &'static str,
    pub(crate) origin: Origin,
}

/// Where a program is installed from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// The Debian package of its place.
    Debian,
    /// This package and version on PyPI; the Debian package is what it is installed with.
    PyPi(&'static str),
    /// The same for a package that is no program: what is run is the Python that has it.
    PyPiLibrary(&'static str),
    /// This package and version on npm; the Debian package is what it is installed with.
    Npm(&'static str),
    /// The same for a package that is no program: this file of it is what a script loads.
    NpmLibrary(&'static str, &'static str),
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "chromium",
        place: programs::Program {
            variable: "MAINSTAY_CHROMIUM",
            package: "chromium",
            binaries: &["chromium", "chromium-browser", "google-chrome"],
        },
        purpose: "browser tests",
        origin: Origin::Debian,
    },
    Program {
        name: "schemathesis",
        place: programs::Program {
            variable: "MAINSTAY_SCHEMATHESIS",
            package: "python3-venv",
            binaries: ANY_VERSION,
        },
        purpose: "fuzzing the flagship by its own document",
        origin: Origin::PyPi("schemathesis==4.32.5"),
    },
    Program {
        name: "django-admin",
        place: programs::Program {
            variable: "MAINSTAY_DJANGO",
            package: "python3-venv",
            binaries: ANY_VERSION,
        },
        purpose: "hashes of passwords by Django and bcrypt",
        origin: Origin::PyPi("django[argon2,bcrypt]==5.2.19"),
    },
    Program {
        name: "aiosmtpd",
        place: programs::Program {
            variable: "MAINSTAY_AIOSMTPD",
            package: "python3-venv",
            binaries: ANY_VERSION,
        },
        purpose: "mails as somebody else's server gets them",
        origin: Origin::PyPi("aiosmtpd==1.4.6"),
    },
    Program {
        name: "pyjwt",
        place: programs::Program {
            variable: "MAINSTAY_PYJWT",
            package: "python3-venv",
            binaries: ANY_VERSION,
        },
        purpose: "tokens that another implementation checks, makes and forges",
        origin: Origin::PyPiLibrary("pyjwt[crypto]==2.15.1"),
    },
    Program {
        name: "standardwebhooks",
        place: programs::Program {
            variable: "MAINSTAY_STANDARDWEBHOOKS",
            package: "python3-venv",
            binaries: ANY_VERSION,
        },
        purpose: "webhooks that another implementation checks and signs",
        origin: Origin::PyPiLibrary("standardwebhooks==1.1.0"),
    },
    Program {
        name: "wrk",
        place: programs::Program { variable: "MAINSTAY_WRK", package: "wrk", binaries: &["wrk"] },
        purpose: "load for `cargo xtask bench http` (there is a load generator in the repository for want of it)",
        origin: Origin::Debian,
    },
    Program {
        name: "node",
        place: programs::NODE,
        purpose: "programs that use a generated client, and Express in `cargo xtask bench api`",
        origin: Origin::Debian,
    },
    debian(
        "npm",
        programs::Program { variable: "MAINSTAY_NPM", package: "npm", binaries: &["npm"] },
        "packages of the above",
    ),
    npm_package("tsc", "MAINSTAY_TSC", "typescript@7.0.2", "type checks of generated clients"),
    npm_package("redocly", "MAINSTAY_REDOCLY", "@redocly/cli@2.77.0", "linting OpenAPI documents"),
    npm_package(
        "spectral",
        "MAINSTAY_SPECTRAL",
        "@stoplight/spectral-cli@6.16.3",
        "linting OpenAPI documents",
    ),
    Program {
        name: "tus-js-client",
        place: programs::Program {
            variable: "MAINSTAY_TUS_JS_CLIENT",
            package: "npm",
            binaries: ANY_VERSION,
        },
        purpose: "resumable uploads by somebody else's client",
        origin: Origin::NpmLibrary("tus-js-client@4.3.1", "tus-js-client/lib.es5/node/index.js"),
    },
    Program {
        name: "oidc-provider",
        place: programs::Program {
            variable: "MAINSTAY_OIDC_PROVIDER",
            package: "npm",
            binaries: ANY_VERSION,
        },
        purpose: "signing in by somebody else's issuer",
        origin: Origin::NpmLibrary("oidc-provider@9.13.3", "oidc-provider/lib/index.js"),
    },
    Program {
        name: "axe-core",
        place: programs::Program { variable: "MAINSTAY_AXE", package: "npm", binaries: ANY_VERSION },
        purpose: "whether pages are accessible",
        origin: Origin::NpmLibrary("axe-core@4.14.1", "axe-core/axe.min.js"),
    },
    debian(
        "oathtool",
        programs::Program { variable: "MAINSTAY_OATHTOOL", package: "oathtool", binaries: &["oathtool"] },
        "codes of a second factor by somebody else's program",
    ),
    debian("postgres", programs::POSTGRES, "tests on PostgreSQL"),
    debian("mariadb", programs::MARIADB, "tests on MariaDB"),
    debian("redis", programs::REDIS, "tests of what is kept on Redis"),
    Program {
        name: "moto",
        place: programs::MOTO,
        purpose: "files on S3",
        origin: Origin::PyPiLibrary("moto[server]==5.2.5"),
    },
    Program {
        name: "azurite",
        place: programs::AZURITE,
        purpose: "files on Azure",
        origin: Origin::NpmLibrary("azurite@3.37.0", "azurite/dist/src/blob/main.js"),
    },
    debian("pgbouncer", programs::PGBOUNCER, "tests of PostgreSQL behind a pooler"),
];

const fn debian(name: &'static str, place: programs::Program, purpose: &'static str) -> Program {
    Program { name, place, purpose, origin: Origin::Debian }
}

const fn npm_package(
    name: &'static str,
    variable: &'static str,
    package: &'static str,
    purpose: &'static str,
) -> Program {
    let place = programs::Program { variable, package: "npm", binaries: ANY_VERSION };
    Program { name, place, purpose, origin: Origin::Npm(package) }
}

/// Whatever has the name on the path may be of any version: only the variable is asked.
const ANY_VERSION: &[&str] = &[];

/// How long an installation may take.
const INSTALLATION: Duration = Duration::from_secs(10 * 60);

/// Every program.
pub(super) fn all() -> impl Iterator<Item = &'static Program> {
    PROGRAMS.iter()
}

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

impl Program {
    /// Where it is: named by its variable, on the path, or freshly installed.
    pub(crate) fn provide(&self) -> Result<PathBuf> {
        let missing = match self.place.find() {
            Ok(path) => return Ok(path),
            Err(why) => why,
        };
        // A variable that names no file is a mistake to be told, not a program to be installed.
        if std::env::var_os(self.place.variable).is_some() {
            return Err(missing);
        }
        match self.origin {
            Origin::Debian => {}
            Origin::PyPi(package) | Origin::PyPiLibrary(package) => {
                let folder = Workspace::load()?.target.join("xtask/pypi").join(package);
                let is_program = matches!(self.origin, Origin::PyPi(_));
                return Ok(pypi::install(&folder, &[package])?.join(if is_program {
                    self.name
                } else {
                    "python"
                }));
            }
            Origin::Npm(package) => {
                let folder = Workspace::load()?.target.join("xtask/npm").join(package);
                return Ok(npm::add(&folder, package)?.join(self.name));
            }
            Origin::NpmLibrary(package, file) => {
                let folder = Workspace::load()?.target.join("xtask/npm").join(package);
                npm::add(&folder, package)?;
                return Ok(folder.join("node_modules").join(file));
            }
        }
        if !account::is_root() {
            return Err(missing);
        }
        println!("installing the Debian package `{}` for {}", self.place.package, self.purpose);
        install(self.place.package)?;
        self.place
            .find()
            .map_err(|_| format!("the package `{}` came without the program", self.place.package).into())
    }
}

/// Runs what must not fail.
pub(super) fn expect(command: Command, what: &str) -> Result<()> {
    let ended = process::run(command, Show::Captured, INSTALLATION)?;
    if !ended.success() {
        return Err(format!("{what} failed:\n{}", ended.tail(5)).into());
    }
    Ok(())
}

pub(super) fn install(package: &str) -> Result<()> {
    let install = || apt_get(&["install", "--yes", "--no-install-recommends", package]);
    // A machine that never fetched the package lists finds nothing: fetch them, then try once more.
    install().or_else(|_| apt_get(&["update"]).and_then(|()| install()))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "-o", "DPkg::Lock::Timeout=120"]);
    command.args(arguments);
    expect(command, &format!("apt-get {}", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_name_and_a_variable_of_its_own() {
        for (at, program) in PROGRAMS.iter().enumerate() {
            let same = |other: &&Program| {
                other.name == program.name || other.place.variable == program.place.variable
            };
            assert_eq!(PROGRAMS.iter().position(|other| same(&other)), Some(at), "{}", program.name);
            assert!(find(program.name).is_some());
        }
    }

    #[test]
    fn a_program_of_a_certain_version_is_not_taken_from_the_path() {
        for program in PROGRAMS.iter().filter(|program| !matches!(program.origin, Origin::Debian)) {
            assert_eq!(program.place.binaries, ANY_VERSION, "{}", program.name);
        }
    }
}
