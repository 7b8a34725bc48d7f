//! One connection to a server.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use mainstay_core::error::{Chain, Context};
use mainstay_core::{Error, Result};
use tokio::net::TcpStream;

use super::lines::Lines;
use super::server::{Encryption, Server};
use crate::error::{MailError, Refused};

/// A server, and what it takes to talk to it.
pub(super) struct Target {
    server: Server,
    tls: Option<TlsParameters>,
    hello: ClientId,
    credentials: Option<Credentials>,
}

impl Target {
    /// Reads the certificates that the address names.
    pub(super) async fn new(server: Server, home: &Path) -> Result<Self> {
        let tls = match server.encryption() {
            Encryption::Never => None,
            Encryption::StartTls | Encryption::Always => Some(parameters(&server, home).await?),
        };
        let hello = server.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        let credentials = server.login.clone().map(|(user, password)| Credentials::new(user, password));
        Ok(Self { server, tls, hello, credentials })
    }
}

async fn parameters(server: &Server, home: &Path) -> Result<TlsParameters> {
    let builder = TlsParameters::builder(server.host().to_owned());
    let builder = match &server.ca {
        None => builder.certificate_store(CertificateStore::WebpkiRoots),
        Some(ca) => {
            let path = home.join(ca);
            let what = format!("reading the certificates of `mail.url`, {}", path.display());
            let pem = tokio::fs::read(&path).await.context(&what)?;
            let certificate = Certificate::from_pem(&pem).context(&what)?;
            if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
                return Err(Error::internal(format!("{} has no certificate in PEM", path.display())));
            }
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate)
        }
    };
    builder.build_rustls().context("preparing the encryption of `mail.url`")
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A connection that has been let in.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Between two mails: no step has been begun and not ended.
    is_good: bool,
}

impl Connection {
    /// Connects, is greeted, encrypts, and logs in.
    pub(super) async fn open(target: &Target, limit: Duration) -> Result<Self, MailError> {
        let Target { server, tls, hello, credentials } = target;
        let address = (server.host(), server.port());
        let refused = |error| fault(error, Refused::Connection);
        let mut smtp = if server.encryption() == Encryption::Always {
            // Here nothing is said before all of it is encrypted.
            AsyncSmtpConnection::connect_tokio1(address, Some(limit), hello, tls.clone(), None)
                .await
                .map_err(refused)?
        } else {
            let stream = TcpStream::connect(address).await.map_err(unreachable)?;
            stream.set_nodelay(true).map_err(unreachable)?;
            let stream = Box::new(Lines::new(stream));
            AsyncSmtpConnection::connect_with_transport(stream, hello).await.map_err(refused)?
        };
        if let (Encryption::StartTls, Some(tls)) = (server.encryption(), tls) {
            if !smtp.can_starttls() {
                let told = "it has no STARTTLS; where that is meant, the address ends in `?tls=none`";
                return Err(MailError::Unfit(told.to_owned()));
            }
            smtp.starttls(tls.clone(), hello).await.map_err(refused)?;
        }
        if let Some(credentials) = credentials {
            let offered = [Mechanism::Plain, Mechanism::Login];
            if smtp.server_info().get_auth_mechanism(&offered).is_none() {
                return Err(MailError::Unfit("it lets nobody log in by PLAIN or LOGIN".to_owned()));
            }
            smtp.auth(&offered, credentials).await.map_err(|error| fault(error, Refused::Login))?;
        }
        Ok(Self { smtp, is_good: true })
    }

    /// Whether the server is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.smtp.command(Noop).await.is_ok()
    }

    /// Whether another mail may be sent by it.
    pub(super) fn is_good(&self) -> bool {
        self.is_good
    }

    /// Sends a mail to all of its recipients, or to none.
    pub(super) async fn send(&mut self, envelope: &Envelope, eml: &[u8]) -> Result<(), MailError> {
        self.is_good = false;
        if let Err(error) = self.announce(envelope).await {
            // It is the mail that was refused, and not the connection.
            let goes_on = matches!(error, MailError::Refused { code, .. } if code != CLOSING);
            self.is_good = goes_on && self.smtp.command(Rset).await.is_ok();
            return Err(error);
        }
        // The end of the data begins with the end of a line.
        let eml = eml.strip_suffix(b"\r\n").unwrap_or(eml);
        let sent = self.smtp.message(eml).await.map_err(|error| fault(error, Refused::Content));
        self.is_good = match &sent {
            Ok(_) => true,
            Err(MailError::Refused { code, .. }) => *code != CLOSING,
            Err(_) => false,
        };
        sent.map(|_| ())
    }

    /// Says whom it is from and who gets it. Nothing is sent as long as one of them is refused.
    async fn announce(&mut self, envelope: &Envelope) -> Result<(), MailError> {
        let from = Mail::new(envelope.from().cloned(), Vec::new());
        self.smtp.command(from).await.map_err(|error| fault(error, Refused::Sender))?;
        for to in envelope.to() {
            let recipient = || Refused::Recipient(to.to_string());
            let command = Rcpt::new(to.clone(), Vec::new());
            self.smtp.command(command).await.map_err(|error| fault(error, recipient()))?;
        }
        self.smtp.command(Data).await.map_err(|error| fault(error, Refused::Content))?;
        Ok(())
    }
}

/// The code of a server that ends the connection (RFC 5321, section 3.8).
pub(crate) const CLOSING: u16 = 421;

fn unreachable(error: std::io::Error) -> MailError {
    MailError::Unreachable(error.to_string())
}

fn fault(error: SmtpError, what: Refused) -> MailError {
    let cause = error.source().map(|cause| Chain(cause).to_string());
    match error.status().and_then(|code| code.to_string().parse().ok()) {
        Some(code) => MailError::Refused { what, code, reply: told(&cause.unwrap_or_default()) },
        None => MailError::Unreachable(told(&cause.unwrap_or_else(|| error.to_string()))),
    }
}

/// A text of a server, fit for a line of the log.
fn told(text: &str) -> String {
    const MOST: usize = 300;
    let text = text.replace(char::is_control, " ");
    text.trim().chars().take(MOST).collect()
}
