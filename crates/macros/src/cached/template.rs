//! Texts with arguments in them: `article:{id}`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Ident, LitStr, Result};

/// A text, and what stands in it.
pub(super) struct Template {
    pieces: Vec<Piece>,
    span: Span,
    /// What stands between arguments, which no argument may have by itself.
    between: String,
}

enum Piece {
    Text(String),
    Argument(String),
}

impl Template {
    /// Reads a text.
    pub(super) fn of(written: &LitStr) -> Result<Self> {
        let (value, span) = (written.value(), written.span());
        let wrong = |what: &str| Error::new(span, what);
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = value.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '{' | '}' if rest.peek() == Some(&letter) => {
                    rest.next();
                    text.push(letter);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(letter) => name.push(letter),
                            None => {
                                return Err(wrong(
                                    "a `{` is not closed; one that stands for itself is written `{{`",
                                ));
                            }
                        }
                    }
                    if syn::parse_str::<Ident>(&name).is_err() {
                        return Err(wrong("write the name of an argument between the braces: `{id}`"));
                    }
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(Piece::Argument(name));
                }
                '}' => return Err(wrong("a `}` closes nothing; one that stands for itself is written `}}`")),
                letter => text.push(letter),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        if pieces.is_empty() {
            return Err(wrong("a text of nothing"));
        }
        Ok(Self { pieces, span, between: String::new() })
    }

    /// Reads a key: what tells values apart must not run together.
    pub(super) fn key_of(written: &LitStr) -> Result<Self> {
        let mut key = Self::of(written)?;
        let is_mark = |letter: &char| letter.is_ascii_punctuation() || letter.is_ascii_whitespace();
        for (index, piece) in key.pieces.iter().enumerate().skip(1) {
            let Piece::Argument(name) = piece else { continue };
            let before = match &key.pieces[index - 1] {
                Piece::Text(text) => text.as_str(),
                Piece::Argument(_) => "",
            };
            let is_first = !key.pieces[..index].iter().any(|piece| matches!(piece, Piece::Argument(_)));
            if is_first {
                continue;
            }
            if !before.chars().any(|letter| is_mark(&letter)) {
                let what = format!(
                    "put a mark such as `:` before `{{{name}}}`: what is in front of it would run into it"
                );
                return Err(Error::new(key.span, what));
            }
            key.between.extend(before.chars().filter(is_mark));
        }
        Ok(key)
    }

    /// Where it is written.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// The names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Argument(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text, as a `String`.
    pub(super) fn text(&self) -> TokenStream {
        let (format, arguments) = self.format();
        quote!(::std::format!(#format, #(#arguments),*))
    }

    /// The text in which no argument is mistaken for what stands around it, as a `String`.
    pub(super) fn key(&self, store: &TokenStream) -> TokenStream {
        if self.between.is_empty() {
            return self.text();
        }
        let ((format, arguments), between) = (self.format(), &self.between);
        quote!(::std::format!(#format, #(#store::expand::shown(#arguments, #between)),*))
    }

    fn format(&self) -> (String, Vec<Ident>) {
        let mut format = String::new();
        let mut arguments = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
                Piece::Argument(name) => {
                    format.push_str("{}");
                    arguments.push(Ident::new(name, self.span));
                }
            }
        }
        (format, arguments)
    }
}
