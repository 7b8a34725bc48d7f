//! The names of the prelude, layer by layer.

pub use mainstay_core::check::Check;
pub use mainstay_core::command::{Call, Command};
pub use mainstay_core::config::{Secret, Section};
pub use mainstay_core::error::{Context, OrNotFound};
pub use mainstay_core::keys::Keys;
pub use mainstay_core::lifecycle::Hook;
pub use mainstay_core::principal::Principal;
pub use mainstay_core::service::{Running, Service};
pub use mainstay_core::{
    App, Contribute, Contribution, Contributions, CoreContributions, Error, Fault, Finding, Inject, Module,
    Profile, Projection, Provider, Resolver, Result, StatusCode,
};

#[cfg(feature = "http")]
pub use axum::body::{Body, Bytes};
#[cfg(feature = "http")]
pub use axum::extract::Request;
#[cfg(feature = "http")]
pub use axum::http::{HeaderMap, Method, header};
#[cfg(feature = "http")]
pub use axum::response::{IntoResponse, Response};
#[cfg(feature = "http")]
pub use mainstay_http::extract::{
    Bearer, BodyStream, ClientIp, Cookie, Cookies, FileRules, Form, Header, Headers, Host, Image, Json,
    Multipart, MultipartForm, Path, Pdf, Query, RawBody, Text, Upload,
};
#[cfg(feature = "http")]
pub use mainstay_http::respond::{
    Created, Csv, Event, EventLog, Html, JsonEvents, JsonLines, Negotiated, NoContent, NoStore, Redirect,
    SetCookie, Sse, Stream,
};
#[cfg(feature = "http")]
pub use mainstay_http::resumable::{Finished, ResumableUploads};
#[cfg(feature = "http")]
pub use mainstay_http::{
    CsrfToken, Exchange, Group, Links, Next, Route, Routes, RoutesExt, Session, Sessions, SessionsExt,
    delete, errors, get, head, options, patch, post, put, route, routes,
};

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use mainstay_db::{
    BelongsTo, CursorPage, CursorRequest, Db, DbEnum, DbType, Executor, FromRow, HasMany, HasOne, Key,
    ManyToMany, Model, ModelsExt, Page, PageRequest, Tx, embedded, migrations, model, model::Drafting,
    models, sql,
};

#[cfg(feature = "api")]
pub use mainstay_api::idempotency::Idempotent;
#[cfg(feature = "api")]
pub use mainstay_api::{
    Api, ApiExt, Authorized, OutputCache, RateLimit, ReplicasExt, RequestTx, ResourcesExt, TenancyExt,
    TenantDb, TenantFrom, Valid, Verified, Verify,
};
#[cfg(feature = "api")]
pub use mainstay_resource::{
    Action, Both, ByPermission, Either, FieldSet, Open, Owned, PoliciesExt, Policy, ReadOnly, Resource, Rows,
    Validated,
};

#[cfg(feature = "admin")]
pub use mainstay_admin::{JobDashboard, JobDashboardExt};
#[cfg(feature = "files")]
pub use mainstay_api::{AttachmentsOverHttp, FilesExt, FilesOverHttp};
#[cfg(feature = "bus")]
pub use mainstay_bus::{
    Delivery, EventsExt, Outbox, PubSub, PubSubExt, Publish, Subscriber, Topic, derive::Event,
};
#[cfg(feature = "webhooks")]
pub use mainstay_bus::{WebhookVerifier, Webhooks, WebhooksExt};

#[cfg(feature = "images")]
pub use mainstay_images::{ImageVariant, Images, ImagesExt};
#[cfg(feature = "jobs")]
pub use mainstay_jobs::{Batch, Chain, Job, JobContext, JobId, Jobs, JobsExt, Schedule, SchedulesExt, jobs};
#[cfg(feature = "files")]
pub use mainstay_store::files::{Attachment, Attachments, Blob, FileBody, Files};

#[cfg(all(feature = "jobs", feature = "mail"))]
pub use mainstay_mail::DeliverMail;
#[cfg(feature = "inbound-mail")]
pub use mainstay_mail::{InboundMail, InboundMailExt, InboundMails};
#[cfg(feature = "mail")]
pub use mainstay_mail::{Mail, MailExt, Mailer};

#[cfg(feature = "notifications")]
pub use mainstay_notifications::{Notifiable, Notification, Notifications, NotificationsExt, Recipient, Via};

#[cfg(feature = "outbound")]
pub use mainstay_outbound::{OutboundExt, Upstream};

#[cfg(all(feature = "store", any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
pub use mainstay_store::DatabaseLocksExt;
#[cfg(feature = "store")]
pub use mainstay_store::{Cache, CacheKey, Hold, Keep, Lock, Locks, Quota, Store, cached};

#[cfg(all(feature = "auth", feature = "redis"))]
pub use mainstay_auth::RedisSessionsExt;
#[cfg(feature = "auth")]
pub use mainstay_auth::{
    AccessTokens, AccessTokensExt, Account, AccountsExt, Audit, AuditLogExt, Credentials,
    DatabaseSessionsExt, InPerson, JwtExt, Named, PasswordHash, PasswordLogin, Passwords, Proven,
    RequireScope, Scope, Scoped, ScopesExt, SecondFactorExt, SecondFactors, SecurityEvent, SignInExt,
    SignInPagesExt, SignedIn, SteppedUp, TokenPairs, Tokens,
};
#[cfg(feature = "auth")]
pub use mainstay_auth::{Allowed, Guard, GuardedExt, PermissionsExt, Role, Roles, RolesExt, Rule};
#[cfg(all(feature = "auth", feature = "mail"))]
pub use mainstay_auth::{Person, RecoveryPagesExt, Registration, RegistrationPagesExt, SignInLinksExt};

#[cfg(feature = "social-login")]
pub use mainstay_auth::{FromProfile, SocialLogin, SocialLoginExt, SocialProfile};

#[cfg(feature = "view")]
pub use mainstay_view::{FormState, Submitted, Views, ViewsExt, context, views};
