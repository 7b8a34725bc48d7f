//! `/livez`, `/readyz` and `/metrics`: how the application tells machines how it is.
//!
//! They answer whatever host is asked for, since health checks ask by address. A route of the application at the same
//! path goes before.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use mainstay_core::health::{Health, ProbeKind, Report, Status};
use mainstay_core::metrics::{CONTENT_TYPE, Metrics};
use mainstay_core::{Error, Inject, Profile, Result};
use serde_json::json;

use crate::config::{HttpConfig, ProbesConfig};
use crate::exchange::Exchange;
use crate::get;
use crate::route::Routes;
use crate::stack::proxies::TrustedProxies;

/// The pages that the configuration asks for.
pub(super) fn routes(config: &ProbesConfig) -> Routes {
    let pages = [
        (__mainstay_route_live(), &config.live),
        (__mainstay_route_ready(), &config.ready),
        (__mainstay_route_metrics(), &config.metrics),
    ];
    let asked_for = pages.into_iter().filter(|(_, path)| !path.is_empty());
    asked_for
        .map(|(mut route, path)| {
            route.operation.path.clone_from(path);
            route.any_host().yielding()
        })
        .collect()
}

/// Tells whether the process lives, or should be restarted.
#[get("/livez", hidden)]
async fn live(health: Inject<Health>, profile: Inject<Profile>) -> Response {
    answer(&health.report(ProbeKind::Liveness).await, &profile)
}

/// Tells whether the application may be sent requests.
#[get("/readyz", hidden)]
async fn ready(health: Inject<Health>, profile: Inject<Profile>) -> Response {
    answer(&health.report(ProbeKind::Readiness).await, &profile)
}

/// Why a part is down is for developers; others find it in the log.
fn answer(report: &Report, profile: &Profile) -> Response {
    let parts = report.parts.iter().map(|part| {
        let mut shown = json!({ "name": part.name, "status": part.status });
        if profile.is_development()
            && let Some(detail) = &part.detail
        {
            shown["detail"] = json!(detail);
        }
        shown
    });
    let body = json!({ "status": report.status, "parts": parts.collect::<Vec<_>>() });
    let status = if report.status == Status::Up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// Shows the numbers of the application, for Prometheus.
#[get("/metrics", hidden)]
#[errors(Forbidden)]
async fn metrics(
    metrics: Inject<Metrics>,
    config: Inject<HttpConfig>,
    exchange: Exchange,
) -> Result<Response> {
    let allowed = &config.probes.metrics_for;
    let readers = TrustedProxies::parse(allowed.iter().filter(|text| *text != "*")).unwrap_or_default();
    if !allowed.iter().any(|text| text == "*") && !readers.includes(exchange.client()) {
        return Err(Error::forbidden("These numbers are not for everybody.")
            .context(format!("{:?} is not in `http.probes.metrics_for`", exchange.client())));
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, metrics.render()).into_response())
}
