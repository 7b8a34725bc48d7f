//! Calls over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod breaker;
mod calling;
mod deadlines;
mod filter;
mod retries;
mod server;
mod starting;
mod tls;

use std::sync::Arc;

use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::container::Registration;
use mainstay_core::metrics::Metrics;
use mainstay_core::{App, Assembly, Error, Profile};
use mainstay_outbound::{Client, Failure, OutboundError, OutboundExt, Upstream};

use crate::server::Server;

/// What an application would make of a client.
struct Payments(Client);

/// A client, and what its application has counted.
struct Caller {
    client: Client,
    assembly: Arc<Assembly>,
}

impl std::ops::Deref for Caller {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Caller {
    /// Of an upstream that is this server.
    async fn of(server: &Server, settings: &[(&str, &str)]) -> Self {
        let base = server.url("");
        let app =
            App::new().outbound(Upstream::new("payments", Payments)).set("outbound.payments.base", base);
        Self::in_app(app, settings).await
    }

    /// Of one at this server, at a time that stands still.
    async fn at(clock: Arc<TestClock>, server: &Server, settings: &[(&str, &str)]) -> Self {
        let app = App::new()
            .outbound(Upstream::new("payments", Payments).base(server.url("")))
            .replace(Registration::of_value(clock as Arc<dyn Clock>));
        Self::in_app(app, settings).await
    }

    /// Of one that is anywhere. The port of the server is allowed, its address is not.
    async fn anywhere(server: &Server, settings: &[(&str, &str)]) -> Self {
        let app = App::new()
            .outbound(Upstream::anywhere("payments", Payments))
            .set("outbound.payments.ports", server.port().to_string());
        Self::in_app(app, settings).await
    }

    async fn in_app(app: App, settings: &[(&str, &str)]) -> Self {
        let set = |app: App, (key, value): &(&str, &str)| app.set(format!("outbound.payments.{key}"), *value);
        let app = settings.iter().fold(app.profile(Profile::Test).named("shop", "1.2.3"), set);
        let assembly = app.assemble(Sources::isolated());
        assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
        let payments = assembly.resolver().get::<Payments>().await.unwrap();
        Self { client: payments.0.clone(), assembly }
    }

    async fn metrics(&self) -> String {
        self.assembly.resolver().get::<Metrics>().await.unwrap().render()
    }
}

/// Why a call came to nothing.
#[track_caller]
fn failure(error: &Error) -> &Failure {
    &error.source_as::<OutboundError>().unwrap_or_else(|| panic!("{error:?}")).failure
}
