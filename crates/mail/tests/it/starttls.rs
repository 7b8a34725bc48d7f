//! What somebody between us and the server could say before the encryption begins.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::{App, Error};
use mainstay_mail::{Mail, MailError, MailExt, Mailer};
use mainstay_test::TestApp;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A server with STARTTLS, which says `more` in the packet of its consent. What it hears under encryption goes to the channel.
async fn serve(home: &Path, more: &'static str) -> (u16, UnboundedReceiver<String>) {
    let acceptor = acceptor(home);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, lines) = unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 hello\r\n").await.unwrap();
        let mut line = String::new();
        while !line.starts_with("STARTTLS") {
            if line.starts_with("EHLO") {
                stream.write_all(b"250-hello\r\n250 STARTTLS\r\n").await.unwrap();
            }
            line.clear();
            stream.read_line(&mut line).await.unwrap();
        }
        stream.write_all(format!("220 go on\r\n{more}").as_bytes()).await.unwrap();
        let _the_client_may_not_like_it = talk(&acceptor, stream.into_inner(), heard).await;
    });
    (port, lines)
}

async fn talk(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    heard: UnboundedSender<String>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut line = String::new();
    let mut in_data = false;
    while stream.read_line(&mut line).await? > 0 {
        let _nobody_listens = heard.send(line.clone());
        in_data = (in_data || line.starts_with("DATA")) && line != ".\r\n";
        let answer: &[u8] = match &*line {
            "DATA\r\n" => b"354 go on\r\n",
            _ if in_data => b"",
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await?;
        stream.flush().await?;
        line.clear();
    }
    Ok(())
}

/// With a certificate of an authority that is in the file `ca.pem`.
fn acceptor(home: &Path) -> TlsAcceptor {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(home.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Sends a mail to such a server. What it heard is in the second part.
async fn send(more: &'static str) -> (Result<(), Error>, String) {
    let home = tempfile::tempdir().unwrap();
    let (port, mut lines) = serve(home.path(), more).await;
    let app = TestApp::of(App::new().mail()).set("mail.url", format!("smtp://127.0.0.1:{port}?ca=ca.pem"));
    let app = app.set("mail.timeout", "5s").home(home.path()).start().await;
    let sent = app.inject::<Mailer>().await.send(Mail::to("ann@example.org").subject("x").text("x")).await;
    drop(app);
    let mut heard = String::new();
    while let Ok(Some(line)) = tokio::time::timeout(Duration::from_millis(200), lines.recv()).await {
        heard.push_str(&line);
    }
    (sent, heard)
}

#[tokio::test]
async fn a_server_that_says_nothing_more_gets_the_mail_under_encryption() {
    let (sent, heard) = send("").await;
    sent.unwrap();
    assert!(
        heard.contains("MAIL FROM:<no-reply@localhost>\r\n") && heard.contains("Subject: x\r\n"),
        "{heard}"
    );
}

#[tokio::test]
async fn what_was_said_in_the_clear_is_not_taken_for_an_answer_under_encryption() {
    // All that the client asks for later is answered in advance.
    let (sent, heard) = send("250 hello\r\n250 fine\r\n250 fine\r\n354 go on\r\n250 taken\r\n").await;
    let error = sent.unwrap_err();
    assert!(matches!(error.source_as(), Some(MailError::Unreachable(_))), "{error:?}");
    assert_eq!(heard, "");
}
