//! The table of keys: who claims one has it until an answer is kept, or the lease ends.

use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderValue, header};
use mainstay_core::keys::base64url;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::{Db, Executor, Uuid, model};
use ring::digest::{Context, SHA256};

use super::answer::Answer;
use super::{IdempotencyConfig, in_progress};

/// A key that a client has sent.
#[model(table = "mainstay_idempotency_keys")]
pub struct IdempotencyKey {
    /// A digest of who sent it, and of the key.
    #[field(primary_key, max_length = 43)]
    pub id: String,
    /// A digest of the request.
    #[field(max_length = 43)]
    pub request: String,
    /// The attempt that has it.
    pub attempt: Uuid,
    /// When another attempt may begin, if no answer is kept by then.
    pub leased_until: DateTime<Utc>,
    /// When it may be forgotten.
    #[field(index)]
    pub kept_until: DateTime<Utc>,
    /// The status of the answer.
    pub status: Option<i16>,
    /// Its headers, as a JSON array of pairs.
    pub headers: Option<String>,
    /// Its body; nothing if it was too large to be kept.
    pub body: Option<Vec<u8>>,
}

impl IdempotencyKey {
    /// Deletes what need not be kept any more.
    pub(super) async fn forget(now: DateTime<Utc>, db: &Db) -> Result<u64> {
        Self::filter(|key| key.kept_until.lt(now)).delete(db).await
    }

    fn is_free(&self, now: DateTime<Utc>) -> bool {
        self.kept_until < now || (self.status.is_none() && self.leased_until < now)
    }
}

/// A request that wants a key.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    id: String,
    request: String,
    attempt: Uuid,
}

/// What has come of that.
pub(super) enum Claimed {
    /// It is the first: it runs.
    Ours,
    /// It was answered before.
    Kept(Answer),
}

/// How often a claim looks again when another one has been quicker.
const TRIES: usize = 3;

/// Whose key it is.
pub(super) struct Whose {
    pub(super) who: Principal,
    /// Empty where the application has no tenants.
    pub(super) tenant: String,
}

impl Claim {
    /// The claim of this request.
    pub(super) fn new(whose: &Whose, key: &str, request: &Parts, body: &[u8]) -> Self {
        let host = request.uri.host().map(str::as_bytes);
        let host = host.or_else(|| request.headers.get(header::HOST).map(HeaderValue::as_bytes));
        let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
        let content_type =
            request.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        Self {
            id: digest(&[
                whose.who.identity().as_bytes(),
                whose.tenant.as_bytes(),
                host.unwrap_or_default(),
                key.as_bytes(),
            ]),
            request: digest(&[request.method.as_str().as_bytes(), target.as_bytes(), content_type, body]),
            attempt: Uuid::new_v4(),
        }
    }

    /// Claims the key.
    pub(super) async fn make(
        &self,
        now: DateTime<Utc>,
        config: &IdempotencyConfig,
        db: &Db,
    ) -> Result<Claimed> {
        for _ in 0..TRIES {
            let new = NewIdempotencyKey {
                id: self.id.clone(),
                request: self.request.clone(),
                attempt: self.attempt,
                leased_until: now + config.lease,
                kept_until: now + config.keep,
            };
            if new.insert_or_ignore(|key| key.id, db).await?.is_some() {
                return Ok(Claimed::Ours);
            }
            let Some(known) = IdempotencyKey::filter(|key| key.id.eq(&self.id)).first(&db.primary()).await?
            else {
                continue;
            };
            if known.is_free(now) {
                if self.take_over(&known, now, config, db).await? {
                    return Ok(Claimed::Ours);
                }
            } else if known.request != self.request {
                return Err(reused());
            } else if let Some(answer) = Answer::kept(&known)? {
                return Ok(Claimed::Kept(answer));
            } else {
                return Err(in_progress());
            }
        }
        Err(in_progress())
    }

