//! What a user gets, and sees, for good and bad configuration.

mod properties;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::{Findings, Profile};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Http {
    host: String,
    port: u16,
    #[serde(with = "duration")]
    timeout: Duration,
    #[serde(with = "bytes")]
    body_limit: u64,
    hosts: Vec<String>,
    compress: bool,
    ratio: f64,
    tls: Option<Tls>,
    mode: Mode,
    workers: NonZeroU16,
    headers: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tls {
    certificate: String,
    key: String,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Fast,
    Careful,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 3000,
            timeout: Duration::from_secs(30),
            body_limit: 2_000_000,
            hosts: Vec::new(),
            compress: true,
            ratio: 0.5,
            tls: None,
            mode: Mode::Fast,
            workers: NonZeroU16::MIN,
            headers: BTreeMap::new(),
        }
    }
}

impl Section for Http {
    const NAME: &'static str = "http";
    const ALIASES: &'static [(&'static str, &'static str)] = &[("PORT", "port")];

    fn validate(&self, problems: &mut Problems) {
        if self.port == 0 {
            problems.add("port", "must not be 0", Some("choose a port from 1 to 65535"));
        }
        if self.host.contains("evil") {
            problems.add("host", "is not allowed", None);
        }
        if self.tls.as_ref().is_some_and(|tls| tls.certificate == tls.key) {
            problems.add("tls.key", "must be another file than `http.tls.certificate`", None);
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Database {
    url: String,
    #[serde(default)]
    password: Option<Secret<String>>,
    pool: u32,
}

impl Section for Database {
    const NAME: &'static str = "database";
    const ALIASES: &'static [(&'static str, &'static str)] = &[("DATABASE_URL", "url")];
}

fn load(sources: Sources) -> Result<Config, Findings> {
    Loader::new(Profile::Development, sources).section::<Http>().load()
}

fn http(sources: Sources) -> Arc<Http> {
    load(sources).unwrap_or_else(|findings| panic!("{findings}")).section().unwrap()
}

fn refused(sources: Sources) -> String {
    load(sources).expect_err("the configuration should have been refused").to_string()
}

fn default_toml(text: &str) -> Sources {
    Sources::isolated().file("config/default.toml", text)
}

fn ids(findings: &Findings) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.id).collect()
}

#[test]
fn works_without_any_source() {
    assert_eq!(http(Sources::isolated()).port, 3000);
}

#[test]
fn each_layer_beats_the_one_below() {
    let mut sources = Sources::isolated();
    assert_eq!(http(sources.clone()).port, 3000);
    sources = sources.file("config/default.toml", "http.port = 1");
    assert_eq!(http(sources.clone()).port, 1);
    sources = sources.file("config/development.toml", "[http]\nport = 2");
    assert_eq!(http(sources.clone()).port, 2);
    sources = sources.file(".env", "PORT=3");
    assert_eq!(http(sources.clone()).port, 3);
    sources = sources.file(".env", "MAINSTAY__HTTP__PORT=4\nPORT=3");
    assert_eq!(http(sources.clone()).port, 4);
    sources = sources.variable("PORT", "5");
    assert_eq!(http(sources.clone()).port, 5);
    sources = sources.variable("MAINSTAY__HTTP__PORT", "6");
    assert_eq!(http(sources.clone()).port, 6);
    sources = sources.arguments([("http.port".into(), "7".into())]);
    assert_eq!(http(sources.clone()).port, 7);
    sources = sources.overriding("http.port", "8");
    assert_eq!(http(sources).port, 8);
}

#[test]
fn an_empty_alias_is_not_set() {
    assert_eq!(http(Sources::isolated().variable("PORT", "")).port, 3000);
}

#[test]
fn reads_only_the_file_of_its_profile() {
    let sources = Sources::isolated().file("config/production.toml", "http.port = 1");
    assert_eq!(http(sources).port, 3000);
}

#[test]
fn tables_are_joined_and_lists_replaced() {
    let sources = default_toml("[http]\nhosts = ['a', 'b']\n[http.headers]\na = '1'\nb = '2'")
        .file("config/development.toml", "[http]\nhosts = ['c']\n[http.headers]\nb = '3'");
    let http = http(sources);
    assert_eq!(http.hosts, ["c"]);
    assert_eq!(http.headers, BTreeMap::from([("a".into(), "1".into()), ("b".into(), "3".into())]));
}

#[test]
fn text_becomes_what_the_field_asks_for() {
    let set = |key: &str, value: &str| http(Sources::isolated().overriding(format!("http.{key}"), value));
    assert_eq!(set("port", "8_080").port, 8080);
    assert!(!set("compress", "off").compress);
    assert!((set("ratio", "2").ratio - 2.0).abs() < f64::EPSILON);
    assert_eq!(set("timeout", "1m30s").timeout, Duration::from_secs(90));
    assert_eq!(set("body_limit", "1KiB").body_limit, 1024);
    assert_eq!(set("hosts", "a, b,").hosts, ["a", "b"]);
    assert_eq!(set("hosts", "['a,b', 'c']").hosts, ["a,b", "c"]);
    assert_eq!(set("host", "8080").host, "8080");
    assert_eq!(set("mode", "careful").mode, Mode::Careful);
    assert!(set("tls", "").tls.is_none());
    assert_eq!(set("tls", "{ certificate = 'c', key = 'k' }").tls.as_ref().unwrap().key, "k");
    assert_eq!(set("headers.x", "1").headers["x"], "1");
}

#[test]
fn variables_reach_nested_tables() {
    let sources = Sources::isolated()
        .variable("MAINSTAY__HTTP__TLS__CERTIFICATE", "cert.pem")
        .variable("MAINSTAY__HTTP__TLS__KEY", "key.pem");
    assert_eq!(http(sources).tls.as_ref().unwrap().certificate, "cert.pem");
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    assert_eq!(
        refused(default_toml("[http]\nhost = 'x'\nprot = 80")),
        "error[config.E004]: `http.prot` is not a setting
    at  config/default.toml:3
    fix did you mean `port`? the keys of `http` are: body_limit, compress, headers, host, hosts, mode, port, ratio, \
         timeout, tls, workers"
    );
}

#[test]
fn an_unknown_key_in_a_nested_table_or_a_variable_names_the_nearest_one() {
    let sources = default_toml("[http.tls]\ncertificate = 'c'\nkey = 'k'\ncertficate = 'd'")
        .variable("MAINSTAY__HTTP__TIME_OUT", "1s");
    assert_eq!(
        refused(sources),
        "error[config.E004]: `http.time_out` is not a setting
    at  environment variable MAINSTAY__HTTP__TIME_OUT
    fix did you mean `timeout`? the keys of `http` are: body_limit, compress, headers, host, hosts, mode, port, ratio, \
         timeout, tls, workers
error[config.E004]: `http.tls.certficate` is not a setting
    at  config/default.toml:4
    fix did you mean `certificate`? the keys of `http.tls` are: certificate, key"
    );
}

#[test]
fn a_wrong_type_in_a_file_names_its_line() {
    assert_eq!(
        refused(default_toml("[http]\n\nport = \"8080\"\nhost = 1\ncompress = 'perhaps'")),
        "error[config.E005]: `http.compress` must be true or false, but is \"perhaps\"
    at  config/default.toml:5
    fix set it to true or false
error[config.E005]: `http.host` must be a string, but is `1`
    at  config/default.toml:4
    fix write it in quotes: `host = \"1\"`
error[config.E005]: `http.port` must be a whole number from 0 to 65535, but is \"8080\"
    at  config/default.toml:3
    fix write it without quotes: `port = 8080`"
    );
}

#[test]
fn a_wrong_type_in_a_variable_names_the_variable() {
    let sources = Sources::isolated().variable("PORT", "80a0").file(".env", "\nMAINSTAY__HTTP__RATIO=half");
    assert_eq!(
        refused(sources),
        "error[config.E005]: `http.port` must be a whole number from 0 to 65535, but is \"80a0\"
    at  environment variable PORT
    fix set it to a whole number from 0 to 65535
error[config.E005]: `http.ratio` must be a number, but is \"half\"
    at  .env:2 (MAINSTAY__HTTP__RATIO)
    fix set it to a number"
    );
}

#[test]
fn refuses_what_is_out_of_range_or_no_choice_or_no_duration() {
    let sources = default_toml("[http]\nport = 70000\nworkers = 0\nmode = 'carefull'\ntimeout = '5 parsecs'")
        .arguments([("http.body_limit".into(), "much".into())]);
    assert_eq!(
        refused(sources),
        "error[config.E005]: `http.body_limit` cannot be \"much\": a size is a number of bytes with a unit, such as \
         512B, 64KB, 2MB or 1GiB
    at  command line, --set http.body_limit
error[config.E005]: `http.mode` cannot be \"carefull\"
    at  config/default.toml:4
    fix did you mean `careful`? It is one of: fast, careful
error[config.E005]: `http.port` must be a whole number from 0 to 65535, but is `70000`
    at  config/default.toml:2
    fix set it to a whole number from 0 to 65535
error[config.E005]: `http.timeout` cannot be \"5 parsecs\": a duration is a number with a unit, such as 30s, 5m, \
         1h30m or 100ms (us, ms, s, m, h, d)
    at  config/default.toml:5
error[config.E005]: `http.workers` must be a whole number from 1 to 65535, but is `0`
    at  config/default.toml:3
    fix set it to a whole number from 1 to 65535"
    );
}

#[test]
fn a_wrong_item_of_a_list_is_named_by_its_place() {
    let text = refused(default_toml("[http]\nhosts = [\n  'a',\n  2,\n  'c',\n  4,\n]"));
    assert!(
        text.contains("`http.hosts[1]` must be a string, but is `2`\n    at  config/default.toml:4"),
        "{text}"
    );
    assert!(
        text.contains("`http.hosts[3]` must be a string, but is `4`\n    at  config/default.toml:6"),
        "{text}"
    );
}

#[test]
fn a_value_where_a_table_should_be_is_refused_once() {
    let text = refused(default_toml("http = 3"));
    assert_eq!(
        text,
        "error[config.E005]: `http` must be a table, but is `3`\n    at  config/default.toml:1\n    fix set it to a table"
    );
}

#[test]
fn names_every_missing_value_and_all_else_beside() {
    let loaded = Loader::new(Profile::Development, default_toml("[http]\nport = 'x'\n[database]\npol = 1"))
        .section::<Http>()
        .section::<Database>()
        .load();
    assert_eq!(
        loaded.unwrap_err().to_string(),
        "error[config.E004]: `database.pol` is not a setting
    at  config/default.toml:4
    fix did you mean `pool`? the keys of `database` are: password, pool, url
error[config.E006]: `database.url` is missing and has no default
    fix set `url` under `[database]` in config/default.toml, or MAINSTAY__DATABASE__URL or DATABASE_URL
error[config.E006]: `database.pool` is missing and has no default
    fix set `pool` under `[database]` in config/default.toml, or MAINSTAY__DATABASE__POOL
error[config.E005]: `http.port` must be a whole number from 0 to 65535, but is \"x\"
    at  config/default.toml:2
    fix set it to a whole number from 0 to 65535"
    );
}

#[test]
fn a_wrong_value_of_a_key_without_default_is_not_missing_too() {
    let loaded = Loader::new(Profile::Development, default_toml("[database]\nurl = 1\npool = -1"))
        .section::<Database>()
        .load();
    assert_eq!(ids(&loaded.unwrap_err()), ["config.E005", "config.E005"]);
}

#[test]
fn an_incomplete_nested_table_names_what_it_lacks() {
    let text = refused(default_toml("[http.tls]\ncertificate = 'c'"));
    assert!(text.starts_with("error[config.E006]: `http.tls.key` is missing and has no default"), "{text}");
    assert!(text.contains("set `key` under `[http.tls]`"), "{text}");
}

#[test]
fn an_unknown_section_names_the_nearest_one() {
    let sources = default_toml("port = 1\n[htpp]\nport = 80").variable("MAINSTAY__HTPT__PORT", "1");
    assert_eq!(
        refused(sources),
        "error[config.E003]: nothing in this application reads the section `htpp`
    at  config/default.toml:2
    fix did you mean `http`? the sections are: http
error[config.E003]: nothing in this application reads the section `htpt`
    at  environment variable MAINSTAY__HTPT__PORT
    fix did you mean `http`? the sections are: http
error[config.E003]: `port` stands outside of any section
    at  config/default.toml:1
    fix put it under a `[section]`; the sections are: http"
    );
}

#[test]
fn malformed_toml_is_placed_by_line_and_column_and_hides_nothing_else() {
    let sources = default_toml("[http]\nport = \nhost = 'ok'").variable("MAINSTAY__HTTP__RATIO", "x");
    let text = refused(sources);
    assert!(text.starts_with("error[config.E002]: `config/default.toml` is not valid TOML: "), "{text}");
    assert!(text.contains("\n    at  config/default.toml:2:"), "{text}");
    assert!(text.contains("`http.ratio` must be a number"), "{text}");
}

#[test]
fn what_a_malformed_file_would_have_said_is_not_missing() {
    let loaded =
        Loader::new(Profile::Development, default_toml("[database]\nurl = ")).section::<Database>().load();
    assert_eq!(ids(&loaded.unwrap_err()), ["config.E002"]);
}

#[test]
fn an_unreadable_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::create_dir_all(config.join("default.toml")).unwrap();
    std::fs::write(config.join("development.toml"), b"[http]\nhost = \"\xff\"").unwrap();
    let text = refused(Sources::isolated().home(home.path()));
    let named =
        |name: &str| format!("error[config.E001]: `{}` cannot be read: ", config.join(name).display());
    assert!(text.contains(&named("default.toml")), "{text}");
    assert!(text.contains(&named("development.toml")), "{text}");
}

