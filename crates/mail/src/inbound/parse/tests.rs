//! What becomes of messages, good and bad.

use proptest::prelude::*;

use super::*;
use crate::inbound::arrival::Arrival;

/// As programs write them: nested parts, encoded heads and names, a picture, a file without a name, a forwarded mail.
const REAL: &str = concat!(
    "Return-Path: <ann@example.org>\r\n",
    "Received: from mx.example.org by mx.shop.example; Mon, 5 Jan 2026 10:00:01 +0100\r\n",
    "From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <Joerg@example.org>\r\n",
    "To: \"Support, the\" <support@shop.example>, team: ann@x.example, bob@x.example;\r\n",
    "Cc: copy@x.example\r\nReply-To: answers@example.org\r\n",
    "Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?iso-8859-1?Q?_aus?=\r\n =?utf-8?B?IE3DvG5jaGVu?=\r\n",
    "Date: Mon, 5 Jan 2026 10:00:00 +0100\r\n",
    "Message-ID: <abc@example.org>\r\nIn-Reply-To: <1@shop.example>\r\n",
    "References: <0@shop.example>\r\n <1@shop.example>\r\n",
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n",
    "This is a message in several parts.\r\n",
    "--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n",
    "--inner\r\nContent-Type: text/plain; charset=windows-1252\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
    "5 =80 f=FCr alles=\r\n, Gr=FC=DFe\r\n",
    "--inner\r\nContent-Type: multipart/related; boundary=page\r\n\r\n",
    "--page\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+NSDigqw8L3A+\r\n",
    "--page\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n",
    "--page--\r\n--inner--\r\n",
    "--outer\r\nContent-Type: application/pdf; name=\"=?utf-8?q?Rechnung_M=C3=A4rz=2Epdf?=\"\r\n",
    "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n",
    "--outer\r\nContent-Type: text/csv\r\n",
    "Content-Disposition: attachment; filename*=UTF-8''..%2F..%2Fetc%2Fz%C3%A4hler.csv\r\n\r\na;b\r\n",
    "--outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: within\r\n\r\nforwarded\r\n",
    "--outer--\r\nafter the end\r\n",
);

