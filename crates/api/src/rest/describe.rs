//! What the routes of a resource say about themselves.

use std::marker::PhantomData;

use http::StatusCode;
use mainstay_core::container::Need;
use mainstay_db::meta::{FieldMeta, ModelMeta};
use mainstay_db::{Db, Model};
use mainstay_http::Route;
use mainstay_http::describe::{
    BodySpec, Content, ErrorSpec, Operation, Parameter, Place, ResponseSpec, SchemaOf, schema_of,
};
use mainstay_resource::fields::{is_searched, json_name};
use mainstay_resource::list::Operator;
use mainstay_resource::{Inclusion, Operations, Policies, Resource, Save};
use schemars::{Schema, SchemaGenerator};

use super::JSON_PATCH;
use super::query::{LAST, MOST, RESERVED};
use super::schema::{self, Count, JsonPatch, Names, Order, Shown, Tags, Value, Values};

const JSON: &str = "application/json";

/// Describes the routes of a resource.
pub(super) struct Describing<M> {
    includes: Vec<Inclusion>,
    settled: &'static [usize],
    /// What the parameters of the path are values of, in their order.
    parameters: Vec<Option<&'static FieldMeta>>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Describing<M> {
    /// Those of this one.
    pub(super) fn new(resource: &Resource<M>) -> Self {
        Self {
            includes: resource.includes(),
            settled: resource.settled(),
            parameters: resource.parameters(),
            model: PhantomData,
        }
    }

    pub(super) fn list(&self, route: Route) -> Route {
        self.described(route, "list", |operation| {
            operation.document(&format!(
                "Lists {}.\n\nA field is compared with a value by its name, otherwise by `name[operator]`. \
                 Pages are by number (`page`, `per_page`), or by cursor (`after`, `before`, `limit`); the header `Link` \
                 leads to the others.",
                plural(M::META)
            ));
            for field in M::META.fields.iter().filter(|field| !field.hidden) {
                filters::<M>(field, operation);
            }
            if is_searched(M::META, |field| !field.hidden) {
                let document = "Words that must be in it, best first: `\"next to each other\"`, `-without`, `beginning*`, `one OR another`.";
                query(operation, "search", schema_of::<String>(), document);
            } else if M::META.fields.iter().any(|field| field.searchable && !field.hidden) {
                query(operation, "search", schema_of::<String>(), "Words that must be in it.");
            }
            let sort = Parameter::new(Place::Query, "sort").schema(schema_of::<Order<M>>()).comma_separated();
            operation.parameter(sort.description("What the rows are sorted by; `-` reverses it."));
            fields::<M>(operation);
            self.include(operation);
            query(operation, "page", schema_of::<Count<LAST>>(), "The number of the page.");
            query(operation, "per_page", schema_of::<Count<MOST>>(), "The most rows of a page.");
            query(operation, "after", schema_of::<String>(), "A cursor: the rows after it.");
            query(operation, "before", schema_of::<String>(), "A cursor: the rows before it.");
            query(operation, "limit", schema_of::<Count<MOST>>(), "The most rows of a page by cursor.");
            let link =
                Parameter::new(Place::Header, "Link").description("The way to the other pages (RFC 8288).");
            operation.response(ResponseSpec::new(200).content(self.shown(schema::page::<M>)).header(link));
            operation.error(
                ErrorSpec::new(StatusCode::BAD_REQUEST, "A parameter cannot be understood.")
                    .code("invalid_parameters"),
            );
        })
    }

    pub(super) fn create(&self, route: Route) -> Route {
        self.described(route, "create", |operation| {
            operation.document(&format!("Makes {}.", one(M::META.label)));
            operation.body = Some(BodySpec::new(self.sent(Save::Create, JSON)));
            let location = Parameter::new(Place::Header, "Location").required().description("Where it is.");
            operation.response(whole::<M>(201).header(location));
            writes(operation);
        })
    }

    pub(super) fn get(&self, route: Route) -> Route {
        self.described(route, "get", |operation| {
            operation.document(&format!("Shows {}.", one(M::META.label)));
            fields::<M>(operation);
            self.include(operation);
            let known = Parameter::new(Place::Header, "If-None-Match").schema(schema_of::<Tags>());
            operation.parameter(known.description("The tag of the row as the client has it."));
            operation.response(tagged(200, self.shown(schema::row::<M>)));
            operation.response(ResponseSpec::new(304).description("The client has it already."));
            operation.error(
                ErrorSpec::new(StatusCode::BAD_REQUEST, "A parameter cannot be understood.")
                    .code("invalid_parameters"),
            );
            missing(operation, M::META);
        })
    }

