//! What a client promises is kept, and what a document says is well said.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use browser::Application;
use clients::{Consumer, book, redocly, spectral, tus};
use serde_json::Value;

fn everything() -> Application {
    Application::of(PathBuf::from(env!("CARGO_BIN_EXE_clients"))).unwrap()
}

/// What a command has written, if it went well.
fn written(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn document(application: &Application) -> Value {
    serde_json::from_str(&written(&application.command(&["openapi"]).unwrap())).unwrap()
}

#[track_caller]
fn drive(application: &Application, consumer: &str) {
    let client = written(&application.command(&["openapi", "--client", "typescript"]).unwrap());
    let consumer = Consumer::new(consumer, &client).unwrap();
    written(&consumer.check().unwrap());
    let said = written(&consumer.run(&application.address()).unwrap());
    assert_eq!(said.trim(), "done", "{}", application.log().unwrap());
}

#[test]
fn a_typed_program_reads_and_writes_in_the_flagship() {
    drive(&Application::start().unwrap(), "conduit");
}

#[test]
fn a_typed_program_uses_everything_that_a_document_can_have() {
    drive(&everything(), "everything");
}

#[test]
fn a_typed_program_withstands_whatever_is_answered() {
    drive(&everything(), "anything");
}

/// Waits until a file of this folder is so long.
fn until_one_has(folder: &Path, length: u64) {
    for _ in 0..20_000 {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        if entries.filter_map(|entry| entry.metadata().ok()).any(|about| about.len() >= length) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no file in {} has {length} bytes", folder.display());
}

#[test]
fn an_upload_by_tus_js_client_survives_the_end_of_the_server() {
    const LENGTH: usize = 96 << 20;
    const CHUNK: usize = 32 << 20;
    let mut application = everything();
    let (address, notes) = (application.address(), tempfile::tempdir().unwrap());
    let uploads = application.folder().join("uploads");
    let file = notes.path().join("holidays.mp4");
    let sent: Vec<u8> = (0..LENGTH).map(|at| (at * 7 + at / 251) as u8).collect();
    std::fs::write(&file, &sent).unwrap();
    let send = || tus(&address, &file, notes.path()).unwrap();

    // SIGKILL in the middle of the second piece.
    let interrupted = send();
    until_one_has(&uploads, (CHUNK + (4 << 20)) as u64);
    application.start_again().unwrap();
    let said = written(&interrupted.wait_with_output().unwrap());
    assert_eq!(said.trim(), "interrupted", "{}", application.log().unwrap());

    let said = written(&send().wait_with_output().unwrap());
    let (from, answer) = said.trim().strip_prefix("from ").and_then(|said| said.split_once("; ")).unwrap();
    let from: usize = from.parse().unwrap();
    assert!((CHUNK + (4 << 20)..LENGTH).contains(&from), "{from}");
    assert_eq!(answer, format!("holidays.mp4: {LENGTH} bytes"));
    assert!(std::fs::read(application.folder().join("holidays.mp4")).unwrap() == sent);
    // Nothing is left but that it is done.
    let waiting = std::fs::read_dir(&uploads).unwrap();
    let names: Vec<_> = waiting.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() == 1 && names[0].ends_with(".json"), "{names:?}");
    let said = written(&send().wait_with_output().unwrap());
    assert!(said.starts_with("from 0; "), "{said}");
}

#[test]
fn what_the_book_shows_of_clients_compiles() {
    let client =
        written(&Application::start().unwrap().command(&["openapi", "--client", "typescript"]).unwrap());
    let text = book().unwrap();
    assert!(text.contains("result()"), "{text}");
    written(&Consumer::of(&text, &client).unwrap().check().unwrap());
}

/// What the document says when a field is called otherwise in Rust.
fn rename(document: &mut Value, schema: &str, from: &str, to: &str) {
    let schema = &mut document["components"]["schemas"][schema];
    let field = schema["properties"].as_object_mut().unwrap().remove(from).unwrap();
    schema["properties"][to] = field;
    for name in schema["required"].as_array_mut().unwrap() {
        if name == from {
            *name = to.into();
        }
    }
}

#[test]
fn a_field_that_is_renamed_does_not_compile_any_more() {
    let application = Application::start().unwrap();
    let mut document = document(&application);
    let from_command = written(&application.command(&["openapi", "--client", "typescript"]).unwrap());
    assert_eq!(mainstay_api::client::typescript(&document).trim_end(), from_command.trim_end());

    // Of an answer, and of a request.
    rename(&mut document, "ArticleList", "articlesCount", "count");
    rename(&mut document, "Credentials", "password", "secret");
    let client = mainstay_api::client::typescript(&document);
    let output = Consumer::new("conduit", &client).unwrap().check().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{said}");
    let faults: Vec<&str> = said.lines().filter(|line| line.contains("error TS")).collect();
    let names = |name: &str| faults.iter().any(|line| line.starts_with("conduit.ts(") && line.contains(name));
    assert!(names("'articlesCount'") && names("'password'"), "{said}");
}

#[track_caller]
fn assert_well_said(application: &Application, rules: &str) {
    let file = application.folder().join("openapi.json");
    written(&application.command(&["openapi", "--output", "openapi.json"]).unwrap());
    let redocly = redocly(&file).unwrap();
    let report: Value = serde_json::from_slice(&redocly.stdout).unwrap();
    assert_eq!(
        (&report["totals"]["errors"], &report["totals"]["warnings"]),
        (&0.into(), &0.into()),
        "{report:#}"
    );
    written(&spectral(&file, rules).unwrap());
}

#[test]
fn linters_find_nothing_in_the_document_of_the_flagship() {
    assert_well_said(&Application::start().unwrap(), "spectral-conduit.yaml");
}

#[test]
fn linters_find_nothing_in_a_document_that_has_everything() {
    assert_well_said(&everything(), "spectral.yaml");
}

#[test]
fn a_language_that_is_not_known_is_told_with_those_that_are() {
    let output = everything().command(&["openapi", "--client", "cobol"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("cobol") && said.contains("possible values: typescript"),
        "{said}"
    );
}
