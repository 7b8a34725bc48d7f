//! The session of one request: loaded when somebody asks for it, kept when the handler has ended.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use mainstay_core::recent::Asked;
use mainstay_core::{Error, Result};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::recognized::Recognized;
use super::record::{SessionKey, SessionRecord, is_token, new_token};
use super::sessions::Sessions;
use crate::exchange::{Exchange, Scheme};
use crate::extract::Cookies;
use crate::respond::SetCookie;
use crate::respond::cookie::name_for as cookie_name;
use crate::stack::csrf;

/// How old the note of the last request may be. Not every request writes.
const SEEN: Duration = Duration::from_secs(60);
/// How often changes are laid over those of others who were faster.
const ATTEMPTS: usize = 32;
/// How much is kept of what a program says that it is, in characters.
const AGENT: usize = 255;

/// A place for the session of a request.
pub(crate) struct Slot {
    sessions: Arc<Sessions>,
    /// What the cookie says, if it may be one of ours.
    token: Option<String>,
    /// Under what it is kept then, once somebody has asked: it is a digest.
    key: OnceLock<SessionKey>,
    has_cookie: bool,
    /// There are two that may be ours. One was planted, and nobody knows which, so that neither counts.
    is_ambiguous: bool,
    /// There is one of the part `csrf`, which goes when somebody signs in.
    has_csrf_cookie: bool,
    scheme: Scheme,
    address: Option<IpAddr>,
    agent: Option<String>,
    /// Somebody has asked for it: the answer depends on the cookie.
    asked: AtomicBool,
    /// Whose it is was known without loading it.
    is_recognized: AtomicBool,
    /// With what was to be known before it was loaded.
    loaded: OnceCell<Asked>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The session as it was kept when it was loaded.
    kept: Option<SessionRecord>,
    changes: Changes,
}

/// What the request changes.
#[derive(Clone, Default)]
struct Changes {
    /// What was there before counts no more.
    is_new: bool,
    values: BTreeMap<String, Option<Value>>,
    /// Somebody has proved who they are.
    signed_in: Option<String>,
    is_remembered: bool,
    rotates: bool,
}

impl Slot {
    pub(crate) fn new(sessions: &Arc<Sessions>, exchange: &Exchange, headers: &HeaderMap) -> Arc<Self> {
        let (mut token, mut has_cookie, mut is_ambiguous) = (None, false, false);
        for value in Cookies::all(headers, &cookie_name(&sessions.config.cookie, exchange.scheme())) {
            has_cookie = true;
            if is_token(&value) {
                is_ambiguous |= token.as_ref().is_some_and(|known| *known != value);
                token = Some(value.into_owned());
            }
        }
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Arc::new(Self {
            sessions: Arc::clone(sessions),
            token: token.filter(|_| !is_ambiguous),
            key: OnceLock::new(),
            has_cookie,
            is_ambiguous,
            has_csrf_cookie: csrf::may_have_cookie(headers),
            scheme: exchange.scheme(),
            address: exchange.client(),
            agent: agent.map(|text| text.chars().take(AGENT).collect()),
            asked: AtomicBool::new(false),
            is_recognized: AtomicBool::new(false),
            loaded: OnceCell::new(),
            state: Mutex::default(),
        })
    }

    /// What its cookie says, if that may be one of ours.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Under what the store has it then.
    fn stored_under(&self) -> Option<&SessionKey> {
        let token = self.token()?;
        Some(self.key.get_or_init(|| SessionKey::of(token)))
    }

    /// What the cookie says, if the session has been loaded, and is one.
    pub(crate) fn token_of_kept(&self) -> Option<&str> {
        self.token().filter(|_| self.state().kept.is_some())
    }

    /// Whether there may be one.
    pub(super) fn is_likely(&self) -> bool {
        self.asked.store(true, Ordering::Relaxed);
        self.has_cookie
    }

    pub(super) async fn load(&self) -> Result<()> {
        self.asked.store(true, Ordering::Relaxed);
        let load = async || {
            let asked = self.sessions.recent.asked();
            let Some(key) = self.stored_under() else { return Ok(asked) };
            let found = self.sessions.store.load(key).await?;
            if found.is_none() {
                self.sessions.recent.forget(key);
            }
            self.state().kept = found;
            Ok(asked)
        };
        self.loaded.get_or_try_init(load).await.map(|_| ())
    }

    pub(super) fn recognized(&self) -> Option<Arc<Recognized>> {
        let found = self.sessions.recent.get(self.stored_under()?, self.sessions.clock.monotonic())?;
        self.asked.store(true, Ordering::Relaxed);
        self.is_recognized.store(true, Ordering::Relaxed);
        Some(found)
    }

