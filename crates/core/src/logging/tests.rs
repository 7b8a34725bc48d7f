//! What a reader of the log sees.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tracing::subscriber::with_default;
use tracing::{debug, error, info, info_span, trace, warn};

use super::sink::Sink;
use super::*;
use crate::clock::TestClock;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<String>>);

impl Memory {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Sink for Memory {
    fn write(&self, line: &str) {
        self.0.lock().unwrap().push_str(line);
    }
}

fn layer(format: LogFormat, level: LogLevel, memory: &Memory) -> LogLayer {
    let config = LogConfig { level, format, levels: BTreeMap::new(), redact: vec!["iban".into()] };
    LogLayer::new(&config, &Profile::Test).to(memory.clone(), TestClock::default())
}

fn logged(format: LogFormat, run: impl FnOnce()) -> String {
    let memory = Memory::default();
    with_default(tracing_subscriber::registry().with(layer(format, LogLevel::Info, &memory)), run);
    memory.text()
}

#[derive(Debug, thiserror::Error)]
#[error("cannot save")]
struct CannotSave(#[source] DiskFull);

#[derive(Debug, thiserror::Error)]
#[error("disk is full")]
struct DiskFull;

#[test]
fn a_line_for_people_has_time_level_target_message_fields_and_spans() {
    let text = logged(LogFormat::Pretty, || {
        let request =
            info_span!("request", method = %"GET", path = "/a b", id = 7, status = tracing::field::Empty);
        request.in_scope(|| {
            info_span!("query")
                .in_scope(|| info!(target: "shop", amount = 1.5, paid = true, who = "ann", "sold"));
            request.record("status", 200);
            warn!(target: "shop", left = -1, list = ?["a"], "nearly out");
        });
    });
    assert_eq!(
        text,
        "12:00:00.000Z  INFO shop: sold amount=1.5 paid=true who=ann  request{method=GET path=\"/a b\" id=7}:query\n\
         12:00:00.000Z  WARN shop: nearly out left=-1 list=[\"a\"]  request{method=GET path=\"/a b\" id=7 status=200}\n"
    );
}

#[test]
fn a_line_for_machines_is_a_json_object() {
    let text = logged(LogFormat::Json, || {
        let request = info_span!("request", id = 7, path = "/a\"b", method = tracing::field::Empty);
        request.record("method", "GET");
        request.record("method", "PUT");
        request.in_scope(|| {
            info_span!("query").in_scope(|| {
                error!(target: "shop", amount = f64::NAN, ok = false, code = ?"x", big = u64::MAX, "not\nsold");
            });
        });
        info!(target: "shop", "empty");
    });
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({
                "timestamp": "2026-01-01T12:00:00.000000Z",
                "level": "ERROR",
                "target": "shop",
                "message": "not\nsold",
                "fields": { "amount": "NaN", "ok": false, "code": "\"x\"", "big": u64::MAX },
                "spans": [
                    { "name": "request", "fields": { "id": 7, "path": "/a\"b", "method": "PUT" } },
                    { "name": "query", "fields": {} },
                ],
            }),
            serde_json::json!({
                "timestamp": "2026-01-01T12:00:00.000000Z",
                "level": "INFO",
                "target": "shop",
                "message": "empty",
                "fields": {},
                "spans": [],
            }),
        ]
    );
}

#[test]
fn an_error_is_written_with_its_causes() {
    let save = CannotSave(DiskFull);
    let text = logged(LogFormat::Pretty, || {
        info_span!("job", last = &save as &dyn std::error::Error)
            .in_scope(|| error!(target: "shop", error = &save as &dyn std::error::Error, "lost"));
    });
    assert_eq!(
        text,
        "12:00:00.000Z ERROR shop: lost error=cannot save: disk is full  job{last=cannot save: disk is full}\n"
    );
}

#[test]
fn no_value_can_forge_a_line_or_move_the_cursor() {
    let evil = "a\n12:00:00.000Z  INFO forged\r\x1b[2J\u{202e}\u{9b}\"";
    for format in [LogFormat::Pretty, LogFormat::Json] {
        let text = logged(format, || {
            info_span!("request", path = evil, agent = %evil).in_scope(|| {
                info!(target: "shop", path = evil, agent = %evil, debug = ?evil, "went");
            });
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().contains(|c: char| c.is_ascii_control()), "{text:?}");
    }
    let text = logged(LogFormat::Pretty, || info!(target: "shop", "{evil}"));
    assert!(!text.contains('\u{202e}') && !text.contains('\u{9b}'), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("    | 12:00:00.000Z  INFO forged\\r\\u{1b}[2J"), "{text}");
}

#[test]
fn a_span_with_many_fields_keeps_them_all() {
    let text = logged(LogFormat::Pretty, || {
        let span = info_span!("s", a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = "ten");
        span.record("i", 90);
        span.in_scope(|| info!(target: "shop", "m"));
    });
    assert!(text.ends_with("s{a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=90 j=ten}\n"), "{text}");
}

#[test]
fn a_value_that_logs_while_it_is_written_does_not_break_the_line() {
    struct Talkative;
    impl std::fmt::Display for Talkative {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            info!(target: "inner", x = 1, "asked");
            f.write_str("answer")
        }
    }
    let text = logged(LogFormat::Pretty, || info!(target: "outer", value = %Talkative, "told"));
    // Whether the inner event is heard is up to `tracing`, which does not enter a scoped subscriber twice.
    assert!(text.ends_with("12:00:00.000Z  INFO outer: told value=answer\n"), "{text}");
}

