//! What makes a function a handler: it is async, its arguments can be extracted, its answer is a response.
//!
//! What can be seen in the text is checked here. What only the compiler knows is asserted in generated code, one
//! assertion an argument, with the span of that argument, so that the error names it.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericParam, Result, ReturnType, Type};

/// Extractors that take the body, and so have to come last.
const TAKE_THE_BODY: [&str; 9] =
    ["Json", "Form", "Multipart", "Request", "Bytes", "String", "Body", "BodyStream", "RawForm"];

/// axum implements handlers up to this many arguments.
const MOST: usize = 16;

/// The types of a handler.
pub(super) struct Signature {
    arguments: Vec<Type>,
    output: Option<Type>,
}

impl Signature {
    /// Looks at a function.
    pub(super) fn check(signature: &syn::Signature) -> Result<Self> {
        if signature.asyncness.is_none() {
            return Err(Error::new(signature.fn_token.span(), "a handler is an `async fn`"));
        }
        if let Some(parameter) = signature.generics.params.first() {
            let what = match parameter {
                GenericParam::Lifetime(_) => "a handler owns its arguments: it cannot have lifetimes",
                _ => "a handler cannot be generic: the route would not know which one to call",
            };
            return Err(Error::new_spanned(parameter, what));
        }
        let mut arguments = Vec::new();
        for argument in &signature.inputs {
            match argument {
                FnArg::Receiver(receiver) => {
                    let what = "a handler is a function of its own: take what it needs as `Inject<T>`";
                    return Err(Error::new_spanned(receiver, what));
                }
                FnArg::Typed(argument) => arguments.push((*argument.ty).clone()),
            }
        }
        if let Some(surplus) = arguments.get(MOST) {
            let what =
                format!("a handler has at most {MOST} arguments: group some in a struct that extracts them");
            return Err(Error::new_spanned(surplus, what));
        }
        for argument in &arguments {
            match argument {
                Type::ImplTrait(_) => {
                    return Err(Error::new_spanned(argument, "name the type of the argument"));
                }
                Type::Reference(_) => {
                    return Err(Error::new_spanned(
                        argument,
                        "a handler owns its arguments: take the value itself",
                    ));
                }
                _ => {}
            }
        }
        if let Some((_, first)) = arguments.split_last()
            && let Some(early) = first.iter().find(|argument| takes_the_body(argument))
        {
            let name = last_segment(early).unwrap_or_default();
            let what = format!("`{name}` reads the body, which can be read once: make it the last argument");
            return Err(Error::new_spanned(early, what));
        }
        let output = match &signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, output) => Some((**output).clone()),
        };
        Ok(Self { arguments, output })
    }

    /// The types of the arguments.
    pub(super) fn arguments(&self) -> &[Type] {
        &self.arguments
    }

    /// Asks the return type what it answers. A type that cannot be named says nothing.
    pub(super) fn response(&self, http: &TokenStream) -> TokenStream {
        match &self.output {
            Some(Type::ImplTrait(_)) => {
                quote!(#http::describe::probe::describe_response!(#http::expand::Unnamed, operation);)
            }
            Some(output) => quote!(#http::describe::probe::describe_response!(#output, operation);),
            None => quote!(#http::describe::probe::describe_response!((), operation);),
        }
    }

    /// One assertion an argument, one for the answer, one for the future.
    pub(super) fn assertions(&self, http: &TokenStream, name: &Ident) -> TokenStream {
        let early = self.arguments.len().saturating_sub(1);
        let arguments = self.arguments.iter().enumerate().map(|(index, argument)| {
            let check = if index < early { quote!(early_argument) } else { quote!(last_argument) };
            let markers = if index < early { quote!() } else { quote!(, _) };
            quote_spanned!(argument.span()=> #http::expand::#check::<#argument #markers>();)
        });
        let answer = match &self.output {
            None | Some(Type::ImplTrait(_)) => None,
            Some(output) => Some(quote_spanned!(output.span()=> #http::expand::answer::<#output>();)),
        };
        let values = self.arguments.iter().map(|_| quote!(::core::unreachable!()));
        let future = quote_spanned!(name.span()=> #http::expand::future(#name(#(#values),*)););
        quote! {
            const _: () = {
                #[allow(warnings, reason = "never called: it is here to be type-checked")]
                fn check() {
                    #(#arguments)*
                    #answer
                    #future
                }
            };
        }
    }
}

fn takes_the_body(argument: &Type) -> bool {
    last_segment(argument).is_some_and(|name| TAKE_THE_BODY.contains(&name.as_str()))
}

/// `Json` of `axum::Json<Article>`.
fn last_segment(argument: &Type) -> Option<String> {
    match argument {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}