    pub(super) fn save(&self, route: Route, how: Save) -> Route {
        let name = if how == Save::Replace { "replace" } else { "change" };
        self.described(route, name, |operation| {
            let one = one(M::META.label);
            if how == Save::Replace {
                operation.document(&format!(
                    "Replaces {one}.\n\nFields that are not given get the value of a new row."
                ));
                operation.body = Some(BodySpec::new(self.sent(Save::Replace, JSON)));
            } else {
                operation.document(&format!(
                    "Changes some fields of {one}.\n\nJSON Merge Patch (RFC 7396), or JSON Patch (RFC 6902)."
                ));
                let mut body = BodySpec::new(self.sent(Save::Merge, "application/merge-patch+json"));
                body.contents.push(self.sent(Save::Merge, JSON));
                body.contents.push(Content::of::<JsonPatch>(JSON_PATCH));
                operation.body = Some(body);
            }
            operation.response(whole::<M>(200));
            missing(operation, M::META);
            expects(operation);
            writes(operation);
        })
    }

    pub(super) fn remove(&self, route: Route) -> Route {
        self.described(route, "delete", |operation| {
            operation.document(&format!("Takes {} away.", one(M::META.label)));
            operation.response(ResponseSpec::new(204));
            missing(operation, M::META);
            expects(operation);
            operation.error(ErrorSpec::new(StatusCode::CONFLICT, "Something else still refers to it."));
        })
    }

    pub(super) fn bulk(&self, route: Route) -> Route {
        self.described(route, "change_several", |operation| {
            operation.document(&format!(
                "Makes, changes and takes away several {}.\n\nAll operations are done, in their order, or none of them.",
                plural(M::META)
            ));
            let settled = self.settled;
            let body = made::<M>(move |generator| schema::operations::<M>(settled, generator));
            operation.body = Some(BodySpec::new(body));
            operation.response(ResponseSpec::new(200).content(made::<M>(schema::results::<M>)));
            missing(operation, M::META);
            writes(operation);
            let changed = "A row has been changed since the client read it.";
            let changed = ErrorSpec::new(StatusCode::PRECONDITION_FAILED, changed);
            operation.error(changed.code("precondition_failed"));
        })
    }

    /// Everything is known of it, and every one of them asks the policy.
    fn described(&self, route: Route, verb: &str, describe: impl FnOnce(&mut Operation)) -> Route {
        route.describe(|operation| {
            operation.name = format!("{verb}_{}", M::META.label.replace(' ', "_"));
            operation.opaque.clear();
            operation.needs_axum_router = false;
            operation.needs.extend([Need::of::<Db>().in_request(), Need::of::<Policies>().in_request()]);
            operation.tags.push(M::META.name.to_owned());
            operation.error(ErrorSpec::new(
                StatusCode::UNAUTHORIZED,
                "Nobody is signed in, and somebody must be.",
            ));
            operation.error(ErrorSpec::new(StatusCode::FORBIDDEN, "The policy does not allow it."));
            let names: Vec<String> = operation.path_names().into_iter().map(str::to_owned).collect();
            for (name, field) in names.into_iter().zip(&self.parameters) {
                let Some(field) = *field else { continue };
                let schema = made::<M>(move |_| schema::value(field)).schema;
                operation.parameter(Parameter::new(Place::Path, name).required().schema(schema));
            }
            if !self.settled.is_empty() {
                operation.error(ErrorSpec::new(StatusCode::NOT_FOUND, "There is no such row around it."));
            }
            describe(operation);
        })
    }

    /// Rows with the relations that can be asked for.
    fn shown(&self, of: fn(&[Inclusion], &mut SchemaGenerator) -> Schema) -> Content {
        let includes = self.includes.clone();
        made::<M>(move |generator| of(&includes, generator))
    }

    /// Rows as they are sent to be written.
    fn sent(&self, how: Save, media_type: &'static str) -> Content {
        let settled = self.settled;
        let schema = made::<M>(move |generator| schema::sent::<M>(how, settled, generator)).schema;
        Content { schema, ..Content::new(media_type) }
    }

    fn include(&self, operation: &mut Operation) {
        if self.includes.is_empty() {
            return;
        }
        let names = self.includes.iter().map(|include| include.name);
        let include = Parameter::new(Place::Query, "include").schema(schema_of::<Vec<String>>());
        let include = include.choices(names.clone()).comma_separated();
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        operation.parameter(include.description(format!("Relations to show with it: {}.", names.join(", "))));
    }
}

