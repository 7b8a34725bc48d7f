//! What the routes say about themselves.

use http::{HeaderName, Method, StatusCode};
use mainstay_core::container::Need;

use super::checksum::mismatch;
use super::protocol::{
    OCTETS, TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE, TUS_RESUMABLE, TUS_VERSION, UPLOAD_CHECKSUM,
    UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
};
use super::serve::Step;
use super::store::Uploads;
use crate::describe::{
    BodySpec, Content, ErrorSpec, Operation, Parameter, Place, ResponseSpec, Schematic, schema_of,
};
use crate::extract::Rules;

/// What all of them have in common.
pub(super) fn around(operation: &mut Operation) {
    operation.needs.push(Need::of::<Uploads>());
    if operation.method != Method::OPTIONS {
        operation.parameter(
            header::<String>(&TUS_RESUMABLE, "The version of the protocol.").required().choices(["1.0.0"]),
        );
        error(
            operation,
            StatusCode::PRECONDITION_FAILED,
            "unsupported_version",
            "Another version of the protocol.",
        );
    }
    operation.header(header::<String>(&TUS_RESUMABLE, "The version of the protocol."));
}

/// What the route of one step says, where the handler is `of`, and the files must be as `rules` say.
pub(super) fn step(step: Step, operation: &mut Operation, of: &Operation, rules: &Rules) {
    if step.may_complete() && !rules.types.is_empty() {
        let description = format!("The file is not {}.", rules.wanted());
        error(operation, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unwanted_file", &description);
    }
    match step {
        Step::Options => options(operation, of),
        Step::Create => create(operation, of),
        Step::Offset => offset(operation, of),
        Step::Append | Step::Overridden => append(operation, of),
        Step::Cancel => cancel(operation, of),
    }
}

/// What it says of the handler that gets the file: how that may fail, what it answers.
fn handler(operation: &mut Operation, of: &Operation) {
    operation.tags.clone_from(&of.tags);
    operation.deprecated = of.deprecated;
    operation.hidden |= of.hidden;
    operation.security.clone_from(&of.security);
    operation.needs.clone_from(&of.needs);
    operation.path_checks.clone_from(&of.path_checks);
    operation.needs_axum_router = of.needs_axum_router;
    operation.source = of.source;
    operation.opaque.clone_from(&of.opaque);
    // What it reads of every request that may complete a file.
    operation.parameters.clone_from(&of.parameters);
}

/// What a route says that may hand a complete file over.
fn completing(operation: &mut Operation, of: &Operation) {
    handler(operation, of);
    for error in &of.errors {
        operation.error(error.clone());
    }
}

fn options(operation: &mut Operation, of: &Operation) {
    handler(operation, of);
    operation.parameters.retain(|parameter| parameter.place == Place::Path);
    operation.name = format!("{}_options", of.name);
    operation.document("Says what is spoken of the tus protocol.");
    let answer = ResponseSpec::new(204)
        .header(header::<String>(&TUS_VERSION, "The versions of the protocol."))
        .header(header::<String>(&TUS_EXTENSION, "The extensions of the protocol."))
        .header(header::<u64>(&TUS_MAX_SIZE, "How large a file may be, in bytes."))
        .header(header::<String>(&TUS_CHECKSUM_ALGORITHM, "The algorithms of checksums."));
    operation.response(answer);
}

fn create(operation: &mut Operation, of: &Operation) {
    completing(operation, of);
    operation.name.clone_from(&of.name);
    let summary = of.summary.as_deref().unwrap_or("Begins an upload.");
    let description = of.description.as_deref().unwrap_or_default();
    operation.document(&format!(
        "{summary}\n\n{description}\n\nA resumable upload by the [tus protocol](https://tus.io), version 1.0.0: this begins it, and \
         PATCH at the address in `Location` sends the bytes. The body, if there is one, is the beginning of the file."
    ));
    operation.parameter(header::<u64>(&UPLOAD_LENGTH, "The length of the file in bytes."));
    operation.parameter(
        header::<String>(&UPLOAD_DEFER_LENGTH, "In place of the length where it is not known yet.")
            .choices(["1"]),
    );
    operation.parameter(header::<String>(
        &UPLOAD_METADATA,
        "What is known of the file: pairs with commas between them, each a key, a space, and the value in Base64. `filename` and \
         `filetype` are understood.",
    ));
    octets(operation, false);
    let location = Parameter::new(Place::Header, "Location").required().schema(schema_of::<str>());
    let mut answer = ResponseSpec::new(201)
        .header(location.description("The address of the upload."))
        .header(header::<u64>(&UPLOAD_OFFSET, "How much has come, in bytes."))
        .header(expires());
    for response in &of.responses {
        answer.contents.extend(response.contents.iter().cloned());
    }
    operation.response(answer);
    error(operation, StatusCode::PAYLOAD_TOO_LARGE, "upload_too_large", "The file is too large.");
    error(
        operation,
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_uploads",
        "Too many uploads of the caller are unfinished.",
    );
    full(operation);
}

fn offset(operation: &mut Operation, of: &Operation) {
    completing(operation, of);
    operation.name = format!("{}_offset", of.name);
    operation.document("Says how much of an upload has come.");
    let answer = ResponseSpec::new(200)
        .header(header::<u64>(&UPLOAD_OFFSET, "How much has come, in bytes.").required())
        .header(header::<u64>(&UPLOAD_LENGTH, "The length of the file in bytes, where it is known."))
        .header(header::<String>(&UPLOAD_DEFER_LENGTH, "`1` where the length is not known yet."))
        .header(header::<String>(&UPLOAD_METADATA, "What the client has said of the file."))
        .header(expires());
    operation.response(answer);
    one(operation);
    error(operation, StatusCode::LOCKED, "upload_not_taken", "All has come, and could not be taken yet.");
}

fn append(operation: &mut Operation, of: &Operation) {
    completing(operation, of);
    operation.name = format!("{}_append", of.name);
    operation.document(
        "Sends the next bytes of an upload.\n\nAfter the last byte the answer is that of whoever takes the file.",
    );
    operation.parameter(header::<u64>(&UPLOAD_OFFSET, "How much has come before, in bytes.").required());
    operation
        .parameter(header::<u64>(&UPLOAD_LENGTH, "The length of the file, where it was not known before."));
    octets(operation, true);
    let offset = || header::<u64>(&UPLOAD_OFFSET, "How much has come now, in bytes.").required();
    operation.response(ResponseSpec::new(204).header(offset()).header(expires()));
    let says: Vec<Content> = of.responses.iter().flat_map(|response| response.contents.clone()).collect();
    if !says.is_empty() {
        let mut answer = ResponseSpec::new(200).description("The file is complete.").header(offset());
        answer.contents = says;
        operation.response(answer);
    }
    error(operation, StatusCode::CONFLICT, "wrong_offset", "The offset is another one.");
    error(
        operation,
        StatusCode::PAYLOAD_TOO_LARGE,
        "upload_too_large",
        "The file is larger than announced, or than allowed.",
    );
    full(operation);
    one(operation);
}

fn cancel(operation: &mut Operation, of: &Operation) {
    handler(operation, of);
    operation.parameters.retain(|parameter| parameter.place == Place::Path);
    operation.name = format!("{}_cancel", of.name);
    operation.document("Cancels an upload.");
    operation.response(ResponseSpec::new(204));
    one(operation);
}

/// How each request for a single upload may fail.
fn one(operation: &mut Operation) {
    operation.error(ErrorSpec::new(StatusCode::NOT_FOUND, "There is no such upload for the caller."));
    error(operation, StatusCode::GONE, "upload_expired", "The upload was not continued for too long.");
    error(operation, StatusCode::LOCKED, "upload_locked", "Another request has the upload.");
}

fn full(operation: &mut Operation) {
    error(operation, StatusCode::INSUFFICIENT_STORAGE, "storage_full", "There is no room for the upload.");
}

/// Bytes of a file as the body.
fn octets(operation: &mut Operation, required: bool) {
    operation.body = Some(BodySpec { required, contents: vec![Content::new(OCTETS)] });
    operation.parameter(header::<String>(
        &UPLOAD_CHECKSUM,
        "What the body is to be: `sha1`, `sha256` or `sha512`, a space, and the digest in Base64.",
    ));
    error(operation, StatusCode::BAD_REQUEST, "invalid_parameter", "A header cannot be understood.");
    error(operation, StatusCode::BAD_REQUEST, "incomplete_body", "The body ended before it was complete.");
    operation.error(ErrorSpec::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is of another type."));
    error(operation, mismatch(), "checksum_mismatch", "The body does not have its checksum.");
}

fn expires() -> Parameter {
    header::<String>(&UPLOAD_EXPIRES, "When it will be gone, if nothing more comes.")
}

fn header<T: Schematic>(name: &HeaderName, description: &str) -> Parameter {
    Parameter::new(Place::Header, spelled(name)).schema(schema_of::<T>()).description(description)
}

/// A name as people write it: `Upload-Offset`.
fn spelled(name: &HeaderName) -> String {
    let mut capital = true;
    let letters = name.as_str().chars().map(|letter| {
        let spelled = if capital { letter.to_ascii_uppercase() } else { letter };
        capital = letter == '-';
        spelled
    });
    letters.collect()
}

fn error(operation: &mut Operation, status: StatusCode, code: &'static str, description: &str) {
    operation.error(ErrorSpec::new(status, description).code(code));
}