    /// Takes a key that was free when it was read, unless another attempt has it by now, or the last one has kept its answer.
    async fn take_over(
        &self,
        known: &IdempotencyKey,
        now: DateTime<Utc>,
        config: &IdempotencyConfig,
        db: &Db,
    ) -> Result<bool> {
        let free = IdempotencyKey::filter(|key| {
            let is_free = key.status.is_null() | key.kept_until.lt(now);
            key.id.eq(&self.id) & key.attempt.eq(known.attempt) & is_free
        });
        let taken = free.update(
            |key| {
                key.request(&self.request)
                    .attempt(self.attempt)
                    .leased_until(now + config.lease)
                    .kept_until(now + config.keep)
                    .status(None)
                    .headers(None)
                    .body(None)
            },
            db,
        );
        Ok(taken.await? == 1)
    }

    /// Keeps the answer, unless the key was given to another attempt meanwhile.
    pub(super) async fn keep(&self, answer: Answer, executor: &impl Executor) -> Result<()> {
        let (status, headers, body) = (answer.status(), Some(answer.headers()?), answer.into_body());
        let kept = IdempotencyKey::filter(|key| key.id.eq(&self.id) & key.attempt.eq(self.attempt))
            .update(|key| key.status(status).headers(headers).body(body), executor)
            .await?;
        if kept == 1 { Ok(()) } else { Err(in_progress()) }
    }

    /// Gives the key back, unless the answer is kept.
    pub(super) async fn release(&self, db: &Db) -> Result<()> {
        let ours = IdempotencyKey::filter(|key| {
            key.id.eq(&self.id) & key.attempt.eq(self.attempt) & key.status.is_null()
        });
        ours.delete(db).await.map(drop)
    }
}

fn reused() -> Error {
    Error::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "This idempotency key was used for another request: make a new one for each.",
    )
    .code("idempotency_key_reused")
}

/// Of each part with its length, so that no two lists of parts look the same.
fn digest(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    base64url::encode(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use mainstay_db::schema::Schema;
    use mainstay_db::{Model, migrations};

    use super::*;

    #[test]
    fn the_migrations_leave_the_table_of_the_model() {
        let history = migrations!().history().unwrap();
        let made = history.schema(&Schema::default()).unwrap();
        assert_eq!(made.sorted(), Schema::of_models(&[IdempotencyKey::META]).sorted());
    }

    #[tokio::test]
    async fn a_key_is_not_taken_from_who_has_kept_an_answer_meanwhile() {
        let db = Db::open("sqlite::memory:").await.unwrap();
        mainstay_db::schema::create_tables(&[IdempotencyKey::META], &db).await.unwrap();
        let (request, ()) = http::Request::post("/").body(()).unwrap().into_parts();
        let whose = Whose { who: Principal::anonymous(), tenant: String::new() };
        let claim = || Claim::new(&whose, "key", &request, b"");
        let (first, second, config) = (claim(), claim(), IdempotencyConfig::default());
        let begun = Utc::now();
        assert!(matches!(first.make(begun, &config, &db).await.unwrap(), Claimed::Ours));
        let later = begun + config.lease * 2;
        let read = IdempotencyKey::query().one(&db).await.unwrap();
        assert!(read.is_free(later));
        // Between what the second has read and what it writes, the first comes to its end.
        let (answer, _) = Answer::of(axum::response::Response::default()).await.unwrap();
        first.keep(answer, &db).await.unwrap();
        assert!(!second.take_over(&read, later, &config, &db).await.unwrap());
        assert!(matches!(second.make(later, &config, &db).await.unwrap(), Claimed::Kept(_)));
    }

    #[test]
    fn accounts_of_two_models_and_tenants_do_not_share_keys() {
        let (request, ()) = http::Request::post("/").body(()).unwrap().into_parts();
        let of_tenant = |who: &Principal, tenant: &str| {
            Claim::new(&Whose { who: who.clone(), tenant: tenant.to_owned() }, "key", &request, b"").id
        };
        let of = |who: &Principal| of_tenant(who, "");
        let (customer, staff) = (Principal::user("1"), Principal::user("1").with_claim("account", "Staff"));
        assert_ne!(of(&customer), of(&staff));
        assert_ne!(of(&customer), of(&Principal::anonymous()));
        assert_ne!(of_tenant(&customer, "Int(1)"), of_tenant(&customer, "Int(2)"));
    }

    #[test]
    fn no_two_requests_have_one_digest() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab", b"c"]).len(), 43);
    }
}
