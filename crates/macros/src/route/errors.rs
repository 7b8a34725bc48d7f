//! `#[errors(NotFound, Conflict = "slug_taken")]`: how a handler says it may fail.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, ItemFn, LitStr, Result, Token};

/// The names of the statuses of client and server errors (IANA registry), as they are written in `#[errors]`.
const STATUSES: [(&str, u16); 38] = [
    ("BadRequest", 400),
    ("Unauthorized", 401),
    ("PaymentRequired", 402),
    ("Forbidden", 403),
    ("NotFound", 404),
    ("MethodNotAllowed", 405),
    ("NotAcceptable", 406),
    ("ProxyAuthenticationRequired", 407),
    ("RequestTimeout", 408),
    ("Conflict", 409),
    ("Gone", 410),
    ("LengthRequired", 411),
    ("PreconditionFailed", 412),
    ("PayloadTooLarge", 413),
    ("UriTooLong", 414),
    ("UnsupportedMediaType", 415),
    ("RangeNotSatisfiable", 416),
    ("ExpectationFailed", 417),
    ("MisdirectedRequest", 421),
    ("UnprocessableEntity", 422),
    ("Locked", 423),
    ("FailedDependency", 424),
    ("TooEarly", 425),
    ("UpgradeRequired", 426),
    ("PreconditionRequired", 428),
    ("TooManyRequests", 429),
    ("RequestHeaderFieldsTooLarge", 431),
    ("UnavailableForLegalReasons", 451),
    ("InternalServerError", 500),
    ("NotImplemented", 501),
    ("BadGateway", 502),
    ("ServiceUnavailable", 503),
    ("GatewayTimeout", 504),
    ("HttpVersionNotSupported", 505),
    ("VariantAlsoNegotiates", 506),
    ("InsufficientStorage", 507),
    ("LoopDetected", 508),
    ("NetworkAuthenticationRequired", 511),
];

/// `NotFound`, `NotFound = "article_not_found"`, or `NotFound("article_not_found", "No article has this slug.")`.
struct Failure {
    status: u16,
    code: Option<LitStr>,
    description: Option<LitStr>,
}

impl Parse for Failure {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        let Some((_, status)) = STATUSES.iter().find(|(known, _)| name == known) else {
            return Err(Error::new(name.span(), unknown(&name.to_string())));
        };
        let mut failure = Self { status: *status, code: None, description: None };
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            failure.code = Some(input.parse()?);
        } else if input.peek(syn::token::Paren) {
            let inner;
            syn::parenthesized!(inner in input);
            let mut texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&inner)?.into_iter();
            failure.code = texts.next();
            failure.description = texts.next();
            if let Some(surplus) = texts.next() {
                return Err(Error::new(surplus.span(), "a code and a description are all that there is"));
            }
        }
        Ok(failure)
    }
}

fn unknown(name: &str) -> String {
    let initial = |text: &str| text.chars().next().map(|c| c.to_ascii_lowercase());
    let near = STATUSES.iter().filter(|(known, _)| {
        known.eq_ignore_ascii_case(name)
            || (initial(known) == initial(name) && known.len().abs_diff(name.len()) < 3)
    });
    let near: Vec<String> = near.map(|(known, _)| format!("`{known}`")).collect();
    let hint = if near.is_empty() { "such as `NotFound` or `Conflict`".to_owned() } else { near.join(", ") };
    format!("`{name}` is not the name of an error status: {hint}?")
}

/// Takes `#[errors(…)]` off a function: the arguments of `expand::error`, one set a failure.
pub(super) fn take(function: &mut ItemFn) -> Result<Vec<TokenStream>> {
    let mut found = Vec::new();
    let mut kept = Vec::new();
    for attribute in std::mem::take(&mut function.attrs) {
        if attribute.path().segments.last().is_some_and(|last| last.ident == "errors") {
            found.push(attribute);
        } else {
            kept.push(attribute);
        }
    }
    function.attrs = kept;
    let mut failures = Vec::new();
    for attribute in found {
        for failure in attribute.parse_args_with(Punctuated::<Failure, Token![,]>::parse_terminated)? {
            let Failure { status, code, description } = failure;
            let code = code.map_or(quote!(""), |code| quote!(#code));
            let description = description.map_or(quote!(""), |text| quote!(#text));
            failures.push(quote!((#status, #code, #description)));
        }
    }
    Ok(failures)
}

/// What is said where `#[errors]` runs by itself.
pub(crate) fn misplaced() -> Error {
    Error::new(Span::call_site(), "write `#[errors(…)]` below `#[get(…)]`, which reads it")
}
