//! A provider of our own, on a real socket: honest by itself, and as dishonest as a test wants it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mainstay_auth::jwt::{Algorithm, KeySet, SigningKey};
use mainstay_core::clock::TestClock;
use mainstay_core::keys::base64url;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    Json(u16, Value),
    Raw(u16, &'static str, String),
    /// Nothing, for ever.
    Silence,
}

/// A request that it has got.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) form: HashMap<String, String>,
}

type Lie = Arc<dyn Fn(&Seen, &Honest) -> Reply + Send + Sync>;

pub(crate) struct Provider {
    pub(crate) honest: Honest,
    lies: Arc<Mutex<HashMap<&'static str, Lie>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

/// What is true.
#[derive(Clone)]
pub(crate) struct Honest {
    pub(crate) issuer: String,
    keys: Arc<Mutex<Arc<SigningKey>>>,
    /// What it says of everybody.
    person: Arc<Mutex<Value>>,
    /// How far its clock is ahead, in seconds.
    ahead: Arc<AtomicU64>,
}

pub(crate) const CLIENT: &str = "shop";

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let person =
            json!({ "sub": "ann", "email": "ann@example.org", "email_verified": true, "name": "Ann" });
        let honest = Honest {
            issuer: format!("http://{address}"),
            keys: Arc::new(Mutex::new(new_key())),
            person: Arc::new(Mutex::new(person)),
            ahead: Arc::default(),
        };
        let (lies, seen) =
            (Arc::<Mutex<HashMap<&'static str, Lie>>>::default(), Arc::<Mutex<Vec<Seen>>>::default());
        let (told, noted, truth) = (Arc::clone(&lies), Arc::clone(&seen), honest.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (told, noted, truth) = (Arc::clone(&told), Arc::clone(&noted), truth.clone());
                tokio::spawn(async move { serve(stream, &told, &noted, &truth).await });
            }
        });
        Self { honest, lies, seen, task }
    }

    /// Answers a path so from now on.
    pub(crate) fn lies(
        &self,
        path: &'static str,
        lie: impl Fn(&Seen, &Honest) -> Reply + Send + Sync + 'static,
    ) {
        self.lies.lock().unwrap().insert(path, Arc::new(lie));
    }

    /// Answers honestly again.
    pub(crate) fn repents(&self) {
        self.lies.lock().unwrap().clear();
    }

    pub(crate) fn port(&self) -> String {
        self.honest.issuer.rsplit(':').next().unwrap().to_owned()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    pub(crate) fn person(&self, person: Value) {
        *self.honest.person.lock().unwrap() = person;
    }

    /// Its time goes on, with that of the application.
    pub(crate) fn advance(&self, clock: &TestClock, by: Duration) {
        clock.advance(by);
        self.honest.ahead.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    /// Signs with another key from now on.
    pub(crate) fn rotate(&self) {
        *self.honest.keys.lock().unwrap() = new_key();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn new_key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(Algorithm::Es256).unwrap())
}

impl Honest {
    pub(crate) fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.keys.lock().unwrap())
    }

    pub(crate) fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
            "userinfo_endpoint": at("/me"),
            "end_session_endpoint": at("/end"),
            "authorization_response_iss_parameter_supported": true,
        })
    }

    pub(crate) fn jwks(&self) -> Value {
        KeySet::of([self.key().public().clone()]).unwrap().to_jwks()
    }

    pub(crate) fn person(&self) -> Value {
        self.person.lock().unwrap().clone()
    }

    /// The claims that answer a code.
    pub(crate) fn claims(&self, nonce: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let now = now + self.ahead.load(Ordering::Relaxed);
        let hash = digest(&SHA256, ACCESS_TOKEN.as_bytes());
        json!({
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.person()["sub"],
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "at_hash": base64url::encode(&hash.as_ref()[..16]),
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.key().sign("JWT", claims).unwrap()
    }

    pub(crate) fn grant(&self, id_token: &str) -> Value {
        json!({
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "refresh-1",
            "id_token": id_token,
        })
    }

    fn answer(&self, seen: &Seen) -> Reply {
        match seen.path.as_str() {
            "/.well-known/openid-configuration" => Reply::Json(200, self.document()),
            "/keys" => Reply::Json(200, self.jwks()),
            "/me" if seen.authorization.as_deref() == Some(&*format!("Bearer {ACCESS_TOKEN}")) => {
                Reply::Json(200, self.person())
            }
            "/me" => Reply::Json(401, json!({ "error": "invalid_token" })),
            "/token" => match nonce_of(seen) {
                Some(nonce) => Reply::Json(200, self.grant(&self.sign(&self.claims(&nonce)))),
                None => Reply::Json(400, json!({ "error": "invalid_grant" })),
            },
            _ => Reply::Json(404, json!({})),
        }
    }
}

pub(crate) const ACCESS_TOKEN: &str = "access-1-SECRET";

/// A code has the nonce and the challenge of the request that it answers in it, so that there is nothing to remember.
pub(crate) fn code(nonce: &str, challenge: &str) -> String {
    format!("{nonce}~{challenge}")
}

/// The nonce of a code, if the verifier is the one that goes with it.
pub(crate) fn nonce_of(seen: &Seen) -> Option<String> {
    let (nonce, challenge) = seen.form.get("code")?.split_once('~')?;
    let made = base64url::encode(digest(&SHA256, seen.form.get("code_verifier")?.as_bytes()).as_ref());
    (made == challenge).then(|| nonce.to_owned())
}

async fn serve(
    mut stream: TcpStream,
    lies: &Mutex<HashMap<&'static str, Lie>>,
    noted: &Mutex<Vec<Seen>>,
    honest: &Honest,
) -> Option<()> {
    loop {
        let seen = read(&mut stream).await?;
        noted.lock().unwrap().push(seen.clone());
        let lie = lies.lock().unwrap().get(&*seen.path).cloned();
        let reply = lie.map_or_else(|| honest.answer(&seen), |lie| lie(&seen, honest));
        let (status, headers, body) = match reply {
            Reply::Json(status, value) => (status, "content-type: application/json\r\n", value.to_string()),
            Reply::Raw(status, headers, body) => (status, headers, body),
            Reply::Silence => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return None;
            }
        };
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).await.ok()?;
    }
}

/// A request. None when the client has hung up.
async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines().skip(1).find_map(|line| {
                    let (found, value) = line.split_once(": ")?;
                    found.eq_ignore_ascii_case(name).then(|| value.to_owned())
                })
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                let path = head.split(' ').nth(1)?.to_owned();
                return Some(Seen { path, authorization: header("authorization"), form });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