#[test]
fn a_home_folder_that_does_not_exist_is_named() {
    let text = refused(Sources::isolated().home("/no/such/folder"));
    assert_eq!(
        text,
        "error[config.E001]: the home folder `/no/such/folder` is not a folder
    fix set MAINSTAY_HOME to the folder that contains `config`, or unset it"
    );
}

#[test]
fn the_folder_of_another_package_is_not_home() {
    let under_cargo = |package: &str| {
        Sources::isolated()
            .variable("CARGO_MANIFEST_DIR", "/srv/xtask")
            .variable("CARGO_PKG_NAME", package)
            .home("/srv/xtask")
    };
    assert_eq!(under_cargo("xtask").of_package("shop").home_folder(), "");
    assert_eq!(under_cargo("shop").of_package("shop").home_folder(), "/srv/xtask");
    let told = under_cargo("xtask").variable("MAINSTAY_HOME", "/srv/xtask");
    assert_eq!(told.of_package("shop").home_folder(), "/srv/xtask");
}

#[test]
fn reads_files_from_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("config")).unwrap();
    std::fs::write(home.path().join("config/default.toml"), "[http]\nport = 81").unwrap();
    std::fs::write(home.path().join(".env"), "MAINSTAY__HTTP__HOST=example.org").unwrap();
    let http = http(Sources::isolated().home(home.path()));
    assert_eq!((http.port, http.host.as_str()), (81, "example.org"));
}