    pub(super) fn recognize(&self, found: Recognized) {
        let Sessions { recent, clock, config, .. } = &*self.sessions;
        let expires_at = self.state().kept.as_ref().map(|kept| kept.expires_at);
        let (Some(asked), Some(key), Some(expires_at)) = (self.loaded.get(), self.stored_under(), expires_at)
        else {
            return;
        };
        let left = expires_at.duration_since(clock.now()).unwrap_or_default();
        let until = clock.monotonic() + left.min(config.recheck);
        recent.remember(key.clone(), Arc::new(found), until, *asked);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let state = self.state();
        match state.changes.values.get(name) {
            Some(changed) => changed.clone(),
            None if state.changes.is_new => None,
            None => state.kept.as_ref()?.data.get(name).cloned(),
        }
    }

    pub(super) fn set(&self, name: &str, value: Option<Value>) {
        self.state().changes.values.insert(name.to_owned(), value);
    }

    pub(super) fn owner(&self) -> Option<String> {
        let state = self.state();
        match &state.changes.signed_in {
            Some(owner) => Some(owner.clone()),
            None if state.changes.is_new => None,
            None => state.kept.as_ref()?.owner.clone(),
        }
    }

    pub(super) fn sign_in(&self, owner: String) {
        let mut state = self.state();
        let before = state.kept.as_ref().and_then(|kept| kept.owner.as_ref());
        if before.is_some_and(|before| *before != owner) {
            state.changes = Changes { is_new: true, ..Changes::default() };
        }
        state.changes.signed_in = Some(owner);
        state.changes.rotates = true;
    }

    pub(super) fn remember(&self) {
        self.state().changes.is_remembered = true;
    }

    pub(super) fn rotate(&self) {
        self.state().changes.rotates = true;
    }

    pub(super) fn end(&self) {
        self.state().changes = Changes { is_new: true, ..Changes::default() };
    }

    pub(super) fn key(&self) -> Option<SessionKey> {
        self.state().kept.as_ref()?;
        self.stored_under().cloned()
    }

    pub(super) fn created_at(&self) -> Option<SystemTime> {
        self.state().kept.as_ref().map(|kept| kept.created_at)
    }

