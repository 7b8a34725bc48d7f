//! Models with encrypted fields, the keys that seal them, and processes that share a database.

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDate, Utc};
use mainstay_core::Profile;
use mainstay_core::clock::SystemClock;
use mainstay_core::config::Secret;
use mainstay_core::keys::{Keys, KeysConfig};
use mainstay_core::random::SecureRandom;
use mainstay_db::meta::{ModelMeta, meta_of};
use mainstay_db::{BelongsTo, Decimal, HasMany, Json, Uuid, embedded, model};
use serde::{Deserialize, Serialize};

/// Somebody who is treated.
#[model]
#[derive(PartialEq)]
#[unique(clinic, number)]
pub struct Patient {
    pub id: i64,
    #[field(encrypted, blind_index = lowercase, unique, max_length = 40)]
    pub email: String,
    #[field(max_length = 20)]
    pub name: String,
    #[field(encrypted, blind_index)]
    pub phone: Option<String>,
    #[field(encrypted, hidden)]
    pub notes: Option<String>,
    #[embedded]
    pub address: Address,
    #[belongs_to(on_delete = cascade)]
    pub clinic: BelongsTo<Clinic>,
    #[field(encrypted, blind_index)]
    pub number: i32,
}

/// Where somebody lives.
#[embedded]
pub struct Address {
    pub street: String,
    pub town: String,
}

/// Where they are treated.
#[model]
#[derive(PartialEq)]
pub struct Clinic {
    pub id: i64,
    #[field(max_length = 20)]
    pub name: String,
    #[field(encrypted)]
    pub iban: String,
    #[has_many]
    pub patients: HasMany<Patient>,
}

/// A value of each kind.
#[model]
#[derive(PartialEq)]
pub struct Everything {
    #[field(primary_key, default = Uuid::now_v7())]
    pub id: Uuid,
    #[field(encrypted)]
    pub text: String,
    #[field(encrypted)]
    pub bytes: Vec<u8>,
    #[field(encrypted)]
    pub none: Option<Vec<u8>>,
    #[field(encrypted)]
    pub document: Json<Document>,
    #[field(encrypted, min = 1)]
    pub number: i64,
    #[field(encrypted)]
    pub float: f64,
    #[field(encrypted, precision = 12, scale = 2)]
    pub amount: Decimal,
    #[field(encrypted)]
    pub is_so: bool,
    #[field(encrypted)]
    pub uuid: Uuid,
    #[field(encrypted)]
    pub day: NaiveDate,
    #[field(encrypted, default = DateTime::<Utc>::from(SystemTime::UNIX_EPOCH))]
    pub at: DateTime<Utc>,
}

/// What is sealed as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub lines: Vec<String>,
}

pub(crate) fn models() -> Vec<&'static ModelMeta> {
    vec![meta_of::<Clinic>(), meta_of::<Patient>(), meta_of::<Everything>()]
}

pub(crate) const SECRET: &str = "YwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";
pub(crate) const NEXT: &str = "ZwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";

/// The keys of a secret, and of those before.
pub(crate) fn keys(secret: &str, previous: &[&str]) -> Keys {
    let wrapped = |secret: &str| Secret::new(secret.to_owned());
    let config = KeysConfig {
        secret: Some(wrapped(secret)),
        previous: previous.iter().map(|before| wrapped(before)).collect(),
        ..KeysConfig::default()
    };
    Keys::new(&config, &Profile::Production, Arc::new(SystemClock), Arc::new(SecureRandom::new())).unwrap()
}
