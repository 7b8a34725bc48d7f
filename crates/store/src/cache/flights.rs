//! Who makes what, so that nobody else does at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::entry::Stamp;

/// What is being made in this process, by key. There are as many as there are tasks that make something.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Arc<str>, watch::Receiver<Landing>>>);

/// How a flight ended.
#[derive(Clone, Debug)]
pub(super) enum Landing {
    /// Not yet.
    InFlight,
    /// With a value, which was kept at that moment.
    With(Bytes, Stamp),
    /// With something that is for nobody else.
    WithNothing,
}

/// A key and who makes its value. Dropped before it has landed, the next one makes it.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    key: Arc<str>,
    landing: watch::Sender<Landing>,
}

/// What there is to do for somebody who wants a value.
pub(super) enum Seat {
    Pilot(Flight),
    Passenger(watch::Receiver<Landing>),
}

impl Flights {
    pub(super) fn board(self: &Arc<Self>, key: &str) -> Seat {
        let mut flights = self.lock();
        if let Some(landing) = flights.get(key) {
            return Seat::Passenger(landing.clone());
        }
        let (landing, seen) = watch::channel(Landing::InFlight);
        let key: Arc<str> = key.into();
        flights.insert(Arc::clone(&key), seen);
        Seat::Pilot(Flight { flights: Arc::clone(self), key, landing })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, watch::Receiver<Landing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    pub(super) fn land(self, landing: Landing) {
        self.landing.send_replace(landing);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Before those who wait hear of it: whoever boards from now on makes it anew.
        self.flights.lock().remove(&self.key);
    }
}

/// Waits for the end. None: whoever made it gave up.
pub(super) async fn landed(mut landing: watch::Receiver<Landing>) -> Option<Landing> {
    let ended = |landing: &Landing| !matches!(landing, Landing::InFlight);
    landing.wait_for(ended).await.ok().map(|landing| landing.clone())
}
