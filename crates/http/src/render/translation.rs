//! What errors say in other languages.

use std::collections::HashMap;

use mainstay_core::{Contribution, Error, Fault, Module};

/// A contribution: what errors and faults say in a language, by their codes.
///
/// A client that asks for the language (`Accept-Language`) gets it. What is not translated is said in English. The code of a fault
/// goes before that of the error, and the name of its field, with a dot, before the code alone. Between braces stands what the
/// original message speaks of ([`Fault::params`](mainstay_core::Fault)): `{min}`, `{max}`, `{choices}`, `{expected}`.
///
/// ```
/// use mainstay_core::App;
/// use mainstay_http::RoutesExt;
/// use mainstay_http::render::Translation;
///
/// let german = Translation::new("de", [
///     ("validation_failed", "Die Eingabe ist nicht gültig."),
///     ("required", "fehlt"),
///     ("too_short", "muss mindestens {min} Zeichen haben"),
///     ("email.taken", "hat schon ein Konto"),
/// ]);
/// let app = App::new().translation(german);
/// ```
#[derive(Clone, Debug)]
pub struct Translation {
    language: String,
    messages: HashMap<String, String>,
}

impl Translation {
    /// What codes say in this language, a tag of BCP 47: `de`, `pt-BR`.
    pub fn new<C: Into<String>, M: Into<String>>(
        language: impl Into<String>,
        messages: impl IntoIterator<Item = (C, M)>,
    ) -> Self {
        let messages = messages.into_iter().map(|(code, message)| (code.into(), message.into()));
        Self { language: language.into(), messages: messages.collect() }
    }

    /// The language.
    pub(super) fn language(&self) -> &str {
        &self.language
    }

    /// The error in this language. All but its words is the same.
    pub(super) fn of(&self, error: Error) -> Error {
        let faults = error.faults().iter().map(|fault| self.of_fault(fault)).collect();
        match self.messages.get(error.machine_code()).cloned() {
            Some(message) => error.with_message(message).with_faults(faults),
            None => error.with_faults(faults),
        }
    }

    fn of_fault(&self, fault: &Fault) -> Fault {
        let field = fault.pointer.rsplit(['/', ':']).next().unwrap_or_default();
        let own = self.messages.get(&format!("{field}.{}", fault.code));
        let Some(template) = own.or_else(|| self.messages.get(&*fault.code)) else { return fault.clone() };
        Fault { message: filled(template, fault), ..fault.clone() }
    }
}

/// The text with what stands between braces. What the fault does not speak of stays as it is.
fn filled(template: &str, fault: &Fault) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let value = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = fault.params.iter().find(|(known, _)| known == name)?;
            Some((value, after))
        });
        match value {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

impl Contribution for Translation {
    fn installs() -> Option<Module> {
        Some(crate::module::http())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_a_message_speaks_of() {
        let fault = Fault::new("/name", "too_short", "short").with("min", 3).with("odd", "{min}");
        assert_eq!(filled("mindestens {min}, {odd}", &fault), "mindestens 3, {min}");
        assert_eq!(filled("{max} {min", &fault), "{max} {min");
        assert_eq!(filled("{{min}", &fault), "{3");
    }

    #[test]
    fn the_field_goes_before_the_code_alone() {
        let german =
            Translation::new("de", [("taken", "ist vergeben"), ("email.taken", "hat schon ein Konto")]);
        let said = |pointer: &str| german.of_fault(&Fault::new(pointer, "taken", "is taken")).message;
        assert_eq!(
            (said("/user/email"), said("/name")),
            ("hat schon ein Konto".into(), "ist vergeben".into())
        );
        assert_eq!(german.of_fault(&Fault::new("/name", "other", "else")).message, "else");
    }
}
