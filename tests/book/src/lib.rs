//! The snippets of the book as documentation tests.
//!
//! Each page below becomes the documentation of a module, so that `cargo test --doc -p book` compiles and runs every
//! block that is marked as Rust. Lines that begin with `# ` are compiled and not shown. A page that is missing here, or
//! in the table of contents, is found by a test.

pub mod articles;
pub mod blog;
pub mod library;
pub mod shop;

macro_rules! pages {
    ($($module:ident: $file:literal,)*) => {
        $(
            #[doc = include_str!(concat!("../../../docs/src/", $file))]
            pub mod $module {}
        )*

        /// Every page whose snippets are run.
        pub const PAGES: &[&str] = &[$($file),*];
    };
}

pages! {
    introduction: "introduction.md",
    getting_started: "getting-started.md",
    conduit: "conduit.md",
    concepts: "concepts.md",
    coming_from: "coming-from.md",
    configuration: "configuration.md",
    credentials: "credentials.md",
    routing: "routing.md",
    extractors_and_responders: "extractors-and-responders.md",
    uploads: "uploads.md",
    files: "files.md",
    responses: "responses.md",
    views: "views.md",
    webhooks: "webhooks.md",
    sessions: "sessions.md",
    default_stack: "default-stack.md",
    security: "security.md",
    models: "models.md",
    transactions: "transactions.md",
    relations: "relations.md",
    writing: "writing.md",
    databases: "databases.md",
    migrations: "migrations.md",
    queries: "queries.md",
    search: "search.md",
    data: "data.md",
    accounts: "accounts.md",
    account_pages: "account-pages.md",
    audit: "audit.md",
    authorization: "authorization.md",
    tenancy: "tenancy.md",
    jobs: "jobs.md",
    job_dashboard: "job-dashboard.md",
    mail: "mail.md",
    inbound_mail: "inbound-mail.md",
    notifications: "notifications.md",
    tokens: "tokens.md",
    social_login: "social-login.md",
    keys: "keys.md",
    encrypted_fields: "encrypted-fields.md",
    resources: "resources.md",
    policies: "policies.md",
    validation: "validation.md",
    errors: "errors.md",
    events: "events.md",
    openapi: "openapi.md",
    clients: "clients.md",
    versioning: "versioning.md",
    rate_limits: "rate-limits.md",
    caching: "caching.md",
    locks: "locks.md",
    outbound: "outbound.md",
    testing: "testing.md",
    deployment: "deployment.md",
}

#[doc = include_str!("../../../README.md")]
pub mod readme {}
