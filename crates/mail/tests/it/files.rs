//! Mails in a folder.

use std::fs;
use std::path::Path;

use mainstay_core::{App, Profile};
use mainstay_mail::{Mail, MailExt, Mailer};
use mainstay_test::TestApp;

async fn start(home: &Path) -> TestApp {
    TestApp::of(App::new().mail()).profile(Profile::Development).home(home).start().await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_is_a_file_that_outlives_the_process() {
    let home = tempfile::tempdir().unwrap();
    let app = start(home.path()).await;
    let mailer = app.inject::<Mailer>().await;
    let folder = home.path().join("var/mails");
    assert_eq!(mailer.kept().await.unwrap(), Some(vec![]));
    for subject in ["first", "second"] {
        mailer
            .send(Mail::to("ann@example.org").bcc("bob@example.org").subject(subject).text("x"))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let names = names(&folder);
    assert_eq!(names.len(), 4, "{names:?}");
    let eml = fs::read_to_string(folder.join(&names[0])).unwrap();
    assert!(names[0].ends_with(".eml") && eml.contains("Subject: first\r\n"), "{eml}");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(folder.join(&names[0])).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
    app.stop().await;

    // What is cut short, or somebody else's, is passed over.
    fs::write(folder.join("29991231-000000000-00.json"), "{").unwrap();
    fs::write(folder.join("notes.txt"), "notes").unwrap();
    let mails = start(home.path()).await.inject::<Mailer>().await.kept().await.unwrap().unwrap();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["second", "first"]);
    assert_eq!(mails[0].bcc[0].address(), "bob@example.org");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_a_fault_of_ours() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("var"), "a file").unwrap();
    let mailer = start(home.path()).await.inject::<Mailer>().await;
    let error = mailer.send(Mail::to("ann@example.org").subject("x").text("x")).await.unwrap_err();
    assert_eq!(error.status().as_u16(), 500);
    assert!(error.report().contains("the mail cannot be kept"), "{}", error.report());
}