#[test]
fn a_section_refuses_what_serde_cannot_see() {
    let sources = default_toml("[http]\nport = 0\n[http.tls]\ncertificate = 'x'\nkey = 'x'");
    assert_eq!(
        refused(sources),
        "error[config.E007]: `http.port` must not be 0 (it is 0)
    at  config/default.toml:2
    fix choose a port from 1 to 65535
error[config.E007]: `http.tls.key` must be another file than `http.tls.certificate` (it is \"x\")
    at  config/default.toml:5"
    );
}

#[test]
fn malformed_names_of_settings_are_findings() {
    let sources = Sources::isolated()
        .variable("MAINSTAY__HTTP", "1")
        .variable("MAINSTAY__HTTP____PORT", "1")
        .arguments([("port".into(), "1".into())]);
    let findings = load(sources).unwrap_err();
    assert_eq!(ids(&findings), ["config.E009"; 3]);
    assert!(
        findings
            .to_string()
            .contains("`port` does not name a section and a key\n    at  command line, --set port")
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStringExt;

    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let text = refused(Sources::isolated().variable("MAINSTAY__HTTP__HOST", value));
    assert!(text.starts_with("error[config.E009]: the value of MAINSTAY__HTTP__HOST is not UTF-8"), "{text}");
}

#[test]
fn reserved_variables_are_no_sections() {
    let sources = Sources::isolated().variable("MAINSTAY_HOME", "/x").variable("MAINSTAY_PROFILE", "test");
    assert!(load(sources).unwrap().findings().is_empty());
}

#[test]
fn warns_of_a_variable_with_one_underscore_too_few() {
    let config = load(Sources::isolated().variable("MAINSTAY_HTTP_PORT", "1")).unwrap();
    let text = config.findings().to_string();
    assert!(text.contains("warning[config.W002]: the variable MAINSTAY_HTTP_PORT is not read"), "{text}");
    assert!(text.contains("did you mean MAINSTAY__HTTP__PORT?"), "{text}");
}

#[test]
fn warns_of_a_profile_that_is_misspelt() {
    let loader = Loader::new(Profile::named("prodution"), Sources::isolated()).section::<Http>();
    let text = loader.load().unwrap().findings().to_string();
    assert!(text.contains("the profile `prodution` has no file `config/prodution.toml`"), "{text}");
    assert!(text.contains("did you mean `production`?"), "{text}");
}

#[test]
fn secrets_are_never_shown() {
    let sources = default_toml(
        "[database]\nurl = 'postgres://ann:hunter2@db/app'\npool = 'postgres://ann:hunter2@db'\npassword = ['hunter2']",
    );
    let text =
        Loader::new(Profile::Development, sources).section::<Database>().load().unwrap_err().to_string();
    assert!(text.contains("`database.password` must be a string, but is ********"), "{text}");
    assert!(text.contains("postgres://ann:********@db"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    let sources =
        default_toml("[database]\nurl = 'postgres://ann:hunter2@db/app'\npool = 1\npassword = 'hunter2'");
    let config = Loader::new(Profile::Development, sources).section::<Database>().load().unwrap();
    let shown: Vec<String> = config.settings().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "database.password = ********  # config/default.toml:4",
            "database.pool = 1  # config/default.toml:3",
            "database.url = \"postgres://ann:********@db/app\"  # config/default.toml:2",
        ]
    );
    assert_eq!(config.section::<Database>().unwrap().password.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));

    let text = refused(default_toml("[http]\nhost = 'http://ann:hunter2@evil'"));
    assert!(text.contains("`http.host` is not allowed (it is \"http://ann:********@evil\")"), "{text}");
}

#[test]
fn shows_every_setting_with_its_origin() {
    let sources = default_toml("[http]\nhost = '0.0.0.0'\n[http.headers]\nx = '1'")
        .file(".env", "PORT=81")
        .variable("MAINSTAY__HTTP__HOSTS", "a,b")
        .arguments([("http.mode".into(), "careful".into())]);
    let config = load(sources).unwrap();
    let shown: Vec<String> = config.settings().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "http.body_limit = \"2MB\"  # default",
            "http.compress = true  # default",
            "http.headers.x = \"1\"  # config/default.toml:4",
            "http.host = \"0.0.0.0\"  # config/default.toml:2",
            "http.hosts = [\"a\", \"b\"]  # environment variable MAINSTAY__HTTP__HOSTS",
            "http.mode = \"careful\"  # command line, --set http.mode",
            "http.port = 81  # .env:1 (PORT)",
            "http.ratio = 0.5  # default",
            "http.timeout = \"30s\"  # default",
            "http.tls = (none)  # default",
            "http.workers = 1  # default",
        ]
    );
}

