//! An account from its beginning to its end, as a person without JavaScript has it: every form is filled in by mouse and keyboard.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use browser::{Application, Visitor};
use totp_rs::{Builder, Secret};

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(20);

const EMAIL: &str = "robin@example.org";
const FIRST: &str = "correct horse";
const SECOND: &str = "battery staple";
const THIRD: &str = "a third password";

/// The link of the newest mail with this subject. In development there is a page of mails; a job puts them there, a little later.
fn mailed(application: &Application, subject: &str) -> String {
    let mut mailbox = Visitor::new().unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        mailbox.open(&format!("{}/_mainstay/mails", application.address())).unwrap();
        if mailbox.text().unwrap().contains(subject) {
            break;
        }
        assert!(Instant::now() < until, "no mail is called `{subject}`");
        std::thread::sleep(Duration::from_millis(50));
    }
    mailbox.press(subject).unwrap();
    let text = mailbox.text().unwrap();
    let start = format!("{}/account/", application.address());
    let link = text.split_whitespace().find(|word| word.starts_with(&start));
    link.unwrap_or_else(|| panic!("no link in {text}")).to_owned()
}

/// The code of an authenticator app, so many steps of half a minute from now.
fn code(secret: &str, steps: u64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    totp.generate(now + 30 * steps).to_string()
}

fn sign_in(visitor: &mut Visitor, application: &Application, password: &str) {
    visitor.open(&format!("{}/account/login?next=/account", application.address())).unwrap();
    visitor.fill("E-mail", EMAIL).unwrap();
    visitor.fill("Password", password).unwrap();
    visitor.press("Sign in").unwrap();
}

