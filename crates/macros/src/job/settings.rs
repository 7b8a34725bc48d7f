//! What is written in `#[job(…)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, DataStruct, Error, Ident, LitInt, LitStr, Path, Result, Token};

use crate::duration;

const KEYS: &str = "`queue`, `priority`, `attempts`, `timeout`, `backoff`, `unique`, `unique_by`, `debounce`, `concurrency`, `rate`, `limit_by`, \
    `keep`, `name`, `formerly`, `version`, `upgrade`, `on_error`, `blocking`";

/// What a job is made with.
#[derive(Default)]
pub(super) struct Settings {
    /// Statements on the `JobSpec`.
    pub(super) spec: Vec<TokenStream>,
    /// Functions of the trait.
    pub(super) items: Vec<TokenStream>,
    pub(super) blocking: bool,
    name: Option<LitStr>,
    seen: Vec<Ident>,
}

impl Settings {
    pub(super) fn read(job: &Ident, data: &DataStruct, attributes: &[Attribute]) -> Result<Self> {
        let mut settings = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("job")) {
            attribute.parse_nested_meta(|meta| settings.setting(job, data, &meta))?;
        }
        settings.check()?;
        Ok(settings)
    }

    pub(super) fn stored_name(&self, job: &Ident) -> String {
        self.name.as_ref().map_or_else(|| job.to_string(), LitStr::value)
    }

    fn setting(&mut self, job: &Ident, data: &DataStruct, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let Some(key) = meta.path.get_ident().cloned() else {
            return Err(meta.error(format!("no setting of a job: {KEYS}")));
        };
        if self.seen.contains(&key) {
            return Err(Error::new(key.span(), format!("`{key}` is set twice")));
        }
        let jobs = crate::root::path("jobs");
        match key.to_string().as_str() {
            "name" => self.name = Some(name(meta)?),
            "queue" => {
                let queue = name(meta)?;
                self.spec.push(quote!(spec.queue = #queue;));
            }
            "formerly" => {
                let names = names(meta)?;
                self.spec.push(quote!(spec.formerly = &[#(#names),*];));
            }
            "priority" => {
                let priority: syn::Expr = meta.value()?.parse()?;
                self.spec.push(quote!(spec.priority = #priority;));
            }
            "attempts" | "version" | "concurrency" => {
                let number = count(meta)?;
                let number = if key == "concurrency" { quote!(Some(#number)) } else { quote!(#number) };
                self.spec.push(quote!(spec.#key = #number;));
            }
            "timeout" => {
                let written: LitStr = meta.value()?.parse()?;
                let timeout = match written.value().as_str() {
                    "never" => quote!(None),
                    _ => {
                        let timeout = duration::expression(&written)?;
                        quote!(Some(#timeout))
                    }
                };
                self.spec.push(quote!(spec.timeout = #timeout;));
            }
            "backoff" => self.spec.push(backoff(&meta.value()?.parse()?)?),
            "debounce" | "keep" => {
                let wait = duration::expression(&meta.value()?.parse()?)?;
                self.spec.push(quote!(spec.#key = Some(#wait);));
            }
            "unique" => {
                let unique = unique(meta)?;
                self.spec.push(quote!(spec.unique = Some(#jobs::Unique::#unique);));
            }
            "rate" => {
                let (count, per) = rate(&meta.value()?.parse()?)?;
                self.spec.push(quote!(spec.rate = Some(#jobs::Rate::new(#count, #per));));
            }
            "unique_by" => {
                let fields = fields(job, data, meta)?;
                self.items.push(quote! {
                    fn unique_by(&self) -> #jobs::__private::Result<String> {
                        Ok(#jobs::__private::serde_json::to_string(&(#(&self.#fields,)*))?)
                    }
                });
            }
            "limit_by" => {
                let fields = fields(job, data, meta)?;
                self.items.push(quote! {
                    fn limit_by(&self) -> Option<String> {
                        #jobs::__private::serde_json::to_string(&(#(&self.#fields,)*)).ok()
                    }
                });
            }
            "upgrade" => {
                let path: Path = meta.value()?.parse()?;
                self.items.push(quote! {
                    fn upgrade(
                        version: u32,
                        args: #jobs::__private::serde_json::Value,
                    ) -> #jobs::__private::Result<#jobs::__private::serde_json::Value> {
                        #path(version, args)
                    }
                });
            }
            "on_error" => {
                let path: Path = meta.value()?.parse()?;
                self.items.push(quote! {
                    fn on_error(error: &#jobs::__private::Error, attempt: u32) -> #jobs::OnError {
                        #path(error, attempt)
                    }
                });
            }
            "blocking" => self.blocking = true,
            _ => return Err(Error::new(key.span(), format!("`{key}` is no setting of a job: {KEYS}"))),
        }
        self.seen.push(key);
        Ok(())
    }

    /// What makes no sense without, or beside, another.
    fn check(&self) -> Result<()> {
        let find = |name: &str| self.seen.iter().find(|key| *key == name);
        if let (Some(debounce), Some(_)) = (find("debounce"), find("unique")) {
            return Err(Error::new(
                debounce.span(),
                "a job that waits for the last one of its kind is unique until it begins: leave `unique` out",
            ));
        }
        if let (Some(by), None, None) = (find("unique_by"), find("unique"), find("debounce")) {
            return Err(Error::new(
                by.span(),
                "`unique_by` says what makes two of them the same: add `unique` or `debounce`",
            ));
        }
        if let (Some(by), None, None) = (find("limit_by"), find("concurrency"), find("rate")) {
            return Err(Error::new(
                by.span(),
                "`limit_by` says what is counted: add `concurrency` or `rate`",
            ));
        }
        if let (Some(upgrade), None) = (find("upgrade"), find("version")) {
            return Err(Error::new(upgrade.span(), "say the `version` that `upgrade` makes: `version = 2`"));
        }
        Ok(())
    }
}

/// A text that is neither empty nor too long for its column.
fn name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let written: LitStr = meta.value()?.parse()?;
    checked_name(written)
}

fn checked_name(written: LitStr) -> Result<LitStr> {
    let length = written.value().chars().count();
    if length == 0 || length > 100 {
        return Err(Error::new(written.span(), "write a name of up to 100 characters"));
    }
    Ok(written)
}

/// One name, or several in parentheses.
fn names(meta: &ParseNestedMeta<'_>) -> Result<Vec<LitStr>> {
    if meta.input.peek(Token![=]) {
        return Ok(vec![name(meta)?]);
    }
    let content;
    syn::parenthesized!(content in meta.input);
    let names = content.parse_terminated(|input| input.parse::<LitStr>(), Token![,])?;
    names.into_iter().map(checked_name).collect()
}

fn count(meta: &ParseNestedMeta<'_>) -> Result<u32> {
    let written: LitInt = meta.value()?.parse()?;
    match written.base10_parse::<u32>() {
        Ok(count) if count > 0 && count <= i32::MAX.cast_unsigned() => Ok(count),
        _ => Err(Error::new(written.span(), "write a number from 1")),
    }
}

/// `5s..1h`: from the first wait to the longest.
fn backoff(written: &LitStr) -> Result<TokenStream> {
    let wrong = || Error::new(written.span(), "write the first wait and the longest one: `5s..1h`");
    let text = written.value();
    let (first, longest) = text.split_once("..").ok_or_else(wrong)?;
    let first = duration::millis(first).ok_or_else(wrong)?;
    let longest = duration::millis(longest).filter(|longest| *longest >= first).ok_or_else(wrong)?;
    Ok(quote! {
        spec.backoff.initial = ::core::time::Duration::from_millis(#first);
        spec.backoff.limit = ::core::time::Duration::from_millis(#longest);
    })
}

fn unique(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    if !meta.input.peek(Token![=]) {
        return Ok(quote!(UntilEnded));
    }
    let written: LitStr = meta.value()?.parse()?;
    match written.value().as_str() {
        "until_ended" => Ok(quote!(UntilEnded)),
        "until_started" => Ok(quote!(UntilStarted)),
        _ => match duration::expression(&written) {
            Ok(window) => Ok(quote!(For(#window))),
            Err(_) => Err(Error::new(
                written.span(),
                "write `until_ended`, `until_started`, or for how long, such as `10m`",
            )),
        },
    }
}

/// `10/1m`: so many in a while.
fn rate(written: &LitStr) -> Result<(u32, TokenStream)> {
    let wrong = || Error::new(written.span(), "write how many in how long: `10/1m`");
    let text = written.value();
    let (count, per) = text.split_once('/').ok_or_else(wrong)?;
    let count = count.trim().parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
    let millis = duration::millis(per).ok_or_else(wrong)?;
    Ok((count, quote!(::core::time::Duration::from_millis(#millis))))
}

/// Fields of the job, in parentheses.
fn fields(job: &Ident, data: &DataStruct, meta: &ParseNestedMeta<'_>) -> Result<Vec<Ident>> {
    let content;
    syn::parenthesized!(content in meta.input);
    let fields = content.parse_terminated(|input| input.parse::<Ident>(), Token![,])?;
    for field in &fields {
        if !data.fields.iter().any(|known| known.ident.as_ref() == Some(field)) {
            return Err(Error::new(field.span(), format!("`{job}` has no field `{field}`")));
        }
    }
    Ok(fields.into_iter().collect())
}