fn shown(people: &[Correspondent]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_message_is_read_with_all_that_is_in_it() {
    let mail = read(REAL.as_bytes()).unwrap();
    assert_eq!(mail.from.as_ref().unwrap().to_string(), "Jörg Müller <Joerg@example.org>");
    assert_eq!(shown(&mail.to), "Support, the <support@shop.example>, ann@x.example, bob@x.example");
    assert_eq!(
        (shown(&mail.cc), shown(&mail.reply_to)),
        ("copy@x.example".into(), "answers@example.org".into())
    );
    assert_eq!(mail.subject, "Grüße aus München");
    assert_eq!(mail.date.unwrap().to_rfc3339(), "2026-01-05T09:00:00+00:00");
    assert_eq!(mail.message_id.as_deref(), Some("abc@example.org"));
    assert_eq!(
        (mail.in_reply_to, mail.references),
        (vec!["1@shop.example".to_owned()], vec!["0@shop.example".into(), "1@shop.example".into()])
    );
    assert_eq!(mail.text.trim_end(), "5 € für alles, Grüße");
    assert_eq!(mail.html.as_deref(), Some("<p>5 €</p>"));
    let files: Vec<_> =
        mail.attachments.iter().map(|file| (file.name.as_str(), file.content_type.as_str())).collect();
    let expected = [
        ("attachment-1.png", "image/png"),
        ("Rechnung März.pdf", "application/pdf"),
        ("zähler.csv", "text/csv"),
        ("attachment-4.eml", "message/rfc822"),
    ];
    assert_eq!(files, expected);
    assert_eq!(mail.attachments[0].content_id.as_deref(), Some("logo@x"));
    assert_eq!(mail.attachments[0].bytes, b"\x89PNG");
    assert_eq!(mail.attachments[1].bytes, b"%PDF");
    assert_eq!(mail.attachments[2].bytes.trim_ascii_end(), b"a;b");
    assert!(mail.attachments[3].bytes.starts_with(b"Subject: within"));
    assert_eq!(mail.raw, REAL.as_bytes());
}

#[test]
fn what_is_faulty_in_it_is_forgiven() {
    for (message, text) in [
        ("Subject: x\nContent-Transfer-Encoding: base64\n\n!!! not base64 !!!", "!!! not base64 !!!"),
        ("Subject: x\nContent-Type: text/plain; charset=klingon\n\nHello", "Hello"),
        ("Subject: x\nContent-Type: multipart/mixed\n\nHello", "Hello"),
        ("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\nHello", "Hello"),
        ("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello", "Hello"),
        ("Subject: x\nContent-Type: ;;;\n\nHello", "Hello"),
        ("Subject: x\n\nHello", "Hello"),
    ] {
        let mail = read(message.as_bytes()).unwrap();
        assert_eq!((mail.subject.as_str(), mail.text.trim_end()), ("x", text), "{message}");
    }
    // As it comes where nobody has said in which letters it is written.
    let mail = read(
        "From: ann@x.example (Ann)\nSubject: Grüße\nContent-Type: text/plain; charset=utf-8\n\nGrüße"
            .as_bytes(),
    )
    .unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Grüße", "Grüße"));
    assert_eq!(mail.from.unwrap().address, "ann@x.example");
    let mail =
        read(b"From: Shop, Inc. [orders] <orders@x.example>\nTo: undisclosed-recipients:;\n\n").unwrap();
    assert_eq!((mail.from.unwrap().address.as_str(), mail.to.len()), ("orders@x.example", 0));
}

#[test]
fn a_header_is_one_line_whatever_is_encoded_in_it() {
    let mail =
        read(b"From: =?utf-8?q?Ann=0D=0ABcc:_x?= <ann@x.example>\nSubject: =?utf-8?q?a=0D=0AX-Evil:_1?=\n\n")
            .unwrap();
    assert_eq!(mail.subject, "a  X-Evil: 1");
    assert!(!mail.from.unwrap().name.unwrap().contains(char::is_control));
    assert!(mail.headers.iter().all(|(_, value)| !value.contains(char::is_control)));
}

#[test]
fn what_cannot_be_read_says_why() {
    let deep: String = (0..200)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n"))
        .collect();
    let parts = format!("Content-Type: multipart/mixed; boundary=\"\"\n\n{}", "--\n\n".repeat(200_000));
    let headers = "X: y\n".repeat(3_000);
    let words = format!("Subject: {}\n\n", "=?utf-8?q?a?= ".repeat(20_000));
    for (message, told) in [
        (String::new(), "it has no head"),
        ("\n\nonly a body".to_owned(), "it has no head"),
        ("Subject: x\n\rbody".to_owned(), "lone CR"),
        (deep, "Recursion limit"),
        (parts, "too many parts"),
        (headers, "too many headers"),
        // The time that they take grows with their square.
        (words, "too many encoded words"),
    ] {
        let fault = read(message.as_bytes()).unwrap_err().to_string();
        assert!(fault.contains(told), "{fault}");
    }
}

#[test]
fn forwarded_messages_may_be_inside_of_each_other_as_often_as_they_like() {
    let raw = "Content-Type: message/rfc822\n\n".repeat(140_000);
    assert_eq!(read(raw.as_bytes()).unwrap().attachments.len(), 1);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut arrival = Arrival::new(bytes.clone());
        arrival.complete();
        prop_assert_eq!(arrival.digest().len(), 64);
        prop_assert_ne!(read(&bytes).err(), Some(Unreadable::Panicked));
    }

    #[test]
    fn no_head_makes_it_panic(head in "((From|To|Cc|Date|Subject|Message-ID|Content-Type|Content-Disposition|Content-Transfer-Encoding): ?[ -~é\t]{0,30}\r?\n ?){0,6}\r?\n(--b\r?\n)?.{0,20}") {
        let mut arrival = Arrival::new(head.clone());
        arrival.complete();
        prop_assert_eq!(arrival.digest().len(), 64);
        prop_assert_ne!(read(head.as_bytes()).err(), Some(Unreadable::Panicked));
    }

    #[test]
    fn no_change_of_a_real_message_makes_it_panic(
        changes in proptest::collection::vec((0..REAL.len(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        let mut raw = REAL.as_bytes().to_vec();
        for (at, byte, kind) in changes {
            let at = at.min(raw.len() - 1);
            match kind {
                0 => raw[at] = byte,
                1 => raw.insert(at, byte),
                2 => raw.truncate(at + 1),
                _ => { raw.remove(at); if raw.is_empty() { raw.push(byte); } }
            }
        }
        prop_assert_ne!(read(&raw).err(), Some(Unreadable::Panicked));
    }
}