#[test]
fn a_person_has_an_account_without_any_script() {
    let application = Application::start().unwrap();
    let at = |path: &str| format!("{}{path}", application.address());
    let mut robin = Visitor::new().unwrap();

    // Registering, with a name that somebody has, and with a password that anybody would guess.
    robin.open(&at("/")).unwrap();
    robin.open(&at("/account")).unwrap();
    robin.sees("Sign in").unwrap();
    robin.press("Create an account").unwrap();
    // The browser itself asks for what is missing, and sends nothing.
    robin.touch("Create an account").unwrap();
    assert!(robin.address().unwrap().ends_with("/account/register"));
    for (name, password, told) in [
        ("ann_marlowe", FIRST, "Somebody else has this name."),
        ("robin", "password1", "Please look at this again:"),
    ] {
        robin.fill("E-mail", EMAIL).unwrap();
        robin.fill("Name that others see", name).unwrap();
        robin.fill("Password", password).unwrap();
        robin.press("Create an account").unwrap();
        robin.sees(told).unwrap();
    }
    // What was typed is still there, but for the password.
    robin.fill("Password", FIRST).unwrap();
    robin.press("Create an account").unwrap();
    robin.sees("Look into your mailbox").unwrap();
    let link = mailed(&application, "Finish your registration");
    robin.open(&link).unwrap();
    robin.press("Create the account").unwrap();
    robin.open(&at("/account")).unwrap();
    robin.sees("You are signed in as robin").unwrap();

    // Signing out and in, with another password before.
    robin.press("Sign out").unwrap();
    robin.sees("You are signed out.").unwrap();
    robin.open(&link).unwrap();
    robin.sees("Create an account").unwrap();
    sign_in(&mut robin, &application, "not this one");
    robin.sees("do not belong together").unwrap();
    sign_in(&mut robin, &application, FIRST);
    robin.sees("You are signed in as robin").unwrap();

    // A second factor.
    robin.press("Signing in with a second factor").unwrap();
    let page = robin.text().unwrap();
    let secret = page.split("Type this secret: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    robin.fill("Code", "000000").unwrap();
    robin.press("Turn it on").unwrap();
    robin.sees("This code is not right.").unwrap();
    robin.fill("Code", &code(&secret, 0)).unwrap();
    robin.press("Turn it on").unwrap();
    robin.sees("Your recovery codes").unwrap();
    let page = robin.text().unwrap();
    let recovery =
        page.split("They are not shown again. ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    robin.press("Go on").unwrap();

    // Elsewhere, the password alone is not enough; one of the codes is.
    let mut elsewhere = Visitor::new().unwrap();
    sign_in(&mut elsewhere, &application, FIRST);
    elsewhere.sees("Your second factor").unwrap();
    elsewhere.open(&at("/account")).unwrap();
    elsewhere.sees("Sign in").unwrap();
    sign_in(&mut elsewhere, &application, FIRST);
    elsewhere.fill("Code", "123456").unwrap();
    elsewhere.press("Go on").unwrap();
    elsewhere.sees("This code is not right").unwrap();
    elsewhere.fill("Code", &code(&secret, 1)).unwrap();
    elsewhere.press("Go on").unwrap();
    elsewhere.sees("You are signed in as robin").unwrap();

    // Devices: the other one is ended.
    robin.open(&at("/account")).unwrap();
    robin.press("Where you are signed in").unwrap();
    robin.sees("Chrome on Linux (this one)").unwrap();
    robin.press("End it").unwrap();
    robin.sees("The session has been ended.").unwrap();
    elsewhere.open(&at("/account")).unwrap();
    elsewhere.sees("Sign in").unwrap();

    // Another password, by whoever knows the one before.
    robin.open(&at("/account/password")).unwrap();
    for (before, after, told) in [
        ("wrong", SECOND, "This is not your password."),
        (FIRST, "robin@example.org", "Please look at this again:"),
        (FIRST, SECOND, "Your password is changed."),
    ] {
        robin.fill("Your password", before).unwrap();
        robin.fill("New password", after).unwrap();
        robin.press("Change it").unwrap();
        robin.sees(told).unwrap();
    }

    // A token for a program.
    robin.press("Access tokens").unwrap();
    robin.fill("What is it for?", "my laptop").unwrap();
    robin.tick("Read articles, your feed among them").unwrap();
    robin.press("Make it").unwrap();
    robin.sees("This is the token of my laptop").unwrap();
    assert!(robin.text().unwrap().contains("mst_"));
    robin.press("Revoke it").unwrap();
    robin.sees("The token has been revoked.").unwrap();

    // Forgotten: the link chooses another one, once, and every session ends.
    elsewhere.open(&at("/account/login")).unwrap();
    elsewhere.press("Forgot your password?").unwrap();
    elsewhere.fill("E-mail", EMAIL).unwrap();
    elsewhere.press("Send the link").unwrap();
    elsewhere.sees("Look into your mailbox").unwrap();
    let link = mailed(&application, "Choose another password");
    elsewhere.open(&link).unwrap();
    elsewhere.fill("New password", THIRD).unwrap();
    elsewhere.press("Change it").unwrap();
    elsewhere.sees("Sign in with the new one.").unwrap();
    elsewhere.open(&link).unwrap();
    elsewhere.sees("This link is not good any more").unwrap();
    elsewhere.press("Ask for another one").unwrap();
    elsewhere.sees("Another password").unwrap();
    robin.open(&at("/account")).unwrap();
    robin.sees("Sign in").unwrap();

    // In again, by a recovery code, and the second factor off.
    sign_in(&mut robin, &application, THIRD);
    robin.fill("Code", &recovery).unwrap();
    robin.press("Go on").unwrap();
    robin.sees("You are signed in as robin").unwrap();
    robin.press("Signing in with a second factor").unwrap();
    robin.sees("You have 9 recovery codes left.").unwrap();
    robin.press("Turn it off").unwrap();
    robin.sees("Your password is enough to sign in now.").unwrap();
    robin.press("Sign out").unwrap();
    sign_in(&mut robin, &application, THIRD);
    robin.sees("You are signed in as robin").unwrap();
}
