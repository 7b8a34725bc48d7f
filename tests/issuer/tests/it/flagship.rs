//! The flagship example with a provider: a person without JavaScript goes there and comes back.

use browser::{Application, Visitor, free_port};
use issuer::Issuer;

use crate::SECRET;

const BUTTON: &str = "Continue with Company account";

/// The issuer, and the example that is told of it by nothing but its configuration.
struct Town {
    issuer: Issuer,
    // By this name, since two ports of one would be one site.
    origin: String,
    _application: Application,
}

impl Town {
    fn start() -> Self {
        let port = free_port().unwrap();
        let origin = format!("http://localhost:{port}");
        let issuer = Issuer::start(&[&origin]).unwrap();
        let settings = [
            ("MAINSTAY__HTTP__PUBLIC_URL", &*origin),
            ("MAINSTAY__AUTH__PROVIDERS__COMPANY__ISSUER", &issuer.url()),
            ("MAINSTAY__AUTH__PROVIDERS__COMPANY__CLIENT_ID", "es256"),
            ("MAINSTAY__AUTH__PROVIDERS__COMPANY__CLIENT_SECRET", SECRET),
            ("MAINSTAY__AUTH__PROVIDERS__COMPANY__LABEL", "Company account"),
            ("MAINSTAY__OUTBOUND__IDENTITY_PROVIDERS__ALLOW", "127.0.0.1"),
            ("MAINSTAY__OUTBOUND__IDENTITY_PROVIDERS__PORTS", &issuer.port().to_string()),
        ];
        let application = Application::start_at(port, &settings).unwrap();
        Self { issuer, origin, _application: application }
    }

    fn go(&self, visitor: &mut Visitor, path: &str) {
        visitor.open(&format!("{}{path}", self.origin)).unwrap();
    }

    /// Signs in by the button, as this subject unless the provider knows the browser already.
    fn by_button(&self, visitor: &mut Visitor, subject: &str) {
        self.issuer.signs_in(subject).unwrap();
        self.go(visitor, "/account/login?next=/account");
        visitor.press(BUTTON).unwrap();
    }
}

#[test]
fn people_get_accounts_by_the_provider_and_come_back_to_them() {
    let town = Town::start();

    // Somebody new, whose name another one has already.
    let mut iryna = Visitor::new().unwrap();
    town.by_button(&mut iryna, "iryna");
    iryna.sees("You are signed in as iryna-").unwrap();
    let name =
        |text: String| text.split("signed in as ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let first = name(iryna.text().unwrap());
    town.go(&mut iryna, "/api/user");
    iryna.sees("\"email\":\"iryna@example.org\"").unwrap();
    town.go(&mut iryna, "/account");
    iryna.press("Sign out").unwrap();
    iryna.sees("You are signed out.").unwrap();
    town.go(&mut iryna, "/api/user");
    assert!(!iryna.text().unwrap().contains("iryna@example.org"));
    town.by_button(&mut iryna, "iryna");
    iryna.sees("You are signed in as iryna-").unwrap();
    assert_eq!(name(iryna.text().unwrap()), first);
    // Without a password, the provider is the only way in, and is not taken away.
    iryna.press("Connected accounts").unwrap();
    iryna.sees("It is the only way that you can sign in.").unwrap();

    // Somebody whose address has an account: they show its password, and connect.
    let mut tomas = Visitor::new().unwrap();
    town.by_button(&mut tomas, "tomas.ibarra");
    tomas.sees("There is an account with your address already.").unwrap();
    tomas.press("Sign in in another way").unwrap();
    tomas.fill("E-mail", "tomas.ibarra@example.org").unwrap();
    tomas.fill("Password", "conduit-demo").unwrap();
    tomas.press("Sign in").unwrap();
    town.go(&mut tomas, "/account/connections");
    tomas.press("Connect Company account").unwrap();
    tomas.sees("Company account is connected with your account.").unwrap();
    town.go(&mut tomas, "/account");
    tomas.press("Sign out").unwrap();
    town.by_button(&mut tomas, "tomas.ibarra");
    tomas.sees("You are signed in as tomás.ibarra").unwrap();
    tomas.press("Connected accounts").unwrap();
    tomas.press("Disconnect").unwrap();
    tomas.sees("It is not connected any more.").unwrap();
    town.go(&mut tomas, "/account");
    tomas.press("Sign out").unwrap();
    town.by_button(&mut tomas, "tomas.ibarra");
    tomas.sees("There is an account with your address already.").unwrap();

    // Who declines there is told so, and may begin again.
    let mut eve = Visitor::new().unwrap();
    town.by_button(&mut eve, "nobody");
    eve.sees("You have not signed in with Company account.").unwrap();
    eve.press("Try again").unwrap();
    eve.sees(BUTTON).unwrap();
    // Answers that nobody here has asked for.
    for query in
        ["code=stolen&state=forged", "state=forged", "error=access_denied&state=forged", "", "code=a"]
    {
        town.go(&mut eve, &format!("/account/login/company/callback?{query}"));
        eve.sees("That did not work").unwrap();
    }
    town.go(&mut eve, "/account/login/another");
    eve.sees("There is no such provider.").unwrap();
    town.go(&mut eve, "/account");
    eve.sees("Sign in").unwrap();

    // There were twenty authors, and one of the two who have come is new.
    town.go(&mut eve, "/");
    eve.sees("Authors 21").unwrap();
}
