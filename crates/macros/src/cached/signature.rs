//! What makes a function one that can be cached: which argument is the cache, and which ones tell values apart.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, GenericParam, Ident, Pat, PathArguments, Result, ReturnType, Token, Type,
};

use super::settings::Settings;

/// What is known of a function.
pub(super) struct Signature {
    pub(super) cache: Part,
    pub(super) arguments: Vec<Part>,
    pub(super) output: Type,
}

/// An argument.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) name: Ident,
    pub(super) kind: Type,
    /// Whether it tells values apart.
    pub(super) is_in_key: bool,
}

impl Part {
    pub(super) fn is_reference(&self) -> bool {
        matches!(self.kind, Type::Reference(_))
    }

    /// As an argument of what only looks at it.
    pub(super) fn reference(&self) -> TokenStream {
        let name = &self.name;
        if self.is_reference() { quote!(#name) } else { quote!(&#name) }
    }

    /// As a parameter of what only looks at it.
    pub(super) fn parameter(&self) -> TokenStream {
        let (name, kind) = (&self.name, &self.kind);
        if self.is_reference() { quote!(#name: #kind) } else { quote!(#name: &#kind) }
    }
}

/// Takes `#[skip]` off the arguments, and says of each whether it was there.
pub(super) fn take_marks(signature: &mut syn::Signature) -> Vec<bool> {
    let take = |argument: &mut FnArg| {
        let attributes = match argument {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(argument) => &mut argument.attrs,
        };
        let before = attributes.len();
        attributes.retain(|attribute| !attribute.path().is_ident("skip"));
        attributes.len() < before
    };
    signature.inputs.iter_mut().map(take).collect()
}

/// The arguments as a function has them that only hands them on.
pub(super) fn without_mut(inputs: &Punctuated<FnArg, Token![,]>) -> Punctuated<FnArg, Token![,]> {
    let mut inputs = inputs.clone();
    for argument in &mut inputs {
        if let FnArg::Typed(argument) = argument
            && let Pat::Ident(pattern) = &mut *argument.pat
        {
            pattern.mutability = None;
        }
    }
    inputs
}

impl Signature {
    /// Looks at a function.
    pub(super) fn check(signature: &syn::Signature, marked: &[bool], settings: &Settings) -> Result<Self> {
        if signature.asyncness.is_none() {
            return Err(Error::new(
                signature.fn_token.span(),
                "a cached function is an `async fn`: a cache is waited for",
            ));
        }
        let types = signature.generics.params.iter().find(|one| !matches!(one, GenericParam::Lifetime(_)));
        if let Some(parameter) = types {
            let what = "a cached function cannot be generic: values of different types would have one key";
            return Err(Error::new_spanned(parameter, what));
        }
        let output = output(signature)?;
        let mut arguments = Vec::new();
        for (argument, is_skipped) in signature.inputs.iter().zip(marked) {
            arguments.push(part(argument, *is_skipped)?);
        }
        let mut caches = arguments.iter().filter(|argument| is_cache(&argument.kind));
        let Some(cache) = caches.next().cloned() else {
            let what = "no argument of it is the cache: add `cache: &Cache` or `cache: Inject<Cache>`";
            return Err(Error::new(signature.ident.span(), what));
        };
        if let Some(second) = caches.next() {
            return Err(Error::new_spanned(&second.kind, "one cache is enough: which one would keep it?"));
        }
        let checked = Self { cache, arguments, output };
        checked.check_key(settings)?;
        checked.check_owned(settings)?;
        Ok(checked)
    }

    /// What differs by an argument must not have one key.
    fn check_key(&self, settings: &Settings) -> Result<()> {
        for template in settings.key.iter().chain(&settings.tags) {
            for name in template.names() {
                let Some(argument) = self.arguments.iter().find(|argument| argument.name == name) else {
                    return Err(Error::new(template.span(), format!("no argument is called `{name}`")));
                };
                if !argument.is_in_key {
                    let what =
                        format!("`{name}` does not tell values apart: it is injected, the cache, or skipped");
                    return Err(Error::new(template.span(), what));
                }
            }
        }
        let Some(key) = &settings.key else { return Ok(()) };
        let missing = |argument: &&Part| argument.is_in_key && !key.names().any(|name| argument.name == name);
        match self.arguments.iter().find(missing) {
            Some(argument) => {
                let name = &argument.name;
                let what = format!(
                    "values that differ by `{name}` would have one key: write `{{{name}}}` into it, or mark the argument `#[skip]`"
                );
                Err(Error::new(name.span(), what))
            }
            None => Ok(()),
        }
    }

    /// What is made in the background outlives whoever asks.
    fn check_owned(&self, settings: &Settings) -> Result<()> {
        if settings.stale.is_none() {
            return Ok(());
        }
        let borrowed = self.arguments.iter().find(|argument| match &argument.kind {
            Type::Reference(reference) => {
                argument.name != self.cache.name
                    && reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static")
            }
            _ => false,
        });
        match borrowed {
            Some(argument) => Err(Error::new_spanned(
                &argument.kind,
                "with `stale` it runs in the background, where whoever has lent this may be gone: take it by value",
            )),
            None => Ok(()),
        }
    }
}

fn part(argument: &FnArg, is_skipped: bool) -> Result<Part> {
    let argument = match argument {
        FnArg::Receiver(receiver) => {
            let what = "a cached function is a function of its own: a method would have to say what of `self` tells values apart";
            return Err(Error::new_spanned(receiver, what));
        }
        FnArg::Typed(argument) => argument,
    };
    if let Type::ImplTrait(_) = &*argument.ty {
        return Err(Error::new_spanned(&argument.ty, "name the type of the argument"));
    }
    let name = match &*argument.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => pattern.ident.clone(),
        pattern => {
            let what = "give the argument a name: by that it is found in keys and tags";
            return Err(Error::new_spanned(pattern, what));
        }
    };
    let kind = (*argument.ty).clone();
    let is_in_key = !is_skipped && !is_cache(&kind) && !is_injected(&kind);
    Ok(Part { name, kind, is_in_key })
}

/// The `Result<T>` that it returns.
fn output(signature: &syn::Signature) -> Result<Type> {
    let what = "a cached function returns `Result<T>`: it may fail where it is made";
    let ReturnType::Type(_, output) = &signature.output else {
        return Err(Error::new_spanned(&signature.ident, what));
    };
    match &**output {
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result") => {
            Ok((**output).clone())
        }
        other => Err(Error::new_spanned(other, what)),
    }
}

fn without_reference(kind: &Type) -> &Type {
    match kind {
        Type::Reference(reference) => without_reference(&reference.elem),
        other => other,
    }
}

fn is_injected(kind: &Type) -> bool {
    last(without_reference(kind)).is_some_and(|segment| segment.ident == "Inject")
}

/// `Cache`, `&Cache`, `Inject<Cache>`, `&Inject<Cache>`.
fn is_cache(kind: &Type) -> bool {
    let Some(segment) = last(without_reference(kind)) else { return false };
    match &segment.arguments {
        PathArguments::None => segment.ident == "Cache",
        PathArguments::AngleBracketed(arguments) if segment.ident == "Inject" => {
            matches!(arguments.args.first(), Some(GenericArgument::Type(kind)) if is_cache(kind))
        }
        _ => false,
    }
}

fn last(kind: &Type) -> Option<&syn::PathSegment> {
    match kind {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}
