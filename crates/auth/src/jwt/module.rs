//! What there is with `.jwt::<User>()`.
//!
//! | id | what |
//! |---|---|
//! | `auth.E021` | production has no `jwt.issuer` |

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::service::{Running, Service};
use mainstay_core::{Contribute, Contribution, CoreContributions, Inject, Module, Provider, Result};
use mainstay_db::{Db, ModelsExt, migrations, models};

use super::config::{JwtConfig, find_issuer};
use super::endpoints;
use super::keys::{self, SigningKeys, StoredSigningKey};
use super::pairs::TokenPairs;
use super::read::ByJwt;
use super::table::{StoredRefreshToken, StoredSignIn};
use crate::account::Account;
use crate::authenticate::TokenKind;
use crate::pages::Named;

/// A contribution: there are JWTs.
struct HasJwt;

impl Contribution for HasJwt {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Adds JSON Web Tokens. In the prelude.
pub trait JwtExt: Contribute {
    /// Devices of accounts of `A` may have access and refresh tokens: a handler that has checked who it is signs one in by
    /// [`TokenPairs`], or see [`token_login`](Self::token_login). Adds `/account/token/refresh`, `/account/token/revoke`,
    /// `/account/devices` and `/.well-known/jwks.json`.
    #[must_use]
    fn jwt<A: Account>(self) -> Self {
        self.contribute(HasJwt)
            .contribute(TokenKind::<A>::new(ByJwt::<A>::default()))
            .contribute(endpoints::routes::<A>())
    }

    /// The same, and devices sign in by name and password, at `/account/token`.
    #[must_use]
    fn token_login<A: Named>(self) -> Self {
        self.jwt::<A>().contribute(endpoints::login_routes::<A>())
    }
}

impl<C: Contribute> JwtExt for C {}

fn module() -> Module {
    Module::new("jwt")
        .global()
        .import(crate::module::module())
        .import(mainstay_db::module::module())
        .config::<JwtConfig>()
        .models(models![StoredSigningKey, StoredSignIn, StoredRefreshToken])
        .migrations(migrations!("jwt").of_library())
        .provide(Provider::asynchronous(SigningKeys::provide).on_demand())
        .provide(Provider::asynchronous(TokenPairs::provide).on_demand())
        .export::<SigningKeys>()
        .export::<TokenPairs>()
        .contribute(endpoints::key_routes())
        .check(Check::at_start(find_issuer))
        .service(Service::new("signing keys", keys::run))
        .service(Service::new("devices", sweep))
}

/// How often rows are deleted of what has ended.
const SWEEP: Duration = Duration::from_secs(60 * 60);

async fn sweep(running: Running, db: Inject<Db>, clock: Inject<dyn Clock>) -> Result<()> {
    let mut sweeps = running.every(SWEEP);
    running.ready();
    while sweeps.next().await {
        let now: DateTime<Utc> = clock.now().into();
        StoredRefreshToken::filter(|token| token.expires_at.le(now)).delete(&db).await?;
        StoredSignIn::filter(|sign_in| sign_in.expires_at.le(now)).delete(&db).await?;
    }
    Ok(())
}