#[test]
fn colours_the_level_only_when_it_may() {
    let memory = Memory::default();
    let layer = layer(LogFormat::Pretty, LogLevel::Info, &memory).in_colour();
    with_default(tracing_subscriber::registry().with(layer), || error!(target: "shop", "x"));
    assert!(memory.text().contains("\x1b[1;31mERROR\x1b[0m"), "{:?}", memory.text());
    assert!(!logged(LogFormat::Pretty, || error!(target: "shop", "x")).contains('\x1b'));
}

#[test]
fn the_longest_module_that_fits_decides() {
    let memory = Memory::default();
    let levels = BTreeMap::from([
        ("shop".to_owned(), LogLevel::Warn),
        ("shop::checkout".to_owned(), LogLevel::Trace),
        ("quiet".to_owned(), LogLevel::Off),
    ]);
    let config = LogConfig { level: LogLevel::Info, format: LogFormat::Pretty, levels, redact: Vec::new() };
    let layer = LogLayer::new(&config, &Profile::Test).to(memory.clone(), TestClock::default());
    with_default(tracing_subscriber::registry().with(layer), || {
        info!(target: "shop::cart", "no");
        warn!(target: "shop::cart", "1");
        trace!(target: "shop::checkout::card", "2");
        error!(target: "quiet", "no");
        info!(target: "other", "3");
        debug!(target: "other", "no");
    });
    let messages: Vec<String> =
        memory.text().lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(messages, ["1", "2", "3"]);
}

#[test]
fn a_warning_names_its_request_even_where_info_is_not_written() {
    let memory = Memory::default();
    let layer = layer(LogFormat::Pretty, LogLevel::Error, &memory);
    with_default(tracing_subscriber::registry().with(layer), || {
        info_span!("request", id = 7).in_scope(|| {
            info!(target: "shop", "no");
            error!(target: "shop", "yes");
        });
    });
    assert_eq!(memory.text(), "12:00:00.000Z ERROR shop: yes  request{id=7}\n");
}

#[test]
fn levels_change_while_it_runs() {
    let memory = Memory::default();
    let layer = layer(LogFormat::Pretty, LogLevel::Warn, &memory);
    let levels = layer.levels().clone();
    with_default(tracing_subscriber::registry().with(layer), || {
        let say = |text: &str| debug!(target: "shop", "{text}");
        say("one");
        levels.set(LogLevel::Off, &BTreeMap::from([("shop".to_owned(), LogLevel::Debug)]));
        say("two");
        levels.set(LogLevel::Info, &BTreeMap::new());
        say("three");
    });
    assert_eq!(memory.text(), "12:00:00.000Z DEBUG shop: two\n");
}

#[test]
fn the_format_follows_the_profile() {
    assert_eq!(LogFormat::Auto.resolve(&Profile::Development), LogFormat::Pretty);
    assert_eq!(LogFormat::Auto.resolve(&Profile::Test), LogFormat::Pretty);
    assert_eq!(LogFormat::Auto.resolve(&Profile::Production), LogFormat::Json);
    assert_eq!(LogFormat::Auto.resolve(&Profile::Custom("staging".into())), LogFormat::Json);
    assert_eq!(LogFormat::Pretty.resolve(&Profile::Production), LogFormat::Pretty);
}

#[test]
fn is_configured_by_the_section_log() {
    use crate::config::{Loader, Sources};

    let sources = Sources::isolated()
        .file("config/default.toml", "[log]\nlevels = { mainstay_http = 'debug' }")
        .variable("MAINSTAY__LOG__LEVEL", "warn")
        .variable("MAINSTAY__LOG__LEVELS__SHOP", "trace");
    let config = Loader::new(Profile::Test, sources).section::<LogConfig>().load().unwrap();
    let log = config.section::<LogConfig>().unwrap();
    assert_eq!(log.level, LogLevel::Warn);
    assert_eq!(
        log.levels,
        BTreeMap::from([("mainstay_http".into(), LogLevel::Debug), ("shop".into(), LogLevel::Trace)])
    );
}

#[test]
fn a_field_that_is_called_like_a_secret_is_written_without_its_value() {
    for format in [LogFormat::Pretty, LogFormat::Json] {
        let text = logged(format, || {
            let request = info_span!("request", path = "/a", access_token = "hunter1", code = 7);
            request.in_scope(|| {
                info!(password = "hunter2", newPassword = ?"hunter3", "x-api-key" = %"hunter4", IBAN = "hunter5", "saved");
                info!(csrf = 17_171_717, authorization = true, user = "ann", "seen");
            });
        });
        for secret in ["hunter", "17171717", "true"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for seen in ["/a", "ann", "saved", "********", "newPassword"] {
            assert!(text.contains(seen), "{seen} in {text}");
        }
    }
}
