//! Whether a person has written a mail, and the answer to it. Two programs that answer each other do so for ever: RFC 3834 says what keeps
//! them from it.

use super::mail::{Correspondent, InboundMail};
use crate::mail::Mail;

/// So many mails of a conversation are named in an answer: the first, and the last ones.
const MOST_REFERENCES: usize = 20;
/// A mail that asks for answers to more than these gets none.
const MOST_ANSWERED: usize = 10;

impl InboundMail {
    /// Whether it reports that a mail did not arrive, or says so of itself by having no sender (RFC 3464, RFC 5321 section 4.5.5).
    pub fn is_bounce(&self) -> bool {
        let is_report = self.content_type.starts_with("multipart/report")
            && self.content_type.contains("delivery-status");
        let is_daemon = self.from.as_ref().is_some_and(|from| {
            from.address.split('@').next().is_some_and(|local| local.eq_ignore_ascii_case("mailer-daemon"))
        });
        self.sender.as_deref() == Some("") || is_report || is_daemon
    }

    /// Whether a program has written it, by its own account: an answer while somebody is away, a newsletter, a mailing list, a bounce. Nobody
    /// answers those by a program.
    pub fn is_automatic(&self) -> bool {
        self.is_auto_reply() || self.is_bounce() || self.is_bulk()
    }

    /// Whether a program has written it, as an answer or of itself (RFC 3834, section 5, and what older programs say).
    pub fn is_auto_reply(&self) -> bool {
        let submitted = self.header_values("Auto-Submitted").any(|value| {
            let keyword = value.split([';', '(']).next().unwrap_or_default().trim();
            !keyword.is_empty() && !keyword.eq_ignore_ascii_case("no")
        });
        let older = ["X-Autoreply", "X-Autorespond", "X-Auto-Reply-From"];
        submitted
            || older
                .iter()
                .any(|name| self.header(name).is_some_and(|value| !value.eq_ignore_ascii_case("no")))
            || self.says("Precedence", &["auto_reply"])
    }

    fn is_bulk(&self) -> bool {
        self.says("Precedence", &["bulk", "junk", "list"]) || self.header("List-Id").is_some()
    }

    /// Whether it asks for no automatic answers, as Exchange has it.
    fn asks_for_silence(&self) -> bool {
        let words = ["all", "autoreply", "oof"];
        self.header_values("X-Auto-Response-Suppress")
            .flat_map(|value| value.split(','))
            .any(|asked| words.iter().any(|word| asked.trim().eq_ignore_ascii_case(word)))
    }

    fn says(&self, name: &str, words: &[&str]) -> bool {
        self.header_values(name).any(|value| words.iter().any(|word| value.trim().eq_ignore_ascii_case(word)))
    }

    /// An answer: to whom it asks for, about the same, in its conversation, marked as one that a program writes. What it says is still to be
    /// said, and `from` is `mail.from` unless it is set.
    ///
    /// None where no program may answer: the mail [is automatic](Self::is_automatic), asks for no such answers, says not whom to
    /// answer, or wants more than ten to be answered, which is how one mail is made to become many.
    ///
    /// ```
    /// # use mainstay_core::{Inject, Result};
    /// # use mainstay_mail::{InboundMail, Mailer};
    /// async fn support(mail: InboundMail, mailer: Inject<Mailer>) -> Result<()> {
    ///     if let Some(answer) = mail.reply() {
    ///         mailer.send_soon(answer.text("We have your question, and come back to you.")).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn reply(&self) -> Option<Mail> {
        if self.is_automatic() || self.asks_for_silence() {
            return None;
        }
        let to: Vec<&Correspondent> = if self.reply_to.is_empty() {
            self.from.iter().collect()
        } else {
            self.reply_to.iter().collect()
        };
        if to.len() > MOST_ANSWERED {
            return None;
        }
        let (first, others) = to.split_first()?;
        let is_answer = self.subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
        let subject = if is_answer { self.subject.clone() } else { format!("Re: {}", self.subject) };
        let mail = others.iter().fold(Mail::to(*first), |mail, other| mail.and_to(*other));
        let mail = mail.subject(subject).header("Auto-Submitted", "auto-replied");
        let Some(id) = self.message_id.as_deref().filter(|id| is_name(id)) else { return Some(mail) };
        let before = if self.references.is_empty() { &self.in_reply_to } else { &self.references };
        let mut names: Vec<&str> = before.iter().map(String::as_str).filter(|name| is_name(name)).collect();
        if names.len() > MOST_REFERENCES {
            names.drain(1..=names.len() - MOST_REFERENCES);
        }
        names.push(id);
        let references: Vec<String> = names.iter().map(|name| format!("<{name}>")).collect();
        Some(mail.header("In-Reply-To", format!("<{id}>")).header("References", references.join(" ")))
    }
}

/// Whether it can be in a header as the name of a mail.
fn is_name(name: &str) -> bool {
    name.len() <= 300 && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
}
