//! A program that takes mails, as a mail server calls it. `FAULT` builds a fault into it.

use mainstay::prelude::*;

/// Keeps the subject, which a test reads.
async fn support(mail: InboundMail) -> Result<()> {
    let told = format!("{} from {:?}: {}\n", mail.recipient, mail.sender, mail.subject);
    std::fs::write("taken.txt", told)?;
    Ok(())
}

#[mainstay::main]
fn app() -> App {
    let app = App::new().inbound_mail("support@*", support).set("inbound_mail.max_size", "64KiB");
    match std::env::var_os("FAULT") {
        Some(_) => app.inbound_mail("no pattern", support),
        None => app,
    }
}