    /// Keeps what was changed, and tells the browser of a new cookie. A response whose session could not be kept is an error.
    pub(crate) async fn finish(&self, mut response: Response) -> Response {
        if self.asked.load(Ordering::Relaxed) {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("cookie"));
        }
        if !self.loaded.initialized() {
            if self.is_recognized.load(Ordering::Relaxed) {
                keep_private(response.headers_mut());
            }
            return response;
        }
        let (kept, changes) = {
            let mut state = self.state();
            (state.kept.take(), std::mem::take(&mut state.changes))
        };
        let signs_in = changes.signed_in.is_some();
        match self.keep(kept, changes).await {
            Ok(cookie) => {
                if let Err(error) = self.say(cookie, &mut response) {
                    return error.into_response();
                }
                if signs_in && self.has_csrf_cookie {
                    csrf::forget_cookie(self.scheme, response.headers_mut());
                }
                response
            }
            Err(error) => error.into_response(),
        }
    }

    async fn keep(&self, kept: Option<SessionRecord>, changes: Changes) -> Result<Cookie> {
        let old = self.stored_under().filter(|_| kept.is_some());
        let is_empty = changes.values.values().all(Option::is_none) && changes.signed_in.is_none();
        let Some(kept) = kept.filter(|_| !changes.is_new) else {
            if let Some(old) = old {
                self.sessions.store.remove(old).await?;
            }
            // Another process has ended it, or given the browser another: what is left of it here begins none in its place.
            let is_late = old.is_none() && self.is_recognized.load(Ordering::Relaxed);
            if !is_empty && (!is_late || changes.signed_in.is_some()) {
                return self.begin(&changes).await;
            }
            // One that is merely unknown stays: a request beside this one may have given the browser another meanwhile, which
            // would be removed in its place.
            let is_nonsense = self.has_cookie && self.token.is_none() && !self.is_ambiguous;
            return Ok(if old.is_some() || is_nonsense { Cookie::Removed } else { Cookie::Same });
        };
        let Some(old) = old else { return Ok(Cookie::Same) };
        if changes.rotates {
            return self.rotate_to_new(old, kept, &changes).await;
        }
        if !changes.values.is_empty() || (changes.is_remembered && !kept.is_remembered) {
            return self.lay_over(old, kept, &changes).await;
        }
        let now = self.sessions.clock.now();
        if now.duration_since(kept.seen_at).is_ok_and(|since| since >= SEEN) {
            self.note_seen(old, kept, now).await;
        }
        Ok(Cookie::Same)
    }

    /// That a request has come with it. Where another one has just noted that, or the store fails, nothing is lost.
    async fn note_seen(&self, key: &SessionKey, kept: SessionRecord, now: SystemTime) {
        let noted = match self.changed(kept, &Changes::default(), now) {
            Ok(record) => self.sessions.store.save(key, &record).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(error = %error.report(), "that a session was seen could not be noted");
        }
    }

    /// A session that was not there before.
    async fn begin(&self, changes: &Changes) -> Result<Cookie> {
        let now = self.sessions.clock.now();
        let record = SessionRecord {
            data: Map::new(),
            owner: None,
            created_at: now,
            seen_at: now,
            expires_at: now,
            is_remembered: false,
            address: None,
            agent: None,
            revision: 0,
        };
        self.write_new(self.changed(record, changes, now)?).await
    }

    /// The same session under another key. Whoever has signed in begins its time anew.
    async fn rotate_to_new(
        &self,
        old: &SessionKey,
        kept: SessionRecord,
        changes: &Changes,
    ) -> Result<Cookie> {
        let Some(theirs) = self.claim(old).await? else {
            // Who has just proved who they are is signed in, whatever has become of the session before.
            return if changes.signed_in.is_some() { self.begin(changes).await } else { Ok(Cookie::Same) };
        };
        let now = self.sessions.clock.now();
        let created_at = if changes.signed_in.is_some() { now } else { kept.created_at };
        let record = self.changed(SessionRecord { created_at, revision: 0, ..theirs }, changes, now)?;
        let cookie = self.write_new(record).await?;
        self.sessions.store.remove(old).await?;
        Ok(cookie)
    }

    /// Ends a session in its own place, so that nobody else changes or ends it any more, and returns what was in it last. None: it
    /// has been ended.
    async fn claim(&self, key: &SessionKey) -> Result<Option<SessionRecord>> {
        for _ in 0..ATTEMPTS {
            let Some(theirs) = self.sessions.store.load(key).await? else { return Ok(None) };
            let expires_at = self.sessions.clock.now();
            let ended = SessionRecord { expires_at, revision: theirs.revision + 1, ..theirs.clone() };
            if self.sessions.store.save(key, &ended).await? {
                return Ok(Some(theirs));
            }
        }
        Err(contended())
    }

    async fn write_new(&self, record: SessionRecord) -> Result<Cookie> {
        let token = new_token(&*self.sessions.random);
        if !self.sessions.store.save(&SessionKey::of(&token), &record).await? {
            return Err(Error::internal("two sessions have the same random key"));
        }
        Ok(Cookie::Set(token, record))
    }

    /// Keeps the changes. Where somebody else was faster, they are laid over theirs; where the session has been ended, they are void.
    async fn lay_over(&self, key: &SessionKey, mut kept: SessionRecord, changes: &Changes) -> Result<Cookie> {
        for _ in 0..ATTEMPTS {
            let was_remembered = kept.is_remembered;
            let record = self.changed(kept, changes, self.sessions.clock.now())?;
            if self.sessions.store.save(key, &record).await? {
                let lasts_longer = record.is_remembered && !was_remembered;
                return Ok(match &self.token {
                    Some(token) if lasts_longer => Cookie::Set(token.clone(), record),
                    _ => Cookie::Same,
                });
            }
            let Some(theirs) = self.sessions.store.load(key).await? else { return Ok(Cookie::Same) };
            kept = theirs;
        }
        Err(contended())
    }

    fn changed(
        &self,
        mut record: SessionRecord,
        changes: &Changes,
        now: SystemTime,
    ) -> Result<SessionRecord> {
        for (name, value) in &changes.values {
            match value {
                Some(value) => record.data.insert(name.clone(), value.clone()),
                None => record.data.remove(name),
            };
        }
        let grows = changes.values.values().any(Option::is_some);
        let size = if grows { serde_json::to_vec(&record.data)?.len() as u64 } else { 0 };
        let most = self.sessions.config.max_bytes;
        if size > most {
            return Err(Error::internal(format!(
                "a session would have {size} bytes, and `session.max_bytes` is {most}: keep what is large elsewhere, and its key in here"
            )));
        }
        if let Some(owner) = &changes.signed_in {
            record.owner = Some(owner.clone());
        }
        record.is_remembered |= changes.is_remembered;
        record.seen_at = now;
        record.expires_at = self.sessions.end_of(record.created_at, record.seen_at, record.is_remembered);
        record.address = self.address;
        record.agent.clone_from(&self.agent);
        record.revision += 1;
        Ok(record)
    }

    /// Puts the cookie into the response, which then must not be kept for anybody else.
    fn say(&self, cookie: Cookie, response: &mut Response) -> Result<()> {
        let config = &self.sessions.config;
        let name = cookie_name(&config.cookie, self.scheme);
        let headers = response.headers_mut();
        let set = match cookie {
            Cookie::Same => {
                keep_private(headers);
                return Ok(());
            }
            Cookie::Removed => SetCookie::remove(name),
            Cookie::Set(token, record) => {
                let set = SetCookie::new(name, token);
                match record.expires_at.duration_since(record.seen_at) {
                    Ok(left) if record.is_remembered => set.max_age(left),
                    _ => set,
                }
            }
        };
        let set = set.same_site(config.same_site.into());
        let set = if self.scheme == Scheme::Http { set.insecure() } else { set };
        headers.append(header::SET_COOKIE, set.to_header()?);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        Ok(())
    }
}

/// What the answer shows may be in the session.
fn keep_private(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
}

fn contended() -> Error {
    Error::unavailable("Too many requests change the same session at once.").code("session_contended")
}

/// What the browser is told.
enum Cookie {
    Same,
    Removed,
    Set(String, SessionRecord),
}
