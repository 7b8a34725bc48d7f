//! Settings that are sealed: made, edited, and refused without their key.

use std::fs;

use crate::installation::{Installation, has};

const SECRET: &str = "YwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";

impl Installation {
    /// Edits with an "editor" that puts this text there, and notes where and how.
    fn edit(&self, text: &str, of: &str) -> std::process::Output {
        fs::write(self.path("new.toml"), text).unwrap();
        fs::write(
            self.path("edit.sh"),
            "cp \"$1\" seen; stat -c %a \"$1\" > mode; cp new.toml \"$1\"; echo \"$1\" > where",
        )
        .unwrap();
        let mut command = self.command(&format!("credentials edit {of}"));
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("EDITOR", "sh edit.sh").output().unwrap()
    }

    fn edited(&self, text: &str, of: &str) -> String {
        let output = self.edit(text, of);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{out}{err}");
        out
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn settings() -> String {
    format!("[keys]\nsecret = \"{SECRET}\"\n[database]\nurl = \"sqlite:hidden.db\"\n")
}

#[test]
fn are_sealed_and_read_as_other_settings_are() {
    let shop = Installation::new();
    fs::write(shop.path(".gitignore"), "/target").unwrap();
    let told = shop.edited(&settings(), "");
    has(&told, &["config/credentials.key has been made", "config/credentials.sealed is sealed"]);
    assert_eq!(shop.read(".gitignore"), "/target\n/config/*.key*\n");
    let sealed = shop.read("config/credentials.sealed");
    assert!(!sealed.contains("hidden") && !sealed.contains("secret"), "{sealed}");
    // What was edited was for nobody else, and is gone.
    assert_eq!(shop.read("mode").trim(), "600");
    assert!(!std::path::Path::new(shop.read("where").trim()).exists());

    assert_eq!(shop.ok("credentials show"), settings());
    let shown = shop.ok("config show");
    has(&shown, &["database.url = ********  # ", "config/credentials.sealed:4"]);
    assert!(!shown.contains("hidden"), "{shown}");
    shop.ok("seed");
    assert!(shop.path("hidden.db").exists());

    has(&shop.edited(&settings(), ""), &["Nothing has changed."]);
    assert_eq!(shop.read("seen"), settings(), "the editor shows what is there");
    assert_eq!(shop.read("config/credentials.sealed"), sealed);
}

#[test]
fn nothing_starts_without_their_key() {
    let shop = Installation::new();
    shop.edited(&settings(), "");
    let key = shop.read("config/credentials.key");
    fs::write(shop.path("config/credentials.key"), "hunter2").unwrap();
    let weak = Installation::new();
    let output =
        weak.command("credentials edit").env("MAINSTAY_CREDENTIALS_KEY", "hunter2").output().unwrap();
    has(
        &String::from_utf8_lossy(&output.stderr),
        &["The key of the credentials must have at least 32 characters"],
    );
    fs::remove_file(shop.path("config/credentials.key")).unwrap();
    let told = shop.refused("seed");
    has(
        &told,
        &[
            "config.E011",
            "credentials.sealed` is there, and the key that opens it is not",
            "MAINSTAY_CREDENTIALS_KEY",
        ],
    );
    has(&shop.refused("credentials show"), &["config.E011"]);
    let output = shop.command("config show").env("MAINSTAY_CREDENTIALS_KEY", key.trim()).output().unwrap();
    assert!(output.status.success());

    fs::write(shop.path("config/credentials.key"), "x".repeat(64)).unwrap();
    has(&shop.refused("seed"), &["config.E012", "it was sealed with another key"]);
    fs::write(shop.path("config/credentials.key"), &key).unwrap();
    let sealed = shop.read("config/credentials.sealed");
    fs::write(shop.path("config/credentials.sealed"), format!("{}A", &sealed.trim()[..40])).unwrap();
    has(&shop.refused("seed"), &["config.E012", "it has been changed"]);
    fs::write(shop.path("config/credentials.sealed"), sealed).unwrap();
    shop.ok("seed");
}

#[test]
fn a_slip_changes_nothing() {
    let shop = Installation::new();
    shop.edited(&settings(), "");
    let sealed = shop.read("config/credentials.sealed");
    let output = shop.edit("[keys]\nsecret = \n", "");
    assert_eq!(output.status.code(), Some(1));
    has(&String::from_utf8_lossy(&output.stderr), &["Nothing was changed", "config.E002", ":2:"]);
    assert!(!std::path::Path::new(shop.read("where").trim()).exists());
    let output = shop.command("credentials edit").env("EDITOR", "false").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let output = shop.command("credentials edit").env("EDITOR", "no-such-editor-here").output().unwrap();
    has(&String::from_utf8_lossy(&output.stderr), &["no-such-editor-here", "set EDITOR"]);
    assert_eq!(shop.read("config/credentials.sealed"), sealed);
    // A value that does not fit is not shown either.
    shop.edited("[keys]\nlifetime = \"hunter2\"\n", "");
    let told = shop.refused("seed");
    has(&told, &["`keys.lifetime` cannot be ********", "credentials.sealed:2"]);
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_profile_may_have_its_own() {
    let shop = Installation::new();
    shop.edited(&settings(), "");
    shop.edited("[database]\nurl = \"sqlite:production.db\"\n", "production");
    assert_ne!(shop.read("config/credentials.key"), shop.read("config/credentials.production.key"));
    has(&shop.ok("config show"), &["config/credentials.sealed:4"]);
    let production = shop.ok("--profile production config show");
    has(&production, &["config/credentials.production.sealed:2"]);
    assert!(!production.contains("config/credentials.sealed"), "{production}");
    assert_eq!(shop.ok("credentials show production"), "[database]\nurl = \"sqlite:production.db\"\n");
    has(&shop.refused("credentials show staging"), &["There is no config/credentials.staging.sealed"]);
}
