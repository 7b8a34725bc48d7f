//! What is asked of an account after its first factor, by pages and by addresses for programs alike.

use mainstay_core::Result;
use mainstay_core::principal::Principal;
use mainstay_http::Exchange;

use super::{SecondFactors, Waits};
use crate::attempts::Attempts;
use crate::audit::{Audit, SecurityEvent};
use crate::passwords::AuthConfig;
use crate::roles::Roles;

/// What has to come before somebody is signed in who has given the first factor. None: nothing.
pub(crate) async fn outstanding(
    who: Principal,
    factors: Option<&SecondFactors>,
    roles: Option<&Roles>,
    config: &AuthConfig,
) -> Result<Option<Waits>> {
    if let Some(factors) = factors
        && factors.is_on(&who.identity()).await?
    {
        return Ok(Some(Waits::ForCode));
    }
    if config.second_factor_roles.is_empty() {
        return Ok(None);
    }
    let who = match roles {
        Some(roles) => roles.entitled(who).await?,
        None => who,
    };
    let is_demanded = config.second_factor_roles.iter().any(|role| who.has_role(role));
    Ok(is_demanded.then_some(Waits::ForEnrolment))
}

impl SecondFactors {
    /// Whether a code is good. It is counted, and recorded whatever comes of it.
    pub(crate) async fn tried(
        &self,
        (identity, code): (&str, &str),
        (attempts, audit): (&Attempts, &Audit),
        exchange: &Exchange,
    ) -> Result<bool> {
        attempts.count_codes(identity).await?;
        let is_good = self.accept(identity, code).await?;
        let event = SecurityEvent::new("second_factor").of(identity).from(exchange);
        audit.record(if is_good { event } else { event.refused() }).await?;
        Ok(is_good)
    }
}