#[test]
fn two_sections_of_one_name_are_reported() {
    #[derive(Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Other {
        port: u16,
    }
    impl Section for Other {
        const NAME: &'static str = "http";
        const ALIASES: &'static [(&'static str, &'static str)] = &[("PORT", "port")];
    }
    let loaded = Loader::new(Profile::Test, Sources::isolated()).section::<Http>().section::<Other>().load();
    assert_eq!(ids(&loaded.unwrap_err()), ["config.E010"; 2]);
}

#[test]
fn a_section_that_nobody_registered_says_so() {
    let error = load(Sources::isolated()).unwrap().section::<Database>().unwrap_err();
    assert!(error.report().contains("the section `database` was not registered"), "{}", error.report());
}

#[test]
fn the_profile_comes_from_the_flag_the_environment_or_the_env_file() {
    let sources = Sources::isolated();
    assert_eq!(sources.profile(None), Profile::of_this_build());
    let sources = sources.file(".env", "MAINSTAY_PROFILE=staging");
    assert_eq!(sources.profile(None), Profile::Custom("staging".into()));
    let sources = sources.variable("MAINSTAY_PROFILE", "test");
    assert_eq!(sources.profile(None), Profile::Test);
    assert_eq!(sources.profile(Some("production")), Profile::Production);
}

#[test]
fn text_reads_as_itself_where_the_type_does_not_say() {
    #[derive(Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Open {
        #[serde(flatten)]
        rest: BTreeMap<String, serde_json::Value>,
    }
    impl Section for Open {
        const NAME: &'static str = "open";
    }
    let sources = ["true", "12", "1.5", "word", "[1, 2]"]
        .iter()
        .enumerate()
        .fold(Sources::isolated(), |sources, (index, text)| {
            sources.overriding(format!("open.k{index}"), *text)
        });
    let config = Loader::new(Profile::Test, sources).section::<Open>().load().unwrap();
    let rest = serde_json::to_string(&config.section::<Open>().unwrap().rest).unwrap();
    assert_eq!(rest, r#"{"k0":true,"k1":12,"k2":1.5,"k3":"word","k4":[1,2]}"#);
}
