//! What is in the dependency tree, and what must not be.

use std::{collections::BTreeSet, process::Command};

use crate::{
    outcome::{Outcome, Result},
    process,
    test::Context,
};

/// A crate, and why it is listed.
struct Entry {
    name: &'static str,
    why: &'static str,
}

/// Never, in no feature, on no platform.
const BANNED: &[Entry] = &[
    Entry { name: "aws-lc-rs", why: "ring is the only provider of TLS and cryptography" },
    Entry { name: "aws-lc-sys", why: "ring is the only provider of TLS and cryptography" },
    Entry { name: "native-tls", why: "rustls is the only TLS" },
    Entry { name: "openssl", why: "rustls is the only TLS" },
    Entry { name: "openssl-sys", why: "rustls is the only TLS" },
];

const OLD_PHF: &str = "chrono-tz 0.10 stays on 0.12, tokio-postgres moved on to 0.13; a look-up in a table that is made at compile time";
const OLD_SHA1: &str = "mysql_common 0.37 hashes with sha1 0.10 and its family of crates, everybody else moved on; only MySQL has both, and S3 some of it (crc-fast 1.10)";
/// Crates of which two versions are tolerated, with the reason.
const DUPLICATES: &[Entry] = &[
    Entry {
        name: "getrandom",
        why: "ring 0.17 stays on 0.2, mysql_common 0.37 on 0.3, the others moved on to 0.4; all wrap the same system call in few lines",
    },
    Entry { name: "block-buffer", why: OLD_SHA1 },
    Entry { name: "cpufeatures", why: OLD_SHA1 },
    Entry { name: "crypto-common", why: OLD_SHA1 },
    Entry { name: "digest", why: OLD_SHA1 },
    Entry { name: "sha1", why: OLD_SHA1 },
    Entry { name: "sha2", why: OLD_SHA1 },
    Entry {
        name: "base64",
        why: "mysql_common 0.37 and charset 0.1 stay on 0.22, bcrypt moved on to 0.23; an alphabet and few lines",
    },
    Entry {
        name: "fallible-iterator",
        why: "postgres-protocol 0.6 stays on 0.2, rusqlite moved on to 0.3; one trait of few lines",
    },
    Entry {
        name: "miniz_oxide",
        why: "png 0.18 and fdeflate, which image has for PNG, stay on 0.8, flate2 moved on to 0.9; only who makes pictures has both",
    },
    Entry { name: "phf", why: OLD_PHF },
    Entry { name: "phf_shared", why: OLD_PHF },
    Entry {
        name: "spin",
        why: "crc-fast 1.10, which object_store has for checksums of S3, moved on to 0.10; multer, which axum has for forms, stays on 0.9",
    },
    Entry {
        name: "syn",
        why: "garde_derive 0.23 stays on 2, everybody else moved on to 3; only who derives rules has both",
    },
];

pub(crate) fn check(context: &Context) -> Result<Outcome> {
    let mut failures = banned(&tree(context, &["--edges", "all", "--target", "all"])?);
    // What benches compare us with may bring what it likes: no user ever builds it.
    let peers: Vec<_> =
        context.workspace.below("benches").flat_map(|package| ["--exclude", &package.name]).collect();
    let watched = [&["--duplicates", "--edges", "normal", "--depth", "0"], peers.as_slice()].concat();
    let duplicates = tree(context, &watched)?;
    let twice = in_several_versions(&duplicates);
    failures.extend(twice.iter().filter(|name| find(DUPLICATES, name).is_none()).map(|name| {
        format!(
            "{name} is built in more than one version (`cargo tree --invert {name}`): align them, or add it with its \
             reason to xtask/src/test/dependencies.rs"
        )
    }));
    if context.ci && lock_file_changed(context)? {
        failures.push("Cargo.lock is out of date: run any cargo command and commit it".to_owned());
    }
    let mut outcome = Outcome::check(failures);
    outcome.notes = DUPLICATES
        .iter()
        .map(|entry| match twice.contains(entry.name) {
            true => format!("two versions of {}: {}", entry.name, entry.why),
            false => format!("{} has one version again: take it off the list", entry.name),
        })
        .collect();
    Ok(outcome)
}

fn tree(context: &Context, arguments: &[&str]) -> Result<String> {
    let mut command = context.workspace.cargo();
    command
        .args(["tree", "--workspace", "--all-features", "--prefix", "none", "--format", "{p}"])
        .args(arguments);
    process::output(command)
}

fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

/// Cargo also lists a crate that is built twice in one version, with other features for the build machine.
fn in_several_versions(tree: &str) -> BTreeSet<&str> {
    let crates: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    let names: Vec<_> = crates.iter().map(|(name, _)| *name).collect();
    names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

fn banned(tree: &str) -> Vec<String> {
    let names = names(tree);
    let found = BANNED.iter().filter(|entry| names.contains(entry.name));
    found.map(|entry| format!("{0}: {1} (`cargo tree --invert {0}`)", entry.name, entry.why)).collect()
}

fn find(entries: &'static [Entry], name: &str) -> Option<&'static Entry> {
    entries.iter().find(|entry| entry.name == name)
}

fn lock_file_changed(context: &Context) -> Result<bool> {
    let mut git = Command::new("git");
    git.current_dir(&context.workspace.root).args(["status", "--porcelain", "--", "Cargo.lock"]);
    Ok(!process::output(git)?.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_banned_wherever_it_is_in_the_tree() {
        let tree = "conduit v0.1.0 (/w)\nrustls v0.23.4\naws-lc-rs v1.2.3 (*)\n\nserde v1.0.0\n";
        let found = banned(tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("aws-lc-rs: ring is the only"), "{}", found[0]);
    }

    #[test]
    fn tells_two_versions_from_two_builds_of_one() {
        let tree = "regex v1.13.2\n\nregex v1.13.2\n\nsyn v2.0.119\n\nsyn v3.0.10\n";
        assert_eq!(in_several_versions(tree), BTreeSet::from(["syn"]));
    }

    #[test]
    fn every_exception_has_a_reason() {
        assert!(BANNED.iter().chain(DUPLICATES).all(|entry| entry.why.len() > 10));
    }
}