fn made<M: Model>(make: impl Fn(&mut SchemaGenerator) -> Schema + Send + Sync + 'static) -> Content {
    Content { schema: Some(SchemaOf::made::<Shown<M>>(make)), ..Content::new(JSON) }
}

fn whole<M: Model>(status: u16) -> ResponseSpec {
    tagged(status, Content::of::<Shown<M>>(JSON))
}

fn tagged(status: u16, content: Content) -> ResponseSpec {
    let tag = Parameter::new(Place::Header, "ETag").description("The state of the row, for `If-Match`.");
    ResponseSpec::new(status).content(content).header(tag)
}

fn missing(operation: &mut Operation, meta: &ModelMeta) {
    operation.error(ErrorSpec::new(StatusCode::NOT_FOUND, format!("There is no such {}.", meta.label)));
}

fn expects(operation: &mut Operation) {
    let header = Parameter::new(Place::Header, "If-Match").schema(schema_of::<Tags>());
    operation.parameter(header.description("The tag of the row as the client knows it."));
    let unreadable = ErrorSpec::new(StatusCode::BAD_REQUEST, "A header cannot be understood.");
    operation.error(unreadable.code("invalid_parameter"));
    let changed =
        ErrorSpec::new(StatusCode::PRECONDITION_FAILED, "It has been changed since the client read it.");
    operation.error(changed.code("precondition_failed"));
}

fn writes(operation: &mut Operation) {
    let refused = [
        (StatusCode::BAD_REQUEST, "The body is not well-formed."),
        (
            StatusCode::CONFLICT,
            "Another row has the same value where it must be unique, or the row has just been changed.",
        ),
        (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than allowed."),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body has another content type."),
    ];
    for (status, description) in refused {
        operation.error(ErrorSpec::new(status, description));
    }
    let invalid = ErrorSpec::new(StatusCode::UNPROCESSABLE_ENTITY, "The data breaks a rule.");
    operation.error(invalid.code("validation_failed"));
}

/// What a field can be compared with.
fn filters<M: Model>(field: &'static FieldMeta, operation: &mut Operation) {
    let name = json_name(M::META, field);
    for (operator, how) in Operator::ALL {
        if !how.suits(field) {
            continue;
        }
        let written = match operator {
            "eq" if !RESERVED.contains(&name) => name.to_owned(),
            operator => format!("{name}[{operator}]"),
        };
        let parameter = Parameter::new(Place::Query, written).description(words(how));
        operation.parameter(match how {
            Operator::Compare(_) => parameter.schema(Some(SchemaOf::field::<Value<M>>(name))),
            Operator::In => parameter.schema(Some(SchemaOf::field::<Values<M>>(name))).comma_separated(),
            Operator::Null => parameter.schema(schema_of::<bool>()),
            Operator::Contains | Operator::StartsWith => parameter.schema(schema_of::<String>()),
        });
    }
}

fn words(how: Operator) -> &'static str {
    use mainstay_db::named::Comparison;
    match how {
        Operator::Compare(Comparison::Equal) => "It is this.",
        Operator::Compare(Comparison::NotEqual) => "It is another.",
        Operator::Compare(Comparison::Less) => "It is less.",
        Operator::Compare(Comparison::AtMost) => "It is at most this.",
        Operator::Compare(Comparison::Greater) => "It is greater.",
        Operator::Compare(Comparison::AtLeast) => "It is at least this.",
        Operator::In => "It is one of these, with commas between.",
        Operator::Contains => "It contains this, in any case.",
        Operator::StartsWith => "It begins with this, in any case.",
        Operator::Null => "Whether it has no value.",
    }
}

fn fields<M: Model>(operation: &mut Operation) {
    let fields = Parameter::new(Place::Query, "fields").schema(schema_of::<Names<M>>()).comma_separated();
    operation.parameter(fields.description("The fields to show; all if it is not given."));
}

fn query(operation: &mut Operation, name: &str, schema: Option<SchemaOf>, description: &str) {
    operation.parameter(Parameter::new(Place::Query, name).schema(schema).description(description));
}

fn one(label: &str) -> String {
    let article = if label.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {label}")
}

/// What many rows are called: the table's name, in words.
fn plural(meta: &ModelMeta) -> String {
    meta.table.replace('_', " ")
}
